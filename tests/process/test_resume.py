"""A job whose process was killed goes on when the same command is given again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.shared.matte_folder import MatteFolder
from tests import films
from tests.process.cli import ROOT, propagate, told

# The command line, but how far it is is written after every frame.
_OFTEN = """
import sys
from engine.jobs import resume
resume._MIN_SECONDS = resume._MIN_COST_RATIO = 0
from engine.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def mattes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.png"))}


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_a_killed_command_given_again_goes_on_and_ends_as_if_it_had_not_been(tmp_path):
    film = films.crossing(count=40)
    film.write_images(tmp_path / "clip")
    film.write_keyframes(tmp_path / "keys", [0, 25])
    command = propagate(tmp_path, recipe="keymatte", device="cpu", set="memory.interval=2")
    child = subprocess.Popen(
        [sys.executable, "-c", _OFTEN, *command[3:]], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    folder, end = MatteFolder(tmp_path / "out"), time.monotonic() + 120
    while len(folder.numbers_done()) < 20:
        assert child.poll() is None and time.monotonic() < end, "it ended, or takes too long, before it could be killed"
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert folder.unfinished.is_dir()
    ended = told(command)
    assert ended.returncode == 0, ended.stderr
    assert "then resuming" in ended.stderr
    assert folder.numbers_done() == list(range(40))
    assert not folder.unfinished.exists()
    whole = told(propagate(tmp_path, recipe="keymatte", device="cpu", set="memory.interval=2", out=tmp_path / "whole"))
    assert whole.returncode == 0, whole.stderr
    assert mattes(tmp_path / "out") == mattes(tmp_path / "whole")
