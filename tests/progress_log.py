"""Plug-in of pytest that writes each step of a run to a file at once, so that an interrupted run has results too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pytest

VARIABLE = "KEYMATTE_TEST_LOG"  # environment variable with the path of the file


class Progress(NamedTuple):
    """What a log says of a run: the test that runs, or ran last, and those that have ended."""

    running: str
    passed: int
    failed: tuple[str, ...]
    skipped: int


def read_progress(path: Path) -> Progress:
    """Read the log of a run that may still be going on."""
    running, passed, failed, skipped = "", 0, [], 0
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.split("\n")[:-1]:  # the last one may be incomplete
        what, _, test = line.partition(" ")
        if what == "started":
            running = test
        passed += what == "passed"
        skipped += what == "skipped"
        if what == "failed" and test not in failed:
            failed.append(test)
    return Progress(running, passed, tuple(failed), skipped)


def pytest_runtest_logstart(nodeid: str) -> None:
    _write("started", nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.outcome == "passed" and report.when != "call":
        _write(report.when, report.nodeid)
    else:
        _write(report.outcome, report.nodeid)


def _write(what: str, test: str) -> None:
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{what} {test}\n".replace("\r", " "))
