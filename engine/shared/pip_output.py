"""Interpretation of pip's output: progress lines and errors for the user."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from .errors import DiskFull, EngineError, EnvironmentFailed

Report = Callable[[str], None]

_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectionError|NameResolutionError|Max retries exceeded|name resolution|timed out"
    r"|getaddrinfo failed|Connection (?:reset|refused|broken|aborted)|ProxyError|SSLError|IncompleteRead"
    r"|Network is unreachable|ReadTimeout|ProtocolError"
)
_NO_SPACE = re.compile(r"No space left on device|Errno 28\b|not enough space on the disk|Disk quota exceeded")
_NO_MATCH = re.compile(r"No matching distribution found for ([^\s;(]+)")


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
            f"there is no package {missing[1]} for this Python and this system",
            remedy="Use Python 3.11 or 3.13 on Linux or Windows (64-bit, x86-64) or macOS (Apple silicon).",
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()[-1:]
    return EnvironmentFailed(f"pip exited with status {status}: {' '.join(errors[-2:]) or 'no output'}")


class ProgressFilter:
    """Reports progress to the user in a few short lines, from the many lines that pip prints."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._name = ""
        self._tenths = 0

    def line(self, line: str) -> None:
        words = line.split()
        match words:
            case ["Downloading" | "Using" | "Processing", *_] if ".whl" in line:
                file = next(word for word in words if ".whl" in word)
                name, version, *_ = Path(file).name.split("-")
                self._name, self._tenths = name, 0
                if not file.endswith(".metadata"):
                    verb = "Downloading" if words[0] == "Downloading" else "Already downloaded:"
                    size = re.search(r"\([\d.]+ [kMG]B\)", line)
                    self._report(" ".join([verb, name, version, *([size[0]] if size else [])]))
            case ["Progress", done, "of", total] if total.isdigit() and int(total) > 20_000_000:
                tenths = 10 * int(done) // int(total)
                if tenths > self._tenths:
                    self._tenths = tenths
                    self._report(f"  {self._name}: {10 * tenths} % of {int(total) / 1e6:.0f} MB")
            case ["Installing", "collected", "packages:", *names]:
                self._report(f"Unpacking {len(names)} packages: this takes a minute or more")
            case ["WARNING:", "Retrying", *_]:
                self._report("The package registry does not respond; trying again")
