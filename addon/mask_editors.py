"""Editors in which the artist edits masks made from mattes, and the clips and objects of the masks' layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
from bpy.types import Area, Mask, MaskLayer, MovieClip, Scene, Window

from ..engine.shared.errors import ClipUnreadable
from . import clips
from .mask_keys import SCRATCH
from .mask_layers import layer_start, made_layers
from .mask_points import has_selected

_owners: dict[int, tuple[object, dict[str, tuple[int, int]]]] = {}  # what it depends on; layer -> clip, object


@dataclass(frozen=True)
class MaskEditor:
    """A mask, and an editor in which the artist can edit it."""

    mask: Mask
    window: Window
    area: Area


@dataclass(frozen=True)
class Shown:
    """What a layer shows on a frame."""

    of: tuple[MovieClip, int]  # the clip and its object
    number: int  # file number of the clip's frame


def is_scratch(scene: Scene) -> bool:
    """Return whether a scene is one that is only stepped through while keys are inserted or masks are rendered."""
    return SCRATCH in scene


def editors(scene: Scene) -> list[MaskEditor]:
    """Return the masks made from mattes that the windows of a scene show for editing, each with one editor."""
    if is_scratch(scene):
        return []
    found: dict[int, MaskEditor] = {}
    windows = [window for window in bpy.context.window_manager.windows if window.scene == scene]
    for window, area in [(one, area) for one in windows for area in one.screen.areas]:
        space = area.spaces.active
        if area.type not in ("CLIP_EDITOR", "IMAGE_EDITOR") or space.mode != "MASK":
            continue
        mask = space.mask if area.type == "IMAGE_EDITOR" or space.clip is not None else None
        if mask is not None and mask.library is None and _clips(mask):
            found.setdefault(mask.session_uid, MaskEditor(mask, window, area))
    return list(found.values())


def _clips(mask: Mask) -> list[MovieClip]:
    return [clip for clip in bpy.data.movieclips if clip.matting.mask == mask]


def watched_layers(mask: Mask) -> list[MaskLayer]:
    """Return the mask's layers that were made from mattes."""
    owners = _owners_of(mask)
    return [layer for layer in mask.layers if layer.name in owners]


def _owners_of(mask: Mask) -> dict[str, tuple[int, int]]:
    """Return the clip (`session_uid`) and object of each layer that was made from mattes, by the layer's name."""
    objects = [(clip, item) for clip in _clips(mask) for item in clip.matting.objects]
    state = (
        [(layer.name, len(layer.splines)) for layer in mask.layers],
        [(clip.session_uid, clip.matting.key, item.object_id, item.mask_layer) for clip, item in objects],
    )
    if _owners.get(mask.session_uid, (None,))[0] != state:
        owners = {
            layer.name: (clip.session_uid, item.object_id)
            for clip, item in objects
            for layer in made_layers(clip, item.object_id)
        }
        _owners[mask.session_uid] = state, owners
    return _owners[mask.session_uid][1]


def shown_by(mask: Mask, layer: MaskLayer, scene: Scene) -> Shown | None:
    """Return what a layer shows now; None outside the clip, or if its images have impossible numbers."""
    uid, object_id = _owners_of(mask)[layer.name]
    clip = clips.find_clip(uid)
    if clip is None:
        return None
    number = scene.frame_current - layer_start(clip, object_id)
    try:
        inside = 0 <= clips.media_frame_of(clip, number) < clips.frame_count(clip)
    except ClipUnreadable:
        return None
    return Shown((clip, object_id), number) if inside else None


@contextmanager
def acting_on(editor: MaskEditor, layer: MaskLayer) -> Iterator[None]:
    """Let Blender's operators on shape keys act on one layer only: it alone is selectable, and has a selected point."""
    others = [other for other in editor.mask.layers if other != layer and not other.hide_select]
    point = None if has_selected(layer) else layer.splines[0].points[0]
    for other in others:
        other.hide_select = True
    if point is not None:
        point.select = True
    try:
        with bpy.context.temp_override(window=editor.window, area=editor.area):
            yield
    finally:
        if point is not None:
            point.select = False
        for other in others:
            other.hide_select = False


def forget() -> None:
    """Forget whose layers are whose, as another file is loaded."""
    _owners.clear()
