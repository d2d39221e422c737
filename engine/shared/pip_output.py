"""Interpretation of pip's output: progress lines and errors for the user."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import DiskFull, EngineError, EnvironmentFailed
from .setup_errors import IndexUnreachable, ProxyRefused, WheelsMissing
from .text import printable, without_passwords

Report = Callable[[str], None]

_STANDARD = "Processor" if sys.platform == "win32" else "Standard Package"  # from the default index
_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectionError|NameResolutionError|Max retries exceeded|name resolution|timed out"
    r"|getaddrinfo failed|Connection (?:reset|refused|broken|aborted)|SSLError|IncompleteRead"
    r"|Network is unreachable|ReadTimeout|ProtocolError"
)
_PROXY = re.compile(r"ProxyError|Tunnel connection failed|Cannot connect to proxy|Unable to connect to proxy")
_PASSWORD = re.compile(r"\b407\b|Proxy Authentication Required", re.IGNORECASE)
_UNTRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError")
_NO_SPACE = re.compile(r"No space left on device|Errno 28\b|not enough space on the disk|Disk quota exceeded")
_LONG_PATHS = re.compile(r"Long Path support")
_NO_MATCH = re.compile(r"No matching distribution found for ([^\s;(]+)")
_NONE_FITS = re.compile(r"no matching distributions available for your environment:\s+(\S+)")
_INVALID = re.compile(r"Wheel '[^']*' located at (.+\.whl) is invalid")
_WHEEL = re.compile(r"([^-\s/\\]+)-([^-\s/\\]+)-[^\s/\\]*\.whl(\.metadata)?")
_SIZE = re.compile("[0-9]{1,15}")  # bytes
_SIZE_IN_WORDS = re.compile(r"\((\d{1,6}(?:\.\d+)?) ([kMG]B)\)")
_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
_SHARE = re.compile(r"; (\d+\.\d+) of about (\d+\.\d+) GB$")
_LARGE = 20_000_000  # bytes of a file whose progress is reported


def failure(text: str, status: int, *, from_pytorch: bool = False, wheels: Path | None = None) -> EngineError:
    """Return the error to show when pip failed, given the end of its output and its exit status.

    `from_pytorch` says that PyTorch's own index was asked, `wheels` is the folder that took the place of any index.
    """
    if _NO_SPACE.search(text):
        return DiskFull("no space is left to install the packages")
    if _LONG_PATHS.search(text):
        return EnvironmentFailed(
            "a path is too long for Windows",
            remedy="Turn on long paths in Windows, or set KEYMATTE_ENGINE to a short folder, then run again.",
        )
    missing = _NO_MATCH.search(text)
    if wheels:
        missing = missing or _NONE_FITS.search(text)
        return _failure_of_wheels(wheels, printable(missing[1]) if missing else "", text, status)
    if _PROXY.search(text):
        return _failure_of_proxy(text)
    if _UNTRUSTED.search(text):
        return EnvironmentFailed(
            "the packages could not be downloaded: this computer does not trust the connection",
            remedy="If your network checks connections, set PIP_CERT to its certificate before Blender starts.",
        )
    if _NO_NETWORK.search(text):
        return _unreached(from_pytorch)
    if missing:
        return EnvironmentFailed(
            f"there is no package {printable(missing[1])} for this Python and this system",
            remedy="Use Python 3.11 or 3.13 on Linux or Windows (64-bit, x86-64) or macOS (Apple silicon).",
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()[-1:]
    return EnvironmentFailed(f"pip exited with status {status}: {printable(' '.join(errors[-2:]), 500) or 'no output'}")


def _failure_of_wheels(wheels: Path, missing: str, text: str, status: int) -> EngineError:
    if missing:
        return WheelsMissing(f"the folder of wheels {wheels} has no package {missing} for this Python and this system")
    if damaged := _INVALID.search(text):
        return WheelsMissing(
            f"{printable(damaged[1], 300)} is damaged",
            remedy="Copy or download this file again, and click Install Engine again.",
        )
    last = printable(text.splitlines()[-1], 300).rstrip(".") if text else ""
    return EnvironmentFailed(
        f"pip could not install from {wheels}: {last or f'status {status}'}",
        remedy="Check the wheels in this folder, and click Install Engine again. Show Log has all of its output.",
    )


def _failure_of_proxy(text: str) -> EngineError:
    address = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or ""
    name = f"the proxy {without_passwords(address)}" if address else "the proxy"
    if _PASSWORD.search(text):
        return ProxyRefused(f"{name} asks for a user and a password, or refuses those it was given")
    return ProxyRefused(f"{name} was not reached, or refuses the connection")


def _unreached(from_pytorch: bool) -> EngineError:
    if from_pytorch:
        return IndexUnreachable(
            "PyTorch's package index, download.pytorch.org, was not reached; no other PyTorch was installed instead",
            remedy="Check the network connection and click Install Engine again. If this address is blocked, choose "
            f"{_STANDARD} as PyTorch, or install from a folder of wheels.",
        )
    return EnvironmentFailed(
        "the packages could not be downloaded: the package registry was not reached",
        remedy="Check the network connection and run again: complete downloads are kept.",
    )


class ProgressFilter:
    """Reports progress to the user in a few short lines, from the many lines that pip prints."""

    def __init__(self, report: Report, expected: float = 0.0) -> None:
        """Report to `report`; `expected` are the GB to be downloaded in all, if that is known."""
        self._report = report
        self._expected = expected
        self._name = ""
        self._tenths = 0
        self._bytes = 0  # of files that are complete
        self._current = 0  # bytes of the file that is being downloaded

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
            self._bytes, self._current = self._bytes + self._current, _bytes_in(line)
            action = "Downloading" if verb == "Downloading" else "Already downloaded:"
            size = _SIZE_IN_WORDS.search(line)
            self._report(" ".join([action, name, version, *([size[0]] if size else [])]))

    def _progress(self, done: int, total: int) -> None:
        """Report every tenth of a large file."""
        if total <= _LARGE:
            return
        tenths = min(10 * done // total, 10)
        if tenths > self._tenths:
            self._tenths = tenths
            gigabytes = min((self._bytes + done) / 1e9, self._expected)
            share = f"; {gigabytes:.2f} of about {self._expected:.1f} GB" if self._expected else ""
            self._report(f"  {self._name}: {10 * tenths} % of {total / 1e6:.0f} MB{share}")


def _bytes_in(line: str) -> int:
    """Return the size that a line of pip gives for a file, in bytes; 0 if it gives none."""
    size = _SIZE_IN_WORDS.search(line)
    return round(float(size[1]) * _UNITS[size[2]]) if size else 0


def share_in(line: str) -> tuple[float, float] | None:
    """Return the GB that are there and those to be downloaded, as a line reported with `expected` says them."""
    found = _SHARE.search(line)
    return (float(found[1]), float(found[2])) if found else None
