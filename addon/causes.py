"""What the result or the problem of a clip is about: by changes of it, it is told that neither is true any more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Hashable
from pathlib import Path

import bpy
from bpy.types import MovieClip

from ..engine.shared import errors
from ..engine.shared.files import modified_ns
from ..engine.shared.setup_errors import (
    EngineOutdated,
    EnginePartly,
    IndexUnreachable,
    ProxyRefused,
    PythonUnsuitable,
    WheelsMissing,
)
from . import PACKAGE, clips, environment, weights
from .folders import existing_folder
from .keyframe_columns import keyframes_of

Stamp = tuple[Hashable, ...]

_ON_CLIP = ("recipe", "weights", "adapt", "across_cuts", "follow_small", "stabilized", "use_range")
_RANGE = ("range_first", "range_last")
_PREFERENCES = ("engine_python", "device", "cache_folder", "weights_folder")
_ABOUT_FRAME = (errors.KeyframeOutsideClip.code, errors.BlenderLimit.code)
_ROOM = 64 << 20  # bytes that have become free: a run may fit in now


def settings_stamp() -> Stamp:
    """Return what of Blender's preferences an operation depends on, without touching the disk."""
    addon = bpy.context.preferences.addons.get(PACKAGE)
    chosen = tuple(getattr(addon.preferences, name) for name in _PREFERENCES) if addon else ()
    return bpy.app.online_access, *chosen


def clip_stamp(clip: MovieClip, code: str = "") -> Stamp:
    """Return what of the file a clip's result depends on, or a problem with this code, without touching the disk.

    That is what the user does to the clip, its objects and its keyframes, and which results they have.
    """
    matting = clip.matting
    objects = tuple((item.object_id, item.name, item.role, item.lock, item.invert) for item in matting.objects)
    keys = matting.keyframes
    return (
        os.path.normpath(clips.media_path(clip)),  # saving makes it relative, and perhaps one with ".."
        *(getattr(matting, name) for name in (*_ON_CLIP, *(_RANGE if matting.use_range else ()))),
        objects,
        keyframes_of(clip).tobytes(),
        tuple(key.version for key in keys),
        bpy.context.scene.frame_current if code in _ABOUT_FRAME else 0,
        settings_stamp(),
    )


def is_on_disk(code: str) -> bool:
    """Return whether the cause of a problem lies on the disk, where it may go without anything said to Blender."""
    return code in _ON_DISK


def disk_stamp(clip: MovieClip | None, code: str) -> Stamp:
    """Return what there is on the disk of the cause of a problem; reads little, but not to be called while drawing."""
    look = _ON_DISK.get(code)
    return look(clip) if look else ()


def _engine(clip: MovieClip | None) -> Stamp:
    try:
        return (tuple(environment.engine_command()),)
    except errors.EngineError as error:
        return (error.message,)


def _weights(clip: MovieClip | None) -> Stamp:
    return tuple(weights.is_installed(entry) for entry in weights.OFFERED)


def _footage(clip: MovieClip | None) -> Stamp:
    if clip is None:
        return ()
    path = clips.media_path(clip)
    return modified_ns(path), modified_ns(path.parent)


def _folder(clip: MovieClip | None) -> Stamp:
    root = _root(clip)
    return (root, modified_ns(root), _is_writable(root)) if root else ()


def _room(clip: MovieClip | None) -> Stamp:
    root = _root(clip)
    try:
        return (shutil.disk_usage(root).free // _ROOM,) if root else ()
    except OSError:
        return ()


def _root(clip: MovieClip | None) -> Path | None:
    folder = existing_folder(clip) if clip else None
    return folder.root if folder else None


def _is_writable(root: Path) -> bool:
    return os.access(root, os.W_OK)


_OF_SETUP = (EnginePartly, EngineOutdated, PythonUnsuitable, IndexUnreachable, ProxyRefused, WheelsMissing)
_ON_DISK: dict[str, Callable[[MovieClip | None], Stamp]] = {
    **dict.fromkeys((one.code for one in (errors.EngineMissing, errors.PythonMissing)), _engine),
    errors.EnvironmentFailed.code: _engine,
    **dict.fromkeys((one.code for one in _OF_SETUP), _engine),
    **dict.fromkeys((one.code for one in (errors.WeightsMissing, errors.WeightsDamaged)), _weights),
    **dict.fromkeys((one.code for one in (errors.ClipNotFound, errors.ClipUnreadable)), _footage),
    errors.FramesUnreadable.code: _footage,
    **dict.fromkeys((one.code for one in (errors.FolderNotWritable, errors.FolderTaken)), _folder),
    errors.DiskFull.code: _room,
}
