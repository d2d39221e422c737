"""Jobs that redo what has changed make the mattes that a keyframe can change, and leave all others to the byte."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from engine.jobs.resume import JobCheckpoint
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, JobCancelled, MatteReady
from engine.shared.quality_table import read_table
from engine.shared.types import Absence, Direction, Exclusion, ExclusionImage, Lock, PropagationJob, Redo, Settings
from engine.shared.versions import undo
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.films import Film

ALL = set(range(10))


def mattes(folder: Path) -> dict[tuple[int, int], tuple[int, int, bytes]]:
    """Return inode, date and bytes of every matte by object and number."""
    return {
        (object_id, int(path.stem)): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes())
        for object_id, sequence in MatteFolder(folder).matte_sequences().items()
        for path in sequence.iterdir()
    }


def redo(job: PropagationJob, **changes) -> tuple[set[int], Finished]:
    """Redo what has changed; return the frames whose mattes were written, and the last message."""
    before = mattes(job.folder)
    answers = run_job(replace(job, redo=Redo.CHANGED, **changes))
    last = answers[-1]
    assert isinstance(last, Finished)
    after = mattes(job.folder)
    written = {number for key, number in after if after[key, number] != before.get((key, number))}
    assert written == {answer.frame for answer in answers if isinstance(answer, MatteReady)}
    assert before.keys() <= after.keys()
    return written, last


@pytest.fixture
def keyframes(film: Film, tmp_path: Path):
    """Return a function that returns keyframes of true masks on frames of the film."""

    def make(*frames: int, objects: tuple[int, ...] = (1, 2)):
        folder = film.write_keyframes(tmp_path / f"keys {frames} {objects}", list(frames), objects=list(objects))
        return job_of(tmp_path / "plate", folder, tmp_path / "out").keyframes

    return make


@pytest.fixture
def made(job: PropagationJob) -> PropagationJob:
    """Return a job that has run, with keyframes on frames 0 and 6."""
    run_job(job)
    return job


def test_nothing_is_redone_if_nothing_has_changed(made):
    written, last = redo(made)
    assert written == set()
    assert last.note == "Nothing to redo: every matte on 10 frames is up to date."


def test_nothing_else_is_made_of_missing_mattes(made):
    folder = MatteFolder(made.folder)
    folder.matte(2, 4).unlink()
    assert redo(made)[0] <= {4}
    assert folder.matte(2, 4).is_file()


@pytest.mark.parametrize(
    ("frames", "due"),
    [
        ((0, 3, 6), {1, 2, 3, 4, 5}),
        ((0, 6, 8), {7, 8, 9}),
        ((0,), ALL - {0}),
        ((6,), ALL - {6, 7, 8, 9}),
        ((2, 6), {0, 1, 2, 3, 4, 5}),
    ],
)
def test_frames_up_to_the_neighbouring_keyframes_are_redone(made, keyframes, frames, due):
    written, last = redo(made, keyframes=keyframes(*frames))
    assert written == due
    assert last.frames_done == last.frames_asked == len(due)
    others = "frame" if len(due) == 9 else f"{10 - len(due)} frames"
    assert last.note == f"Nothing has changed on the other {others}, whose mattes were kept."


def test_a_keyframe_whose_image_has_changed_counts_as_changed(made, film):
    path = next(keyframe.labels for keyframe in made.keyframes if keyframe.frame == 6)
    labels = film.labels[6].copy()
    labels[:4, :4] = 1
    Image.fromarray(labels).save(path)
    assert redo(made)[0] == {1, 2, 3, 4, 5, 6, 7, 8, 9}


def test_redone_mattes_are_those_of_a_run_of_everything(made, keyframes, tmp_path):
    changed = replace(made, keyframes=keyframes(0, 3, 6))
    redo(changed)
    run_job(replace(changed, folder=tmp_path / "whole"))
    partly, whole = mattes(made.folder), mattes(tmp_path / "whole")
    assert {key for key in whole if partly[key][2] != whole[key][2]} <= {(1, 7), (1, 8), (1, 9), (2, 7), (2, 8), (2, 9)}


def test_a_keyframe_of_one_object_redoes_the_frames_between_its_own_keyframes(made, keyframes):
    (more,) = keyframes(3, objects=(1,))
    (fix,) = keyframes(4, objects=(1,))
    assert redo(made, keyframes=(*made.keyframes, more))[0] == {1, 2, 3, 4, 5}
    assert redo(made, keyframes=(*made.keyframes, more, fix))[0] == {4, 5}


def test_a_picture_that_has_changed_makes_its_own_mattes_stale(made):
    picture = sorted(made.clip.path.parent.iterdir())[3]
    image = Image.open(picture).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    image.save(picture)
    assert redo(made)[0] == {3}


def test_a_copy_of_the_pictures_with_other_dates_is_the_same_clip(made):
    for picture in made.clip.path.parent.iterdir():
        os.utime(picture, (1, 1))
    assert redo(made)[0] == set()


def test_other_settings_make_every_matte_stale(made):
    assert redo(made, settings=Settings(height=64))[0] == ALL
    assert redo(made, direction=Direction.FORWARD, settings=Settings(height=96))[0] == ALL


def test_another_direction_redoes_the_frames_that_have_a_keyframe_on_its_other_side(made):
    assert redo(made, direction=Direction.FORWARD)[0] == {0, 1, 2, 3, 4, 5}
    assert redo(made, direction=Direction.FORWARD)[0] == set()
    assert redo(made)[0] == {0, 1, 2, 3, 4, 5}


def test_after_a_run_forward_one_in_both_directions_makes_the_mattes_of_a_whole_one(job, tmp_path):
    keymatte = replace(job, recipe="keymatte", settings=Settings(height=96), feature_bytes=0)
    run_job(replace(keymatte, direction=Direction.FORWARD))
    assert redo(keymatte)[0] == {0, 1, 2, 3, 4, 5}
    run_job(replace(keymatte, folder=tmp_path / "whole"))
    whole = mattes(tmp_path / "whole")
    differ = {key for key, (*_, content) in mattes(job.folder).items() if content != whole[key][2]}
    assert differ <= {(1, 6), (2, 6)}, "a keyframe beside which mattes are redone keeps its edge"


def test_a_range_without_the_object_redoes_the_frames_between_its_keyframes(made):
    assert redo(made, absences=(Absence(1, range(7, 9)),))[0] == {7, 8, 9}


def test_an_exclusion_redoes_the_frames_on_which_it_counts(made, film, tmp_path):
    image = tmp_path / "garbage.png"
    Image.fromarray((film.labels[0] * 0).astype("uint8")).save(image)
    earlier, later = ExclusionImage(0, image), ExclusionImage(5, image)
    assert redo(made, exclusions=(Exclusion((earlier,)),))[0] == ALL
    assert redo(made, exclusions=(Exclusion((earlier, later)),))[0] == set()
    other = tmp_path / "other.png"
    Image.fromarray((film.labels[0] * 0 + 255).astype("uint8")).save(other)
    assert redo(made, exclusions=(Exclusion((earlier, ExclusionImage(5, other))),))[0] == {5, 6, 7, 8, 9}


def test_edited_mattes_are_neither_stale_nor_changed(made, keyframes):
    edited = MatteFolder(made.folder).matte(1, 4)
    Image.new("L", (128, 96), 255).save(edited)
    data = edited.read_bytes()
    redo(made, keyframes=keyframes(0, 3, 6))
    assert edited.read_bytes() == data


# -- locks -------------------------------------------------------------------------------------------------------------
def test_locked_frames_are_not_redone(made, keyframes):
    written, last = redo(made, keyframes=keyframes(0, 3, 6), locks=(Lock(range(0, 3)),))
    assert written == {3, 4, 5}
    written, last = redo(made, keyframes=keyframes(0, 3, 6), locks=(Lock(range(0, 3)),))
    assert last.note == "Nothing to redo: every matte on 10 frames is up to date or is locked."


@pytest.mark.parametrize("redo_what", Redo)
def test_mattes_of_a_locked_object_never_change(made, keyframes, redo_what):
    before = mattes(made.folder)
    MatteFolder(made.folder).matte(2, 5).unlink()
    locks = (Lock(range(10), 2),)
    last = run_job(replace(made, keyframes=keyframes(0, 3), redo=redo_what, locks=locks))[-1]
    assert isinstance(last, Finished)
    after = mattes(made.folder)
    assert {key for key in before.keys() & after.keys() if before[key] != after[key] and key[0] == 2} == set()
    assert (2, 5) not in after
    assert {number for object_id, number in after if object_id == 1 and before[1, number] != after[1, number]} >= {3, 4}


def test_an_object_without_keyframes_leaves_nothing_even_if_nothing_else_is_due(made, keyframes):
    (last,) = (len(mattes(made.folder)) // 2,)
    before = mattes(made.folder)
    fewer = replace(made, keyframes=keyframes(0, 6, objects=(1,)), redo=Redo.CHANGED)
    run_job(fewer)
    undo(MatteFolder(made.folder))
    assert {key: data for key, (_, _, data) in mattes(made.folder).items()} == {
        key: data for key, (_, _, data) in before.items()
    }
    locked = run_job(replace(fewer, locks=(Lock(range(10), 2),)))[-1]
    assert "no keyframes any more" not in locked.note
    assert len([key for key in mattes(made.folder) if key[0] == 2]) == last
    told = run_job(fewer)[-1].note
    assert told == (
        "Object 2 has no keyframes any more: its 10 mattes were removed. "
        "Nothing to redo: every matte on 10 frames is up to date."
    )
    assert {object_id for object_id, _ in mattes(made.folder)} == {1}
    assert undo(MatteFolder(made.folder)).numbers == tuple(range(10))
    assert len([key for key in mattes(made.folder) if key[0] == 2]) == last


# -- interrupted runs and earlier versions -----------------------------------------------------------------------------
@pytest.mark.parametrize("steps", [2, 6, 12])
def test_an_interrupted_run_is_finished(job, tmp_path, steps):
    assert isinstance(run_job(job, cancel_after=steps)[-1], JobCancelled)
    assert isinstance(run_job(replace(job, redo=Redo.CHANGED))[-1], Finished)
    run_job(replace(job, folder=tmp_path / "whole"))
    partly, whole = mattes(job.folder), mattes(tmp_path / "whole")
    assert {key: data for key, (_, _, data) in partly.items()} == {key: data for key, (_, _, data) in whole.items()}


def test_mattes_that_only_one_of_two_sweeps_has_reached_are_stale(job):
    run_job(job, cancel_after=6)
    rows = read_table(MatteFolder(job.folder)).rows[1]
    unfinished = {number for number, row in rows.items() if row.quality.unfinished}
    assert unfinished == {1, 2, 3, 4, 5} & rows.keys()
    MatteFolder(job.folder).remove_unfinished()
    assert redo(job)[0] >= unfinished
    rows = read_table(MatteFolder(job.folder)).rows[1]
    assert not any(row.quality.unfinished for row in rows.values())


def test_what_an_interrupted_run_with_other_keyframes_has_not_reached_is_kept(made, keyframes):
    before = mattes(made.folder)
    run_job(replace(made, redo=Redo.CHANGED, keyframes=keyframes(0, 3, 6)), cancel_after=2)
    reached = {number for (one, number), new in mattes(made.folder).items() if new != before[one, number]}
    assert 0 < len(reached) < 5
    assert any(MatteFolder(made.folder).unfinished_jobs())
    assert redo(made)[0] <= {1, 2, 3, 4, 5}
    assert {key: data for key, (*_, data) in mattes(made.folder).items()} == {
        key: data for key, (*_, data) in before.items()
    }


def test_an_interrupted_run_is_taken_up_only_on_the_frames_that_it_was_for(made, monkeypatch):
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    for number in (2, 3):
        MatteFolder(made.folder).matte(1, number).unlink()
    run_job(replace(made, redo=Redo.CHANGED), cancel_after=2)
    assert any(MatteFolder(made.folder).unfinished_jobs())
    assert redo(made)[0] <= {2, 3}
    assert not any(MatteFolder(made.folder).unfinished_jobs())


def test_a_folder_without_provenance_is_redone_and_nothing_is_lost(made):
    MatteFolder(made.folder).runs.unlink()
    before = mattes(made.folder)
    assert redo(made)[0] == ALL
    assert {key: data for key, (_, _, data) in mattes(made.folder).items()} == {
        key: data for key, (_, _, data) in before.items()
    }


# -- parts of a clip ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("recipe", ["colour", "keymatte"])
def test_ranges_between_keyframes_have_the_mattes_of_one_run(job, keyframes, tmp_path, recipe):
    whole = replace(job, keyframes=keyframes(0, 3, 6), recipe=recipe, settings=Settings(height=96))
    run_job(whole)
    together = mattes(whole.folder)
    for frames in (range(0, 4), range(3, 7), range(6, 10)):
        part = replace(whole, frames=frames, folder=tmp_path / f"part {frames.start}")
        run_job(part)
        for key, (_, _, data) in mattes(part.folder).items():
            assert key[1] in (0, 3, 6) or data == together[key][2], key  # edges of keyframes depend on both sides
