"""`bench` as a child process: it tells what it measured, against a baseline, and draws where it can."""

from __future__ import annotations

import re

from tests.process.cli import ENGINE, refused, told


def test_a_bench_tells_pace_stages_memory_and_a_ratio():
    ended = told([*ENGINE, "bench", "--recipe", "keymatte", "--height", "64", "--frames", "12", "--device", "cpu"])
    assert ended.returncode == 0, ended.stderr
    for words in (
        r"[\d.]+ frames/s over 12 frames",
        r"encode( \(parallel\))? +[\d.]+ ms",
        r"memory grew by",
        r"times as fast",
    ):
        assert re.search(words, ended.stdout), ended.stdout


def test_a_memory_that_folds_stays_as_large_as_it_is():
    ended = told([*ENGINE, "bench", "--recipe", "mavos", "--height", "64", "--frames", "60", "--no-baseline"])
    assert ended.returncode == 0, ended.stderr
    assert "grew by 0.0 %" in ended.stdout


def test_the_numbers_of_a_curve_are_written(tmp_path):
    picture = tmp_path / "curve.png"
    command = [*ENGINE, "bench", "--height", "64", "--frames", "10", "--no-baseline", "--curve", str(picture)]
    ended = told([*command, "--against", "colour"])
    rows = picture.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("recipe,frames,seconds_per_frame")
    assert {row.split(",")[0] for row in rows[1:]} == {"keymatte", "colour"}
    assert picture.exists() or "Install matplotlib" in ended.stderr


def test_a_bench_of_nothing_is_refused():
    refused([*ENGINE, "bench", "--objects", "0"], "1 to 255 objects")
    refused([*ENGINE, "bench", "--frames", "2"], "more than 3 frames")
    refused([*ENGINE, "bench", "--object-size", "0"], "size above 0")
