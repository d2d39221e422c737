"""Earlier versions of mattes: what runs replaced in a matte folder, and the undoing and redoing of the last run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import NothingPropagated
from .files import is_link, link_or_copy
from .folder_claim import refuse_if_taken
from .folder_lock import locked
from .matte_folder import MatteFolder
from .version_store import Row, RunInfo, Side, Version, versions
from .written_files import WrittenFiles

IsLocked = Callable[[int, int], bool]  # object id, frame number: whether that matte must not change


@dataclass(frozen=True)
class KeptRun:
    """Run that can be undone, or redone if it is undone."""

    number: int  # by which runs are in order
    when: float  # it began, s since 1970, in UTC
    recipe: str
    numbers: tuple[int, ...]  # of the frames whose mattes it made, replaced or removed, ascending
    bytes: int  # that its earlier files take, or its own if it is undone
    undone: bool


@dataclass(frozen=True)
class Moved:
    """Outcome of undoing or redoing a run."""

    run: KeptRun
    numbers: tuple[int, ...]  # of the frames whose images have changed, ascending
    edited: tuple[int, ...] = ()  # of frames with images that were edited since, and left as they are
    locked: tuple[int, ...] = ()  # of frames with mattes that are locked, and left as they are
    missing: tuple[int, ...] = ()  # of frames with images that were no longer kept


def kept_runs(folder: MatteFolder) -> list[KeptRun]:
    """List the runs of a matte folder that can be undone or redone, the oldest first."""
    return [_kept_run(version, info) for version, info in versions(folder)]


def next_undo(folder: MatteFolder) -> RunInfo | None:
    """Return the run that `undo` would undo; None if there is none. Reads little, so that a panel may ask often."""
    return next((info for _, info in reversed(versions(folder)) if info.undone == info.moving), None)


def next_redo(folder: MatteFolder) -> RunInfo | None:
    """Return the run that `redo` would redo; None if there is none."""
    return next((info for _, info in versions(folder) if info.undone != info.moving), None)


def undo(folder: MatteFolder, is_locked: IsLocked = lambda object_id, number: False) -> Moved:
    """Bring back what the last run that is not undone has replaced, and remove what it has made where nothing was.

    Images that were edited since, and locked mattes, are left as they are. Raises NothingPropagated if there is no such
    run, FolderInUse if a job or another process works in the folder, FolderTaken, FolderNotWritable, DiskFull.
    """
    return _change(folder, undone=True, is_locked=is_locked)


def redo(folder: MatteFolder, is_locked: IsLocked = lambda object_id, number: False) -> Moved:
    """Bring back what the first run that is undone has made. See `undo`."""
    return _change(folder, undone=False, is_locked=is_locked)


def finish_interrupted(root: Path) -> None:
    """End the undoing or redoing of a run in a matte folder during which the process was killed.

    Raises as `undo` does.
    """
    folder = MatteFolder(root)
    if any(info.moving for _, info in versions(folder)):
        refuse_if_taken(root)
        with locked(root):
            _finish_interrupted(folder)


def remove_versions(folder: MatteFolder) -> None:
    """Remove all that is kept of earlier runs. Raises OSError."""
    for path in folder.version_folders():
        Version(path).remove()


def _change(folder: MatteFolder, *, undone: bool, is_locked: IsLocked) -> Moved:
    verb = "undo" if undone else "redo"
    refuse_if_taken(folder.root)
    if not folder.root.is_dir():
        raise NothingPropagated(f"{folder.root} does not exist", remedy="Choose the folder of results.")
    with locked(folder.root):
        if (finished := _finish_interrupted(folder)) and finished.run.undone == undone:
            return finished  # this is what was asked for
        found = [(version, info) for version, info in versions(folder) if info.undone is not undone]
        if not found:
            raise NothingPropagated(
                f"there is no run to {verb} in {folder.root}",
                remedy="Only runs whose earlier mattes are still kept can be undone."
                if undone
                else "Only runs that were undone can be redone, until the next run.",
            )
        version, info = found[-1 if undone else 0]
        exchange = _Exchange(folder, version, is_locked)
        if undone:
            exchange.keep_current()
        return exchange.run(replace(info, undone=undone))


def _finish_interrupted(folder: MatteFolder) -> Moved | None:
    moving = [(version, info) for version, info in versions(folder) if info.moving]
    done = [_Exchange(folder, version, lambda object_id, number: False).run(info) for version, info in moving]
    return done[-1] if done else None


class _Exchange:
    """Exchange of the files that a run replaced and those that it made; the folder is locked.

    It goes on where it was interrupted, as each step may be repeated: what a run made is linked to its version before
    anything is replaced; then `RunInfo.moving` says that files are being exchanged.
    """

    def __init__(self, folder: MatteFolder, version: Version, is_locked: IsLocked) -> None:
        self._folder = folder
        self._version = version
        self._files = WrittenFiles(folder)
        self._is_locked = is_locked
        self._edited: set[str] = set()
        self._locked: set[str] = set()
        self._missing: set[str] = set()
        self._changed: set[str] = set()

    def keep_current(self) -> None:
        """Keep what the run has made, of all that it replaced and that may change."""
        version, made = self._version, []
        for name in self._movable(version.rows(Side.BEFORE)):
            path = self._folder.root / name
            try:
                row = Row(name, path.stat().st_size, self._files.line_of(path))
            except FileNotFoundError:
                row = Row(name, None)
            else:
                self._link(path, version.file(Side.AFTER, name))
            made.append(row)
        version.write_rows(Side.AFTER, made)

    def run(self, info: RunInfo) -> Moved:
        """Put the files of the side that `info.undone` says in their places."""
        version, side = self._version, Side.BEFORE if info.undone else Side.AFTER
        rows, concerned = version.rows(side), version.rows(Side.AFTER)
        wanted = [rows[name] for name in self._movable(concerned) if name in rows]
        version.write_info(replace(info, moving=True))
        self._files.add_lines(row.line for row in wanted if row.line)
        for row in wanted:
            self._put(row, side)
        self._remove_empty_folders()
        self._folder.remove_unfinished()  # their mattes are not those that are there now
        done = replace(info, moving=False)
        version.write_info(done)
        run = _kept_run(version, done)
        if not done.undone:
            with suppress(OSError):  # they are in their places
                version.clear(Side.AFTER)
        sets = self._changed, self._edited, self._locked, self._missing
        return Moved(run, *(_numbers(names) for names in sets))

    def _movable(self, rows: dict[str, Row]) -> list[str]:
        """List the files that may change: neither edited nor locked, nor label images of which no matte changes."""
        found: set[str] = set()
        for name, row in rows.items():
            if row.object_id is not None and row.number is not None and self._is_locked(row.object_id, row.number):
                self._locked.add(name)
            elif not self._is_ours(name, row):
                self._edited.add(name)
            else:
                found.add(name)
        left = {rows[name].number for name in rows.keys() - found if rows[name].object_id is not None}
        left -= {rows[name].number for name in found if rows[name].object_id is not None}
        found -= {name for name in found if name.startswith("labels/") and rows[name].number in left}
        return [name for name in rows if name in found]

    def _is_ours(self, name: str, row: Row) -> bool:
        path = self._folder.root / name
        if is_link(path):
            return False
        if row.number is None or not self._files.is_edited(path):
            return True
        # The record may no longer know a file that was put there by an exchange that was interrupted.
        kept = (self._version.file(side, name) for side in Side)
        return any(_is_same(path, other) for other in kept)

    def _put(self, row: Row, side: Side) -> None:
        """Put a file in its place, or remove the one there if there was none."""
        path, kept = self._folder.root / row.name, self._version.file(side, row.name)
        if row.size is None:
            path.unlink(missing_ok=True)
        elif not kept.is_file() or is_link(kept):
            self._missing.add(row.name)
            return
        else:
            self._link(kept, path)
        self._changed.add(row.name)

    def _link(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(source, target)

    def _remove_empty_folders(self) -> None:
        root = self._folder.root
        for folder in (*self._folder.matte_sequences().values(), *(root / name for name in ("labels", "outlines"))):
            if not is_link(folder):
                with suppress(OSError):
                    folder.rmdir()


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other) or path.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _numbers(names: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted({number for name in names if (number := Row(name, None).number) is not None}))


def _kept_run(version: Version, info: RunInfo) -> KeptRun:
    rows = version.rows(Side.AFTER if info.undone else Side.BEFORE)
    size = sum(row.size or 0 for row in rows.values())
    numbers = _numbers(version.rows(Side.BEFORE))
    return KeptRun(version.number, info.when, info.recipe, numbers, size, info.undone)
