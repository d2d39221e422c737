"""A job whose process was killed is resumed by the same command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.shared.matte_folder import MatteFolder
from engine.shared.quality_table import Unknown, read_table
from engine.shared.versions import kept_runs
from tests import films
from tests.process.cli import ROOT, propagate, run_cli

# The command line, with a checkpoint after every frame.
_CHECKPOINT_EVERY_FRAME = """
import sys
from engine.jobs import resume
resume._MIN_SECONDS = resume._MIN_COST_RATIO = resume._MIN_WAIT_RATIO = 0
from engine.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def mattes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


def assert_every_quality_is_known(folder: MatteFolder) -> None:
    """Assert that each matte has a quality: what was measured or, until a keyframe reaches it, that nothing was."""
    rows = [row for _, _, row in read_table(folder).every()]
    assert len(rows) >= 40, "20 frames of two objects"
    assert all(row.quality is not None and row.quality.method == "keymatte" for row in rows)
    assert sum(row.is_own for row in rows) >= 2, "the first keyframe"
    assert all("warp" in row.quality.signals for row in rows if not row.is_own and row.unknown != Unknown.UNMEASURED)


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_killed_command_resumes_with_identical_results(tmp_path):
    film = films.crossing(count=40)
    film.write_images(tmp_path / "clip")
    film.write_keyframes(tmp_path / "keys", [0, 25])
    command = propagate(tmp_path, recipe="keymatte", device="cpu", set="memory.interval=2")
    child = subprocess.Popen(
        [sys.executable, "-c", _CHECKPOINT_EVERY_FRAME, *command[3:]],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder, end = MatteFolder(tmp_path / "out"), time.monotonic() + 120
    while len(folder.numbers_done()) < 20:
        assert child.poll() is None and time.monotonic() < end, "it ended, or takes too long, before it could be killed"
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert folder.unfinished.is_dir()
    assert_every_quality_is_known(folder)
    ended = run_cli(command)
    assert ended.returncode == 0, ended.stderr
    assert "resuming an interrupted run after" in ended.stderr
    assert folder.numbers_done() == list(range(40))
    assert not folder.unfinished.exists()
    assert [one.numbers for one in kept_runs(folder)] == [tuple(range(40))], "it is one run, and undone as one"
    uninterrupted = run_cli(
        propagate(tmp_path, recipe="keymatte", device="cpu", set="memory.interval=2", out=tmp_path / "whole")
    )
    assert uninterrupted.returncode == 0, uninterrupted.stderr
    assert mattes(tmp_path / "out") == mattes(tmp_path / "whole")
    assert_every_quality_is_known(folder)
    assert read_table(folder).rows == read_table(MatteFolder(tmp_path / "whole")).rows
