"""`propagate` on long films: memory stays constant, and interrupted runs can be completed."""

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
from tests.process.cli import ROOT, numbers, propagate, run_cli


def test_memory_does_not_grow_with_the_clip(place):
    def peak(count: int) -> int:
        """Return the peak memory of a run over `count` frames in MiB."""
        film = films.moving_disc(count, height=192, width=256)
        clip = film.write_movie(place / f"{count}.avi", codec="MJPG")
        keys = film.write_keyframes(place / f"keys {count}", [0, count - 1])
        out = place / f"out {count}"
        # Both runs fill the cache. A crop would see more of so small a film than the whole frame, and fills up later.
        options = {"recipe": "keymatte", "height": 96, "feature-cache": 0.02, "crop": "off"}
        ended = run_cli(propagate(place, clip=clip, keyframes=keys, out=out, **options))
        assert ended.returncode == 0, ended.stderr
        return int(re.search(r"peak memory (\d+) MiB", ended.stdout)[1])

    ballast = np.ones(2**27)  # 1 GiB of this process, which must not be counted as the engine's
    short = peak(120)  # long enough for checkpoints, whose memory does not grow either
    assert short < ballast.nbytes / 2**20
    assert peak(400) - short < 10  # keeping the frames would take 40 MiB


@pytest.mark.parametrize(
    "how", ["killed", pytest.param("stopped", marks=pytest.mark.skipif(os.name == "nt", reason="no Ctrl-C to send"))]
)
def test_interrupted_run_leaves_valid_files_and_another_run_completes_it(place, how):
    film = films.crossing(count=120)
    film.write_images(place / "long")
    # processes that a shell started in the background ignore SIGINT
    restore_sigint = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(
        propagate(place, clip=place / "long"),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        preexec_fn=restore_sigint if how == "stopped" else None,
    )
    limit = time.monotonic() + 120
    while len(numbers(place) if (place / "out" / "labels").exists() else ()) < 4:
        assert running.poll() is None and time.monotonic() < limit
        time.sleep(0.01)
    if how == "killed":
        running.kill()
    else:
        running.send_signal(signal.SIGINT)
    errors = running.communicate(timeout=60)[1]
    if how == "stopped":
        assert running.returncode == 130
        assert "files already written stay valid" in errors
        assert "Traceback" not in errors
    done = numbers(place)
    assert 4 <= len(done) < 120
    folder = MatteFolder(place / "out")
    for number in done:
        assert read_labels(folder.labels(number)).shape == (96, 128)
        assert read_matte(folder.matte(1, number)).shape == (96, 128)
    assert run_cli(propagate(place, clip=place / "long", range="0:12")).returncode == 0
    assert set(numbers(place)) >= set(range(12))
    assert not list((place / "out").rglob("*.part*"))
