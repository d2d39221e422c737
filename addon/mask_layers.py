"""Mask layers made from the splines that follow mattes: one layer per object, more where it is in several parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import bpy
from bpy.types import Area, Mask, MaskLayer, MovieClip, Window

from ..engine.shared.errors import NoActiveMask, NothingPropagated
from . import clips
from .carriers import Carrier, follow
from .curves import clear_alpha, full_alpha
from .limits import MAX_FRAME, check_frames
from .mask_keys import insert_keys, mask_editor
from .mask_shapes import PARKED_COUNT, LayerShapes, park
from .objects import find_object, matted_objects
from .properties import MatteObject
from .saving import check_saved

_KEPT = ("blend", "falloff", "hide", "hide_render", "invert")  # settings of the user, kept when a layer is replaced


@dataclass(frozen=True)
class MaskLayersResult:
    """Result of writing mask layers."""

    layers: list[MaskLayer]
    empty: list[int]  # scene frames of the clip on which an object has no matte, so that its layers are empty there


def check_writable(clip: MovieClip, object_ids: Iterable[int]) -> list[int]:
    """Return those of the objects whose layers may be written: those with a locked layer are left as they are.

    Raises NotSaved, BlenderLimit, and NoActiveMask if all are locked.
    """
    if clip.matting.mask is not None:
        check_saved(clip.matting.mask, "mask")
    check_frames(clips.scene_frame(clip, frame) for frame in (0, clips.frame_count(clip) - 1))
    asked = list(object_ids)
    free = [object_id for object_id in asked if not locked_layers(clip, object_id)]
    if asked and not free:
        names = ", ".join(layer.name for object_id in asked for layer in locked_layers(clip, object_id))
        raise NoActiveMask(f"mask layers are locked: {names}", remedy="Allow their selection in the mask's layer list.")
    return free


def locked_layers(clip: MovieClip, object_id: int) -> list[MaskLayer]:
    """Return the layers made from the object's mattes that the user has locked against selection."""
    return [layer for layer in made_layers(clip, object_id) if layer.hide_select]


def write_layers(
    clip: MovieClip,
    shapes: Mapping[int, Sequence[LayerShapes]],
    matted: Mapping[int, set[int]],
    *,
    window: Window,
    area: Area,
    carrier: Carrier | None = None,
) -> MaskLayersResult:
    """Write the layers of each object to the clip's mask, replacing those of an earlier call. Others are kept.

    `matted` has the scene frames on which each object has a matte. `area` is a clip editor that shows the clip. With a
    `carrier`, the clip's active track carries the points, which have their places without its motion.
    Raises NothingPropagated if no object has splines, and, before anything is changed, NotSaved and BlenderLimit.
    """
    check_writable(clip, shapes)
    if not any(shapes.values()):
        raise NothingPropagated(
            f"the mattes of clip {clip.name} show nothing",
            remedy="Set keyframes where the object is visible, and propagate.",
        )
    frames = range(clips.scene_frame(clip, 0), clips.scene_frame(clip, clips.frame_count(clip)))
    mask = _mask_of(clip)
    written = [
        pair
        for object_id, layers in shapes.items()
        if layers
        for pair in _new_layers(mask, clip, object_id, layers, is_carried=carrier is not None)
    ]
    insert_keys(mask, written, frames, window=window, area=area)
    if carrier is not None:
        with mask_editor(mask, window, area):
            follow([layer for layer, _ in written], clip, carrier.number, area.spaces.active)
    empty = set().union(*({*frames}.difference(matted[object_id]) for object_id in shapes))
    return MaskLayersResult([layer for layer, _ in written], sorted(empty))


def layers_of(clip: MovieClip, object_id: int) -> list[MaskLayer]:
    """Return the layers of the clip's mask that show the object.

    These are the layers made from the object's mattes, or, if there are none, all layers that the user drew.
    """
    mask = clip.matting.mask
    drawn = [layer for layer in mask.layers if not _marks(layer)] if mask else []
    return made_layers(clip, object_id) or drawn


def layer_start(clip: MovieClip, object_id: int) -> int:
    """Return the scene frame on which an object's layers show the frame with file number 0.

    It is that of the clip as it was when they were made.
    """
    item = find_object(clip, object_id)
    found = _START.match(item.mask_layer_fit) if item is not None else None
    return int(found[1]) if found else clips.scene_frame_of(clip, 0)


def outdated_objects(clip: MovieClip) -> list[int]:
    """Return the ids of objects whose mask layer was made for another start, offset or shape of the clip."""
    mask = clip.matting.mask
    if mask is None or not mask.layers:
        return []
    fit = _fit(clip)
    return [item.object_id for item in matted_objects(clip) if item.mask_layer_fit not in ("", fit)]


