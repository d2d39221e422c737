"""Refining on the command line: after a propagation and by itself, killed at any instant, and bad input."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import numpy as np
import pytest

from engine.__main__ import main
from engine.media.label_images import read_matte
from engine.shared.matte_folder import MatteFolder
from engine.shared.refined import RefinedMattes
from engine.shared.refinement import RefinedObject, Refinement
from tests import films
from tests.process.cli import ENGINE, ROOT, assert_refused, propagate, run_cli


def refine(place, *words: str) -> list[str]:
    return [*ENGINE, "refine", "--mattes", str(place / "out"), *words]


@pytest.fixture
def film(tmp_path):
    """Return a film of two objects of which the mattes are propagated."""
    film = films.crossing(count=12)
    film.write_images(tmp_path / "clip")
    film.write_keyframes(tmp_path / "keys", [0])
    assert run_cli(propagate(tmp_path)).returncode == 0
    return film


def test_mattes_are_refined_after_a_propagation_and_by_themselves(film, tmp_path):
    ended = run_cli([*propagate(tmp_path), "--changed", "--refine", "guided"])
    assert ended.returncode == 0 and "24 mattes refined" in ended.stdout + ended.stderr, ended.stderr
    assert run_cli(refine(tmp_path)).stdout.startswith("0 mattes refined, 24 up to date before in ")
    ended = run_cli(refine(tmp_path, "--objects", "2", "--range", "3:7", "--grow", "2", "--edges", "keep"))
    assert ended.stdout.startswith("4 mattes refined in "), ended.stderr
    folder = MatteFolder(tmp_path / "out")
    areas = [float(read_matte(one.matte(2, 5)).sum()) for one in (folder, folder.refined)]
    assert areas[1] > areas[0] + 50


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_killed_in_the_middle_it_goes_on_with_what_is_left(film, tmp_path):
    folder, one = MatteFolder(tmp_path / "out"), RefinedObject(1, Refinement(smoothing=0.5))
    command = refine(tmp_path, "--smoothing", "0.5")
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while len([*folder.refined.matte_sequence(1).glob("*.png")]) < 3:
        assert child.poll() is None and time.monotonic() < limit, "it ended before it could be killed"
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    state = RefinedMattes(folder)
    whole = [path for path in folder.refined.matte_sequence(1).glob("*.png") if state.is_current(one, int(path.stem))]
    assert len(whole) >= 3 and all(np.isfinite(read_matte(path)).all() for path in whole)
    dates = {path: path.stat().st_mtime_ns for path in whole}
    ended = run_cli(command)
    assert ended.returncode == 0 and f"{24 - len(whole)} mattes refined" in ended.stdout, ended.stderr
    assert {path: path.stat().st_mtime_ns for path in whole} == dates
    assert not [*folder.root.rglob("*.part")]


def test_what_was_given_by_relative_paths_is_found_from_any_folder(film, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["--clip", "clip", "--keyframes", "keys", "--garbage", "keys", "--masks", "numbers", "--recipe", "colour"]
    assert main(["propagate", *given, "--out", "relative"]) == 0
    monkeypatch.chdir(ROOT)
    assert main(["status", "--mattes", str(tmp_path / "relative")]) == 0
    assert main(["refine", "--mattes", str(tmp_path / "relative"), "--range", "0:2"]) == 0


def test_what_cannot_be_refined_is_refused(film, tmp_path):
    assert_refused(refine(tmp_path, "--objects", "7"), "no mattes of object 7")
    assert_refused(refine(tmp_path, "--objects", "one"), "not the number of an object")
    assert_refused(refine(tmp_path, "--feather", "-3"), "Feather")
    assert_refused(refine(tmp_path, "--range", "5:99"), "--range")
    assert_refused([*ENGINE, "refine", "--mattes", str(tmp_path / "nowhere")], "does not exist")
    (tmp_path / "clip").rename(tmp_path / "moved")
    assert_refused(refine(tmp_path), "clip")
    films.crossing(count=7).write_images(tmp_path / "another")
    assert_refused(refine(tmp_path, "--clip", str(tmp_path / "another")), "another clip")


def test_a_clip_that_was_moved_is_refined_where_it_is(film, tmp_path):
    (tmp_path / "clip").rename(tmp_path / "moved")
    ended = run_cli(refine(tmp_path, "--clip", str(tmp_path / "moved"), "--range", "0:2"))
    assert ended.returncode == 0 and ended.stdout.startswith("4 mattes refined in "), ended.stderr
