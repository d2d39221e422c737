"""Readers with faults, by which the fuzz is tested: each kind of fault must be found."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from engine.shared.errors import WeightsDamaged
from tests.fuzz.reader import Files, Reader


def _examples() -> Files:
    return [(".bin", b"0123456789" * 10)]


def _crash(path: Path) -> None:
    ctypes.string_at(0)


def _compute(path: Path) -> None:
    while True:
        pass


def _allocate(path: Path) -> None:
    bytearray(8 << 30)


def _refuse(path: Path) -> None:
    raise WeightsDamaged("as documented")


def _raise(path: Path) -> None:
    raise KeyError("not documented")


READERS = (
    *(
        Reader(f"selftest: {read.__name__}", read, _examples, (WeightsDamaged,))
        for read in (_crash, _compute, _allocate, _refuse, _raise)
    ),
    Reader("selftest: sleep", lambda path: time.sleep(1000), _examples, ()),
)
