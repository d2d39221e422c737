"""Undoing and redoing of a clip's last runs, from what they replaced in its matte folder."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bpy.types import MovieClip

from ..engine.shared import versions
from ..engine.shared.errors import EngineBusy, NothingPropagated
from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.version_store import RunInfo
from ..engine.shared.versions import IsLocked, Moved
from . import quality_list, state_watch, suggestions
from .folders import existing_folder, matte_folder
from .locks import EVERY, locked_ranges
from .session import session

_Stamp = tuple[tuple[Path, int], ...]


def next_undo(clip: MovieClip) -> RunInfo | None:
    """Return the run that Undo Run would undo; None if there is none."""
    return _next(clip)[0]


def next_redo(clip: MovieClip) -> RunInfo | None:
    """Return the run that Redo Run would redo; None if there is none."""
    return _next(clip)[1]


def is_busy(clip: MovieClip) -> bool:
    """Return whether a running operation uses the clip's mattes."""
    folder = existing_folder(clip)
    return session.status.busy and folder is not None and session.status.folder == folder.root


def change(clip: MovieClip, *, undone: bool) -> Moved:
    """Undo the clip's last run, or redo the one undone last; what shows its mattes is brought up to date.

    Raises EngineBusy, and what `undo` of `shared.versions` raises.
    """
    if is_busy(clip):
        raise EngineBusy("this clip's mattes are in use by a running operation")
    if existing_folder(clip) is None:
        raise NothingPropagated(f"clip {clip.name} has no mattes yet")
    folder = matte_folder(clip)
    moved = (versions.undo if undone else versions.redo)(folder, _is_locked(clip))
    _read_next.cache_clear()  # dates may be too coarse to tell
    suggestions.clear(clip)  # they were computed from mattes that have been replaced
    if not session.status.busy and session.status.folder == folder.root:
        session.reset()  # what is shown there is told of mattes that have been replaced
    state_watch.refresh(clip)
    quality_list.update()
    return moved


def _is_locked(clip: MovieClip) -> IsLocked:
    ranges = locked_ranges(clip)
    return lambda object_id, number: any(
        of in (EVERY, object_id) and first <= number <= last for of, first, last in ranges
    )


def _next(clip: MovieClip) -> tuple[RunInfo | None, RunInfo | None]:
    folder = existing_folder(clip)
    if folder is None:
        return None, None
    return _read_next(folder.root, tuple((path, modified_ns(path)) for path in folder.version_folders()))


@lru_cache(maxsize=16)
def _read_next(root: Path, stamp: _Stamp) -> tuple[RunInfo | None, RunInfo | None]:
    """Return the next runs to undo and to redo; cached until `stamp` changes, as panels ask with every redraw."""
    folder = MatteFolder(root)
    return versions.next_undo(folder), versions.next_redo(folder)
