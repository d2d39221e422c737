"""Export of a mask to a file with splines: its layers exactly as they are, with all of their keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from bpy.types import Area, Mask, MaskLayer, MaskSpline, MovieClip, Scene, SpaceClipEditor, Window

from ..engine.shared.errors import NoActiveMask
from ..engine.shared.shape_files.errors import ShapesNotWritable
from ..engine.shared.shape_files.formats import save_roto
from ..engine.shared.shape_files.roto import Roto, RotoLayer, RotoSpline
from . import clips, mask_space
from .curves import find_curve
from .limits import MAX_FRAME
from .mask_keys import mask_editor, scratch_scene
from .mask_layers import made_layers
from .mask_points import has_selected, points_of
from .mask_render import points_kept
from .mask_space import MaskSpace
from .objects import matted_objects

BLENDS = {"MUL": "multiply"}  # names of blends that are not those of files in capitals
LAYER_DETAILS = ("falloff", "use_fill_overlap", "fill_solver")
SPLINE_DETAILS = ("offset_mode", "weight_interpolation", "use_fill", "use_self_intersection_check")
DETAIL = "blender."  # before the names of settings in files
_BEYOND = 250  # frames before and after the clip, the scene and the mask on which keys are looked for


def mask_to_export(space: SpaceClipEditor) -> Mask | None:
    """Return the mask that an editor shows for editing or, if it shows none, the mask made from the clip's mattes."""
    mask: Mask | None = space.mask if space.mode == "MASK" and space.mask is not None else space.clip.matting.mask
    return mask


def export_mask(mask: Mask, clip: MovieClip, path: Path, *, scene: Scene, window: Window, area: Area) -> list[str]:
    """Write a mask to a file, in the format that its name ends in, and return what is not in it.

    Frames count as the files of an image sequence or, of a movie, as in the scene. Layers that are hidden from renders
    are left out. `area` is a clip editor: Blender tells only there on which frames a mask has keys.
    Raises NoActiveMask, ShapesNotWritable, ClipUnreadable, DiskFull, FolderNotWritable.
    """
    layers = [layer for layer in mask.layers if not layer.hide_render and len(layer.splines)]
    if not layers:
        raise NoActiveMask(f"mask {mask.name} has no splines", remedy="Draw some, or click To Mask Layers.")
    _check_exportable(layers)
    roto, told = _roto(mask, layers, clip, scene=scene, window=window, area=area)
    hidden = [layer.name for layer in mask.layers if layer.hide_render and len(layer.splines)]
    if hidden:
        told.append(f"hidden from renders, and left out: {', '.join(hidden)}")
    return [*told, *save_roto(path, roto)]


def _check_exportable(layers: Sequence[MaskLayer]) -> None:
    """Raise ShapesNotWritable if points follow tracks, since Blender's Python does not tell where they are seen."""
    followers = [layer.name for layer in layers if any(point.parent.parent for point in _points(layer))]
    if followers:
        raise ShapesNotWritable(
            f"points of {', '.join(followers)} follow a track, and files hold points alone",
            remedy="Make the layers again without a track, or clear the parents of their points.",
        )


def _points(layer: MaskLayer) -> Iterator[bpy.types.MaskSplinePoint]:
    return (point for spline in layer.splines for point in spline.points)


def _roto(
    mask: Mask, layers: Sequence[MaskLayer], clip: MovieClip, *, scene: Scene, window: Window, area: Area
) -> tuple[Roto, list[str]]:
    numbers = clips.frame_names(clip).numbers
    shift = numbers[0] - clips.scene_frame(clip, 0)
    space = mask_space.of_clip(clip)
    frames = _searched(mask, clip, scene)
    keys = _key_frames(mask, frames, window, area)
    shapes = _shapes(mask, keys, window)
    owners = _owners(mask, clip)
    made = tuple(
        _layer(layer, keys[layer.name], shapes[layer.name], space, shift, owners.get(layer.name, ""), frames)
        for layer in layers
    )
    fps = clip.fps if clip.source == "MOVIE" and clip.fps > 0 else scene.render.fps / scene.render.fps_base
    told = []
    soft = [layer.name for layer in layers if any(len(point.feather_points) for point in _points(layer))]
    if soft:
        told.append(f"feather points between points are left out: {', '.join(soft)}")
    size = space.width, space.height
    aspect = 1 / clips.pixel_aspect(clip)
    return Roto(*size, made, numbers[0], numbers[-1], float(fps), float(aspect), clip.name), told


def _owners(mask: Mask, clip: MovieClip) -> dict[str, str]:
    """Return the names of the objects whose mattes layers were made from, by the layers' names."""
    if mask != clip.matting.mask:
        return {}
    return {layer.name: item.name for item in matted_objects(clip) for layer in made_layers(clip, item.object_id)}


def _searched(mask: Mask, clip: MovieClip, scene: Scene) -> range:
    """Return the scene frames on which keys are looked for."""
    ends = [clips.scene_frame(clip, 0), clips.scene_frame(clip, clips.frame_count(clip) - 1)]
    ends += [scene.frame_start, scene.frame_end, mask.frame_start, mask.frame_end]
    return range(max(min(ends) - _BEYOND, -MAX_FRAME), min(max(ends) + _BEYOND, MAX_FRAME) + 1)


