"""The command `status` tells which mattes are stale and why; options that limit a run are checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.__main__ import main
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a clip of ten frames, keyframes on 0 and 6, and the mattes of a run."""
    film = films.crossing(count=10)
    clip = film.write_images(tmp_path / "clip", start=101)
    keys = film.write_keyframes(tmp_path / "keys", [0, 6], start=101)
    run_job(job_of(clip, keys, tmp_path / "out"))
    film.write_keyframes(tmp_path / "more", [0, 3, 6], start=101)
    return tmp_path


def status(place: Path, *words: object) -> int:
    return main(["status", "--mattes", str(place / "out"), *map(str, words)])


def test_nothing_is_stale_after_a_run(place, capsys):
    assert status(place) == 0
    assert capsys.readouterr().out == (
        "object 1, 10 frames: 10 up to date\nobject 2, 10 frames: 10 up to date\n\nNothing to redo.\n"
    )


def test_stale_mattes_are_told_with_the_reason(place, capsys):
    assert status(place, "--keyframes", place / "more", "--json", place / "status.json") == 0
    out = capsys.readouterr().out
    assert "object 1, 10 frames: 5 up to date, 5 stale" in out
    assert "To redo, 5 of 10 frames, by the numbers in the files' names:" in out
    assert "  object 2, frames 102 to 106: a keyframe beside it was added, changed or removed\n" in out
    told = json.loads((place / "status.json").read_text())
    assert told["due"] == [102, 103, 104, 105, 106]
    assert {"object": 1, "number": 104, "state": "stale", "cause": "keyframe"} in told["mattes"]
    (run,) = told["runs"].values()
    assert [mark["number"] for mark in run["objects"][0]["keyframes"]] == [101, 107]


def test_a_keyframe_that_is_gone_counts_as_removed(place, capsys):
    (place / "keys" / "shot_0107.png").unlink()
    assert status(place) == 0
    assert "frames 102 to 110: a keyframe beside it" in capsys.readouterr().out


def test_without_the_clip_all_but_the_pictures_is_compared(place, capsys):
    shutil.rmtree(place / "clip")
    assert status(place) == 2
    told = capsys.readouterr()
    assert "Nothing to redo." in told.out
    assert "Pictures were not compared: footage not found: " in told.err


def test_mattes_without_a_record_of_runs_are_of_unknown_origin(place, capsys):
    (place / "out" / "keymatte-runs.txt").unlink()
    assert status(place) == 0
    assert "10 of unknown origin" in capsys.readouterr().out


def test_a_folder_that_is_none_of_ours_is_refused(place, capsys):
    assert main(["status", "--mattes", str(place / "keys")]) == 2
    assert "is not a matte folder of Keymatte" in capsys.readouterr().err
    assert main(["status", "--mattes", str(place / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err


# -- options that limit a run ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--task 2", "--task must look like 2/8, not '2'"),
        ("--task 3/2", "--task 3/2 is none of the tasks 1 to 2"),
        ("--task 1/2 --changed", "--task and --changed cannot be used together"),
        ("--join parts --between 3", "--join and --between cannot be used together"),
        ("--changed --dump-probabilities p.npz", "--changed and --dump-probabilities cannot be used together"),
        ("--lock 3", "--lock must look like 0:60 or 2=0:60, not '3'"),
        ("--lock 1=5:99", "--lock 1=5:99 is empty or outside the clip"),
        ("--between 40", "--between 40 is outside the frames 0 to 9"),
        ("--join nowhere", "There are no parts in nowhere"),
        ("--feature-cache -1", "--feature-cache must be 0 or a number of GB, not -1"),
        ("--keep-runs -1", "--keep-runs and --keep-bytes must not be negative"),
    ],
)
def test_options_that_make_no_sense_are_refused(place, capsys, words, sentence):
    options = {"clip": place / "clip", "keyframes": place / "keys", "out": place / "other", "recipe": "colour"}
    command = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    assert main(["propagate", *command, *words.split()]) == 2
    assert sentence in capsys.readouterr().err
    assert not (place / "other").exists()


def test_a_run_without_anything_to_redo_says_so(place, capsys):
    command = ["propagate", "--clip", str(place / "clip"), "--keyframes", str(place / "keys"), "--recipe", "colour"]
    assert main([*command, "--out", str(place / "out"), "--changed"]) == 0
    assert capsys.readouterr().out == "Nothing to redo: every matte on 10 frames is up to date.\n"


def test_only_the_frames_between_two_keyframes_are_made(place):
    out = place / "between"
    command = ["propagate", "--clip", str(place / "clip"), "--keyframes", str(place / "keys"), "--recipe", "colour"]
    assert main([*command, "--out", str(out), "--between", "2", "--lock", "2=3:5"]) == 0
    assert sorted(int(path.stem) for path in (out / "mattes" / "001").iterdir()) == list(range(101, 108))
    assert sorted(int(path.stem) for path in (out / "mattes" / "002").iterdir()) == [101, 102, 103, 106, 107]
