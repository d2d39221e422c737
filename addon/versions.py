"""Undoing and redoing of a clip's last runs, from what they replaced in its matte folder, and looking at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from bpy.types import MovieClip

from ..engine.shared import versions
from ..engine.shared.errors import EngineBusy, NothingPropagated
from ..engine.shared.files import modified_ns
from ..engine.shared.kept_state import KeptState, kept_state
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.version_store import RunInfo
from ..engine.shared.versions import IsLocked, Moved
from . import outcomes, quality_list, recipes, state_watch, suggestions
from .folders import existing_folder, matte_folder
from .locks import EVERY, locked_ranges
from .session import session

_Stamp = tuple[tuple[Path, int], ...]


@dataclass(frozen=True)
class _Next:
    """What Undo Run and Redo Run would do, and the state of which the earlier mattes are shown."""

    undo: RunInfo | None = None
    redo: RunInfo | None = None
    kept: tuple[KeptState, RunInfo] | None = None


def next_undo(clip: MovieClip) -> RunInfo | None:
    """Return the run that Undo Run would undo; None if there is none."""
    return _next(clip).undo


def next_redo(clip: MovieClip) -> RunInfo | None:
    """Return the run that Redo Run would redo; None if there is none."""
    return _next(clip).redo


def compared(clip: MovieClip) -> tuple[KeptState, RunInfo] | None:
    """Return the state with which the mattes can be compared, and its run; see `kept_state`."""
    return _next(clip).kept


def run_words(info: RunInfo) -> str:
    """Return in words which run it is."""
    return f"Run of {datetime.fromtimestamp(info.when):%d %B, %H:%M}, with {recipes.short_name(info.recipe)}"


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
    outcomes.drop(clip.session_uid)  # what is told there is about mattes that have been replaced
    state_watch.refresh(clip)
    quality_list.update()
    return moved


def _is_locked(clip: MovieClip) -> IsLocked:
    ranges = locked_ranges(clip)
    return lambda object_id, number: any(
        of in (EVERY, object_id) and first <= number <= last for of, first, last in ranges
    )


def _next(clip: MovieClip) -> _Next:
    folder = existing_folder(clip)
    if folder is None:
        return _Next()
    return _read_next(folder.root, tuple((path, modified_ns(path)) for path in folder.version_folders()))


@lru_cache(maxsize=16)
def _read_next(root: Path, stamp: _Stamp) -> _Next:
    """Return what comes next; cached until `stamp` changes, as panels and the overlay ask with every redraw."""
    folder = MatteFolder(root)
    return _Next(versions.next_undo(folder), versions.next_redo(folder), kept_state(folder))
