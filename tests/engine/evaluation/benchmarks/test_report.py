"""The report on a benchmark: given masks, failures and speed of runs, and tables beside the papers' numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from engine.evaluation.benchmarks.papers import published
from engine.evaluation.benchmarks.report import report
from engine.evaluation.benchmarks.scoring import score_sequences
from engine.evaluation.benchmarks.tables import Table, as_csv, as_markdown, as_text
from engine.evaluation.benchmarks.types import Rules, SequenceRun
from engine.methods.registry import find_recipe
from engine.shared.errors import ScoreIncomplete

from .made_sequences import benchmark, results, sequence

TWO, ONE, NONE = ["1100"], ["1000"], ["0000"]


def run(name: str, **more: object) -> SequenceRun:
    return SequenceRun(name, 10, 2.0, 2**30, ("00000",), **more)  # type: ignore[arg-type]


def test_runs_tell_the_speed_and_which_masks_were_given(tmp_path):
    # Plain rules: all frames but the given one, 00000: J 1/2 and 1.
    made = report(
        benchmark(Rules.PLAIN),
        [sequence(tmp_path, "a", [TWO, TWO, TWO])],
        results(tmp_path, "a", [TWO, ONE, TWO]),
        [replace(run("a"), peak_memory=3 * 2**30)],
        method="mine",
        out=tmp_path / "out",
    )
    assert made.problems == ()
    assert ["J", "75.0"] in [line.split() for line in made.text.splitlines()]
    content = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert content["objects"][0]["frames"] == ["00001", "00002"]
    assert (content["frames_per_second"], content["peak_memory_bytes"]) == (5.0, 3 * 2**30)


def test_objects_that_were_given_somewhere_are_scored_elsewhere_only(tmp_path):
    truth = [["1122"]] * 3
    made = benchmark(Rules.PLAIN)
    known, found = sequence(tmp_path, "a", truth), results(tmp_path, "a", truth)
    given = {"00000": (1, 2), "00002": (2,)}
    report(made, [known], found, [run("a", given_objects=given)], method="mine", out=tmp_path / "out")
    content = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert [one["frames"] for one in content["objects"]] == [["00001", "00002"], ["00001"]]


def test_a_sequence_that_failed_is_named_and_not_scored(tmp_path):
    known = [sequence(tmp_path, name, [TWO] * 4) for name in ("bad", "good")]
    results(tmp_path, "bad", [TWO] * 4)
    found = results(tmp_path, "good", [TWO, ONE, ONE, ONE])
    runs = [run("bad", problem="it broke"), run("good")]
    made = report(benchmark(Rules.DAVIS), known, found, runs, method="mine", out=tmp_path / "out")
    assert "left out, and not in these means: bad" in made.text
    assert ["J", "50.0"] in [line.split() for line in made.text.splitlines()]


def test_without_any_score_nothing_is_written(tmp_path):
    with pytest.raises(ScoreIncomplete):
        report(
            benchmark(Rules.DAVIS), [sequence(tmp_path, "a", [TWO] * 3)], tmp_path, [], method="x", out=tmp_path / "o"
        )
    assert not (tmp_path / "o").exists()


def test_an_object_without_a_scored_frame_has_empty_cells_and_does_not_count(tmp_path):
    # Object 2 appears on the last frame only: YouTube-VOS' rules score nothing of it.
    known = sequence(tmp_path, "a", [["1100"], ["1100"], ["1122"]])
    scored = score_sequences(benchmark(Rules.YOUTUBE), [known], results(tmp_path, "a", [TWO, TWO, TWO]))
    table = Table(benchmark(Rules.YOUTUBE), "mine", scored)
    assert as_csv(table).splitlines()[-1] == "a,2,0,,"
    assert table.means["J"] == 1.0
    assert "1 object of 1 sequence" in as_text(table)


def test_markdown_puts_a_row_beside_the_papers(tmp_path):
    named = replace(benchmark(Rules.VOST), name="vost-val", title="VOST val")
    scored = score_sequences(named, [sequence(tmp_path, "a", [TWO] * 4)], results(tmp_path, "a", [TWO, ONE, TWO, ONE]))
    lines = as_markdown(Table(named, "a|b", scored)).splitlines()
    assert lines[2:5] == [
        "| method | J | J_tr | frames/s | source |",
        "| --- | --- | --- | --- | --- |",
        "| **a\\|b** | 75.0 | 100.0 |  | this run |",
    ]
    assert "| DeAOT-L R50 + RMem | 51.8 | 40.4 |  | RMem's paper |" in lines


def test_the_papers_numbers_name_recipes_that_exist_and_are_percentages():
    names = ("davis16-val", "davis17-val", "youtube19-valid", "longtime", "lvos1-val", "vost-val")
    for row in (row for name in names for row in published(name)):
        assert row.source
        assert all(30 < number < 100 for number in row.numbers.values())
        if row.recipe:
            find_recipe(row.recipe)
        if {"J", "F"} <= row.numbers.keys():
            assert row.numbers["J&F"] == pytest.approx((row.numbers["J"] + row.numbers["F"]) / 2, abs=0.11)
        if "F_unseen" in row.numbers:
            four = [value for name, value in row.numbers.items() if name != "J&F"]
            assert row.numbers["J&F"] == pytest.approx(sum(four) / 4, abs=0.11)
