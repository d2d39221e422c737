"""VersionKeeper: keeps each file of a matte folder that a run replaces, just before it does so for the first time."""

from __future__ import annotations

import io
import json
import logging
from contextlib import suppress
from pathlib import Path

from .catalogue import size_in_words
from .errors import EngineError
from .files import atomic_write, link_or_copy
from .folder_claim import MARKER, FolderClaim
from .types import VersionCap
from .version_store import Row, RunInfo, Side, Version, versions

_log = logging.getLogger(__name__)


class VersionKeeper:
    """Keeps what a run replaces under a cap, so that the run can be undone however it ends; see `shared.versions`.

    A file is kept, and then listed, before it is replaced. So at every moment, also if the process is killed, all that
    was replaced is there and listed. If a file cannot be kept the run goes on, and cannot be undone; nor can those
    before it, whose mattes it replaces.
    """

    def __init__(self, claimed: FolderClaim, cap: VersionCap, info: RunInfo) -> None:
        """Have the images kept that are replaced through `claimed.written`; nothing is written yet."""
        self.warning = ""  # why the run cannot be undone
        self._folder = claimed.folder
        self._files = claimed.written
        self._files.keep_with(self)
        self._cap = cap
        self._info = info
        self._marker = claimed.earlier  # content of the marker file before the run; empty if there was none
        self._is_on = True
        self._version: Version | None = None  # of this run, once it has replaced something
        self._names: set[str] = set()  # of the files that are kept, or known to be missing before the run
        self._record: io.BufferedWriter | None = None
        self._sizes: dict[Version, int] = {}  # bytes that are kept of each run, the oldest first

    def resume(self) -> None:
        """Go on with the version of the last run if this one resumes it, so that both are undone together."""
        last = versions(self._folder)[-1:]
        for version, info in last:
            if info.job == self._info.job and not info.undone and not info.moving:
                self._version = version

    def keep(self, path: Path) -> None:
        """Keep the file at `path`, or note that there is none, unless that was done in this run."""
        name = path.relative_to(self._folder.root).as_posix()
        if not self._is_on or name in self._names:
            return
        try:
            self._keep(path, name)
        except (OSError, EngineError) as error:
            self._give_up(f"what it replaces cannot be kept, as {_reason(error)}")

    def make_room(self) -> bool:
        """Remove all versions, as the disk is full. Returns whether there was any."""
        if not self._folder.version_folders():
            return False
        self._give_up("the disk is full, and the space of what it replaces was needed")
        return True

    def close(self) -> None:
        """Close the list of what is kept; nothing is lost without it."""
        if self._record:
            self._record.close()
            self._record = None

    def _keep(self, path: Path, name: str) -> None:
        if self._record is None and not self._begin():
            return
        if self._version is None or self._record is None or name in self._names:
            return
        found = self._files.found(name)
        if found.size is not None:
            kept = self._version.file(Side.BEFORE, name)
            kept.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, kept)
        self._note(Row(name, found.size, found.line))
        self._fit()

    def _begin(self) -> bool:
        """Open the list of this run, and make room for it. Returns whether the run is to be kept."""
        kept = self._earlier()
        if self._cap.count < 1:
            self._is_on = False
            return False
        version = self._version or self._new_version()
        if version not in kept:
            kept.append(version)
        self._version = version
        for older in kept[: -self._cap.count]:
            older.remove()
        rows = {one: one.rows(Side.BEFORE) for one in kept[-self._cap.count :]}
        self._sizes = {one: sum(row.size or 0 for row in of.values()) for one, of in rows.items()}
        self._names = set(rows[version])
        version.write_rows(Side.BEFORE, rows[version].values())  # without a last line that was cut off
        self._record = version.record(Side.BEFORE).open("ab")
        if self._marker and MARKER not in self._names:
            self._keep_marker(version)
        return True

    def _earlier(self) -> list[Version]:
        """Return the versions that are kept beside this run's; remove those that no longer fit."""
        others = versions(self._folder)
        for folder in set(self._folder.version_folders()) - {version.path for version, _ in others}:
            Version(folder).remove()  # left by a process that was killed while it began or removed it
        for version, info in others:
            if info.undone or self._cap.count < 1:  # what was undone would no longer fit
                version.remove()
        return [version for version, info in others if not info.undone]

    def _new_version(self) -> Version:
        number = 1 + max((Version(path).number for path in self._folder.version_folders()), default=0)
        version = Version(self._folder.versions / f"{number:06d}")
        version.path.mkdir(parents=True)
        version.write_info(self._info)
        return version

    def _keep_marker(self, version: Version) -> None:
        kept = version.file(Side.BEFORE, MARKER)
        with atomic_write(kept) as part:
            part.write_text(json.dumps(self._marker, indent=1, ensure_ascii=False), "utf-8", "backslashreplace")
        self._note(Row(MARKER, kept.stat().st_size))

    def _note(self, row: Row) -> None:
        if self._record is not None and self._version is not None:
            self._record.write(row.as_text().encode())
            self._record.flush()
            self._names.add(row.name)
            self._sizes[self._version] += row.size or 0

    def _fit(self) -> None:
        """Remove the oldest versions until the rest is within the cap; if this run alone exceeds it, give it up."""
        while sum(self._sizes.values()) > self._cap.bytes:
            oldest = next(iter(self._sizes))
            if oldest == self._version:
                limit = size_in_words(self._cap.bytes)
                self._give_up(f"what it replaces takes more than the {limit} that earlier mattes may take")
                return
            oldest.remove()
            del self._sizes[oldest]

    def _give_up(self, reason: str) -> None:
        self._is_on = False
        self.warning = f"This run cannot be undone: {reason}."
        _log.warning("%s", self.warning)
        self.close()
        for folder in self._folder.version_folders():
            with suppress(OSError):
                Version(folder).remove()


def _reason(error: OSError | EngineError) -> str:
    return error.message if isinstance(error, EngineError) else f"{error.filename}: {error.strerror}"