def objects_to_fit(clip: MovieClip) -> list[int]:
    """Return the ids of outdated objects whose layers are there; forget of the others that they were outdated."""
    object_ids = outdated_objects(clip)
    present = [object_id for object_id in object_ids if made_layers(clip, object_id)]
    for item in clip.matting.objects:
        if item.object_id in object_ids and item.object_id not in present:
            item.mask_layer_fit = ""
    return present


def _fit(clip: MovieClip) -> str:
    """Return what a layer's place in time and in the picture depends on."""
    return f"number 0 on frame {clips.scene_frame_of(clip, 0)}, pixel aspect {clips.pixel_aspect(clip):.6g}"


_START = re.compile(r"number 0 on frame (-?\d+)")  # in what `_fit` returns
_SEPARATOR = "\n"  # between the recorded names of layers


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


def _new_layers(
    mask: Mask, clip: MovieClip, object_id: int, shapes: Sequence[LayerShapes], *, is_carried: bool
) -> list[tuple[MaskLayer, LayerShapes]]:
    """Add layers with all splines and points of `shapes`: none can be added after the first shape key.

    Existing layers of the object are removed. Their settings are kept, and also their names, unless the object was
    renamed. New ones have the settings of the first.
    """
    item = find_object(clip, object_id)
    assert item is not None  # layers are written only for objects of the clip
    layers = made_layers(clip, object_id)
    old = [(layer.name, _settings(layer)) for layer in layers]
    is_renamed = item.name != item.mask_layer_for
    for layer in layers:
        clear_alpha(layer)
        mask.layers.remove(layer)
    mask.update_tag()  # Blender would write the points of removed layers over others on the next frame, and crash
    made = []
    for index, shape in enumerate(shapes):
        default = item.name if index == 0 else f"{item.name} part {index + 1}"
        name = old[index][0] if index < len(old) and not is_renamed else default
        settings = old[min(index, len(old) - 1)][1] if old else {}
        layer = _new_layer(mask, name, settings, shape)
        _add_mark(layer, _mark(clip, object_id), is_carried=is_carried)
        made.append((layer, shape))
    names = _SEPARATOR.join(layer.name for layer, _ in made)
    item.mask_layer, item.mask_layer_for, item.mask_layer_fit = names, item.name, _fit(clip)
    return made


def _settings(layer: MaskLayer) -> dict[str, object]:
    """Return the settings of a layer that the user may have changed."""
    return {name: getattr(layer, name) for name in _KEPT} | {"alpha": full_alpha(layer)}


def _new_layer(mask: Mask, name: str, settings: dict[str, object], shape: LayerShapes) -> MaskLayer:
    layer = mask.layers.new(name=name)
    layer.use_fill_holes = True
    for spline_shape in shape.splines:
        spline = layer.splines.new()
        spline_shape.add_to(spline)
        spline.points[0].select = True  # Blender inserts shape keys only for layers with a selected point
    for setting, value in settings.items():
        setattr(layer, setting, value)
    return layer


def _add_mark(layer: MaskLayer, mark: str, *, is_carried: bool) -> None:
    """Mark the points of a layer as made from mattes, or, if a track will be their parent, those of one more spline."""
    if is_carried:
        spline = layer.splines.new()
        spline.points.add(PARKED_COUNT - 1)
        spline.use_cyclic = True
        park(spline)
        marked = [spline]
    else:
        marked = [*layer.splines]
    for point in (point for spline in marked for point in spline.points):
        point.parent.sub_parent = mark


def made_layers(clip: MovieClip, object_id: int) -> list[MaskLayer]:
    """Return the layers made from the object's mattes, even if the user renamed some; none if there are none.

    If the user copied splines of theirs to other layers, only layers with recorded names are returned. If no layer has
    one of those, they cannot be told apart, and all count as drawn by the user.
    """
    mask = clip.matting.mask
    if mask is None:
        return []
    names = _recorded_names(find_object(clip, object_id))
    made = [layer for layer in mask.layers if _mark(clip, object_id) in _marks(layer)]
    return made if len(made) <= len(names) else [layer for layer in made if layer.name in names]


def _recorded_names(item: MatteObject | None) -> list[str]:
    """Return the names that the layers of an object had when they were made."""
    return item.mask_layer.split(_SEPARATOR) if item is not None and item.mask_layer else []


def _mark(clip: MovieClip, object_id: int) -> str:
    return f"keymatte/{clip.matting.key}/{object_id}"


def _marks(layer: MaskLayer) -> set[str]:
    """Return the marks in a layer: strings that name the clip and object whose mattes the layer was made from.

    Mask layers cannot store custom properties. So each point stores the mark in `parent.sub_parent`, the name of a
    track or bone to follow, which Blender ignores while the point has no parent.
    """
    parents = (point.parent for spline in layer.splines for point in spline.points)
    return {parent.sub_parent for parent in parents if parent.id is None and parent.sub_parent.startswith("keymatte/")}
