"""Progress lines in a pipe: few, whole and each once."""

from __future__ import annotations

import time

import pytest

from engine.cli.progress import Progress


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Return a list whose only number is the time."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_there_is_at_most_a_line_every_five_seconds_and_the_last_state_at_the_end(clock, capsys):
    with Progress() as progress:
        for frame in range(301):
            progress.show("Propagating", frame, 300)
            clock[0] += 0.1  # 30 seconds in all
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Propagating: 0 % of 300 steps"
    assert lines[-1] == "Propagating: 100 % of 300 steps"
    assert 6 <= len(lines) <= 8


def test_a_line_is_never_repeated(clock, capsys):
    with Progress() as progress:
        for _ in range(10):
            progress.show("Loading the network")
            clock[0] += 60
    assert capsys.readouterr().err == "Loading the network\n"


def test_bytes_are_shown_in_words_even_if_the_total_is_unknown(clock, capsys):
    with Progress("bytes") as progress:
        progress.show("Downloading XMem", 0, 249_000_000)
        clock[0] += 5
        progress.show("Downloading XMem", 124_500_000, 249_000_000)
        clock[0] += 5
        progress.show("Downloading another", 3_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "Downloading XMem: 0 % of 249 MB",
        "Downloading XMem: 50 % of 249 MB",
        "Downloading another: 3 MB",
    ]


def test_what_is_done_before_the_delay_is_not_shown(clock, capsys):
    with Progress("bytes", delay=1.0) as progress:
        progress.show("Indexing the movie", 5000, 10_000)
        clock[0] += 0.5
        progress.show("Indexing the movie", 10_000, 10_000)
    assert capsys.readouterr().err == ""
