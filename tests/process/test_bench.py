"""`bench` as a child process prints speed and memory, compares speed with a baseline, and writes curves of both."""

from __future__ import annotations

import re

from tests.process.cli import ENGINE, assert_refused, run_cli


def test_bench_prints_frame_rate_stages_memory_and_ratio():
    ended = run_cli([*ENGINE, "bench", "--recipe", "keymatte", "--height", "64", "--frames", "12", "--device", "cpu"])
    assert ended.returncode == 0, ended.stderr
    for words in (
        r"[\d.]+ frames/s over 12 frames",
        r"encode( \(parallel\))? +[\d.]+ ms",
        r"memory grew by",
        r"times as fast",
    ):
        assert re.search(words, ended.stdout), ended.stdout


def test_folding_memory_does_not_grow():
    ended = run_cli([*ENGINE, "bench", "--recipe", "mavos", "--height", "64", "--frames", "60", "--no-baseline"])
    assert ended.returncode == 0, ended.stderr
    assert "grew by 0.0 %" in ended.stdout


def test_curve_values_are_written(tmp_path):
    picture = tmp_path / "curve.png"
    command = [*ENGINE, "bench", "--height", "64", "--frames", "10", "--no-baseline", "--curve", str(picture)]
    ended = run_cli([*command, "--against", "colour"])
    rows = picture.with_suffix(".csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("recipe,frames,seconds_per_frame")
    assert {row.split(",")[0] for row in rows[1:]} == {"keymatte", "colour"}
    assert picture.exists() or "Install matplotlib" in ended.stderr


def test_impossible_bench_options_are_refused():
    assert_refused([*ENGINE, "bench", "--objects", "0"], "1 to 255 objects")
    assert_refused([*ENGINE, "bench", "--frames", "2"], "more than 3 frames")
    assert_refused([*ENGINE, "bench", "--object-size", "0"], "size above 0")
