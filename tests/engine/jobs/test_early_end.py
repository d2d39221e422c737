"""Walks away from a changed keyframe end where new and earlier mattes agree, and leave those beyond as they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.jobs.resume import JobCheckpoint
from engine.media.label_images import read_matte
from engine.output.matte_files import labels_from_alphas
from engine.shared.folder_claim import MARKER
from engine.shared.matte_folder import CHECKPOINT_FILE, MatteFolder
from engine.shared.protocol import Finished, JobCancelled, MatteReady
from engine.shared.quality import MatteQuality
from engine.shared.quality_table import read_table
from engine.shared.types import EarlyEnd, Lock, PropagationJob, Redo
from engine.shared.versions import undo
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.engine.jobs.test_redo import mattes
from tests.films import Film

COUNT, NEW = 48, 24  # frames of the film, and the frame of the further keyframe between those on the first and the last


@pytest.fixture(scope="module")
def film() -> Film:
    return films.crossing(count=COUNT)


@pytest.fixture(scope="module")
def first(film: Film, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a clip, its keyframes, and the mattes of a first run, to be copied."""
    root = tmp_path_factory.mktemp("first")
    clip = film.write_images(root / "plate")
    run_job(job_of(clip, film.write_keyframes(root / "keys", [0, COUNT - 1]), root / "out"))
    return root


@pytest.fixture
def made(film: Film, first: Path, tmp_path: Path) -> PropagationJob:
    """Return a job that redoes what a further keyframe changes in a folder with mattes."""
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    (clip, *_), keys = sorted((tmp_path / "plate").iterdir()), tmp_path / "keys"
    film.write_keyframes(keys, [NEW])
    return job_of(clip, keys, tmp_path / "out", redo=Redo.CHANGED)


