"""A process that is killed while it runs, undoes or redoes leaves a folder in which the run can still be undone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.shared.matte_folder import MatteFolder
from engine.shared.version_store import versions
from engine.shared.versions import kept_runs, redo, undo
from tests.engine.shared.version_runs import Contents, contents, methods, run

ROOT = Path(__file__).resolve().parents[3]
NUMBERS = range(1, 101)
_CHILD = """
import sys
from pathlib import Path
from engine.shared.matte_folder import MatteFolder
from engine.shared.versions import redo, undo
from tests.engine.shared.version_runs import run
folder = MatteFolder(Path(sys.argv[1]))
print("ready", flush=True)
{work}
print("done", flush=True)
"""
RUN = "run(folder, 'b', range(1, 101))"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills by a signal")


def kill(folder: MatteFolder, work: str, after: float | None) -> float:
    """Run a line of Python in a process that is killed some seconds after it began; return how long it ran."""
    command = [sys.executable, "-c", _CHILD.format(work=work), str(folder.root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        began = time.monotonic()
        if after is None:
            assert child.stdout.readline() == "done\n"
        else:
            time.sleep(after)
            child.send_signal(signal.SIGKILL)
        return time.monotonic() - began


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    folder = MatteFolder(tmp_path / "out")
    run(folder, "a", NUMBERS)
    return folder


def is_whole(folder: MatteFolder, before: Contents, method: str) -> bool:
    return contents(folder) == before and methods(folder, NUMBERS) == [method] * len(NUMBERS)


def test_a_run_that_was_killed_at_any_instant_is_undone(folder):
    before = contents(folder)
    took = kill(folder, RUN, None)
    undo(folder)
    assert is_whole(folder, before, "a")
    instants, stopped = random.Random(3), 0
    for _ in range(8):
        kill(folder, RUN, instants.uniform(0, took))
        killed = contents(folder)
        if len(kept_runs(folder)) == 2 and not kept_runs(folder)[-1].undone:  # else it had replaced nothing yet
            stopped += killed != before
            undo(folder)
            assert is_whole(folder, before, "a")
            redo(folder)
            assert contents(folder) == killed
            undo(folder)
        assert is_whole(folder, before, "a")
    assert stopped, "no run was killed while it replaced mattes"


def test_an_undo_or_redo_that_was_killed_at_any_instant_is_ended_by_the_next(folder):
    before = contents(folder)
    run(folder, "b", NUMBERS)
    after = contents(folder)
    took = kill(folder, "undo(folder)", None)
    redo(folder)
    instants, interrupted = random.Random(4), 0
    for count in range(16):
        is_undo = count % 2 == 0
        kill(folder, "undo(folder)" if is_undo else "redo(folder)", instants.uniform(0, took))
        info = versions(folder)[-1][1]
        interrupted += info.moving
        if info.moving or info.undone is not is_undo:  # else it had ended before it was killed
            (undo if is_undo else redo)(folder)
        assert is_whole(folder, before, "a") if is_undo else is_whole(folder, after, "b")
    assert interrupted, "none was killed while files were exchanged"
