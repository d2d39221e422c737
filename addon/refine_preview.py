"""Previews of refined mattes: the frame that is shown, refined by the settings as they are now, beside other jobs."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError
from ..engine.shared.files import modified_ns
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.protocol import Failed, Preview, Previewed
from ..engine.shared.refinement import RefinedObject
from ..engine.shared.text import printable
from ..engine.shared.types import PreviewJob
from . import clips, job_queue
from .exchange import new_folder
from .folders import existing_folder
from .listening import listen_closely, redraw
from .matte_files import refined_state
from .objects import find_object
from .refine_settings import refined_object
from .session import session

_MAX_KEPT = 24  # previews
_REST = 0.05  # seconds from a change to the question, while a slider moves


@dataclass(frozen=True)
class _Asked:
    """Matte to be refined."""

    clip_uid: int  # `session_uid`
    folder: MatteFolder
    one: RefinedObject
    number: int
    changed: int  # when the matte was last written, ns


_previews: OrderedDict[_Asked, Path] = OrderedDict()
_problems: dict[_Asked, str] = {}
_wanted: _Asked | None = None
_pending: _Asked | None = None
_out: Path | None = None


def shown_file(clip: MovieClip, object_id: int, number: int, *, ask: bool) -> Path | None:
    """Return the file of an object's refined matte on a frame, or of its preview; None if its matte is to be shown.

    With `ask`, a preview is asked for if there is neither; the editors are redrawn when it is there.
    """
    item, folder = find_object(clip, object_id), existing_folder(clip)
    if folder is None or item is None or not item.refinement.use or not folder.matte(object_id, number).is_file():
        return None
    one = refined_object(object_id, item.refinement)
    if refined_state(folder).is_current(one, number):
        return folder.refined.matte(object_id, number)
    asked = _Asked(clip.session_uid, folder, one, number, modified_ns(folder.matte(object_id, number)))
    path = _previews.get(asked)
    if path is None and ask and asked not in _problems and not job_queue.is_on(clip):
        _ask_soon(asked)
    return path


def problem(clip: MovieClip) -> str:
    """Return why the last preview of a clip could not be made; empty if it could."""
    return next((text for asked, text in reversed(_problems.items()) if asked.clip_uid == clip.session_uid), "")


def is_pending(clip: MovieClip) -> bool:
    """Return whether a preview of the clip is being made."""
    return any(asked is not None and asked.clip_uid == clip.session_uid for asked in (_wanted, _pending))


def forget() -> None:
    """Forget all previews, as another file is loaded."""
    global _wanted, _pending
    _previews.clear()
    _problems.clear()
    _wanted = _pending = None


def _ask_soon(asked: _Asked) -> None:
    global _wanted
    _wanted = asked
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=_REST)


def _tick() -> float | None:
    """Ask the engine for the preview that is wanted, one at a time."""
    global _wanted, _pending, _out
    if _wanted is None or _pending is not None:
        return None  # the answer asks again
    asked, _wanted = _wanted, None
    clip = clips.find_clip(asked.clip_uid)
    if clip is None:
        return None
    try:
        if _out is None or not _out.is_dir():
            _out = new_folder()
        film, frame = clips.video_clip(clip), clips.media_frame_of(clip, asked.number)
        name = f"{uuid.uuid4().hex}.png"
        job = PreviewJob(uuid.uuid4().hex, film, asked.folder.root, frame, asked.one, _out / name)
        session.ask_beside(Preview(job), partial(_receive, asked))
    except EngineError as error:
        _problems[asked] = error.sentence()
        redraw()
        return None
    _pending = asked
    listen_closely()
    return None


def _receive(asked: _Asked, answer: Previewed | Failed) -> None:
    global _pending
    if _pending == asked:
        _pending = None
    if isinstance(answer, Failed):
        _problems[asked] = printable(f"{answer.message} {answer.remedy}".strip(), 500)
    else:
        _problems.clear()
        _previews[asked] = answer.alpha
        while len(_previews) > _MAX_KEPT:
            _, oldest = _previews.popitem(last=False)
            oldest.unlink(missing_ok=True)
    if _wanted is not None:
        _ask_soon(_wanted)
    redraw()
