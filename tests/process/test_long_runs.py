"""`python -m engine propagate` on long films: memory stays, and what is broken off can be completed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from functools import partial

import numpy as np
import pytest

from engine.media.label_images import read_labels, read_matte
from engine.shared.matte_folder import MatteFolder
from tests import films
from tests.process.cli import ROOT, numbers, propagate, told


def test_memory_does_not_grow_with_the_clip(place):
    def peak(count: int) -> int:
        """MiB."""
        film = films.moving_disc(count, height=128, width=192)
        clip = film.write_movie(place / f"{count}.avi", codec="MJPG")
        keys = film.write_keyframes(place / f"keys {count}", [0, count - 1])
        ended = told(propagate(place, clip=clip, keyframes=keys, out=place / f"out {count}", recipe="keymatte"))
        assert ended.returncode == 0, ended.stderr
        return int(re.search(r"peak memory (\d+) MiB", ended.stdout)[1])

    ours = np.ones(500 * 2**17)  # 500 MiB of this process, which must not be counted as the engine's
    few = peak(80)
    assert few < ours.nbytes / 2**20
    assert peak(640) - few < 10  # the frames alone, or what is remembered of each, if kept, would be 40 MiB


@pytest.mark.parametrize(
    "how", ["killed", pytest.param("stopped", marks=pytest.mark.skipif(os.name == "nt", reason="no Ctrl-C to send"))]
)
def test_broken_off_what_is_written_is_valid_and_another_run_completes_it(place, how):
    film = films.crossing(count=120)
    film.write_images(place / "long")
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what a shell runs in the background does not
    running = subprocess.Popen(
        propagate(place, clip=place / "long"),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        preexec_fn=hear if how == "stopped" else None,
    )
    limit = time.monotonic() + 120
    while len(numbers(place) if (place / "out" / "labels").exists() else ()) < 4:
        assert running.poll() is None and time.monotonic() < limit
        time.sleep(0.01)
    if how == "killed":
        running.kill()
    else:
        running.send_signal(signal.SIGINT)
    words = running.communicate(timeout=60)[1]
    if how == "stopped":
        assert running.returncode == 130
        assert "what is written stays valid" in words
        assert "Traceback" not in words
    done = numbers(place)
    assert 4 <= len(done) < 120
    folder = MatteFolder(place / "out")
    for number in done:
        assert read_labels(folder.labels(number)).shape == (96, 128)
        assert read_matte(folder.matte(1, number)).shape == (96, 128)
    assert told(propagate(place, clip=place / "long", range="0:12")).returncode == 0
    assert set(numbers(place)) >= set(range(12))
    assert not list((place / "out").rglob("*.part*"))
