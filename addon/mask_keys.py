"""Keys of mask layers: shape keys of their splines and keys of their alpha, inserted on the frames that need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import bpy
from bpy.types import Area, Mask, MaskLayer, Scene, Window

from .curves import key_alpha
from .mask_shapes import LayerShapes

SCRATCH = "keymatte_scratch"  # custom property of scenes that are only stepped through


def insert_keys(
    mask: Mask, layers: Sequence[tuple[MaskLayer, LayerShapes]], frames: range, *, window: Window, area: Area
) -> None:
    """Key layers of a mask with their shapes; hide them on those of the scene frames `frames` on which they are empty.

    `area` is a clip editor: Blender's operator inserts shape keys only in one.
    """
    rows = [{frame: row for row, frame in enumerate(shapes.frames)} for _, shapes in layers]
    with _restored_visibility(mask), scratch_scene(window) as scene, mask_editor(mask, window, area):
        for frame in sorted({frame for row_of in rows for frame in row_of}):
            scene.frame_set(frame)  # before setting points, which this overwrites
            for (layer, shapes), row_of in zip(layers, rows):
                layer.hide_select = frame not in row_of
                if frame in row_of:
                    for spline, shape in zip(layer.splines, shapes.splines):
                        shape.show(spline, row_of[frame])
            if "FINISHED" not in bpy.ops.mask.shape_key_insert():
                raise RuntimeError(f"Blender did not insert shape keys on frame {frame}")
        for layer, shapes in layers:
            _key_visibility(layer, shapes.visible, frames)


def _key_visibility(layer: MaskLayer, visible: Sequence[range], frames: range) -> None:
    """Key the layer's alpha such that it shows only on `visible` ones of `frames`; no key if it is never hidden."""
    values: dict[int, float] = {}
    for run in visible:
        values |= dict.fromkeys((run[0], run[-1]), layer.alpha)
        values |= {frame: 0.0 for frame in (run[0] - 1, run[-1] + 1) if frame in frames}
    if 0.0 in values.values():
        key_alpha(layer, values)


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
def mask_editor(mask: Mask, window: Window, area: Area) -> Iterator[None]:
    """Switch the clip editor in `area` to editing `mask`, and restore it afterwards."""
    space = area.spaces.active
    old_mode, old_mask, old_splines = space.mode, space.mask, space.show_mask_spline
    try:
        if bpy.app.background:
            _initialize(area)
        space.mode, space.show_mask_spline = "MASK", True  # Blender's operators refuse to change splines that it hides
        space.mask = mask
        with bpy.context.temp_override(window=window, area=area):
            yield
    finally:
        space.mask = old_mask
        space.mode, space.show_mask_spline = old_mode, old_splines


def _initialize(area: Area) -> None:
    """Let Blender initialize a clip editor that was read from a file: without windows, it only does so for new ones.

    Its operators refuse others. The space with its clip and mask stays the same.
    """
    area.type = "IMAGE_EDITOR"
    area.type = "CLIP_EDITOR"
