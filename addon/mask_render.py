"""Any mask -> pixels, by the Mask node itself in a scene of its own: tracks, feather and all blends included."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from bpy.types import Mask, MaskLayer, MaskSpline, Scene, bpy_struct

from . import node_trees
from .pixels import read_with_blender

_POINTS = ("co", "handle_left", "handle_right")
_LAYER = ("alpha", "blend", "falloff", "hide_render", "invert", "use_fill_holes", "use_fill_overlap", "fill_solver")
_SPLINE = ("offset_mode", "use_cyclic", "use_fill", "use_self_intersection_check", "weight_interpolation")


def rasterise(
    mask: Mask, scene: Scene, width: int, height: int, *, layers: Sequence[MaskLayer] | None = None
) -> np.ndarray:
    """The mask as it stands, with edits not keyed yet, or these of its layers alone: (height, width) float32, 0..1.

    Only the Mask node knows all of tracks, feather, handles, crossings and holes, as this version draws them. A
    render evaluates shape keys, so it is made of a copy without any. A mask whose points follow tracks or have
    feather points cannot be copied so: of that one, edits not keyed are left out, but not lost.
    """
    wanted = {layer.name for layer in (mask.layers if layers is None else layers)}
    with (
        _only(mask, wanted),
        _still(mask) as still,
        _scratch_scene() as scratch,
        tempfile.TemporaryDirectory(prefix="keymatte-") as folder,
    ):
        _set_up(scratch, still, width, height)
        scratch.frame_set(scene.frame_current)
        path = Path(folder) / "mask.png"
        scratch.render.filepath = str(path)
        bpy.ops.render.render(write_still=True, scene=scratch.name)
        return read_with_blender(path)[..., 0]


@contextmanager
def _only(mask: Mask, wanted: set[str]) -> Iterator[None]:
    """Have only the layers of these names rendered; afterwards all are as they were."""
    before = [(layer, layer.hide_render) for layer in mask.layers]
    for layer, hidden in before:
        layer.hide_render = hidden or layer.name not in wanted
    try:
        yield
    finally:
        for layer, hidden in before:
            layer.hide_render = hidden


@contextmanager
def _still(mask: Mask) -> Iterator[Mask]:
    """What to render in place of the mask; afterwards the mask's points are where they were."""
    before = [[(spline, _places(spline)) for spline in layer.splines] for layer in mask.layers]
    points = [point for layer in mask.layers for spline in layer.splines for point in spline.points]
    copy = None
    if not any(point.parent.parent or len(point.feather_points) for point in points):
        copy = bpy.data.masks.new("Keymatte")
        for layer in mask.layers:
            _copy_layer(layer, copy)
    try:
        yield copy or mask
    finally:
        if copy is not None:
            bpy.data.masks.remove(copy)
        for spline, places in (pair for layer in before for pair in layer):
            _set_places(spline, places)


def _copy_layer(layer: MaskLayer, into: Mask) -> None:
    copy = into.layers.new(name=layer.name)
    _copy(layer, copy, _LAYER)
    for spline in layer.splines:
        twin = copy.splines.new()
        twin.points.add(len(spline.points) - 1)
        _copy(spline, twin, _SPLINE)
        for point, point_twin in zip(spline.points, twin.points):
            _copy(point, point_twin, ("handle_type", "handle_left_type", "handle_right_type", "weight"))
        _set_places(twin, _places(spline))


def _copy(source: bpy_struct, target: bpy_struct, names: tuple[str, ...]) -> None:
    for name in names:
        if hasattr(source, name):  # some came with later versions
            setattr(target, name, getattr(source, name))


def _places(spline: MaskSpline) -> dict[str, np.ndarray]:
    places = {name: np.empty(len(spline.points) * 2, np.float32) for name in _POINTS}
    for name, numbers in places.items():
        spline.points.foreach_get(name, numbers)
    return places


def _set_places(spline: MaskSpline, places: dict[str, np.ndarray]) -> None:
    for name, numbers in places.items():
        spline.points.foreach_set(name, numbers)


def _set_up(scene: Scene, mask: Mask, width: int, height: int) -> None:
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.use_sequencer = False
    render.use_compositing = True
    tree = node_trees.compositor_of(scene).tree
    tree.nodes.clear()
    node = tree.nodes.new("CompositorNodeMask")
    node.mask = mask
    tree.links.new(node.outputs[0], node_trees.output_of(tree))
    scene.view_settings.view_transform = "Raw"
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "BW"
    render.image_settings.color_depth = "16"


@contextmanager
def _scratch_scene() -> Iterator[Scene]:
    """A scene, and all that comes with it, that is gone afterwards."""
    trees = set(bpy.data.node_groups.keys())
    scratch = bpy.data.scenes.new("Keymatte")
    try:
        yield scratch
    finally:
        tree = getattr(scratch, "compositing_node_group", None)
        bpy.data.scenes.remove(scratch)
        if tree is not None and tree.name not in trees:
            bpy.data.node_groups.remove(tree)
