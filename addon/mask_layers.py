"""Mask layers made from the outlines of mattes: one spline per outline, one shape key per frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import bpy
import numpy as np
from bpy.types import Area, Mask, MaskLayer, MaskSpline, MovieClip, Scene, Window

from ..engine.shared.errors import NothingPropagated
from ..engine.shared.outlines import Outlines
from . import clips, mask_space
from .folders import readable_folder, traced_first_number
from .limits import MAX_FRAME, check_frames
from .objects import find_object, matted_objects
from .saving import check_saved

_KEPT = (
    "alpha",
    "blend",
    "falloff",
    "hide",
    "hide_render",
    "hide_select",
    "invert",
)  # settings of the user, kept when a layer is replaced
SCRATCH = "keymatte_scratch"  # custom property of scenes that are only stepped through
_PARKED = (-3.0, -3.0)  # far outside the frame: position of outlines that a frame lacks


@dataclass(frozen=True)
class MaskShapes:
    """One object's outlines in mask space (see addon/mask_space.py) on each scene frame."""

    frames: tuple[int, ...]  # F scene frames, ascending
    points: np.ndarray  # (F, S, P, 2): P points of S outlines, NaN where a frame lacks the outline. Outer outlines
    # run counter-clockwise and holes clockwise, which all versions of Blender draw exactly


@dataclass(frozen=True)
class MaskLayersResult:
    """Result of writing mask layers."""

    layers: list[MaskLayer]
    skipped: list[int]  # ids of objects without outlines
    empty: list[int]  # scene frames of the clip on which an object has no matte, so that its layer is empty there


def write_layers(clip: MovieClip, object_ids: Sequence[int], *, window: Window, area: Area) -> MaskLayersResult:
    """Write one layer per object to the clip's mask, replacing layers written by an earlier call. Others are kept.

    `area` is a clip editor that shows the clip: Blender's operator inserts mask shape keys only in one.
    Raises NothingPropagated if no object has outlines, and, before anything is changed, NotSaved and BlenderLimit.
    """
    if clip.matting.mask is not None:
        check_saved(clip.matting.mask, "mask")
    shapes = {object_id: outlines for object_id in object_ids if (outlines := read_shapes(clip, object_id)) is not None}
    if not shapes:
        raise NothingPropagated(f"clip {clip.name} has no outlines yet")
    all_frames = {clips.scene_frame(clip, frame) for frame in range(clips.frame_count(clip))}
    empty = {object_id: all_frames.difference(outlines.frames) for object_id, outlines in shapes.items()}
    shapes = {object_id: _with_empty_ends(outlines, empty[object_id]) for object_id, outlines in shapes.items()}
    for outlines in shapes.values():
        check_frames(outlines.frames)
    mask = _mask_of(clip)
    layers = {object_id: _new_layer(mask, clip, object_id, outlines) for object_id, outlines in shapes.items()}
    layers_and_shapes = [(layers[object_id], outlines) for object_id, outlines in shapes.items()]
    _insert_shape_keys(mask, layers_and_shapes, window=window, area=area)
    return MaskLayersResult(
        layers=list(layers.values()),
        skipped=[object_id for object_id in object_ids if object_id not in shapes],
        empty=sorted(set().union(*empty.values())),
    )


def layers_of(clip: MovieClip, object_id: int) -> list[MaskLayer]:
    """Return the layers of the clip's mask that show the object.

    This is the layer made from the object's mattes, or, if there is none, all layers that the user drew.
    """
    mask = clip.matting.mask
    drawn = [layer for layer in mask.layers if not _marks(layer)] if mask else []
    return made_layers(clip, object_id) or drawn


def made_layers(clip: MovieClip, object_id: int) -> list[MaskLayer]:
    """Return the layers of the clip's mask that were made from the object's mattes."""
    mask = clip.matting.mask
    made = None if mask is None else _made_layer(mask, clip, object_id)
    return [] if made is None else [made]


def outdated_objects(clip: MovieClip) -> list[int]:
    """Return the ids of objects whose mask layer was made for another start, offset or shape of the clip."""
    mask = clip.matting.mask
    if mask is None or not mask.layers:
        return []
    fit = _fit(clip)
    return [item.object_id for item in matted_objects(clip) if item.mask_layer_fit not in ("", fit)]


