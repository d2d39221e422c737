"""Two commands that write to one folder: the second is refused, and a killed one leaves nothing locked."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from engine.shared.matte_folder import MatteFolder
from tests import films
from tests.process.cli import ROOT, assert_refused, propagate, run_cli


def start(place: Path, count: int = 60) -> subprocess.Popen[bytes]:
    """Start a long `propagate`; return its process once it has written the first mattes."""
    film = films.crossing(count=count)
    film.write_images(place / "clip")
    film.write_keyframes(place / "keys", [0])
    child = subprocess.Popen(
        propagate(place, recipe="keymatte", device="cpu"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while not MatteFolder(place / "out").numbers_done():
        assert child.poll() is None and time.monotonic() < end, "it ended, or takes too long"
        time.sleep(0.02)
    return child


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_a_second_command_is_refused_while_the_first_runs_and_continues_after_its_kill(tmp_path):
    first = start(tmp_path)
    first.send_signal(signal.SIGSTOP)  # it would end before the second one has started
    try:
        assert_refused(propagate(tmp_path), f"process {first.pid} on", "in use by another run")
        command = [*propagate(tmp_path)[:3], "suggest", "--clip", tmp_path / "clip", "--masks", tmp_path / "out"]
        assert_refused([*map(str, command), "--keyframes", str(tmp_path / "keys"), "--count", "1"], "in use by another")
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    ended = run_cli(propagate(tmp_path))
    assert ended.returncode == 0, ended.stderr
    assert MatteFolder(tmp_path / "out").numbers_done() == list(range(60))
    assert not list((tmp_path / "out").glob("keymatte.lock"))


@pytest.mark.skipif(os.name == "nt", reason="the folder of a running command cannot be deleted")
def test_a_folder_deleted_during_the_run_is_told(tmp_path):
    film = films.crossing(count=80)
    film.write_images(tmp_path / "clip")
    film.write_keyframes(tmp_path / "keys", [0])
    child = subprocess.Popen(
        propagate(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8"
    )
    while not MatteFolder(tmp_path / "out").numbers_done():
        assert child.poll() is None
        time.sleep(0.01)
    (tmp_path / "out").rename(tmp_path / "gone")
    _, said = child.communicate(timeout=120)
    assert child.returncode == 2
    assert "Traceback" not in said
    assert "was deleted, moved or emptied while results were written to it" in said
    assert not (tmp_path / "out" / "labels").exists() or len(MatteFolder(tmp_path / "out").numbers_done()) <= 2


def test_notes_do_not_count_as_a_failure(place):
    assert run_cli(propagate(place)).returncode == 0
    matte = MatteFolder(place / "out").matte(1, 3)
    matte.write_bytes(MatteFolder(place / "out").matte(1, 5).read_bytes())
    ended = run_cli(propagate(place))
    assert ended.returncode == 0, ended.stderr
    assert "1 matte that was edited by hand was kept (object 1, frame 3)" in ended.stderr