def _key_frames(mask: Mask, frames: range, window: Window, area: Area) -> dict[str, list[int]]:
    """Return the frames on which each layer has a shape key, by the layers' names.

    Blender tells it only by clearing keys, which is done on copies: those of all layers at once, and then, on the
    frames that have any, those of each layer.
    """
    with _copied(mask, window, area) as (copy, scene):
        any_key = _cleared(copy.layers, frames, scene)
    found = {}
    with _copied(mask, window, area) as (copy, scene):
        for layer in copy.layers:
            found[layer.name] = _cleared([layer], any_key, scene)
    return found


@contextmanager
def _copied(mask: Mask, window: Window, area: Area) -> Iterator[tuple[Mask, Scene]]:
    """Yield a copy of a mask, which a clip editor shows, and a scene to set frames in; both are removed afterwards.

    No layer of it can be selected, but each has a selected point: Blender clears keys only of layers with both.
    """
    copy = mask.copy()
    try:
        for layer in copy.layers:
            layer.hide, layer.hide_select = False, True
            if len(layer.splines) and not has_selected(layer):
                layer.splines[0].points[0].select = True
        with scratch_scene(window) as scene, mask_editor(copy, window, area):
            yield copy, scene
    finally:
        bpy.data.masks.remove(copy)


def _cleared(layers: Iterable[MaskLayer], frames: Iterable[int], scene: Scene) -> list[int]:
    """Clear the shape keys of layers on frames, and return those that had any."""
    layers = [*layers]
    for layer in layers:
        layer.hide_select = False
    found = []
    for frame in frames:
        scene.frame_current = frame  # without evaluating anything, since only the key's number counts
        if "FINISHED" in bpy.ops.mask.shape_key_clear():
            found.append(frame)
    for layer in layers:
        layer.hide_select = True
    return found


def _shapes(mask: Mask, keys: dict[str, list[int]], window: Window) -> dict[str, list[np.ndarray]]:
    """Return the points (N, 7) of each layer on its key frames, by the layers' names; of still ones as they are."""
    found = {layer.name: [] if keys[layer.name] else [points_of(layer)] for layer in mask.layers}
    with points_kept(mask), scratch_scene(window) as scene:
        for frame in sorted({frame for frames in keys.values() for frame in frames}):
            scene.frame_set(frame)
            for layer in mask.evaluated_get(window.view_layer.depsgraph).layers:
                if frame in keys[layer.name]:
                    found[layer.name].append(points_of(layer))
    return found


def _layer(
    layer: MaskLayer,
    keys: list[int],
    shapes: list[np.ndarray],
    space: MaskSpace,
    shift: int,
    owner: str,
    frames: range,
) -> RotoLayer:
    """Return a layer, whose frames are those of the scene and `shift`."""
    splines, begin = [], 0
    for spline in layer.splines:
        rows = np.array([shape[begin : begin + len(spline.points)] for shape in shapes], np.float64)
        begin += len(spline.points)
        splines.append(_spline(spline, rows, space))
    return RotoLayer(
        layer.name,
        tuple(splines),
        tuple(frame + shift for frame in keys),
        tuple((frame + shift, value) for frame, value in _alphas(layer, frames)),
        layer.alpha,
        owner,
        BLENDS.get(layer.blend, layer.blend.lower()),
        layer.invert,
        layer.use_fill_holes,
        _details(layer, LAYER_DETAILS),
    )


def _spline(spline: MaskSpline, rows: np.ndarray, space: MaskSpace) -> RotoSpline:
    """Return a spline with the points (R, K, 7) that it has on keys."""
    places = np.stack([rows[..., 2:4], rows[..., 0:2], rows[..., 4:6]], axis=2)
    kinds = tuple(
        point.handle_left_type.lower()
        if point.handle_left_type == point.handle_right_type
        else f"{point.handle_left_type}:{point.handle_right_type}".lower()
        for point in spline.points
    )
    points, feather = space.to_pixels(places), rows[..., 6] * space.side
    return RotoSpline(points, feather, spline.use_cyclic, kinds, "", _details(spline, SPLINE_DETAILS))


def _details(owner: MaskLayer | MaskSpline, names: Iterable[str]) -> dict[str, str | bool | float]:
    return {DETAIL + name: getattr(owner, name) for name in names if hasattr(owner, name)}


def _alphas(layer: MaskLayer, frames: range) -> list[tuple[int, float]]:
    """Return a layer's alpha as pairs of frame and value, each held until the next; none if it is not keyed."""
    curve = find_curve(layer.id_data, layer.path_from_id("alpha"))
    if curve is None or not len(curve.keyframe_points):
        return []
    keys = curve.keyframe_points
    held = all(key.interpolation == "CONSTANT" and key.co[0] == int(key.co[0]) for key in keys)
    if held and not len(curve.modifiers):
        return [(int(key.co[0]), float(key.co[1])) for key in keys]
    values = [(frame, float(curve.evaluate(frame))) for frame in frames]
    return [pair for place, pair in enumerate(values) if not place or values[place - 1][1] != pair[1]]
