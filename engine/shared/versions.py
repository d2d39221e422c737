"""Earlier versions of mattes: what runs replaced in a matte folder, and the undoing and redoing of the last run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import EngineError, NothingPropagated
from .files import link_or_copy, replace_file
from .folder_claim import refuse_if_taken
from .folder_lock import locked
from .mask_images import counted
from .matte_folder import MatteFolder, named_spans
from .version_store import Row, RunInfo, Side, Version, versions
from .written_files import Found, WrittenFiles

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

    def words(self) -> str:
        """Return the outcome in words."""
        what = "undone" if self.run.undone else "redone"
        edited, locked = "edited since, and left as {}", "locked, and left as {}"
        parts = [f"The run of {counted(len(self.run.numbers), 'frame')} with {self.run.recipe} was {what}"]
        for numbers, text in ((self.edited, edited), (self.locked, locked), (self.missing, "no longer kept")):
            if numbers:
                verb, left = ("was", "it is") if len(numbers) == 1 else ("were", "they are")
                parts.append(f"{named_spans('frame', numbers)} {verb} {text.format(left)}")
        return "; ".join(parts) + "."


def kept_runs(folder: MatteFolder) -> list[KeptRun]:
    """List the runs of a matte folder that can be undone or redone, the oldest first."""
    return [
        _kept_run(version, info, version.rows(Side.BEFORE), version.rows(Side.AFTER))
        for version, info in versions(folder)
    ]


def next_undo(folder: MatteFolder) -> RunInfo | None:
    """Return the run that `undo` would undo; None if there is none. Reads little, so that a panel may ask often."""
    return next((info for _, info in reversed(versions(folder)) if info.can_be_undone), None)


def next_redo(folder: MatteFolder) -> RunInfo | None:
    """Return the run that `redo` would redo; None if there is none."""
    return next((info for _, info in versions(folder) if not info.can_be_undone), None)


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


def copy_versions(source: MatteFolder, target: MatteFolder) -> None:
    """Give a copy of a matte folder what is kept of earlier runs, too, as hard links; where there are none, nothing."""
    try:
        for version, info in versions(source):
            copy = Version(target.versions / version.path.name)
            copy.path.mkdir(parents=True, exist_ok=True)
            for side in Side:
                rows = version.rows(side)
                copy.write_rows(side, rows.values())
                for name in rows:
                    if version.file(side, name).is_file():
                        copy.file(side, name).parent.mkdir(parents=True, exist_ok=True)
                        copy.file(side, name).hardlink_to(version.file(side, name))
            copy.write_info(info)
    except (OSError, EngineError):  # copies would take as much space again
        with suppress(OSError):
            remove_versions(target)


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
        return exchange.undo(info) if undone else exchange.redo(info)


def _finish_interrupted(folder: MatteFolder) -> Moved | None:
    moving = [(version, info) for version, info in versions(folder) if info.moving]
    done = [_Exchange(folder, version, lambda object_id, number: False).finish(info) for version, info in moving]
    return done[-1] if done else None


class _Exchange:
    """Exchange of the files that a run replaced and those that it made; the folder is locked.

    What is there now is listed, then `RunInfo.moving` says that files are being exchanged, then each is linked to the
    version and replaced by the other one, which is moved. So it can go on wherever it was interrupted.
    """

    def __init__(self, folder: MatteFolder, version: Version, is_locked: IsLocked) -> None:
        self._folder = folder
        self._version = version
        self._files = WrittenFiles(folder)
        self._is_locked = is_locked
        self._folders: set[str] = set()  # that are known to be there
        self._edited: set[int | None] = set()  # numbers of frames
        self._locked: set[int | None] = set()
        self._missing: set[int | None] = set()
        self._changed: set[int | None] = set()

    def undo(self, info: RunInfo) -> Moved:
        """List what the run has made, of all that it replaced and that may change; then exchange it."""
        before = self._version.rows(Side.BEFORE)
        made = {row.name: Row(row.name, found.size, found.line) for row, found in self._movable(before)}
        self._version.write_rows(Side.AFTER, made.values())
        return self._run(replace(info, undone=True), before, made, [*made])

    def redo(self, info: RunInfo) -> Moved:
        """Exchange what is there for what the run had made."""
        before, made = self._version.rows(Side.BEFORE), self._version.rows(Side.AFTER)
        return self._run(replace(info, undone=False), before, made, [row.name for row, _ in self._movable(made)])

    def finish(self, info: RunInfo) -> Moved:
        """Go on with an exchange that was interrupted."""
        before, made = self._version.rows(Side.BEFORE), self._version.rows(Side.AFTER)
        # The record may not know the files that were put there.
        self._files.add_lines(row.line for row in (*before.values(), *made.values()))
        return self._run(info, before, made, [row.name for row, _ in self._movable(made)])

    def _run(self, info: RunInfo, before: dict[str, Row], made: dict[str, Row], names: Iterable[str]) -> Moved:
        """Put the files of the side that `info.undone` says in their places."""
        version, target = self._version, before if info.undone else made
        side, other = (Side.BEFORE, Side.AFTER) if info.undone else (Side.AFTER, Side.BEFORE)
        wanted = [row for name in names if (row := target.get(name))]
        version.write_info(replace(info, moving=True))
        self._files.add_lines(row.line for row in wanted)
        self._files.save()
        for row in wanted:
            self._put(row, side, other)
        self._remove_empty_folders()
        self._folder.remove_unfinished()  # their mattes are not those that are there now
        done = replace(info, moving=False)
        version.write_info(done)
        run = _kept_run(version, done, before, made)
        return Moved(run, *(_ascending(of) for of in (self._changed, self._edited, self._locked, self._missing)))

    def _movable(self, rows: Mapping[str, Row]) -> list[tuple[Row, Found]]:
        """List the files that may change: neither edited nor locked, nor label images of which no matte changes."""
        movable, changing, staying = [], set(), set()
        for row in rows.values():
            object_id, number, found = row.object_id, row.number, self._files.found(row.name)
            is_locked = object_id is not None and number is not None and self._is_locked(object_id, number)
            if is_locked or (number is not None and found.is_edited):
                (self._locked if is_locked else self._edited).add(number)
                staying.add(number if object_id is not None else None)
            else:
                movable.append((row, found))
                changing.add(number if object_id is not None else None)
        left = staying - changing
        return [(row, found) for row, found in movable if not (row.name.startswith("labels/") and row.number in left)]

    def _put(self, row: Row, side: Side, other: Side) -> None:
        """Keep a file on the other side and put that of a side in its place; remove it if there was none."""
        path = f"{self._folder.root}/{row.name}"
        kept, stored = (f"{self._version.path}/{one.value}/{row.name}" for one in (side, other))
        if row.size is not None and not os.path.lexists(kept):  # here, path objects cost most
            if not os.path.lexists(stored):
                self._missing.add(row.number)
            return  # else it was put there before the exchange was interrupted
        self._make_folder(stored)
        try:
            os.link(path, stored)
        except FileNotFoundError:  # there is none to keep
            pass
        except OSError:
            link_or_copy(Path(path), Path(stored))
        if row.size is None:
            Path(path).unlink(missing_ok=True)
        else:
            self._make_folder(path)
            replace_file(kept, path)
        self._changed.add(row.number)

    def _make_folder(self, path: str) -> None:
        folder = path[: path.rindex("/")]
        if folder not in self._folders:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)

    def _remove_empty_folders(self) -> None:
        root = self._folder.root
        for folder in (*self._folder.matte_sequences().values(), *(root / name for name in ("labels", "outlines"))):
            with suppress(OSError):
                folder.rmdir()


def _ascending(numbers: Iterable[int | None]) -> tuple[int, ...]:
    return tuple(sorted({number for number in numbers if number is not None}))


def _kept_run(version: Version, info: RunInfo, before: Mapping[str, Row], made: Mapping[str, Row]) -> KeptRun:
    size = sum(row.size or 0 for row in (made if info.undone else before).values())
    numbers = _ascending(row.number for row in before.values())
    return KeptRun(version.number, info.when, info.recipe, numbers, size, info.undone)
