"""Rasterization of masks by Blender's Mask node, including tracks, feather and blend modes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from bpy.types import Mask, MaskLayer, MaskSpline, Scene, bpy_struct

from . import node_trees
from .limits import set_number
from .mask_space import MaskCanvas, MaskSpace
from .pixels import read_with_blender

_MAX_RESOLUTION = 65536  # of a render, in pixels
_COORDINATES = ("co", "handle_left", "handle_right")
_LAYER_SETTINGS = (
    "alpha",
    "blend",
    "falloff",
    "hide_render",
    "invert",
    "use_fill_holes",
    "use_fill_overlap",
    "fill_solver",
)
_SPLINE_SETTINGS = ("offset_mode", "use_cyclic", "use_fill", "use_self_intersection_check", "weight_interpolation")


def rasterise(mask: Mask, scene: Scene, space: MaskSpace, *, layers: Sequence[MaskLayer] | None = None) -> np.ndarray:
    """Return the mask, or only its `layers`, on the scene's current frame: (H, W) float32, 0..1, at a clip's size.

    The mask is rendered with the Mask node, so tracks, feather, handles, crossings and holes look as they do in the
    running version of Blender. Rendering evaluates shape keys, which would overwrite edits without a key, so a copy of
    the mask without shape keys is rendered. A mask whose points follow tracks or have feather points cannot be copied.
    It is rendered itself: the result then lacks edits without a key, but they are restored in the mask afterwards.
    Raises BlenderLimit if Blender cannot render an image of the size needed.
    """
    canvas = space.canvas(limit=_MAX_RESOLUTION)
    assert canvas is not None  # without a stretch there always is one
    names = {layer.name for layer in (mask.layers if layers is None else layers)}
    with (
        _render_only(mask, names),
        _without_shape_keys(mask) as still,
        _scratch_scene() as scratch,
        tempfile.TemporaryDirectory(prefix="keymatte-") as folder,
    ):
        _set_up(scratch, still, canvas)
        scratch.frame_set(scene.frame_current)
        path = Path(folder) / "mask.png"
        scratch.render.filepath = str(path)
        bpy.ops.render.render(write_still=True, scene=scratch.name)
        drawing = read_with_blender(path)[..., 0]
        return canvas.sampled(drawing, space.width, space.height) if canvas.is_scaled else drawing


@contextmanager
def _render_only(mask: Mask, names: set[str]) -> Iterator[None]:
    """Hide all layers from rendering except those named in `names`, and restore them afterwards."""
    before = [(layer, layer.hide_render) for layer in mask.layers]
    for layer, hidden in before:
        layer.hide_render = hidden or layer.name not in names
    try:
        yield
    finally:
        for layer, hidden in before:
            layer.hide_render = hidden


@contextmanager
def _without_shape_keys(mask: Mask) -> Iterator[Mask]:
    """Yield a copy of the mask without shape keys, or the mask itself if it cannot be copied.

    Afterwards the mask's points, which rendering may have moved, are restored.
    """
    points = [point for layer in mask.layers for spline in layer.splines for point in spline.points]
    copy = None
    if not any(point.parent.parent or len(point.feather_points) for point in points):
        copy = bpy.data.masks.new("Keymatte")
        for layer in mask.layers:
            _copy_layer(layer, copy)
    try:
        with points_kept(mask):
            yield copy or mask
    finally:
        if copy is not None:
            bpy.data.masks.remove(copy)


@contextmanager
def points_kept(mask: Mask) -> Iterator[None]:
    """Restore the mask's points afterwards, as other frames overwrite edits that have no shape key."""
    before = [[(spline, _coordinates(spline)) for spline in layer.splines] for layer in mask.layers]
    try:
        yield
    finally:
        for spline, coordinates in (pair for layer in before for pair in layer):
            _set_coordinates(spline, coordinates)


