"""Outcomes: how the last operation on each clip ended, kept as long as it says something true of the clip."""

from __future__ import annotations

from dataclasses import dataclass

from bpy.types import MovieClip

from . import causes, clips
from .causes import Stamp
from .status import Status

GENERAL = 0  # in place of the `session_uid` of a clip: operations that concern none, such as an installation


@dataclass(frozen=True)
class _Outcome:
    """How an operation ended, and what its result or problem depends on."""

    status: Status
    stamp: Stamp  # of the file and the preferences
    disk: Stamp

    @property
    def code(self) -> str:
        """Return the code of the problem; empty if there is none."""
        return self.status.problem.code if self.status.problem else ""


_kept: dict[int, _Outcome] = {}  # by `session_uid`


def keep(status: Status) -> None:
    """Keep how an operation has ended, in place of what was kept of its clip."""
    clip = clips.find_clip(status.clip_uid) if status.clip_uid else None
    if status.clip_uid and clip is None:
        return  # the clip was removed
    code = status.problem.code if status.problem else ""
    _kept[status.clip_uid] = _Outcome(status, _stamp(clip, code), causes.disk_stamp(clip, code))


def of_clip(clip: MovieClip) -> Status | None:
    """Return how the last operation on a clip ended; None if it is not known, or if the clip was changed since.

    Once the change is undone, it is told again. Does not touch the disk, as panels ask with every redraw.
    """
    found = _kept.get(clip.session_uid)
    return found.status if found and found.stamp == _stamp(clip, found.code) else None


def general() -> Status | None:
    """Return how the last operation ended that concerns no clip; None if it is not known, or is no longer true."""
    found = _kept.get(GENERAL)
    return found.status if found and found.stamp == _stamp(None, found.code) else None


def drop(clip_uid: int) -> None:
    """Forget how the last operation on a clip ended, since another begins, or its results were replaced."""
    _kept.pop(clip_uid, None)


def forget_clips() -> None:
    """Forget what is kept of clips, as another file is loaded."""
    for uid in [uid for uid in _kept if uid != GENERAL]:
        del _kept[uid]


def may_go() -> bool:
    """Return whether there is a problem whose cause may go without Blender being told; see `look`."""
    return any(causes.is_on_disk(kept.code) for kept in _kept.values())


def look() -> bool:
    """Forget the problems whose causes are gone from the disk, and those of removed clips; return whether any was."""
    gone = [uid for uid, kept in _kept.items() if _is_gone(uid, kept)]
    for uid in gone:
        del _kept[uid]
    return bool(gone)


def _is_gone(uid: int, kept: _Outcome) -> bool:
    clip = clips.find_clip(uid) if uid != GENERAL else None
    if uid != GENERAL and clip is None:
        return True
    return causes.is_on_disk(kept.code) and causes.disk_stamp(clip, kept.code) != kept.disk


def _stamp(clip: MovieClip | None, code: str) -> Stamp:
    return causes.clip_stamp(clip, code) if clip is not None else causes.settings_stamp()