@pytest.fixture
def always_due(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    yield


def qualities(job: PropagationJob, object_id: int = 1) -> dict[int, MatteQuality]:
    return {number: row.quality for number, row in read_table(MatteFolder(job.folder)).rows[object_id].items()}


def walked(job: PropagationJob) -> tuple[int, int]:
    """Run a job; return the first and the last frame that it has made."""
    frames = {answer.frame for answer in run_job(job) if isinstance(answer, MatteReady)}
    assert frames == {*range(min(frames), max(frames) + 1)}
    return min(frames), max(frames)


def test_a_walk_ends_where_mattes_agree_and_those_beyond_stay(made):
    before = mattes(made.folder)
    answers = run_job(made)
    after, frames = mattes(made.folder), [one.frame for one in answers if isinstance(one, MatteReady)]
    first, last = min(frames), max(frames)
    assert 0 < first < NEW - 5, "the walk backward has ended early"
    assert NEW + 5 <= last < COUNT - 1, "and the one forward"
    assert frames == [*range(NEW, first - 1, -1), *range(NEW + 1, last + 1)], "each once, away from the keyframe"
    beyond = {*range(first), *range(last + 1, COUNT)}
    assert all(before[key] == after[key] for key in before if key[1] in beyond)
    assert all(before[key] != after[key] for key in before if key[1] not in beyond)
    assert isinstance(answers[-1], Finished)
    assert answers[-1].frames_done == answers[-1].frames_asked == len(frames)
    assert answers[-1].note.startswith(f"New and earlier mattes agree up to frames {first}, {last}, so those beyond ")
    ready = [one for one in answers if isinstance(one, MatteReady)][-1]
    assert ready.done == ready.total == len(frames)


def test_what_a_walk_has_made_and_left_is_recorded_and_up_to_date(made):
    earlier = {quality.run for quality in qualities(made).values()}
    first, last = walked(made)
    found = qualities(made)
    new = found[NEW].run
    assert {new} != earlier
    assert {number for number, quality in found.items() if quality.run == new} == {*range(first, last + 1)}
    assert {number for number, one in found.items() if one.kept_by == new} == {
        *range(1, first),
        *range(last + 1, COUNT - 1),
    }
    assert {number for number, quality in found.items() if quality.seam} == {first, last}
    assert not any(quality.unfinished for quality in found.values())
    assert run_job(made)[-1].note.startswith("Nothing to redo")


def test_the_seam_goes_from_the_new_mattes_to_the_earlier_ones(made):
    before = {key: read_matte(MatteFolder(made.folder).matte(*key)) for key in mattes(made.folder)}
    _, last = walked(made)
    folder = MatteFolder(made.folder)
    apart = []
    for number in range(last - 4, last + 1):
        for object_id in (1, 2):
            old, seam = before[object_id, number], read_matte(folder.matte(object_id, number))
            differing = np.count_nonzero((seam >= 0.5) != (old >= 0.5))
            assert differing <= 0.01 * np.count_nonzero(old >= 0.5)
        labels = np.array(Image.open(folder.labels(number)))
        alphas = np.stack([read_matte(folder.matte(object_id, number)) for object_id in (1, 2)])
        assert np.array_equal(labels, labels_from_alphas(alphas, [1, 2]))
        apart.append(np.abs(read_matte(folder.matte(1, number)) - before[1, number]).sum())
    assert apart[-1] <= apart[0]


def test_without_a_limit_a_walk_goes_on_to_the_next_keyframe(made):
    assert walked(replace(made, early_end=EarlyEnd(frames=0))) == (1, COUNT - 2)
    assert not any(quality.kept_by or quality.seam for quality in qualities(made).values())


def test_a_walk_that_never_agrees_is_met_by_a_sweep_from_the_next_keyframe(made, tmp_path):
    answers = run_job(replace(made, early_end=EarlyEnd(frames=COUNT)))
    frames = [one.frame for one in answers if isinstance(one, MatteReady)]
    assert frames[:NEW] == [*range(NEW, 0, -1)], "first away from the keyframe"
    assert {*frames} == {*range(1, COUNT - 1)}
    assert not any(quality.unfinished for quality in qualities(made).values())
    run_job(replace(made, folder=tmp_path / "whole", redo=Redo.EVERYTHING))
    for key in mattes(made.folder):
        walk, whole = (read_matte(MatteFolder(root).matte(*key)) for root in (made.folder, tmp_path / "whole"))
        assert np.abs(walk - whole).max() <= 1.5 / 255, "the sweeps are the same, and rounded in another order"


@pytest.mark.parametrize("steps", [4, 14, 26])
def test_an_interrupted_walk_goes_on_as_if_it_had_not_been(made, always_due, steps):
    """Test before the first walk has ended, at about its end, and in the second one."""
    assert isinstance(run_job(made, cancel_after=steps)[-1], JobCancelled)
    answers = run_job(made)
    assert next(one for one in answers if isinstance(one, MatteReady)).done > steps - 2
    interrupted, found = mattes(made.folder), qualities(made)
    undo(MatteFolder(made.folder))
    run_job(made)
    assert {key: data for key, (_, _, data) in mattes(made.folder).items()} == {
        key: data for key, (_, _, data) in interrupted.items()
    }
    assert qualities(made) == found


def test_a_walk_that_cannot_be_resumed_ends_nowhere_since_the_earlier_mattes_are_gone(made, always_due):
    run_job(made, cancel_after=10)
    for path in MatteFolder(made.folder).unfinished.glob(f"*/{CHECKPOINT_FILE}"):
        path.write_bytes(b"")
    assert walked(made) == (1, COUNT - 2)
    assert not any(quality.unfinished or quality.kept_by for quality in qualities(made).values())


def test_an_undone_walk_leaves_no_trace(made):
    before, found = mattes(made.folder), qualities(made)
    run_job(made)
    undo(MatteFolder(made.folder))
    assert {key: data for key, (_, _, data) in mattes(made.folder).items()} == {
        key: data for key, (_, _, data) in before.items()
    }
    assert qualities(made) == found


def test_no_earlier_copy_is_left(made):
    run_job(made)
    assert not MatteFolder(made.folder).unfinished.exists()


def test_a_walk_may_end_early_again_over_mattes_that_it_has_kept(made, film):
    walked(made)
    keys = film.write_keyframes(made.folder.parent / "more", [0, 12, NEW, COUNT - 1])
    more = replace(made, keyframes=job_of(made.clip.path, keys, made.folder).keyframes)
    _, last = walked(more)
    assert last < NEW
    assert run_job(more)[-1].note.startswith("Nothing to redo")


# -- where nothing ends early ------------------------------------------------------------------------------------------
def test_a_side_with_an_edited_matte_is_walked_to_its_end(made):
    Image.new("L", (128, 96), 255).save(MatteFolder(made.folder).matte(1, 40))
    first, last = walked(made)
    assert first > 1
    assert last == COUNT - 2


def test_a_side_with_locked_frames_is_walked_to_its_end(made):
    run_job(replace(made, locks=(Lock(range(30, 33), 2),)))
    assert not any(quality.kept_by for quality in qualities(made).values())


def test_a_side_whose_other_keyframe_has_changed_too_is_walked_to_its_end(made, film, tmp_path):
    changed = film.labels[COUNT - 1].copy()
    changed[:3, :3] = 1
    path = next(one.labels for one in made.keyframes if one.frame == COUNT - 1)
    Image.fromarray(changed).save(path)
    first, last = walked(made)
    assert first > 1
    assert last == COUNT - 1


def test_a_side_with_a_missing_matte_is_walked_to_its_end(made):
    MatteFolder(made.folder).matte(2, 30).unlink()
    assert walked(made)[1] == COUNT - 2


def test_a_side_with_a_picture_that_has_changed_too_is_walked_to_its_end(made):
    before = tuple(one for one in made.keyframes if one.frame != NEW)
    run_job(replace(made, keyframes=before, redo=Redo.EVERYTHING))  # a copied clip that has changed is another one
    picture = sorted(made.clip.path.parent.iterdir())[44]
    Image.open(picture).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(picture)
    first, last = walked(made)
    assert first > 1
    assert last == COUNT - 2
    assert run_job(made)[-1].note.startswith("Nothing to redo")


def test_a_side_on_which_another_object_is_up_to_date_is_walked_to_its_end(made, film, tmp_path):
    """Test that the other object is met by a sweep from its own next keyframe, as before."""
    keys = film.write_keyframes(tmp_path / "more", [0, COUNT - 1])
    film.write_keyframes(keys, [NEW], objects=[1])
    job = replace(made, keyframes=job_of(made.clip.path, keys, made.folder).keyframes)
    answers = run_job(job)
    assert {one.frame for one in answers if isinstance(one, MatteReady)} == {*range(1, COUNT - 1)}
    assert isinstance(answers[-1], Finished)
    assert answers[-1].frames_done == answers[-1].frames_asked == COUNT - 2
    assert not any(quality.kept_by or quality.seam for quality in qualities(job, 2).values())


def test_a_part_for_a_farm_is_walked_to_its_end(made):
    assert walked(replace(made, is_part=True)) == (1, COUNT - 2)


def test_a_damaged_record_of_walks_is_none(made):
    run_job(made, cancel_after=10)
    marker = made.folder / MARKER
    marker.write_text(
        marker.read_text().replace(
            '"sections": [', '"sections": [3, ["a", 1, null], [1], [5, 2, 0], [-1, 9, true, 4], [0, 1e99, null],'
        )
    )
    assert isinstance(run_job(made)[-1], Finished)
    assert not any(quality.unfinished for quality in qualities(made).values())
