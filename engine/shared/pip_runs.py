"""Processes of venv and pip: their output goes to a log file, and they end when they are told to."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from .text import without_passwords

STOPPED = 143  # exit status, as after SIGTERM
_TAIL = 60  # lines of output that are kept to tell why a program failed

_children: set[subprocess.Popen[str]] = set()  # processes to kill when this one is told to end
_spawning = threading.RLock()
_stopping = threading.Event()


class Log:
    """File that receives all output, so that a user can read and send it; without one, nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Log:
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8", buffering=1)
            self.write(time.strftime("%Y-%m-%d %H:%M:%S"))
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file:
            self._file.close()

    def write(self, line: str) -> None:
        """Add a line, without the passwords of proxies. A full disk is told by what is being installed."""
        if self._file:
            with contextlib.suppress(OSError):
                self._file.write(f"{without_passwords(line)}\n")


def run(
    command: Sequence[object], line: Callable[[str], None], folder: Path, log: Log, *, plain: bool = False
) -> tuple[int, list[str]]:
    """Run a command and call `line` with each line of output; return the exit status and the last lines of output.

    If `plain` is set, the user's settings of pip, which can name further places of packages, do not count.
    """
    temporary = folder / "tmp"  # the system's is often too small for the packages
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(exist_ok=True)
    variables = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    if plain:
        variables = {name: text for name, text in variables.items() if not name.upper().startswith("PIP_")}
        variables["PIP_CONFIG_FILE"] = os.devnull
    variables.update(TMPDIR=str(temporary), TEMP=str(temporary), TMP=str(temporary), NO_COLOR="1")
    log.write(f"$ {' '.join(str(part) for part in command)}")
    tail: deque[str] = deque(maxlen=_TAIL)
    with _spawning:  # so that `stop` knows every child
        if _stopping.is_set():
            sys.exit(STOPPED)
        process = subprocess.Popen(
            [str(part) for part in command],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        _children.add(process)
    with process:
        try:
            for text in _lines(process):
                if not text.startswith("Progress "):
                    tail.append(text)
                    log.write(text)
                line(text)
        except BaseException:
            process.kill()
            raise
        finally:
            _children.discard(process)
    shutil.rmtree(temporary, ignore_errors=True)
    if process.returncode:
        log.write(f"(status {process.returncode})")
    return process.returncode, list(tail)


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None, "the process was started with a pipe"
    for text in process.stdout:
        if text.strip():
            yield text.strip()


def is_stopping() -> bool:
    """Return whether this process has been told to end."""
    return _stopping.is_set()


def stop() -> None:
    """End the running command and this process."""
    with _spawning:
        _stopping.set()
    for child in list(_children):
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)  # nothing may write into the folder from now on
    os._exit(STOPPED)
