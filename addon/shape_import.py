"""Import of splines from a file as new layers of a mask: nothing that is there is changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import bpy
import numpy as np
from bpy.types import Area, Mask, MaskLayer, MaskSpline, MovieClip, Window

from ..engine.shared.shape_files.errors import ShapesUnreadable
from ..engine.shared.shape_files.formats import load_roto
from ..engine.shared.shape_files.roto import Roto, RotoLayer
from . import clips, mask_space
from .curves import clear_alpha, key_alpha
from .limits import MAX_FRAME, check_frames
from .mask_keys import insert_keys
from .mask_shapes import LayerShapes, SplineShapes
from .mask_space import MaskSpace
from .saving import check_saved
from .shape_export import BLENDS, DETAIL, LAYER_DETAILS, SPLINE_DETAILS

_MAX_POINTS = 50_000  # of all layers on one frame; Blender would take minutes to draw more
_BLENDS = {name: blend for blend, name in BLENDS.items()}
_KINDS = ("AUTO", "VECTOR", "ALIGNED", "ALIGNED_DOUBLESIDE", "FREE")


def import_shapes(path: Path, clip: MovieClip, *, window: Window, area: Area) -> tuple[list[MaskLayer], list[str]]:
    """Add the splines of a file to the mask of a clip editor as new layers, and return them with what was left out.

    The mask is the one that the editor shows for editing, or else the one made from the clip's mattes, or a new one.
    Frames count as the files of an image sequence or, of a movie, as in the scene. A picture of another size is
    scaled to the clip's. Raises ShapesUnreadable, NotSaved, BlenderLimit, ClipUnreadable, before anything is changed.
    """
    roto, told = load_roto(path)
    if not any(layer.splines for layer in roto.layers):
        raise ShapesUnreadable(f"{path} has no splines")
    if sum(spline.feather.shape[1] for layer in roto.layers for spline in layer.splines) > _MAX_POINTS:
        raise ShapesUnreadable(
            f"{path} has more than {_MAX_POINTS} points on a frame", remedy="Simplify the drawing, or split it."
        )
    space = mask_space.of_clip(clip)
    if (roto.width, roto.height) != (space.width, space.height):
        told.append(f"scaled from {roto.width}x{roto.height} to the clip's {space.width}x{space.height}")
    shift = clips.scene_frame(clip, 0) - clips.frame_names(clip).numbers[0]
    check_frames(frame + shift for frame in _frames(roto))
    mask = area.spaces.active.mask if area.spaces.active.mode == "MASK" else None
    mask = mask or clip.matting.mask
    if mask is not None:
        check_saved(mask, "mask")
    else:
        mask = _new_mask(path, clip)
    layers = _add_layers(mask, roto.scaled(space.width, space.height), space, shift, window, area)
    area.spaces.active.mode, area.spaces.active.mask = "MASK", mask
    return layers, told


def _frames(roto: Roto) -> list[int]:
    """Return all frames of keys, and those just before, on which Blender may need one."""
    keys = [frame for layer in roto.layers for frame in layer.keys]
    return keys + [frame for layer in roto.layers for frame, _ in layer.alphas]


def _new_mask(path: Path, clip: MovieClip) -> Mask:
    mask = bpy.data.masks.new(path.stem)
    last = clips.scene_frame(clip, clips.frame_count(clip) - 1)
    mask.frame_start, mask.frame_end = (min(max(frame, 0), MAX_FRAME) for frame in (clips.scene_frame(clip, 0), last))
    return mask


def _add_layers(mask: Mask, roto: Roto, space: MaskSpace, shift: int, window: Window, area: Area) -> list[MaskLayer]:
    """Add the layers of a roto to a mask; if that fails, none."""
    made: list[MaskLayer] = []
    try:
        keyed = []
        for layer in roto.layers:
            new = mask.layers.new(name=layer.name)
            made.append(new)
            shapes = _fill(new, layer, space, shift)
            if layer.keys and layer.splines:
                keyed.append((new, shapes))
        if keyed:
            insert_keys(mask, keyed, range(0), window=window, area=area)
        for new, layer in zip(made, roto.layers):
            if layer.alphas:
                key_alpha(new, {frame + shift: value for frame, value in layer.alphas})
    except BaseException:
        for new in made:
            clear_alpha(new)
            mask.layers.remove(new)
        mask.update_tag()
        raise
    return made


def _fill(new: MaskLayer, layer: RotoLayer, space: MaskSpace, shift: int) -> LayerShapes:
    """Give a new layer its settings and its splines, as on its first key, and return its shapes on all keys."""
    new.alpha = min(max(layer.alpha, 0.0), 1.0)
    new.blend = _BLENDS.get(layer.blend, layer.blend.upper())
    new.invert, new.use_fill_holes = layer.inverted, layer.fill_holes
    _set_details(new, layer.details, LAYER_DETAILS)
    shapes = []
    for spline in layer.splines:
        count = spline.feather.shape[1]
        points, feather = space.from_pixels(spline.points), spline.feather / space.side
        shapes.append(SplineShapes(points, feather, np.ones(count, bool)))
        drawn = new.splines.new()
        if count > 1:
            drawn.points.add(count - 1)
        drawn.use_cyclic = spline.closed
        _set_details(drawn, spline.details, SPLINE_DETAILS)
        _set_kinds(drawn, spline.kinds or ("free",) * count)
        shapes[-1].show(drawn, 0)
        drawn.points[0].select = True  # Blender inserts shape keys only for layers with a selected point
    return LayerShapes(tuple(frame + shift for frame in layer.keys), tuple(shapes), ())


def _set_kinds(spline: MaskSpline, kinds: tuple[str, ...]) -> None:
    """Give points their kinds of handles; a kind of another program is a free one."""
    for point, kind in zip(spline.points, kinds):
        left, _, right = kind.upper().partition(":")
        point.handle_type = left if left in _KINDS else "FREE"
        if right in _KINDS:
            point.handle_right_type = right


def _set_details(owner: MaskLayer | MaskSpline, details: Mapping[str, object], names: tuple[str, ...]) -> None:
    """Set those settings that this Blender has, as far as it knows their values."""
    for name in names:
        value = details.get(DETAIL + name)
        field = owner.bl_rna.properties.get(name)
        if value is None or field is None:
            continue
        if (field.type == "ENUM" and value in field.enum_items) or (
            field.type == "BOOLEAN" and isinstance(value, bool)
        ):
            setattr(owner, name, value)
