"""A job records the quality of each matte, reports it with the frame, and says at the end what is to be fixed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.quality import calibration
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, MatteReady
from engine.shared.quality_table import EDITED, MatteRow, Status, Unknown, read_table
from engine.shared.types import Direction, PropagationJob
from tests.engine.jobs.test_propagate import job_of, run_job

# All mattes are doubted, as all have changed since the keyframe.
_DRIFT = {"knots": [0.01, 0.03], "shifts": [3.0, -3.0], "missing": -3.0}
_BY_DRIFT = {"bias": 0.0, "after_leap": 1.0, "curves": {"drift": _DRIFT}}


@pytest.fixture
def calibrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Calibrate the recipe `colour` so that all its mattes need a fix."""
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({"recipes": {"colour": _BY_DRIFT}}), encoding="utf-8")
    monkeypatch.setattr(calibration, "FILE", path)
    calibration.calibrations.cache_clear()
    yield
    calibration.calibrations.cache_clear()


def told(answers: list, numbers: tuple[int, ...]) -> dict[int, dict[int, MatteRow]]:
    """Return the rows that the messages tell, the last of each matte, by object and number."""
    rows: dict[int, dict[int, MatteRow]] = {}
    for answer in answers:
        if isinstance(answer, MatteReady):
            for quality in answer.qualities:
                rows.setdefault(quality.object_id, {})[numbers[answer.frame]] = quality.row()
    return rows


def on_disk(folder: Path) -> dict[int, dict[int, MatteRow]]:
    """Return the rows of the table without what was measured, which messages leave out."""
    left_out = {"signals": {}}
    return {
        object_id: {
            n: replace(row, quality=row.quality and replace(row.quality, **left_out)) for n, row in rows.items()
        }
        for object_id, rows in read_table(MatteFolder(folder)).rows.items()
    }


def test_messages_and_index_tell_the_same_qualities(job, calibrated):
    answers = run_job(job)
    rows = on_disk(job.folder)
    assert told(answers, tuple(range(10))) == {
        object_id: {
            n: replace(row, quality=replace(row.quality, value=pytest.approx(row.value, abs=1e-4)))
            for n, row in of.items()
        }
        for object_id, of in rows.items()
    }
    for object_id in (1, 2):
        assert [row.status for row in rows[object_id].values()] == [
            Status.GIVEN if number in (0, 6) else Status.COMPUTED for number in range(10)
        ]
        assert all(row.quality.method == "colour" for row in rows[object_id].values())


def test_the_end_names_frames_objects_and_reason(job, calibrated):
    last = run_job(replace(job, direction=Direction.FORWARD, keyframes=job.keyframes[:1]))[-1]
    assert isinstance(last, Finished)
    assert last.to_fix == (
        "To fix: object 2, frames 1 to 9 (changed since the keyframe); object 1, frames 5 to 9 (may be on another "
        "object); object 1, frames 1 to 4 (changed since the keyframe)."
    )
    assert not last.note, "Blender shows it, and lists the stretches itself"
    told = run_job(job)[-1].to_fix
    assert told.count("object ") == 3 and told.endswith("; and 1 more."), "behind frames 0 and 6, of both objects"


def test_only_the_jobs_own_frames_are_told(job, calibrated):
    first = replace(job, direction=Direction.FORWARD, keyframes=job.keyframes[:1])
    run_job(first)
    told = run_job(replace(first, frames=range(0, 5)))[-1].to_fix
    assert told.startswith("To fix: object 1, frames 1 to 4 (") and " to 9 (" not in told


def test_a_recipe_without_calibration_promises_nothing(job):
    answers = run_job(job)
    rows = on_disk(job.folder)
    assert rows[1][3].unknown is Unknown.UNCALIBRATED and rows[1][3].value is None
    assert rows[1][6].status is Status.GIVEN
    assert answers[-1].note == ""


def test_frames_that_no_keyframe_of_an_object_reaches_are_not_measured(job: PropagationJob, film, tmp_path, calibrated):
    keys = film.write_keyframes(tmp_path / "late", [0], [1])
    film.write_keyframes(keys, [6], [2])
    run_job(job_of(job.clip.path, keys, job.folder, direction=Direction.FORWARD))
    rows = on_disk(job.folder)[2]
    assert {number for number, row in rows.items() if row.unknown is Unknown.UNMEASURED} == set(range(6))
    assert rows[6].status is Status.GIVEN and rows[7].status is Status.COMPUTED


def test_the_mask_of_a_keyframe_without_picture_is_the_users_own(job):
    path = job.clip.path.with_name("shot_0006.png")
    path.write_bytes(path.read_bytes()[:300])
    run_job(job)
    assert on_disk(job.folder)[1][6].status is Status.GIVEN


def test_an_edited_matte_is_kept_and_no_message_judges_it(job, calibrated):
    run_job(job)
    MatteFolder(job.folder).matte(1, 3).write_bytes(MatteFolder(job.folder).matte(1, 4).read_bytes())
    answers = run_job(job)
    assert 3 not in told(answers, tuple(range(10)))[1]
    assert read_table(MatteFolder(job.folder)).rows[1][3] == EDITED
