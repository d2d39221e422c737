"""Test runs of `build_addon.py test`: pytest in one environment after another, and the total of the results."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests.progress_log import VARIABLE, Progress, read_progress

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build"
MAX_SILENCE = 10 * 60.0  # seconds without the end of a test, after which a run hangs; a slow run may take any time
_POLL_SECONDS = 0.5
_APART = "tests/process"
_MAX_LANES = 2  # runs at a time; each takes several gigabytes
Run = tuple[Path, str, list[str], list[str]]  # Python, name of the results, test paths, options
_stopped = threading.Event()  # set to end the runs of other threads
FAST = ("-m", "fast")  # pytest arguments that select the quick tests, which need no Blender


class Tally(NamedTuple):
    """Numbers of tests that passed, failed and were skipped."""

    passed: int
    failed: int
    skipped: int


def run(main: tuple[str, Path], other_pythons: Mapping[str, Path], arguments: Sequence[str]) -> int:
    """Run all tests with `main` (Blender release, Python), and tests/blender with each of `other_pythons`, by release.

    Two runs go on at a time, as one alone leaves a core idle. `arguments` go to pytest; if they contain test paths,
    only those run. Returns the exit status, 0 or 1.
    """
    runs = planned(main, other_pythons, arguments)
    releases = ", ".join([main[0], *other_pythons])
    _heading("Quick tests" if is_fast(arguments) else f"Tests; those in Blender with {releases}")
    tallies = _side_by_side(runs)
    total = Tally(*map(sum, zip(Tally(0, 0, 0), *tallies, strict=True)))
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    print(f"\n{total.passed} passed, {total.failed} failed{skipped}", flush=True)
    return 0 if total.passed and not total.failed else 1


def planned(main: tuple[str, Path], other_pythons: Mapping[str, Path], arguments: Sequence[str]) -> list[Run]:
    """Return the runs of pytest that `run` makes, the longest first."""
    paths = [argument for argument in arguments if _is_test_path(argument)]
    options = [argument for argument in arguments if argument not in paths]
    release, python = main
    rest = [path for path in paths if not path.startswith("tests/blender")] if paths else ["tests"]
    in_blender = [path for path in paths if path.startswith("tests/blender")] if paths else ["tests/blender"]
    runs = [(python, f"main-{release}", rest, [*options, "--ignore=tests/blender"])] if rest else []
    if in_blender and not is_fast(arguments):
        pythons = {release: python, **other_pythons}
        runs += [(one, f"blender-{name}", in_blender, options) for name, one in pythons.items()]
    if runs and not arguments:  # the lane of the other tests would take longest
        runs[0][3].append(f"--ignore={_APART}")
        runs.append((python, "processes", [_APART], options))
    return runs


def _side_by_side(runs: Sequence[Run]) -> list[Tally]:
    """Make some runs of pytest at a time, the first ones first."""
    lanes = max(1, min(_MAX_LANES, len(runs)))
    with ThreadPoolExecutor(lanes) as pool:
        tallies = [pool.submit(_pytest, *one, threads=(os.cpu_count() or 1) // lanes) for one in runs]
        try:
            return [tally.result() for tally in tallies]
        except KeyboardInterrupt:
            _stopped.set()
            raise


def is_fast(arguments: Sequence[str]) -> bool:
    """Return whether these pytest arguments select the quick tests."""
    return tuple(arguments[:2]) == FAST


def _is_test_path(argument: str) -> bool:
    return argument.startswith("tests/") and (ROOT / argument.split("::")[0]).exists()


def _pytest(python: Path, name: str, targets: list[str], options: list[str], *, threads: int = 1) -> Tally:
    """Run pytest, and return its results; if it hangs or crashes, those of the tests that have ended.

    Unless the environment says otherwise, networks use so many `threads`.
    """
    results, log = RESULTS / f"tests-{name}.xml", RESULTS / f"tests-{name}.log"
    results.parent.mkdir(exist_ok=True)
    results.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    plugin = ("-p", "tests.progress_log", "-o", f"faulthandler_timeout={0.9 * MAX_SILENCE:.0f}")
    status = _call([python, "-m", "pytest", *targets, f"--junitxml={results}", *plugin, *options], log, max(1, threads))
    try:
        suite = ElementTree.parse(results).getroot().find("testsuite")
    except (OSError, ElementTree.ParseError):
        suite = None
    if suite is None:
        return _interrupted(status, read_progress(log))
    count = {key: int(suite.get(key, "0")) for key in ("tests", "errors", "failures", "skipped")}
    failed, skipped = count["errors"] + count["failures"], count["skipped"]
    broken = status not in (0, 5) and not failed  # 5: no test was selected, which `run` checks over all runs
    return Tally(max(0, count["tests"] - failed - skipped), failed + broken, skipped)


def _interrupted(status: int, progress: Progress) -> Tally:
    """Print the results of a run that ended before it wrote them, and return them; the test that ran has failed."""
    print(f"pytest ended with status {status} before it wrote its results", flush=True)
    for test in progress.failed:
        print(f"FAILED {test}", flush=True)
    if progress.running not in progress.failed:
        print(f"NOT ENDED {progress.running or 'the collection of the tests'}", flush=True)
    print(f"until then, {progress.passed} passed, {len(progress.failed)} failed", flush=True)
    return Tally(progress.passed, len(progress.failed) + (progress.running not in progress.failed), progress.skipped)


def _call(command: Sequence[str | Path], log: Path, threads: int) -> int:
    """Run pytest, which writes to `log`, and end it if no test ends for MAX_SILENCE; return its exit status."""
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    variables |= {"PYTHONNOUSERSITE": "1", VARIABLE: str(log)}
    variables.setdefault("OMP_NUM_THREADS", str(threads))
    process = subprocess.Popen(
        [str(argument) for argument in command],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        start_new_session=os.name == "posix",  # so that its children can be ended with it
    )
    try:
        return _watch(process, log)
    finally:
        _end(process)


def _watch(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait for the end of pytest, or until it has not written to `log` for MAX_SILENCE; return its exit status."""
    size, since = -1, time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(_POLL_SECONDS)
        if _stopped.is_set():
            return 1
        written = log.stat().st_size if log.exists() else 0
        if written != size:
            size, since = written, time.monotonic()
        elif time.monotonic() > since + MAX_SILENCE:
            running = read_progress(log).running or "the collection of the tests"
            print(f"\nended, as no test has ended for {MAX_SILENCE / 60:g} minutes; running was {running}", flush=True)
            return 1


def _end(process: subprocess.Popen[bytes]) -> None:
    """End pytest and its children, if it still runs."""
    if process.poll() is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _heading(text: str) -> None:
    print(f"\n== {text} ==", flush=True)
