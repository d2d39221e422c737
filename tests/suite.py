"""Test runs of `build_addon.py test`: pytest in one environment after another, and the total of the results."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build"
MAX_SECONDS = 45 * 60  # timeout of one run of pytest
FAST = ("-m", "fast")  # pytest arguments that select the quick tests, which need no Blender


class Tally(NamedTuple):
    """Numbers of tests that passed, failed and were skipped."""

    passed: int
    failed: int
    skipped: int


def run(main: tuple[str, Path], other_pythons: Mapping[str, Path], arguments: Sequence[str]) -> int:
    """Run all tests with `main` (Blender release, Python), and tests/blender with each of `other_pythons`, by release.

    `arguments` go to pytest; if they contain test paths, only those run. Returns the exit status, 0 or 1.
    """
    paths = [argument for argument in arguments if _is_test_path(argument)]
    options = [argument for argument in arguments if argument not in paths]
    release, python = main
    if is_fast(arguments):
        options.append("--ignore=tests/blender")
    _heading("Quick tests" if is_fast(arguments) else f"All tests, Blender {release}")
    tallies = [_pytest(python, f"main-{release}", paths or ["tests"], options)]
    blender_paths = [path for path in paths if path.startswith("tests/blender")] if paths else ["tests/blender"]
    for release, python in other_pythons.items() if blender_paths else ():
        _heading(f"Installed extension, Blender {release}")
        tallies.append(_pytest(python, f"blender-{release}", blender_paths, options))

    total = Tally(*map(sum, zip(*tallies, strict=True)))
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"\n{total.passed} passed, {total.failed} failed{skipped}", flush=True)
    return 0 if total.passed and not total.failed else 1


def is_fast(arguments: Sequence[str]) -> bool:
    """Return whether these pytest arguments select the quick tests."""
    return tuple(arguments[:2]) == FAST


def _is_test_path(argument: str) -> bool:
    return argument.startswith("tests/") and (ROOT / argument.split("::")[0]).exists()


def _pytest(python: Path, name: str, targets: list[str], options: list[str]) -> Tally:
    results = RESULTS / f"tests-{name}.xml"
    results.parent.mkdir(exist_ok=True)
    results.unlink(missing_ok=True)
    status = _call([python, "-m", "pytest", *targets, f"--junitxml={results}", *options])
    try:
        suite = ElementTree.parse(results).getroot().find("testsuite")
    except (OSError, ElementTree.ParseError):
        suite = None
    if suite is None:
        print(f"pytest ended with status {status} before it wrote its results", flush=True)
        return Tally(0, 1, 0)
    count = {key: int(suite.get(key, "0")) for key in ("tests", "errors", "failures", "skipped")}
    failed, skipped = count["errors"] + count["failures"], count["skipped"]
    broken = status not in (0, 5) and not failed  # 5: no test was selected, which `run` checks over all runs
    return Tally(max(0, count["tests"] - failed - skipped), failed + broken, skipped)


def _call(command: Sequence[str | Path]) -> int:
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    variables["PYTHONNOUSERSITE"] = "1"
    try:
        return subprocess.run(
            [str(argument) for argument in command],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            timeout=MAX_SECONDS,
        ).returncode
    except subprocess.TimeoutExpired:
        print(f"stopped after {MAX_SECONDS / 60:.0f} minutes: the tests hung", flush=True)
        return 1


def _heading(text: str) -> None:
    print(f"\n== {text} ==", flush=True)