def update_layers(clip: MovieClip, *, window: Window, area: Area) -> None:
    """Write the layers of outdated objects again, unless the user has removed them. Raises what `write_layers` does."""
    object_ids = outdated_objects(clip)
    present = [object_id for object_id in object_ids if _made_layer(clip.matting.mask, clip, object_id) is not None]
    if present:
        write_layers(clip, present, window=window, area=area)
    for item in clip.matting.objects:
        if item.object_id in object_ids and item.object_id not in present:
            item.mask_layer_fit = ""


def read_shapes(clip: MovieClip, object_id: int) -> MaskShapes | None:
    """Return the outlines that the engine traced from an object's mattes, or None if there are none."""
    folder = readable_folder(clip)
    path = folder.outlines(object_id)
    if not path.is_file():
        return None
    outlines = Outlines.load(path)
    if not (outlines.points.shape[0] and outlines.points.shape[1]):
        return None
    recorded = traced_first_number(folder)
    first = clips.first_number(clip) if recorded is None else recorded
    return MaskShapes(
        frames=tuple(clips.scene_frame_of(clip, first + int(frame)) for frame in outlines.frames),
        points=mask_space.of_clip(clip).from_pixels(outlines.points.astype(np.float64)),
    )


def _fit(clip: MovieClip) -> str:
    """Return what a layer's place in time and in the picture depends on."""
    return f"number 0 on frame {clips.scene_frame_of(clip, 0)}, pixel aspect {clips.pixel_aspect(clip):.6g}"


def _mask_of(clip: MovieClip) -> Mask:
    matting = clip.matting
    if matting.mask is None:
        matting.mask = bpy.data.masks.new(f"{clip.name} mattes")
    mask = matting.mask
    # The range that editors show of a mask without a clip. Shape keys outside it count all the same.
    mask.frame_start, mask.frame_end = (
        min(max(clips.scene_frame(clip, frame), 0), MAX_FRAME) for frame in (0, clips.frame_count(clip) - 1)
    )
    return mask


def _new_layer(mask: Mask, clip: MovieClip, object_id: int, shapes: MaskShapes) -> MaskLayer:
    """Add a layer with all splines and points of `shapes`: none can be added after the first shape key.

    An existing layer of the object is removed. Its settings are kept, and also its name, unless the object was renamed.
    """
    item = find_object(clip, object_id)
    assert item is not None  # layers are written only for objects of the clip
    settings = {"use_fill_holes": True}
    layer_name = item.name
    old = _made_layer(mask, clip, object_id)
    if old is not None:
        settings |= {name: getattr(old, name) for name in _KEPT}
        if item.name == item.mask_layer_for:  # if the object was renamed, its layer is renamed too
            layer_name = old.name
        mask.layers.remove(old)
    layer = mask.layers.new(name=layer_name)
    item.mask_layer, item.mask_layer_for, item.mask_layer_fit = layer.name, item.name, _fit(clip)
    _, spline_count, point_count, _ = shapes.points.shape
    for _ in range(spline_count):
        spline = layer.splines.new()  # a new spline has one point
        spline.points.add(point_count - 1)
        spline.use_cyclic = True
        for point in spline.points:
            point.handle_type = "FREE"
            point.parent.sub_parent = _mark(clip, object_id)
        spline.points[0].select = True  # Blender inserts shape keys only for layers with a selected point
    for name, value in settings.items():
        setattr(layer, name, value)
    return layer


def _made_layer(mask: Mask, clip: MovieClip, object_id: int) -> MaskLayer | None:
    """Return the layer made from the object's mattes, even if the user renamed the layer, or None if there is none.

    If the user copied the layer's splines to other layers, the layer with the recorded name is returned. If no layer
    has that name, they cannot be told apart, and all count as drawn by the user.
    """
    item = find_object(clip, object_id)
    made = [layer for layer in mask.layers if _mark(clip, object_id) in _marks(layer)]
    named = [layer for layer in made if item is not None and layer.name == item.mask_layer]
    return (named or made)[0] if named or len(made) == 1 else None


def _mark(clip: MovieClip, object_id: int) -> str:
    return f"keymatte/{clip.matting.key}/{object_id}"


