"""Runs of Propagate: the one that runs, one that is paused, and those that wait for their turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bpy.types import MovieClip

from ..engine.shared.errors import EngineError
from ..engine.shared.protocol import MatteReady, Propagate
from ..engine.shared.types import Direction, PropagationJob, Redo
from . import clips, paces, quality, suggestions
from .folders import existing_folder
from .jobs import gather_job
from .session import session


@dataclass(frozen=True)
class Run:
    """What Propagate was asked for."""

    clip_uid: int  # `session_uid`
    frames: range  # media frames
    direction: Direction
    redo: Redo
    recipe: str = ""  # empty: the clip's

    def job(self, clip: MovieClip) -> PropagationJob:
        """Return the job with the keyframes as they are now. Raises what `gather_job` raises."""
        return gather_job(clip, self.frames, self.direction, recipe=self.recipe, redo=self.redo)


_current: Run | None = None  # the last that was started
_job_id = ""  # of its job
_paused: Run | None = None
_waiting: list[Run] = []


def start(run: Run, clip: MovieClip) -> None:
    """Start a run on its clip, and return at once. Raises EngineBusy, EngineMissing, and what `Run.job` raises."""
    global _current, _job_id, _paused
    job = run.job(clip)
    session.start(Propagate(job), clip.name, _receiver(clip, run.recipe))
    _current, _job_id, _paused = run, job.job_id, None
    suggestions.clear(clip)  # they were computed from mattes that are now being replaced


def add(run: Run, clip: MovieClip) -> None:
    """Let a run wait for its turn, in place of another of its clip. Raises what `Run.job` raises."""
    run.job(clip)  # what is amiss is said now
    remove(run.clip_uid)
    _waiting.append(run)


def remove(clip_uid: int) -> None:
    """Remove the run of a clip from those that wait."""
    _waiting[:] = [run for run in _waiting if run.clip_uid != clip_uid]


def waiting() -> tuple[MovieClip, ...]:
    """Return the clips whose runs wait for their turn, the next one first."""
    found = (clips.find_clip(run.clip_uid) for run in _waiting)
    return tuple(clip for clip in found if clip is not None)


def advance() -> bool:
    """Start the next run that waits if nothing runs and none is paused, and return whether one was taken.

    The session shows why a run cannot be started.
    """
    if session.status.busy or _paused is not None or not _waiting:
        return False
    run = _waiting.pop(0)
    clip = clips.find_clip(run.clip_uid)
    if clip is not None:
        try:
            start(run, clip)
        except EngineError as error:
            session.show(error)
    return True


def is_on(clip: MovieClip) -> bool:
    """Return whether the running operation works on a clip."""
    folder = existing_folder(clip)
    return session.status.busy and folder is not None and session.status.folder == folder.root


def can_pause() -> bool:
    """Return whether a run of Propagate is in progress."""
    return _current is not None and session.status.busy and session.status.job_id == _job_id


def pause() -> None:
    """Cancel the run in progress. Its mattes and its checkpoint are kept, so that it goes on from there."""
    global _paused
    _paused = _current
    session.cancel()


def paused() -> MovieClip | None:
    """Return the clip whose run is paused; None if there is none."""
    return clips.find_clip(_paused.clip_uid) if _paused else None


def resume() -> None:
    """Start the run that is paused again: it goes on from its checkpoint. Raises what `start` raises."""
    clip = paused()
    if _paused is not None and clip is not None:
        start(_paused, clip)


def drop_paused() -> None:
    """Give up the run that is paused; what it has made is kept."""
    global _paused
    _paused = None


def forget() -> None:
    """Forget all runs, as another file is loaded."""
    global _current
    _current = None
    drop_paused()
    _waiting.clear()


def _receiver(clip: MovieClip, recipe: str) -> Callable[[MatteReady], None]:
    """Return a function that takes in what a run on the clip tells of mattes that it has just written."""
    receivers = quality.receiver(clip), paces.observe(clip, recipe)

    def receive(ready: MatteReady) -> None:
        for one in receivers:
            one(ready)

    return receive
