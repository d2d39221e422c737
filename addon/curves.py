"""F-curves of data-blocks: those that animate a property, in actions with and without slots."""

from __future__ import annotations

import bpy
from bpy.types import ID, FCurve, MaskLayer

_SLOTS = bpy.app.version >= (4, 4, 0)  # actions have slots with F-curves of their own


def find_curve(block: ID, path: str) -> FCurve | None:
    """Return the F-curve of a data-block's action that animates the property at `path`."""
    animation = block.animation_data
    if animation is None or animation.action is None:
        return None
    if not _SLOTS:
        return animation.action.fcurves.find(path)
    if animation.action_slot is None:
        return None
    strips = [strip for layer in animation.action.layers for strip in layer.strips]
    bags = [bag for strip in strips if (bag := strip.channelbag(animation.action_slot)) is not None]
    return next((curve for bag in bags if (curve := bag.fcurves.find(path)) is not None), None)


def full_alpha(layer: MaskLayer) -> float:
    """Return a mask layer's alpha where it is visible, even if it is keyed and hidden on this frame."""
    curve = find_curve(layer.id_data, layer.path_from_id("alpha"))
    return layer.alpha if curve is None else max(point.co[1] for point in curve.keyframe_points)


def key_alpha(layer: MaskLayer, values: dict[int, float]) -> None:
    """Key a mask layer's alpha on scene frames, to be held until the next key, and leave it as it was."""
    before = layer.alpha
    for frame, value in values.items():
        layer.alpha = value
        layer.keyframe_insert("alpha", frame=frame)
    layer.alpha = before
    curve = find_curve(layer.id_data, layer.path_from_id("alpha"))
    for point in curve.keyframe_points if curve else ():
        point.interpolation = "CONSTANT"


def clear_alpha(layer: MaskLayer) -> None:
    """Remove the keys of a mask layer's alpha, which Blender would keep for the next layer of that name."""
    path = layer.path_from_id("alpha")
    curve = find_curve(layer.id_data, path)
    for frame in [point.co[0] for point in curve.keyframe_points] if curve else ():
        layer.keyframe_delete("alpha", frame=frame)
