"""Process that reads damaged files, one at a time, within limits of time and memory, and says how each ended."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import mount
from tests.fuzz.reader import Reader

MEMORY = 2 << 30  # bytes of address space, more than the process has after loading its libraries


def main(table: str, cpu_seconds: float) -> None:
    """Answer each line of stdin, a reader's name and a file in JSON, with a line: null, or the error that is wrong.

    `table` is the module with the readers, and `cpu_seconds` the limit for one input.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # decoders print to stdout
    mount()
    readers = {reader.name: reader for reader in importlib.import_module(table).READERS}
    warnings.simplefilter("ignore")
    _limit_memory()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        name, path = json.loads(line)
        print(json.dumps(_outcome(readers[name], Path(path), cpu_seconds)), file=answers, flush=True)


def _outcome(reader: Reader, path: Path, cpu_seconds: float) -> str | None:
    """Return None if the reader accepts the file or raises an error that it documents, else the traceback."""
    try:
        with _limited_time(cpu_seconds):
            reader.read(path)
    except reader.errors:
        return None
    except BaseException:
        return traceback.format_exc(limit=-6)[-4000:]
    return None


@contextlib.contextmanager
def _limited_time(cpu_seconds: float) -> Iterator[None]:
    """End the process by a signal if the block computes for too long; a reader in C would not see an exception."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory() -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        return
    import resource

    taken = int(re.search(r"^VmSize:\s+(\d+) kB", status.read_text(), re.MULTILINE)[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
