"""A run that redoes what has changed, killed at random instants, touches nothing that it keeps, and can be finished."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from engine.media.label_images import read_matte
from engine.shared.matte_folder import MatteFolder
from engine.shared.quality_table import Status, read_table
from tests import films
from tests.process.cli import ROOT, propagate, run_cli

KILLS = int(os.environ.get("KEYMATTE_KILLS", "2"))
KEPT = {*range(0, 11), *range(20, 40)}  # numbers of the frames that keyframes 0, 10 and 20 keep from one on 15


def state(folder: MatteFolder) -> dict[tuple[int, int], tuple[int, bytes]]:
    """Return date and bytes of every matte by object and number."""
    return {
        (object_id, int(path.stem)): (path.stat().st_mtime_ns, path.read_bytes())
        for object_id, sequence in folder.matte_sequences().items()
        for path in sequence.glob("*.png")
    }


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
@pytest.mark.parametrize("early_end", ["0", "5:1"])
def test_a_killed_redo_touches_nothing_that_it_keeps(tmp_path, early_end):
    film, chance = films.crossing(count=40), random.Random(24)
    film.write_images(tmp_path / "clip")
    film.write_keyframes(tmp_path / "keys", [0, 10, 20])
    assert run_cli(propagate(tmp_path)).returncode == 0
    film.write_keyframes(tmp_path / "keys", [15])
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path / "out", whole)
    start = time.monotonic()
    changed = ["--changed", "--early-end", early_end]
    assert run_cli([*propagate(tmp_path, out=whole), *changed]).returncode == 0
    duration = time.monotonic() - start
    expected = {key: data for key, (_, data) in state(MatteFolder(whole)).items()}
    for trial in range(KILLS):
        folder = MatteFolder(tmp_path / f"trial {trial}")
        shutil.copytree(tmp_path / "out", folder.root)
        before = state(folder)
        redo = [*propagate(tmp_path, out=folder.root), *changed]
        child = subprocess.Popen(redo, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.4, 1.0) * duration)
        child.send_signal(signal.SIGKILL)
        child.wait()
        killed = state(folder)
        assert killed.keys() == before.keys()
        assert {number for key in before for number in [key[1]] if before[key] != killed[key]}.isdisjoint(KEPT)
        assert all(read_matte(folder.matte(*key)).shape == (96, 128) for key in killed)
        assert all(row.status is not Status.EDITED for _, _, row in read_table(folder).every())
        ended = run_cli(redo)
        assert ended.returncode == 0, ended.stderr
        after = state(folder)
        if early_end == "0":  # else a run that cannot be resumed goes on to the next keyframes
            assert {key: data for key, (_, data) in after.items()} == expected
        assert run_cli(redo).stdout.startswith("Nothing to redo")
        assert all(after[key] == before[key] for key in before if key[1] in KEPT)
        assert not [*Path(folder.root).rglob("*.part")]
        shutil.rmtree(folder.root)
