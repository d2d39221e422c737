"""Outlines of mattes -> mask layers: a spline per outline, a shape key per frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.types import Area, Mask, MaskLayer, MaskSpline, MovieClip, Scene, Window

from ..engine.errors import NothingPropagated
from ..engine.outlines import Outlines
from . import clips
from .folders import matte_folder
from .mask_space import from_pixels
from .objects import find_object

_KEPT = ("alpha", "blend", "falloff", "hide", "hide_render", "hide_select", "invert")  # choices of the user's
_PARKED = (-3.0, -3.0)  # far outside the frame, where the outlines that a frame does not have wait


@dataclass(frozen=True)
class Shapes:
    """One object's outlines in mask space, by scene frame."""

    frames: tuple[int, ...]  # F scene frames, ascending
    points: np.ndarray  # (F, S, P, 2); NaN where a frame has no such outline. Outer ones run counter-clockwise and
    # holes clockwise: Blender draws only those exactly, on all versions


def write_layers(clip: MovieClip, object_ids: Sequence[int], *, window: Window, area: Area) -> list[MaskLayer]:
    """Make a layer per object in the clip's mask, in place of the one made before; other layers stay.

    `area` is a clip editor that shows the clip: Blender keys mask shapes only through one.
    Raises NothingPropagated if no object has outlines.
    """
    shapes = {number: found for number in object_ids if (found := read_shapes(clip, number)) is not None}
    if not shapes:
        raise NothingPropagated(f"clip {clip.name} has no outlines yet")
    mask = _mask_of(clip)
    layers = {number: _new_layer(mask, clip, number, found) for number, found in shapes.items()}
    _key(mask, [(layers[number], found) for number, found in shapes.items()], window=window, area=area)
    return list(layers.values())


def read_shapes(clip: MovieClip, object_id: int) -> Shapes | None:
    """The outlines the engine has traced of an object's mattes; None if there are none."""
    path = matte_folder(clip).outlines(object_id)
    if not path.is_file():
        return None
    outlines = Outlines.load(path)
    if not (outlines.points.shape[0] and outlines.points.shape[1]):
        return None
    width, height = clip.size
    return Shapes(
        frames=tuple(clips.scene_frame(clip, int(frame)) for frame in outlines.frames),
        points=from_pixels(outlines.points.astype(np.float64), width, height),
    )


def _mask_of(clip: MovieClip) -> Mask:
    matting = clip.matting
    if matting.mask is None:
        matting.mask = bpy.data.masks.new(f"{clip.name} mattes")
    mask = matting.mask
    mask.frame_start = clips.scene_frame(clip, 0)
    mask.frame_end = clips.scene_frame(clip, clip.frame_duration - 1)
    return mask


def _new_layer(mask: Mask, clip: MovieClip, object_id: int, shapes: Shapes) -> MaskLayer:
    """A layer with all its points: the number of points is frozen by the first shape key."""
    item = find_object(clip, object_id)
    kept = {"use_fill_holes": True}
    old = mask.layers.get(item.mask_layer) if item.mask_layer else None
    if old is not None:
        kept |= {name: getattr(old, name) for name in _KEPT}
        mask.layers.remove(old)
    layer = mask.layers.new(name=item.name)
    item.mask_layer = layer.name
    _, slots, count, _ = shapes.points.shape
    for _ in range(slots):
        spline = layer.splines.new()  # has one point already
        spline.points.add(count - 1)
        spline.use_cyclic = True
        for point in spline.points:
            point.handle_type = "FREE"
        spline.points[0].select = True  # Blender keys only layers with something selected
    for name, value in kept.items():
        setattr(layer, name, value)
    return layer


def _key(mask: Mask, work: list[tuple[MaskLayer, Shapes]], *, window: Window, area: Area) -> None:
    rows = [{frame: row for row, frame in enumerate(shapes.frames)} for _, shapes in work]
    with _only_these_keyed(mask), _scratch_scene(window) as scene, _mask_editor(mask, window, area):
        for frame in sorted({frame for shapes in rows for frame in shapes}):
            scene.frame_set(frame)  # what is set before it is lost
            for (layer, shapes), row_of in zip(work, rows):
                layer.hide_select = frame not in row_of
                if frame in row_of:
                    for spline, points in zip(layer.splines, shapes.points[row_of[frame]]):
                        _set_points(spline, points)
            if "FINISHED" not in bpy.ops.mask.shape_key_insert():
                raise RuntimeError(f"Blender did not key the shapes of frame {frame}")


def _set_points(spline: MaskSpline, points: np.ndarray) -> None:
    """Make the spline the polygon `points` (P, 2); an absent one (NaN) is parked as a tiny circle, because points
    that fall together cost the rasteriser seconds per frame."""
    if not np.isfinite(points).all():
        turn = np.arange(len(points)) * (2 * np.pi / len(points))
        points = np.stack([_PARKED[0] + 0.001 * np.cos(turn), _PARKED[1] + 0.001 * np.sin(turn)], axis=-1)
    numbers = np.ascontiguousarray(points, np.float32).ravel()
    for name in ("co", "handle_left", "handle_right"):
        spline.points.foreach_set(name, numbers)


@contextmanager
def _only_these_keyed(mask: Mask) -> Iterator[None]:
    """Keep Blender's operator away from all layers but those that are let in; afterwards all are as they were."""
    before = [(layer, layer.hide, layer.hide_select) for layer in mask.layers]
    for layer, _, _ in before:
        layer.hide, layer.hide_select = False, True
    try:
        yield
    finally:
        for layer, hide, hide_select in before:
            layer.hide, layer.hide_select = hide, hide_select


@contextmanager
def _scratch_scene(window: Window) -> Iterator[Scene]:
    """An empty scene in the window: Blender keys the frame of the window's scene, and stepping through the user's own
    would evaluate all that is in it."""
    user = window.scene
    view_layer = window.view_layer
    scratch = bpy.data.scenes.new("Keymatte")
    try:
        window.scene = scratch
        yield scratch
    finally:
        window.scene = user
        window.view_layer = view_layer
        bpy.data.scenes.remove(scratch)
        user.frame_set(user.frame_current, subframe=user.frame_subframe)  # the mask as this frame has it


@contextmanager
def _mask_editor(mask: Mask, window: Window, area: Area) -> Iterator[None]:
    """The clip editor in `area` as an editor of `mask`; afterwards it is as it was."""
    space = area.spaces.active
    mode, shown = space.mode, space.mask
    try:
        space.mode = "MASK"
        space.mask = mask
        with bpy.context.temp_override(window=window, area=area):
            yield
    finally:
        space.mask = shown
        space.mode = mode
