"""Runs of Propagate: the one that runs, those that are paused, and those that wait for their turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bpy.types import MovieClip

from ..engine.shared.errors import EngineBusy, EngineError, WeightsMissing
from ..engine.shared.protocol import MatteReady, Propagate
from ..engine.shared.types import Direction, PropagationJob, Redo
from . import clips, outcomes, paces, quality, suggestions
from .current_job import unexpected
from .folders import existing_folder
from .jobs import gather_job
from .session import session
from .status import State, Status


@dataclass(frozen=True)
class Run:
    """What Propagate was asked for."""

    clip_uid: int  # `session_uid`
    frames: range  # media frames
    direction: Direction
    redo: Redo
    recipe: str = ""  # empty: the clip's
    name: str = field(default="", compare=False)  # of the clip when it was asked for, to tell of it when it is gone

    def job(self, clip: MovieClip) -> PropagationJob:
        """Return the job with the keyframes as they are now. Raises what `gather_job` raises."""
        return gather_job(clip, self.frames, self.direction, recipe=self.recipe, redo=self.redo)

    def covers(self, other: Run) -> bool:
        """Return whether nothing is left to do of another run once this one has ended."""
        return (
            (self.clip_uid, self.recipe) == (other.clip_uid, other.recipe)
            and self.direction in (Direction.BOTH, other.direction)
            and self.redo in (Redo.EVERYTHING, other.redo)
            and all(end in self.frames for end in (*other.frames[:1], *other.frames[-1:]))
        )


_current: Run | None = None  # the last that was started
_job_ids: list[str] = []  # of its job and those before
_paused: list[Run] = []  # one of each clip, the one paused first before others
_waiting: list[Run] = []


def start(run: Run, clip: MovieClip) -> None:
    """Start a run on its clip, and return at once. Raises EngineBusy, EngineMissing, and what `Run.job` raises."""
    global _current
    job = run.job(clip)
    session.start(Propagate(job), clip.name, _receiver(clip, run.recipe), uid=run.clip_uid)
    _current = run
    _job_ids.append(job.job_id)
    drop_paused(run.clip_uid)
    suggestions.clear(clip)  # they were computed from mattes that are now being replaced


def add(run: Run, clip: MovieClip) -> None:
    """Let a run wait until the running operation has ended. Raises what `Run.job` raises.

    Runs that have nothing left to do after this one are removed, and it is not added after one that does as much.
    """
    try:
        run.job(clip)  # what is amiss is said now
    except WeightsMissing:
        if session.status.clip:  # else they may be what is just being installed
            raise
    if not any(one.covers(run) for one in _waiting):
        _waiting[:] = [one for one in _waiting if not run.covers(one)]
        _waiting.append(run)


def wait_for(run: Run) -> Status:
    """Wait until a run that was added has ended. For background mode, where no timer runs.

    Raises EngineError if it fails, and EngineBusy if a run is paused, after which it waits.
    """
    while run in _waiting or (session.status.busy and _current == run):
        if paused() and not session.status.busy:
            raise EngineBusy("a run is paused", remedy="Resume or cancel it first.")
        session.pump()
        if run in _waiting:
            advance()
        time.sleep(0.01)
    return session.wait()


def remove(clip_uid: int) -> None:
    """Remove the runs of a clip from those that wait."""
    _waiting[:] = [run for run in _waiting if run.clip_uid != clip_uid]


def waiting() -> tuple[MovieClip, ...]:
    """Return the clips whose runs wait for their turn, each once, the next one first."""
    found = (clips.find_clip(uid) for uid in dict.fromkeys(run.clip_uid for run in _waiting))
    return tuple(clip for clip in found if clip is not None)


def waiting_sentence(clip: MovieClip) -> str:
    """Say for what the run of a clip waits that was just added."""
    running = session.status
    before = [one.name for one in waiting() if one != clip]
    if running.clip_uid == clip.session_uid:
        what = "its run" if is_run(running) else "what is running on it"
    elif running.clip:
        what = running.clip
    else:
        what = "the installation" if running.state is State.RUNNING and not running.job_id else running.text
    again = " again" if running.clip_uid == clip.session_uid and is_run(running) else ""
    return f"{clip.name} will be propagated{again} after {', '.join([what, *before])}"


def is_due() -> bool:
    """Return whether a run that waits can be started; see `advance`."""
    return bool(_waiting) and not paused() and not session.status.busy


def advance() -> bool:
    """Start the next run that waits if nothing runs and none is paused, and return whether one was taken.

    Why a run cannot be started is told on its clip, and does not keep the others from their turns.
    """
    if not is_due():
        return False
    run = _waiting.pop(0)
    clip = clips.find_clip(run.clip_uid)
    if clip is None:
        outcomes.keep(Status(State.CANCELLED, text=f"Clip {run.name} was removed before it could be propagated"))
        return True
    try:
        start(run, clip)
    except EngineError as error:
        session.show(error, run.clip_uid)
    except Exception as error:  # a mistake in Keymatte must not keep the others from their turns either
        session.show(unexpected(error), run.clip_uid)
    return True


def is_on(clip: MovieClip) -> bool:
    """Return whether the running operation works on a clip."""
    folder = existing_folder(clip)
    return session.status.busy and folder is not None and session.status.folder == folder.root


def is_run(status: Status) -> bool:
    """Return whether a status is that of a run of Propagate, and of no other operation."""
    return status.job_id in _job_ids


def can_pause() -> bool:
    """Return whether a run of Propagate is in progress."""
    return _current is not None and session.status.busy and is_run(session.status)


def pause() -> None:
    """Cancel the run in progress. Its mattes and its checkpoint are kept, so that it goes on from there."""
    if _current is not None:
        drop_paused(_current.clip_uid)
        _paused.append(_current)
    session.cancel()


def paused() -> tuple[MovieClip, ...]:
    """Return the clips whose runs are paused, the first one first."""
    found = (clips.find_clip(run.clip_uid) for run in _paused)
    return tuple(clip for clip in found if clip is not None)


def resume(clip: MovieClip) -> None:
    """Start the paused run of a clip again: it goes on from its checkpoint. Raises what `start` raises."""
    run = next((one for one in _paused if one.clip_uid == clip.session_uid), None)
    if run is not None:
        start(run, clip)


def drop_paused(clip_uid: int) -> None:
    """Give up the paused run of a clip; what it has made is kept."""
    _paused[:] = [run for run in _paused if run.clip_uid != clip_uid and clips.find_clip(run.clip_uid)]


def forget() -> None:
    """Forget all runs, as another file is loaded."""
    global _current
    _current = None
    _job_ids.clear()
    _paused.clear()
    _waiting.clear()


def _receiver(clip: MovieClip, recipe: str) -> Callable[[MatteReady], None]:
    """Return a function that takes in what a run on the clip tells of mattes that it has just written."""
    receivers = quality.receiver(clip), paces.observe(clip, recipe)

    def receive(ready: MatteReady) -> None:
        for one in receivers:
            one(ready)

    return receive
