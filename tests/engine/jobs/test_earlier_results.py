"""What a matte folder held before a job: edited mattes stay, results of other clips and objects are not mixed in."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.jobs.propagate import run
from engine.media.label_images import read_labels, read_matte
from engine.shared.errors import EngineError, FolderInUse, FolderNotWritable, FolderTaken
from engine.shared.folder_lock import locked
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, MatteReady
from engine.shared.types import Direction, PropagationJob
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job


def finished(job: PropagationJob) -> Finished:
    answer = run_job(job)[-1]
    assert isinstance(answer, Finished)
    return answer


def paint(path: Path, value: int = 200) -> np.ndarray:
    """Replace a matte by an edited one, as an artist does: only the left half is in the object."""
    alpha = np.zeros((96, 128), np.uint8)
    alpha[:, :64] = value
    Image.fromarray(alpha).save(path)
    return alpha


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- edited mattes -----------------------------------------------------------------------------------------------------
def test_edited_mattes_are_kept_and_told_and_labels_follow_them(job, film, tmp_path):
    finished(job)
    folder = MatteFolder(job.folder)
    painted = {number: paint(folder.matte(1, number)) for number in (4, 7)}
    again = job_of(job.clip.path, film.write_keyframes(tmp_path / "keys", [9]), job.folder)
    answer = finished(again)
    for number, alpha in painted.items():
        assert (np.asarray(Image.open(folder.matte(1, number))) == alpha).all()
        assert (read_labels(folder.labels(number))[:, :40] == 1).mean() > 0.7
    assert answer.note == (
        "2 mattes that were edited by hand were kept (object 1, frames 4, 7). "
        "To have a matte computed again, delete its file."
    )
    assert not answer.warning and (answer.frames_done, answer.frames_asked) == (10, 10)
    folder.matte(1, 4).unlink()
    assert "1 matte that was edited by hand was kept (object 1, frame 7)." in finished(again).note
    assert not (read_matte(folder.matte(1, 4)) * 255 == painted[4]).all()


def test_mattes_that_a_run_in_one_direction_leaves_are_told(job, film, tmp_path):
    assert not finished(job).note
    folder, keys = MatteFolder(job.folder), film.write_keyframes(tmp_path / "later", [3])
    before = folder.matte(1, 2).read_bytes()
    forward = replace(job_of(job.clip.path, keys, job.folder), direction=Direction.FORWARD)
    assert finished(forward).note == "Mattes of earlier runs were left as they are on frames 0 to 2."
    assert folder.matte(1, 2).read_bytes() == before
    assert finished(replace(job, frames=range(4, 6))).note == (
        "Mattes of earlier runs were left as they are on frames 0 to 3, 6 to 9."
    )
    assert not finished(job).note


@pytest.mark.parametrize("change", ["picture", "mattes"])
def test_what_is_changed_during_the_run_is_told(job, change):
    def report(answer) -> None:
        answers.append(answer)
        if not isinstance(answer, MatteReady) or answer.done < answer.total:
            return
        if change == "mattes":
            shutil.rmtree(job.folder / "mattes" / "001")
        else:
            picture = job.clip.path.with_name("shot_0002.png")
            Image.open(picture).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(picture)

    answers: list = []
    if change == "mattes":
        with pytest.raises(FolderNotWritable, match=r"mattes in .* were deleted or moved .* \(frames "):
            run(job, report, lambda: False)
    else:
        run(job, report, lambda: False)
        assert answers[-1].warning == (
            "The clip was changed while its mattes were computed: shot_0002.png has another size or date. Run again."
        )
    assert not finished(job).warning


def test_a_matte_that_is_edited_during_the_run_is_kept(job):
    folder, painted = MatteFolder(job.folder), []

    def report(answer) -> None:
        answers.append(answer)
        if isinstance(answer, MatteReady) and answer.done == 10:
            painted.append(paint(folder.matte(2, 3)))

    answers: list = []
    run(job, report, lambda: False)
    assert (np.asarray(Image.open(folder.matte(2, 3))) == painted[0]).all()
    assert "(object 2, frame 3)" in answers[-1].note


def test_an_edited_label_image_is_kept(job):
    finished(job)
    path = MatteFolder(job.folder).labels(2)
    Image.fromarray(np.full((96, 128), 2, np.uint8)).save(path)
    assert "Label images that were edited by hand were kept (frame 2)." in finished(job).note
    assert (read_labels(path) == 2).all()


def test_a_damaged_matte_is_moved_aside_and_made_again(job):
    finished(job)
    path = MatteFolder(job.folder).matte(1, 2)
    right = path.read_bytes()
    path.write_bytes(right[:60])
    assert "Damaged images were moved to" in finished(job).note
    assert path.read_bytes() == right
    assert (job.folder / "edited" / "mattes" / "001" / "000002.png").read_bytes() == right[:60]


def test_an_edited_matte_outside_the_range_renews_its_label_image(job):
    finished(job)
    folder = MatteFolder(job.folder)
    paint(folder.matte(1, 8))
    others = {number: folder.labels(number).read_bytes() for number in (6, 7, 9)}
    finished(replace(job, frames=range(0, 4)))
    assert (read_labels(folder.labels(8))[:, :40] == 1).mean() > 0.7
    assert {number: folder.labels(number).read_bytes() for number in others} == others


def test_a_resumed_job_tells_the_kept_mattes_of_its_interrupted_run(job, monkeypatch):
    from engine.jobs.resume import JobCheckpoint

    finished(job)
    paint(MatteFolder(job.folder).matte(1, 1))
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    run_job(job, cancel_after=6)
    answers = run_job(job)
    assert next(answer.done for answer in answers if isinstance(answer, MatteReady)) > 1
    assert "(object 1, frame 1)" in answers[-1].note


# -- other objects -----------------------------------------------------------------------------------------------------
def test_results_of_an_object_without_keyframes_do_not_stay(job, film, tmp_path):
    finished(job)
    folder = MatteFolder(job.folder)
    paint(folder.matte(2, 5))
    only = film.write_keyframes(tmp_path / "only", [0], [1])
    answer = finished(replace(job, keyframes=job_of(job.clip.path, only, job.folder).keyframes, frames=range(0, 8)))
    assert sorted(path.name for path in (job.folder / "mattes").iterdir()) == ["001"]
    assert all(not (read_labels(folder.labels(number)) == 2).any() for number in range(10))
    assert folder.numbers_done() == list(range(10)), "mattes outside the range are kept"
    aside = job.folder / "edited" / "mattes" / "002"
    assert [path.name for path in aside.iterdir()] == ["000005.png"]
    assert answer.note == (
        f"Object 2 has no keyframes any more: its 9 mattes were removed, and 1 matte edited by hand moved to {aside}. "
        "Mattes of earlier runs were left as they are on frames 8 to 9."
    )


def test_a_cancelled_job_removes_no_object(job, film, tmp_path):
    finished(job)
    only = film.write_keyframes(tmp_path / "only", [0], [1])
    run_job(replace(job, keyframes=job_of(job.clip.path, only, job.folder).keyframes), cancel_after=3)
    assert len(list((job.folder / "mattes" / "002").iterdir())) == 10


def test_files_of_others_among_the_mattes_are_left_alone(job, film, tmp_path):
    finished(job)
    mine = job.folder / "mattes" / "007" / "000001.png"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    assert not finished(job).note
    assert mine.read_bytes() == b"mine"


# -- another clip ------------------------------------------------------------------------------------------------------
def other_clip(job: PropagationJob, folder: Path, *, count: int = 10, width: int = 128) -> PropagationJob:
    film = films.crossing(count=count, width=width)
    film.frames[:] = film.frames[::-1]
    clip = film.write_images(folder)
    return job_of(clip, film.write_keyframes(folder.with_name("other keys"), [0]), job.folder)


@pytest.mark.parametrize("shape", [{"count": 6}, {"width": 160}, {}])
def test_another_clip_is_refused_and_nothing_is_changed(job, tmp_path, shape):
    finished(job)
    before = contents(job.folder)
    with pytest.raises(FolderTaken) as refused:
        run_job(other_clip(job, tmp_path / "other", **shape))
    assert contents(job.folder) == before
    assert "Choose another folder" in refused.value.remedy and "Clear Mattes" in refused.value.remedy


def test_another_clip_is_accepted_once_the_mattes_are_deleted(job, tmp_path):
    finished(job)
    shutil.rmtree(job.folder / "mattes")
    shutil.rmtree(job.folder / "labels")
    assert finished(other_clip(job, tmp_path / "other", count=6)).frames_done == 6


def test_a_clip_that_was_moved_renamed_or_named_in_another_way_is_the_same(job, tmp_path):
    finished(job)
    moved = shutil.copytree(tmp_path / "plate", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "plate")
    again = replace(job, clip=replace(job.clip, path=moved / "shot_0000.png"))
    assert not finished(again).note
    assert not finished(replace(job, clip=replace(job.clip, path=moved))).note
    for path in sorted(moved.iterdir()):
        path.rename(moved / path.name.replace("shot", "plate"))
    assert not finished(replace(job, clip=replace(job.clip, path=moved / "plate_0000.png"))).note


def test_a_clip_whose_files_changed_is_told_once(job):
    finished(job)
    file = job.clip.path.with_name("shot_0003.png")
    os.utime(file, ns=(1, file.stat().st_mtime_ns + 10**9))
    assert "The files of the clip have changed since earlier mattes" in finished(job).note
    assert not finished(job).note


def test_a_folder_of_version_0_1_0_is_checked_by_path_and_numbers(job, tmp_path):
    finished(job)
    marker = job.folder / "keymatte.json"
    record = json.loads(marker.read_text())
    del record["identity"]
    record["clip"]["path"] = "/shots/elsewhere/shot_0000.png"
    marker.write_text(json.dumps(record))
    assert not finished(job).note
    marker.write_text(json.dumps(record))
    with pytest.raises(FolderTaken, match="another clip"):
        run_job(other_clip(job, tmp_path / "other", count=6))


# -- failing jobs ------------------------------------------------------------------------------------------------------
def test_a_folder_deleted_during_the_run_is_told(job):
    def report(answer) -> None:
        if isinstance(answer, MatteReady) and answer.done == 4:
            shutil.rmtree(job.folder)

    with pytest.raises(FolderNotWritable, match="was deleted, moved or emptied"):
        run(job, report, lambda: False)


def test_outlines_of_an_earlier_version_go_with_the_mattes_that_they_were_traced_from(job):
    finished(job)
    folder = MatteFolder(job.folder)
    folder.outlines(1).parent.mkdir()
    for name in ("001.npz", "002.npz", "mine.npz"):
        (folder.outlines(1).parent / name).write_bytes(b"traced by 0.1")

    def report(answer) -> None:
        if isinstance(answer, MatteReady) and answer.done == 4:
            raise EngineError("a failure after some mattes")

    with pytest.raises(EngineError, match="a failure"):
        run(job, report, lambda: False)
    assert folder.outlines(1).read_bytes() == folder.outlines(2).read_bytes() == b"traced by 0.1"
    finished(job)
    assert [path.name for path in folder.outlines(1).parent.iterdir()] == ["mine.npz"]


def test_a_job_in_a_folder_in_use_is_refused_and_changes_nothing(job):
    finished(job)
    before = contents(job.folder)
    with locked(job.folder), pytest.raises(FolderInUse):
        run_job(job)
    assert contents(job.folder) == before
