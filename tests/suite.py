"""Runs the tests for `build_addon.py test`, in one environment after another, and adds up what became of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build"
MAX_SECONDS = 45 * 60  # of one run of pytest: a longer one hangs
FAST = ("-m", "fast")  # pytest's words for the quick tests, which need no Blender


class Tally(NamedTuple):
    """How many tests passed, failed and were skipped."""

    passed: int
    failed: int
    skipped: int


def run(main: tuple[str, Path], others: Mapping[str, Path], words: Sequence[str]) -> int:
    """Run all tests with the `main` (Blender, Python), then tests/blender with each of the others. Returns 0 or 1.

    `words` go to pytest; those that name files of tests take the place of all tests.
    """
    named = [word for word in words if word.startswith("tests/") and (ROOT / word.split("::")[0]).exists()]
    options = [word for word in words if word not in named]
    release, python = main
    if is_fast(words):
        options.append("--ignore=tests/blender")
    _heading("The quick tests" if is_fast(words) else f"All tests, Blender {release}")
    tallies = [_pytest(python, f"main-{release}", named or ["tests"], options)]
    installed = [word for word in named if word.startswith("tests/blender")] if named else ["tests/blender"]
    for release, python in others.items() if installed else ():
        _heading(f"The installed extension, Blender {release}")
        tallies.append(_pytest(python, f"blender-{release}", installed, options))

    total = Tally(*map(sum, zip(*tallies, strict=True)))
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"\n{total.passed} passed, {total.failed} failed{skipped}", flush=True)
    return 0 if total.passed and not total.failed else 1


def is_fast(words: Sequence[str]) -> bool:
    """Whether these words for pytest ask for the quick tests alone."""
    return tuple(words[:2]) == FAST


def _pytest(python: Path, name: str, targets: list[str], options: list[str]) -> Tally:
    results = RESULTS / f"tests-{name}.xml"
    results.parent.mkdir(exist_ok=True)
    results.unlink(missing_ok=True)
    status = _call([python, "-m", "pytest", *targets, f"--junitxml={results}", *options])
    try:
        suite = ElementTree.parse(results).getroot().find("testsuite")
    except (OSError, ElementTree.ParseError):
        print(f"pytest ended with status {status} before it could tell its results", flush=True)
        return Tally(0, 1, 0)
    count = {key: int(suite.get(key)) for key in ("tests", "errors", "failures", "skipped")}
    failed, skipped = count["errors"] + count["failures"], count["skipped"]
    broken = status not in (0, 5) and not failed  # 5: nothing was selected, which `run` judges for all runs together
    return Tally(max(0, count["tests"] - failed - skipped), failed + broken, skipped)


def _call(command: Sequence[str | Path]) -> int:
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    variables["PYTHONNOUSERSITE"] = "1"
    try:
        return subprocess.run(
            [str(word) for word in command], cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, timeout=MAX_SECONDS
        ).returncode
    except subprocess.TimeoutExpired:
        print(f"ended after {MAX_SECONDS / 60:.0f} minutes: it hung", flush=True)
        return 1


def _heading(text: str) -> None:
    print(f"\n== {text} ==", flush=True)