def _marks(layer: MaskLayer) -> set[str]:
    """Return the marks in a layer: strings that name the clip and object whose mattes the layer was made from.

    Mask layers cannot store custom properties. So each point stores the mark in `parent.sub_parent`, the name of a
    track or bone to follow, which Blender ignores while the point has no parent.
    """
    parents = (point.parent for spline in layer.splines for point in spline.points)
    return {parent.sub_parent for parent in parents if parent.id is None and parent.sub_parent.startswith("keymatte/")}


def _with_empty_ends(shapes: MaskShapes, empty: set[int]) -> MaskShapes:
    """Add frames without outlines: those in `empty` that lie directly before or after a run of frames with mattes.

    Without these frames, Blender would hold or interpolate outlines where the object has no matte.
    """
    ends = sorted({frame + step for frame in shapes.frames for step in (-1, 1)} & empty)
    frames = np.array([*shapes.frames, *ends])
    no_points = np.full((len(ends), *shapes.points.shape[1:]), np.nan)
    order = np.argsort(frames)
    return MaskShapes(tuple(frames[order].tolist()), np.concatenate([shapes.points, no_points])[order])


def _insert_shape_keys(
    mask: Mask, layers_and_shapes: list[tuple[MaskLayer, MaskShapes]], *, window: Window, area: Area
) -> None:
    rows = [{frame: row for row, frame in enumerate(shapes.frames)} for _, shapes in layers_and_shapes]
    with _restored_visibility(mask), scratch_scene(window) as scene, _mask_editor(mask, window, area):
        for frame in sorted({frame for shapes in rows for frame in shapes}):
            scene.frame_set(frame)  # before setting points, which this overwrites
            for (layer, shapes), row_of in zip(layers_and_shapes, rows):
                layer.hide_select = frame not in row_of
                if frame in row_of:
                    for spline, points in zip(layer.splines, shapes.points[row_of[frame]]):
                        _set_points(spline, points)
            if "FINISHED" not in bpy.ops.mask.shape_key_insert():
                raise RuntimeError(f"Blender did not insert shape keys on frame {frame}")


def _set_points(spline: MaskSpline, points: np.ndarray) -> None:
    """Set the spline to the polygon `points` (P, 2), in mask space.

    An absent outline (NaN) becomes a tiny circle outside the frame: coincident points would slow down Blender's
    rasterizer by seconds per frame.
    """
    if not np.isfinite(points).all():
        angles = np.arange(len(points)) * (2 * np.pi / len(points))
        points = np.stack([_PARKED[0] + 0.001 * np.cos(angles), _PARKED[1] + 0.001 * np.sin(angles)], axis=-1)
    coordinates = np.ascontiguousarray(points, np.float32).ravel()
    for name in ("co", "handle_left", "handle_right"):
        spline.points.foreach_set(name, coordinates)


@contextmanager
def _restored_visibility(mask: Mask) -> Iterator[None]:
    """Make all layers of the mask visible and unselectable, and restore their state afterwards.

    Blender's operator inserts shape keys only for selectable layers, so the caller makes just those layers selectable.
    """
    before = [(layer, layer.hide, layer.hide_select) for layer in mask.layers]
    for layer, _, _ in before:
        layer.hide, layer.hide_select = False, True
    try:
        yield
    finally:
        for layer, hide, hide_select in before:
            layer.hide, layer.hide_select = hide, hide_select


@contextmanager
def scratch_scene(window: Window) -> Iterator[Scene]:
    """Show an empty scene in the window, and restore the user's scene afterwards.

    Blender inserts shape keys on the current frame of the window's scene. Stepping through the user's scene would
    evaluate everything in it.
    """
    user_scene = window.scene
    view_layer = window.view_layer
    scratch = bpy.data.scenes.new("Keymatte")
    scratch[SCRATCH] = True
    try:
        window.scene = scratch
        yield scratch
    finally:
        window.scene = user_scene
        window.view_layer = view_layer
        bpy.data.scenes.remove(scratch)
        user_scene.frame_set(user_scene.frame_current, subframe=user_scene.frame_subframe)  # updates the mask


@contextmanager
def _mask_editor(mask: Mask, window: Window, area: Area) -> Iterator[None]:
    """Switch the clip editor in `area` to editing `mask`, and restore it afterwards."""
    space = area.spaces.active
    old_mode, old_mask = space.mode, space.mask
    try:
        space.mode = "MASK"
        space.mask = mask
        with bpy.context.temp_override(window=window, area=area):
            yield
    finally:
        space.mask = old_mask
        space.mode = old_mode
