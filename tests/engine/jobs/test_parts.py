"""Parts of a job: the ranges that are made on their own, and what is refused when they are joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.jobs.parts import task_ranges
from engine.media.looks import Looks
from engine.shared.errors import BadSetting, MasksMissing
from engine.shared.protocol import Finished
from engine.shared.types import KeyframeFile, Lock, PropagationJob
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.engine.jobs.test_redo import mattes


def keyed(*frames: int, objects: tuple[int, ...] = (1,)) -> tuple[KeyframeFile, ...]:
    return tuple(KeyframeFile(frame, Path("unused.png"), objects) for frame in frames)


def looks(count: int, cuts: tuple[int, ...] = (), repeats: tuple[int, ...] = ()) -> Looks:
    no = np.zeros(count, bool)
    return Looks(0, cuts, np.isin(np.arange(count), repeats), no, no)


def ranges(
    keyframes: tuple[KeyframeFile, ...], count: int, *, of: Looks, restarts: bool = True, across_cuts: bool = False
) -> list[tuple[int, int]]:
    found = task_ranges(of.frames, keyframes, of, count, restarts=restarts, across_cuts=across_cuts)
    return [(one.start, one.stop) for one in found]


def test_ranges_end_on_keyframes_nearest_to_equal_shares():
    keyframes = keyed(0, 10, 24, 52, 70)
    assert ranges(keyframes, 2, of=looks(100)) == [(0, 53), (53, 100)]
    assert ranges(keyframes, 4, of=looks(100)) == [(0, 25), (25, 53), (53, 71), (71, 100)]
    assert ranges(keyframes, 1, of=looks(100)) == [(0, 100)]
    assert ranges(keyframes, 50, of=looks(100)) == [(0, 1), (1, 11), (11, 25), (25, 53), (53, 71), (71, 100)]


def test_ranges_end_only_on_keyframes_of_all_objects_of_the_shot():
    keyframes = (*keyed(20, 40, objects=(1, 2)), *keyed(30), *keyed(70, objects=(3,)), *keyed(80, objects=(3, 4)))
    assert ranges(keyframes, 9, of=looks(100, cuts=(50,))) == [(0, 21), (21, 41), (41, 50), (50, 81), (81, 100)]
    assert ranges(keyframes, 9, of=looks(100, cuts=(50,)), across_cuts=True) == [(0, 100)]


def test_recipes_that_carry_memory_over_keyframes_are_parted_at_cuts_only():
    assert ranges(keyed(10, 60), 9, of=looks(100, cuts=(50,)), restarts=False) == [(0, 50), (50, 100)]


def test_repeated_frames_are_not_parted():
    assert ranges(keyed(10, 60), 9, of=looks(100, repeats=(11,))) == [(0, 61), (61, 100)]


# -- joining -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def parted(job: PropagationJob, tmp_path: Path) -> PropagationJob:
    """Return a job that joins two parts which have run."""
    folders = []
    for frames in (range(0, 7), range(7, 10)):
        folders.append(tmp_path / "parts" / str(frames.start))
        run_job(replace(job, frames=frames, folder=folders[-1], is_part=True))
    return replace(job, parts=tuple(folders))


def test_joined_parts_are_one_run(parted, tmp_path):
    last = run_job(parted)[-1]
    assert isinstance(last, Finished)
    assert (last.frames_done, last.frames_asked) == (10, 10)
    run_job(replace(parted, parts=(), folder=tmp_path / "whole"))
    joined, whole = mattes(parted.folder), mattes(tmp_path / "whole")
    assert {key: data for key, (_, _, data) in joined.items()} == {key: data for key, (_, _, data) in whole.items()}


def test_locked_mattes_are_not_joined(parted):
    run_job(replace(parted, locks=(Lock(range(2, 5)),)))
    assert {number for _, number in mattes(parted.folder)} == {0, 1, 5, 6, 7, 8, 9}


def test_a_missing_part_is_named_and_nothing_is_written(parted):
    with pytest.raises(MasksMissing, match="no part has the mattes of frames 7 to 9"):
        run_job(replace(parted, parts=parted.parts[:1]))
    assert mattes(parted.folder) == {}


def test_a_part_of_other_keyframes_is_refused(parted, film, tmp_path):
    keys = film.write_keyframes(tmp_path / "other", [0, 5])
    other = job_of(parted.clip.path, keys, parted.folder, parts=parted.parts)
    with pytest.raises(BadSetting, match="was made from other keyframes"):
        run_job(other)


def test_a_part_that_is_not_finished_is_refused_until_it_is(parted):
    part = replace(parted, frames=range(7, 10), folder=parted.parts[1], is_part=True, parts=())
    run_job(part, cancel_after=1)
    with pytest.raises(MasksMissing, match="is not finished"):
        run_job(parted)
    run_job(part)
    assert isinstance(run_job(parted)[-1], Finished)


def test_a_folder_of_a_whole_run_is_no_part(parted, job, tmp_path):
    whole = replace(job, folder=tmp_path / "whole")
    run_job(whole)
    with pytest.raises(MasksMissing, match="is no part of a job"):
        run_job(replace(parted, parts=(whole.folder,)))
