"""Refining of a clip's mattes: the job, and how many are up to date."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import FolderNotWritable, NothingPropagated
from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.protocol import Refine
from ..engine.shared.refined import RefinedMattes
from ..engine.shared.refinement import RefinedObject
from ..engine.shared.types import RefineJob
from . import clips, job_queue
from .folders import existing_folder
from .listening import redraw
from .matte_files import objects_to_refine
from .objects import matte_numbers
from .session import session

_POLL = 0.1  # seconds between looks whether mattes have been counted


@dataclass(frozen=True)
class Counts:
    """How many of the mattes to refine are refined."""

    current: int
    due: int


@dataclass(frozen=True)
class _Question:
    """Folder whose mattes are counted, and what the answer depends on."""

    folder: MatteFolder
    objects: tuple[RefinedObject, ...]
    numbers: tuple[tuple[int, ...], ...]  # of the mattes of each object
    changed: tuple[int, ...]  # when the records were last written, ns


_answers: dict[int, tuple[_Question, Counts]] = {}  # by `session_uid`
_counting: threading.Thread | None = None


def start(clip: MovieClip) -> None:
    """Start refining the mattes that are not up to date, and return at once.

    Raises NothingPropagated, ClipNotFound, ClipUnreadable, EngineBusy, EngineMissing.
    """
    folder, objects = existing_folder(clip), objects_to_refine(clip)
    if not objects:
        raise NothingPropagated("Refine Edges is off for all objects", remedy="Turn it on for an object.")
    if folder is None or not any(matte_numbers(clip, one.object_id) for one in objects):
        raise NothingPropagated(f"clip {clip.name} has no mattes yet")
    film = clips.video_clip(clip)
    job = RefineJob(uuid.uuid4().hex, film, folder.root, range(film.frame_count), objects)
    session.start(Refine(job), clip.name, what="refined mattes", uid=clip.session_uid)


# -- counting ----------------------------------------------------------------------------------------------------------
def watch(clip: MovieClip) -> Counts | None:
    """Return how many mattes were refined when they were last counted, and count again if anything has changed.

    None if they have not been counted yet. Nothing is counted while a run writes them.
    """
    question = _question(clip)
    known = _answers.get(clip.session_uid)
    if question is None:
        return None
    if (known is None or known[0] != question) and _counting is None and not job_queue.is_on(clip):
        _count_beside(clip.session_uid, question)
        known = _answers.get(clip.session_uid)
    return known[1] if known and known[0].objects == question.objects else None


def forget() -> None:
    """Forget what was counted, as another file is loaded."""
    _answers.clear()


def _question(clip: MovieClip) -> _Question | None:
    folder, objects = existing_folder(clip), objects_to_refine(clip)
    if folder is None or not objects:
        return None
    numbers = tuple(tuple(matte_numbers(clip, one.object_id)) for one in objects)
    return _Question(folder, objects, numbers, (modified_ns(folder.index), modified_ns(folder.refined.index)))


def _counted(question: _Question) -> Counts:
    state = RefinedMattes(question.folder)
    current = sum(
        state.is_current(one, number)
        for one, numbers in zip(question.objects, question.numbers, strict=True)
        for number in numbers
    )
    return Counts(current, sum(map(len, question.numbers)) - current)


def _count_beside(uid: int, question: _Question) -> None:
    """Count in a thread, and redraw the editors when it has ended; in background mode, count now."""
    global _counting

    def count() -> None:
        try:
            _answers[uid] = question, _counted(question)
        except FolderNotWritable:
            _answers[uid] = question, Counts(0, sum(map(len, question.numbers)))

    if bpy.app.background:
        count()
        return
    _counting = threading.Thread(target=count, name="Keymatte refined mattes", daemon=True)
    _counting.start()
    bpy.app.timers.register(_tick, first_interval=_POLL)


def _tick() -> float | None:
    global _counting
    if _counting is not None and _counting.is_alive():
        return _POLL
    _counting = None
    redraw()
    return None