@contextmanager
def settings_kept(mask: Mask) -> Iterator[None]:
    """Restore the settings of the mask's layers afterwards."""
    before = [(layer, dict(_settings(layer))) for layer in mask.layers]
    try:
        yield
    finally:
        for layer, values in before:
            for name, value in values.items():
                setattr(layer, name, value)


def take_over(evaluated: Mask, mask: Mask) -> None:
    """Give a mask the points and layer settings that it has where it was evaluated on a frame.

    Blender 4.2 does this by itself only in the scene that the user sees.
    """
    for source, layer in zip(evaluated.layers, mask.layers):
        _copy(source, layer, _LAYER_SETTINGS)
        for source_spline, spline in zip(source.splines, layer.splines):
            _set_coordinates(spline, _coordinates(source_spline))


def shape_hash(mask: Mask) -> str:
    """Return a hash of what the mask's image depends on, as it is evaluated now, but for tracks that it follows."""
    digest = hashlib.sha256()
    for layer in mask.layers:
        digest.update(repr(_settings(layer)).encode())
        for spline in layer.splines:
            digest.update(repr([(name, getattr(spline, name)) for name in _SPLINE_SETTINGS]).encode())
            for values in _coordinates(spline).values():
                digest.update(values.tobytes())
            for point in spline.points:
                feather = [(part.u, part.weight) for part in point.feather_points]
                digest.update(repr((point.handle_type, point.weight, feather)).encode())
    return digest.hexdigest()


def follows_tracks(mask: Mask) -> bool:
    """Return whether points of the mask follow tracks, so that its image also depends on these."""
    return any(point.parent.parent for layer in mask.layers for spline in layer.splines for point in spline.points)


def _copy_layer(layer: MaskLayer, target: Mask) -> None:
    copy = target.layers.new(name=layer.name)
    _copy(layer, copy, _LAYER_SETTINGS)
    for spline in layer.splines:
        spline_copy = copy.splines.new()
        spline_copy.points.add(len(spline.points) - 1)
        _copy(spline, spline_copy, _SPLINE_SETTINGS)
        for point, point_copy in zip(spline.points, spline_copy.points):
            _copy(point, point_copy, ("handle_type", "handle_left_type", "handle_right_type", "weight"))
        _set_coordinates(spline_copy, _coordinates(spline))


def _copy(source: bpy_struct, target: bpy_struct, names: tuple[str, ...]) -> None:
    for name in names:
        if hasattr(source, name):  # some exist only in later versions of Blender
            setattr(target, name, getattr(source, name))


def _settings(layer: MaskLayer) -> list[tuple[str, object]]:
    return [(name, getattr(layer, name)) for name in _LAYER_SETTINGS if hasattr(layer, name)]


def _coordinates(spline: MaskSpline) -> dict[str, np.ndarray]:
    coordinates = {name: np.empty(len(spline.points) * 2, np.float32) for name in _COORDINATES}
    for name, values in coordinates.items():
        spline.points.foreach_get(name, values)
    return coordinates


def _set_coordinates(spline: MaskSpline, coordinates: dict[str, np.ndarray]) -> None:
    for name, values in coordinates.items():
        spline.points.foreach_set(name, values)


def _set_up(scene: Scene, mask: Mask, canvas: MaskCanvas) -> None:
    render = scene.render
    for name, value in (("resolution_x", canvas.width), ("resolution_y", canvas.height)):
        set_number(render, name, value, what="the size of the mask in pixels", remedy="Open a clip of another size.")
    render.resolution_percentage = 100
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
    """Add an empty scene, and remove it and its compositor tree afterwards."""
    trees = set(bpy.data.node_groups.keys())
    scratch = bpy.data.scenes.new("Keymatte")
    try:
        yield scratch
    finally:
        tree = getattr(scratch, "compositing_node_group", None)
        bpy.data.scenes.remove(scratch)
        if tree is not None and tree.name not in trees:
            bpy.data.node_groups.remove(tree)
