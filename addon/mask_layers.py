"""Outlines of mattes -> mask layers: a spline per outline, a shape key per frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.types import Area, Mask, MaskLayer, MaskSpline, MovieClip, Scene, Window

from ..engine.shared.errors import NothingPropagated
from ..engine.shared.outlines import Outlines
from . import clips
from .folders import readable_folder
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


@dataclass(frozen=True)
class Written:
    """What became of the layers."""

    layers: list[MaskLayer]
    without: list[int]  # objects that have no outlines
    empty: list[int]  # scene frames of the clip on which an object has no matte, so that its layer is empty there


def write_layers(clip: MovieClip, object_ids: Sequence[int], *, window: Window, area: Area) -> Written:
    """Make a layer per object in the clip's mask, in place of the one made before; other layers stay.

    `area` is a clip editor that shows the clip: Blender keys mask shapes only through one.
    Raises NothingPropagated if no object has outlines.
    """
    shapes = {number: found for number in object_ids if (found := read_shapes(clip, number)) is not None}
    if not shapes:
        raise NothingPropagated(f"clip {clip.name} has no outlines yet")
    everywhere = {clips.scene_frame(clip, frame) for frame in range(clip.frame_duration)}
    empty = {number: everywhere.difference(found.frames) for number, found in shapes.items()}
    shapes = {number: _emptied_beside(found, empty[number]) for number, found in shapes.items()}
    mask = _mask_of(clip)
    layers = {number: _new_layer(mask, clip, number, found) for number, found in shapes.items()}
    _key(mask, [(layers[number], found) for number, found in shapes.items()], window=window, area=area)
    return Written(
        layers=list(layers.values()),
        without=[number for number in object_ids if number not in shapes],
        empty=sorted(set().union(*empty.values())),
    )


def layers_of(clip: MovieClip, object_id: int) -> list[MaskLayer]:
    """The layers of the clip's own mask that say where the object is: the one made of its mattes, or, as long as
    there is none, those that were made of no object's."""
    mask = clip.matting.mask
    if mask is None:
        return []
    made = _made_layer(mask, clip, object_id)
    return [made] if made is not None else [layer for layer in mask.layers if not _marks(layer)]


def read_shapes(clip: MovieClip, object_id: int) -> Shapes | None:
    """The outlines the engine has traced of an object's mattes; None if there are none."""
    path = readable_folder(clip).outlines(object_id)
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
    name = item.name
    old = _made_layer(mask, clip, object_id)
    if old is not None:
        kept |= {name: getattr(old, name) for name in _KEPT}
        if item.name == item.mask_layer_for:  # else the layer's name changes with the object's
            name = old.name
        mask.layers.remove(old)
    layer = mask.layers.new(name=name)
    item.mask_layer, item.mask_layer_for = layer.name, item.name
    _, slots, count, _ = shapes.points.shape
    for _ in range(slots):
        spline = layer.splines.new()  # has one point already
        spline.points.add(count - 1)
        spline.use_cyclic = True
        for point in spline.points:
            point.handle_type = "FREE"
            point.parent.sub_parent = _mark(clip, object_id)
        spline.points[0].select = True  # Blender keys only layers with something selected
    for name, value in kept.items():
        setattr(layer, name, value)
    return layer


def _made_layer(mask: Mask, clip: MovieClip, object_id: int) -> MaskLayer | None:
    """The layer made of the object's mattes, whatever it is called now. If its splines were copied into others, it is
    the one that still has its name; without that there is no telling, and all are taken for the user's."""
    made = [layer for layer in mask.layers if _mark(clip, object_id) in _marks(layer)]
    named = [layer for layer in made if layer.name == find_object(clip, object_id).mask_layer]
    return (named or made)[0] if named or len(made) == 1 else None


def _mark(clip: MovieClip, object_id: int) -> str:
    return f"keymatte/{clip.matting.key}/{object_id}"


def _marks(layer: MaskLayer) -> set[str]:
    """Whose mattes the layer was made of. Layers have no room for properties; but points have one for the name of a
    bone or track they follow, which means nothing as long as they follow nothing."""
    parents = (point.parent for spline in layer.splines for point in spline.points)
    return {parent.sub_parent for parent in parents if parent.id is None and parent.sub_parent.startswith("keymatte/")}


def _emptied_beside(shapes: Shapes, empty: set[int]) -> Shapes:
    """With a frame without outlines at each side of those that have mattes, among the frames `empty`; else Blender
    would hold or blend the outlines there."""
    beside = sorted({frame + step for frame in shapes.frames for step in (-1, 1)} & empty)
    frames = np.array([*shapes.frames, *beside])
    nothing = np.full((len(beside), *shapes.points.shape[1:]), np.nan)
    order = np.argsort(frames)
    return Shapes(tuple(frames[order].tolist()), np.concatenate([shapes.points, nothing])[order])


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
