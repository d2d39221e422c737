"""Jobs can be undone and redone: whole, in part, cancelled, resumed, and on a disk that is full."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.jobs.status import folder_status
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, JobCancelled
from engine.shared.provenance import Runs
from engine.shared.quality_table import read_table
from engine.shared.staleness import Freshness, States
from engine.shared.types import Lock, PropagationJob, Redo, VersionCap
from engine.shared.versions import kept_runs, redo, undo
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.engine.shared.version_runs import contents
from tests.films import Film

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def corrected(film: Film, job: PropagationJob, tmp_path: Path) -> PropagationJob:
    """Return a job that redoes what a further keyframe on frame 3 changes, after one that has run."""
    run_job(job)
    keys = film.write_keyframes(tmp_path / "more", [0, 3, 6])
    return replace(job, keyframes=job_of(job.clip.path, keys, job.folder).keyframes, redo=Redo.CHANGED)


def states(folder: MatteFolder) -> States:
    return folder_status(folder).states


def freshness(folder: MatteFolder) -> set[Freshness]:
    return {state.freshness for of in states(folder).values() for state in of.values()}


def test_a_correction_is_undone_and_redone_with_what_is_known_of_the_mattes(corrected):
    folder = MatteFolder(corrected.folder)
    before, rows = contents(folder), read_table(folder).rows
    run_job(corrected)
    after, rows_after = contents(folder), read_table(folder).rows
    assert {name for name in after if after[name] != before[name]} >= {"mattes/001/000003.png", "labels/000003.png"}
    assert undo(folder).numbers == (1, 2, 3, 4, 5)
    assert contents(folder) == before
    assert read_table(folder).rows == rows
    assert freshness(folder) == {Freshness.FRESH}, "as the job is recorded that made them"
    redo(folder)
    assert contents(folder) == after
    assert read_table(folder).rows == rows_after
    assert freshness(folder) == {Freshness.FRESH}


def test_a_cancelled_correction_is_undone_and_another_redoes_it_all(corrected):
    folder = MatteFolder(corrected.folder)
    before = contents(folder)
    assert isinstance(run_job(corrected, cancel_after=4)[-1], JobCancelled)
    assert contents(folder) != before
    assert 0 < len(undo(folder).numbers) < 6
    assert contents(folder) == before
    assert not folder.unfinished.exists()
    finished = run_job(corrected)[-1]
    assert isinstance(finished, Finished)
    assert finished.frames_done == 5
    assert [one.undone for one in kept_runs(folder)] == [False, False]


def test_edited_and_locked_mattes_are_the_same_before_and_after(corrected):
    folder = MatteFolder(corrected.folder)
    Image.fromarray(np.full((corrected.clip.height, corrected.clip.width), 200, np.uint8)).save(folder.matte(1, 2))
    edited, locked = folder.matte(1, 2).read_bytes(), folder.matte(2, 4).stat()
    run_job(replace(corrected, locks=(Lock(range(4, 5), 2),)))
    undo(folder)
    assert folder.matte(1, 2).read_bytes() == edited
    status = folder.matte(2, 4).stat()
    assert (status.st_ino, status.st_mtime_ns) == (locked.st_ino, locked.st_mtime_ns)


def test_the_runs_of_kept_mattes_stay_known(corrected):
    folder = MatteFolder(corrected.folder)
    run_job(corrected)
    run_job(replace(corrected, redo=Redo.EVERYTHING, settings=replace(corrected.settings, height=120)))
    undo(folder)
    undo(folder)
    named = {row.quality.run for _, _, row in read_table(folder).every() if row.quality}
    assert named
    assert named <= Runs.read(folder).by_id.keys()


def test_a_cap_below_one_run_lets_it_end_and_says_that_it_cannot_be_undone(corrected):
    finished = run_job(replace(corrected, versions=VersionCap(bytes=100)))[-1]
    assert isinstance(finished, Finished)
    assert "This run cannot be undone: what it replaces takes more than the 100 bytes" in finished.warning
    assert finished.frames_done == 5
    assert kept_runs(MatteFolder(corrected.folder)) == []


_FULL = """
import sys
from pathlib import Path
from engine.shared.matte_folder import MatteFolder
from engine.shared.versions import kept_runs
from tests.engine.shared.version_runs import contents, run
folder = MatteFolder(Path(sys.argv[1]) / "out")
run(folder, "a", range(1, 41))
used = sum(1 for _ in folder.root.rglob("*"))
print(run(folder, "b", range(1, 41)))
print(len(kept_runs(folder)), sum(b" b " in data for data in contents(folder).values()))
"""


def test_on_a_full_disk_the_run_ends_and_says_that_it_cannot_be_undone(tmp_path):
    """Of 130 files, 84 are there after the first run; so the disk is full when about half of them are kept."""
    mount = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o nr_inodes=130 none "$1" && shift && exec "$@"', "sh"]
    try:
        able = subprocess.run([*mount, str(tmp_path), "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("needs a small file system of its own, by unshare and tmpfs")
    command = [*mount, str(tmp_path), sys.executable, "-c", _FULL, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    warning, counts = ended.stdout.splitlines()
    assert warning.startswith("This run cannot be undone: ")
    assert "no space is left" in warning or "the disk is full" in warning
    assert counts == "0 80"
