"""Scripts (.jsx) that build the splines of a roto as masks with keyframes in After Effects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..files import atomic_write
from .roto import Roto, RotoLayer, RotoSpline, depths, polygon, signed_area

# Masks cannot be pasted as text, but scripts can make them, by the documented classes Shape and Property. The script
# adds a composition of the clip's size with a white solid for each object. Masks are in pixels of the solid, y down;
# tangents are relative to their vertex. The first mask of a solid adds, and a later one acts on those before it.
_SCRIPT = """(function () {
    function shapeOf(data, row, closed) {
        var shape = new Shape();
        shape.vertices = data.vertices[row];
        shape.inTangents = data.inTangents[row];
        shape.outTangents = data.outTangents[row];
        shape.closed = closed;
        if (data.feathers) {
            var locations = [], places = [], radii = [], types = [], zeros = [];
            for (var i = 0; i < data.feathers[row].length; i++) {
                locations.push(i);
                places.push(0);
                radii.push(data.feathers[row][i]);
                types.push(data.feathers[row][i] < 0 ? 1 : 0);
                zeros.push(0);
            }
            shape.featherSegLocs = locations;
            shape.featherRelSegLocs = places;
            shape.featherRadii = radii;
            shape.featherTypes = types;
            shape.featherInterps = zeros;
            shape.featherTensions = zeros;
            shape.featherRelCornerAngles = zeros;
        }
        return shape;
    }
    function keyed(property, frames, values, kind) {
        if (frames.length < 2) {
            property.setValue(values[0]);
            return;
        }
        var times = [];
        for (var i = 0; i < frames.length; i++) {
            times.push((frames[i] - ROTO.first) / ROTO.fps);
        }
        property.setValuesAtTimes(times, values);
        for (var k = 1; k <= property.numKeys; k++) {
            property.setInterpolationTypeAtKey(k, kind, kind);
        }
    }
    var seconds = (ROTO.last - ROTO.first + 1) / ROTO.fps;
    app.beginUndoGroup("Keymatte splines");
    try {
        var comp = app.project.items.addComp(
            ROTO.name, ROTO.width, ROTO.height, ROTO.pixelAspect, seconds, ROTO.fps);
        for (var o = 0; o < ROTO.objects.length; o++) {
            var object = ROTO.objects[o];
            var solid = comp.layers.addSolid(
                [1, 1, 1], object.name, ROTO.width, ROTO.height, ROTO.pixelAspect, seconds);
            for (var m = 0; m < object.masks.length; m++) {
                var data = object.masks[m];
                var mask = solid.property("ADBE Mask Parade").addProperty("ADBE Mask Atom");
                mask.name = data.name;
                mask.maskMode = MaskMode[data.mode];
                mask.inverted = data.inverted;
                var shapes = [];
                for (var r = 0; r < data.vertices.length; r++) {
                    shapes.push(shapeOf(data, r, data.closed));
                }
                keyed(mask.property("ADBE Mask Shape"), data.keys, shapes, KeyframeInterpolationType.LINEAR);
                keyed(mask.property("ADBE Mask Opacity"), data.opacityKeys, data.opacities,
                    KeyframeInterpolationType.HOLD);
            }
        }
    } finally {
        app.endUndoGroup();
    }
})();
"""
_MODES = {"subtract": "SUBTRACT", "merge_subtract": "SUBTRACT", "lighten": "LIGHTEN", "darken": "DARKEN"}
_MAX_SECONDS = 10800  # of a composition


def write_after_effects(path: Path, roto: Roto) -> list[str]:
    """Write a script that makes a composition with a solid for each object, atomically.

    Return what could not be said in it. Raises DiskFull, FolderNotWritable.
    """
    objects = [{"name": name, "masks": masks} for name, masks in _solids(roto).items()]
    content = {
        "name": roto.name or "Keymatte",
        "width": roto.width,
        "height": roto.height,
        "pixelAspect": roto.pixel_aspect,
        "first": roto.first,
        "last": roto.last,
        "fps": roto.fps,
        "objects": objects,
    }
    # ASCII alone: the program guesses the encoding of scripts.
    data = json.dumps(content, allow_nan=False, separators=(",", ":"))
    with atomic_write(path) as part:
        part.write_text(f"// Run this with File > Scripts > Run Script File.\nvar ROTO = {data};\n{_SCRIPT}", "ascii")
    return _unsaid(roto)


def _solids(roto: Roto) -> dict[str, list[dict[str, Any]]]:
    """Return the masks of each object's solid. What subtracts from all layers before it does so on every solid."""
    solids: dict[str, list[dict[str, Any]]] = {}
    for layer in roto.layers:
        masks = _masks(layer)
        if _MODES.get(layer.blend) == "SUBTRACT" and not layer.object_name and solids:
            for others in solids.values():
                others += masks
        else:
            solids.setdefault(layer.object_name or layer.name, []).extend(masks)
    return solids


def _unsaid(roto: Roto) -> list[str]:
    told = []
    odd = [layer.name for layer in roto.layers if layer.blend in ("multiply", "replace", "difference")]
    if odd:
        told.append(f"blends that masks do not have are written as adding: {', '.join(odd)}")
    if (roto.last - roto.first + 1) / roto.fps > _MAX_SECONDS:
        told.append("the clip is longer than After Effects allows a composition to be")
    return told


def _masks(layer: RotoLayer) -> list[dict[str, Any]]:
    """Return the masks of a layer, each part before what lies inside it."""
    found = depths(layer) if layer.fill_holes else [0] * len(layer.splines)
    areas = [max(abs(signed_area(polygon(row))) for row in spline.points) for spline in layer.splines]
    order = np.argsort([-area for area in areas], kind="stable")
    return [_mask(layer, layer.splines[index], is_hole=found[index] % 2 == 1) for index in order]


def _mask(layer: RotoLayer, spline: RotoSpline, *, is_hole: bool) -> dict[str, Any]:
    mode = _MODES.get(layer.blend, "ADD")
    if is_hole:
        mode = "ADD" if mode == "SUBTRACT" else "SUBTRACT"
    points = spline.points
    data = {
        "name": f"{layer.name} {spline.name}".strip(),
        "mode": mode,
        "inverted": layer.inverted,
        "closed": spline.closed,
        "keys": list(layer.keys),
        "vertices": points[:, :, 1].tolist(),
        "inTangents": (points[:, :, 0] - points[:, :, 1]).tolist(),
        "outTangents": (points[:, :, 2] - points[:, :, 1]).tolist(),
        "opacityKeys": [frame for frame, _ in layer.alphas],
        "opacities": [100 * value for _, value in layer.alphas] or [100 * layer.alpha],
    }
    if spline.feather.any():
        data["feathers"] = (-spline.feather if is_hole else spline.feather).tolist()
    return data
