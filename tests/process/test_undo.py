"""A re-run whose process was killed is undone on the command line, to the byte, and redone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from engine.shared.matte_folder import MatteFolder
from engine.shared.version_store import Side, versions
from tests import films
from tests.engine.shared.version_runs import contents
from tests.process.cli import ENGINE, ROOT, propagate, run_cli


def kept(folder: MatteFolder) -> int:
    """Return how many files the second run has replaced so far."""
    found = versions(folder)
    return len(found[1][0].rows(Side.BEFORE)) if len(found) == 2 else 0


def change(place: Path, option: str) -> str:
    ended = run_cli([*ENGINE, "versions", "--mattes", str(place / "out"), option])
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_a_killed_run_is_undone_and_redone(tmp_path):
    film = films.crossing(count=40)
    film.write_images(tmp_path / "clip")
    film.write_keyframes(tmp_path / "keys", [0, 25])
    assert run_cli(propagate(tmp_path)).returncode == 0
    folder = MatteFolder(tmp_path / "out")
    before = contents(folder)
    film.write_keyframes(tmp_path / "keys", [12])
    child = subprocess.Popen(propagate(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while kept(folder) < 20:
        assert child.poll() is None and time.monotonic() < end, "it ended, or takes too long, before it could be killed"
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    killed = contents(folder)
    assert killed != before
    assert "was undone" in change(tmp_path, "--undo")
    assert contents(folder) == before
    assert "was redone" in change(tmp_path, "--redo")
    assert contents(folder) == killed
    change(tmp_path, "--undo")
    assert run_cli(propagate(tmp_path)).returncode == 0
    assert "40 frames" in change(tmp_path, "--undo")
    assert contents(folder) == before
