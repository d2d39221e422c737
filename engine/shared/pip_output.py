"""Interpretation of pip's output: progress lines and errors for the user."""

from __future__ import annotations

import re
from collections.abc import Callable

from .errors import DiskFull, EngineError, EnvironmentFailed
from .text import printable

Report = Callable[[str], None]

_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectionError|NameResolutionError|Max retries exceeded|name resolution|timed out"
    r"|getaddrinfo failed|Connection (?:reset|refused|broken|aborted)|ProxyError|SSLError|IncompleteRead"
    r"|Network is unreachable|ReadTimeout|ProtocolError"
)
_NO_SPACE = re.compile(r"No space left on device|Errno 28\b|not enough space on the disk|Disk quota exceeded")
_NO_MATCH = re.compile(r"No matching distribution found for ([^\s;(]+)")
_WHEEL = re.compile(r"([^-\s/\\]+)-([^-\s/\\]+)-[^\s/\\]*\.whl(\.metadata)?")
_SIZE = re.compile("[0-9]{1,15}")  # bytes
_LARGE = 20_000_000  # bytes of a file whose progress is reported


def failure(text: str, status: int) -> EngineError:
    """Return the error to show when pip failed, given the end of its output and its exit status."""
    if _NO_SPACE.search(text):
        return DiskFull("no space is left to install the packages")
    if _NO_NETWORK.search(text):
        return EnvironmentFailed(
            "the packages could not be downloaded: the package registry was not reached",
            remedy="Check the network connection and run again: complete downloads are kept.",
        )
    missing = _NO_MATCH.search(text)
    if missing:
        return EnvironmentFailed(
            f"there is no package {printable(missing[1])} for this Python and this system",
            remedy="Use Python 3.11 or 3.13 on Linux or Windows (64-bit, x86-64) or macOS (Apple silicon).",
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()[-1:]
    return EnvironmentFailed(f"pip exited with status {status}: {printable(' '.join(errors[-2:]), 500) or 'no output'}")


class ProgressFilter:
    """Reports progress to the user in a few short lines, from the many lines that pip prints."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._name = ""
        self._tenths = 0

    def line(self, line: str) -> None:
        """Report what is new in a line that pip prints."""
        words = line.split()
        match words:
            case ["Downloading" | "Using" | "Processing" as verb, *_] if wheel := _WHEEL.search(line):
                self._wheel(verb, wheel, line)
            case ["Progress", done, "of", total] if _SIZE.fullmatch(done) and _SIZE.fullmatch(total):
                self._progress(int(done), int(total))
            case ["Installing", "collected", "packages:", *names]:
                self._report(f"Unpacking {len(names)} packages: this takes a minute or more")
            case ["WARNING:", "Retrying", *_]:
                self._report("The package registry does not respond; trying again")

    def _wheel(self, verb: str, wheel: re.Match[str], line: str) -> None:
        """Report the package of a wheel file that pip begins to download, or has already."""
        name, version, metadata = wheel.groups()
        self._name, self._tenths = name, 0
        if not metadata:
            action = "Downloading" if verb == "Downloading" else "Already downloaded:"
            size = re.search(r"\([\d.]+ [kMG]B\)", line)
            self._report(" ".join([action, name, version, *([size[0]] if size else [])]))

    def _progress(self, done: int, total: int) -> None:
        """Report every tenth of a large file."""
        if total <= _LARGE:
            return
        tenths = min(10 * done // total, 10)
        if tenths > self._tenths:
            self._tenths = tenths
            self._report(f"  {self._name}: {10 * tenths} % of {total / 1e6:.0f} MB")
