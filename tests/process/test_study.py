"""`study` as a child process: tables, sheets and reused results."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import time
from functools import partial

import pytest

from engine.shared.quality import FIX_BELOW
from tests import films
from tests.process.cli import ENGINE, ROOT, assert_refused, run_cli


@pytest.fixture
def clips(tmp_path):
    """Return a folder with two short clips."""
    for name, film in (("crossing", films.crossing(count=6)), ("disc", films.moving_disc(count=6))):
        film.write_images(tmp_path / "clips" / name / "frames")
        film.write_labels(tmp_path / "clips" / name / "masks")
    return tmp_path / "clips"


def study(clips, **changes: object) -> list[str]:
    options = {
        "folder": clips,
        "out": clips.parent / "out",
        "recipe": "colour",
        "height": 64,
        "device": "cpu",
        **changes,
    }
    return [
        *ENGINE,
        "study",
        "default",
        *(str(word) for name, value in options.items() for word in (f"--{name}", value)),
    ]


def stamps(clips) -> dict:
    return {path: path.stat().st_mtime_ns for path in (clips.parent / "out" / "results").rglob("*.png")}


def test_study_reports_every_method_and_reuses_its_results(clips):
    command = study(clips, parts="caps,folder", methods="recipe,copied,flow")
    ended = run_cli(command)
    assert ended.returncode == 0, ended.stderr
    assert "caps is left out: name with --clips the folder that contains pumavos_caps" in ended.stderr
    table = [line.split() for line in ended.stdout.split("\n\n")[0].splitlines()]
    assert table[1] == ["method", "J&F", "J", "F", "F@2px", "dtSSD", "small", "s/frame"]
    assert [row[0] for row in table[2:]] == ["colour", "copied", "flow"]
    assert float(table[4][1]) > float(table[3][1])  # flow finds more of a moving object than a copy
    out = clips.parent / "out"
    with (out / "study.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * (2 + 1) * 5  # methods, objects, frames
    assert (out / "study.md").read_text(encoding="utf-8").count("\n| flow | ") == 1
    assert {path.name for path in (out / "sheets").iterdir()} == {
        "folder-clips-crossing.png",
        "folder-clips-disc.png",
    }
    before = stamps(clips)
    assert before
    assert run_cli(command).stdout == ended.stdout
    assert stamps(clips) == before


def test_an_ablation_runs_variants_of_the_default_recipe(clips):
    command = [
        *study(
            clips / "none", recipe="keymatte", parts="folder", methods="recipe,adapted,neighbour", set="adapt.steps=8"
        ),
        "--ablation",
    ]
    command[command.index("--folder") + 1] = str(clips)
    ended = run_cli(command)
    assert ended.returncode == 0, ended.stderr
    table = ended.stdout.split("\n\n")[0]
    for words in ("keymatte, no MCA: recent frames", "keymatte, no gate", "keymatte, no short-term path", "neighbour"):
        assert f"\n{words} " in table
    assert table.count("adapted to the shot") == 1, "named twice, run once"
    command[command.index("--methods") + 1] = "adapted"
    command.remove("--ablation")
    table = run_cli(command).stdout.split("\n\n")[0]
    assert "\nkeymatte, adapted to the shot " in table and "no gate" not in table


@pytest.mark.skipif(os.name == "nt", reason="no Ctrl-C to send")
def test_interrupted_study_reports_the_finished_runs(clips):
    films.crossing(count=40).write_images(clips / "long" / "frames")
    films.crossing(count=40).write_labels(clips / "long" / "masks")
    command = study(clips, parts="folder", methods="copied,recipe")
    running = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    limit = time.monotonic() + 120
    while not list((clips.parent / "out").rglob("long/colour-*/labels/*.png")):
        assert running.poll() is None and time.monotonic() < limit
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    assert "copied" in output
    before = stamps(clips)
    assert run_cli(command).returncode == 0
    done = {path for path in before if "long" not in str(path) or "copied" in str(path)}
    assert done and {path: before[path] for path in done} == {path: stamps(clips)[path] for path in done}


def test_unknown_methods_missing_parts_and_missing_weights_are_refused(clips):
    assert_refused(study(clips, methods="recipe,magic"), "--methods cannot be 'magic'", "neighbour")
    assert_refused(study(clips, methods="adapted"), "recipe colour cannot adapt to a clip")
    assert_refused(study(clips, parts="caps"), "None of the study's clips are available")
    assert_refused(study(clips, weights=clips / "none.safetensors", recipe="keymatte"), "none.safetensors")


def test_study_of_suggestions_reports_keyframes_by_ranking_and_reuses_its_runs(clips):
    command = study(clips, parts="folder", rounds=2, rankings="uniform,worst", starts="first,suggested")
    command[command.index("default")] = "suggest"
    ended = run_cli(command)
    assert ended.returncode == 0, ended.stderr
    assert "J&F by number of keyframes, mean of 2 clips, start: first" in ended.stdout
    assert "Keyframes to reach 90 J&F, start: suggested" in ended.stdout
    out = clips.parent / "out"
    with (out / "suggest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 2 * 3  # clips, starts, rankings, keyframes
    assert {row["keyframes"] for row in rows if row["ranking"] == "worst"} == {"1", "2", "3"}
    uniform = [row for row in rows if (row["clip"], row["start"], row["ranking"]) == ("disc", "first", "uniform")]
    assert [row["frames"] for row in uniform] == ["0", "0 5", "0 2 5"]
    assert "# Keyframes by ranking" in (out / "suggest.md").read_text(encoding="utf-8")
    made = stamps(clips)
    assert run_cli(command).returncode == 0
    assert stamps(clips) == made
    assert_refused([*command, "--rounds", "0"], "must be at least 1")
    assert_refused([*command, "--rankings", "best"], "--rankings cannot be 'best'")


def test_study_of_quality_compares_probabilities_with_the_truth(clips):
    command = study(clips, parts="folder", recipe="keymatte")
    command[command.index("default")] = "quality"
    ended = run_cli(command)
    table = (clips.parent / "out" / "quality.txt").read_text(encoding="utf-8").splitlines()
    assert ended.stdout.splitlines()[: len(table)] == table, ended.stderr
    assert table[0].split() == ["clip", "mattes", "good", "AUROC", "ECE"]
    counts = {line.split()[0]: int(line.split()[1]) for line in table[1:]}
    # Of 6 frames one or two are given: 5, 5 and 4 mattes are left of each of 2 objects, and of one.
    left = {"0": 5, "2": 5, "0-5": 4}
    clip_objects = {"crossing": 2, "disc": 1}
    expected = {f"{name}-{given}": count * n for name, count in clip_objects.items() for given, n in left.items()}
    assert counts == {"folder": 42, **expected}
    with (clips.parent / "out" / "quality.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 42
    values = [float(row["quality"]) for row in rows]
    assert all(0 <= value <= 1 for value in values)
    assert [int(row["flagged"]) for row in rows] == [int(value < FIX_BELOW) for value in values]


def test_a_study_of_quality_without_clips_says_what_is_missing_and_leaves_nothing(clips):
    out = clips.parent / "out"
    for changes, sentences in (
        ({"parts": "folder", "folder": clips / "missing"}, ("folder is left out", "missing is not a folder")),
        ({"parts": "folder", "folder": clips / "disc"}, ("disc contains neither folders with frames and masks",)),
        ({"parts": "caps,rendered"}, ("caps is left out: name with --clips", "rendered is left out")),
        ({"parts": "composed", "films": clips / "films"}, ("composed is left out", "train-data")),
    ):
        command = study(clips, recipe="keymatte", **changes)
        command[command.index("default")] = "quality"
        ended = run_cli(command)
        assert ended.returncode == 2 and "Traceback" not in ended.stderr
        assert all(sentence in ended.stderr for sentence in sentences), ended.stderr
        last = ended.stderr.splitlines()[-1]
        assert last.startswith("keymatte: None of the study's clips are available") and "--folder" in last
        assert not out.exists()
    fit = study(clips, recipe="keymatte", parts="folder", films=clips / "films", data=clips)
    fit[fit.index("default")] = "quality"
    assert_refused([*fit, "--fit"], "The composed films do not exist yet", "train-data")
    assert_refused([*fit, "--fit", "--calibration-films", "0"], "it must be at least 1")
    assert not out.exists()


def test_the_quality_of_a_recipe_without_calibration_cannot_be_studied(clips):
    command = study(clips, parts="folder")
    command[command.index("default")] = "quality"
    assert_refused(command, "not calibrated")
