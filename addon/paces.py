"""Pace of runs: measured while mattes come in, and kept on clips by recipe and size, to foretell how long one takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import bpy
from bpy.types import MovieClip

from ..engine.shared.protocol import MatteReady

Clock = Callable[[], float]


@dataclass(frozen=True)
class Pace:
    """Speed of a run."""

    steps: float  # per second; a frame reached from both sides takes two
    start: float  # seconds until the first step begins

    def seconds(self, steps: int) -> float:
        """Return how many seconds a run with this number of steps takes."""
        return self.start + steps / self.steps


@dataclass
class Observer:
    """What a run tells of itself."""

    key: str  # recipe and size
    clock: Clock = time.monotonic
    made: set[int] = field(default_factory=set)  # media frames on which mattes were written
    _first: tuple[float, int] | None = None  # time and number of the first step that was told
    _last: tuple[float, int] = (0.0, 0)

    def __post_init__(self) -> None:
        self._began = self.clock()

    def take(self, ready: MatteReady) -> None:
        """Take in that the mattes of a frame are on disk."""
        self._last = self.clock(), ready.done
        self._first = self._first or self._last
        if ready.qualities:
            self.made.add(ready.frame)

    @property
    def pace(self) -> Pace | None:
        """Return the pace; None if too few steps were told."""
        if self._first is None or self._last[1] < self._first[1] + 2 or self._last[0] <= self._first[0]:
            return None
        steps = (self._last[1] - self._first[1]) / (self._last[0] - self._first[0])
        return Pace(steps, max(0.0, self._first[0] - self._began - 1 / steps))


_last: dict[int, Observer] = {}  # run of each clip by `session_uid`


def key_of(clip: MovieClip, recipe: str = "") -> str:
    """Return what the pace of a run on the clip depends on: recipe and size."""
    width, height = clip.size
    return f"{recipe or clip.matting.recipe} {width}x{height}"


def observe(clip: MovieClip, recipe: str = "") -> Callable[[MatteReady], None]:
    """Note that a run on the clip begins, and return a function that takes in what it tells."""
    observer = _last[clip.session_uid] = Observer(key_of(clip, recipe))
    return observer.take


def made_by_last(clip: MovieClip) -> set[int]:
    """Return the media frames on which the clip's last run has written mattes."""
    observer = _last.get(clip.session_uid)
    return observer.made if observer else set()


def store(clip: MovieClip) -> None:
    """Keep the pace of the clip's last run on the clip, if it is known. Must not be called while drawing."""
    observer = _last.get(clip.session_uid)
    pace = observer.pace if observer else None
    if observer is not None and pace is not None:
        kept = _read(clip)
        values = [round(pace.steps, 3), round(pace.start, 3)]
        if kept.get(observer.key) != values:
            clip.matting.paces = json.dumps({**kept, observer.key: values})


def pace_of(clip: MovieClip) -> Pace | None:
    """Return the last pace with the clip's recipe and size, of this clip or of another; None without one."""
    key = key_of(clip)
    for one in (clip, *bpy.data.movieclips):
        match _read(one).get(key):
            case [float() | int() as steps, float() | int() as start] if steps > 0:
                return Pace(steps, start)
    return None


def forget() -> None:
    """Forget all runs, as another file is loaded."""
    _last.clear()


def _read(clip: MovieClip) -> dict[str, object]:
    try:
        found = json.loads(clip.matting.paces or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
