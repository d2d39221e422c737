"""Kept state of a matte folder: its files as they were before the last run, or as an undone run had made them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .matte_folder import MatteFolder
from .version_store import RunInfo, Side, Version, versions

_MISSING = re.compile(r"^([^\t\n]+)\t-\t", re.MULTILINE)  # row of a file that was not there; see `Row.as_text`


@dataclass(frozen=True)
class KeptState:
    """State of a matte folder that undoing or redoing a run would bring back; nothing is moved for it."""

    version: Version  # of the run
    side: Side  # on which the files lie that would be put back

    def file(self, path: Path) -> Path:
        """Return where the file lies that has a path in the matte folder in this state.

        That is the path itself for files that the run did not touch. There is no file there if the state has none.
        """
        name = path.relative_to(self.version.path.parents[1]).as_posix()
        kept = self.version.file(self.side, name)
        return kept if kept.exists() or self._lacks(name) else path

    def _lacks(self, name: str) -> bool:
        record = self.version.record(self.side)
        try:
            status = record.stat()
            return name in _missing(record, status.st_mtime_ns, status.st_size)
        except OSError:
            return False


def kept_state(folder: MatteFolder) -> tuple[KeptState, RunInfo] | None:
    """Return the state that undoing would bring back or, if no run can be undone, redoing; with the run's data.

    It is None if neither is possible. Files are looked up only when they are asked for.
    """
    found = versions(folder)
    for version, info in reversed(found):
        if info.can_be_undone:
            return KeptState(version, Side.BEFORE), info
    return next(((KeptState(version, Side.AFTER), info) for version, info in found), None)


@lru_cache(maxsize=2)
def _missing(record: Path, modified: int, size: int) -> frozenset[str]:
    """Read from a list of files the names of those that were not there; cached until the list changes.

    Only that is read, and not the rows, since a running job adds to the list with every matte. Raises OSError.
    """
    return frozenset(_MISSING.findall(record.read_text(encoding="utf-8", errors="replace")))
