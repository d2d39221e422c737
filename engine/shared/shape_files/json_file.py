"""JSON files of splines, in a schema of our own: what is written is read back to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import atomic_write
from . import checks
from .errors import ShapesUnreadable
from .roto import Detail, Roto, RotoLayer, RotoSpline

FORMAT, VERSION = "keymatte-roto", 1

# The schema, version 1. All lengths are pixels of the clip, x right, y down; frames count as `first` says.
#   format, version            "keymatte-roto", 1
#   name, width, height        of the clip
#   first, last                numbers of its first and last frame
#   fps, pixel_aspect          frames per second; width of a pixel as a multiple of its height
#   layers                     the last is drawn over the others; of each:
#     name, object             of the layer, and of the object that it belongs to
#     blend                    how it is laid over those before it, see roto.BLENDS
#     inverted, fill_holes     whether a spline inside another is a hole
#     keys                     frames of its shapes; empty if it has one shape for all frames
#     alpha, alphas            alpha of the layer; or pairs [frame, alpha], each held until the next
#     splines                  of each: name, closed, kinds (of handles, one for each point, or none),
#       points                 for each key, for each point: [left x, left y, x, y, right x, right y]
#       feather                for each key, for each point: how far the soft edge reaches outside
#     details                  settings of single programs, such as "blender.falloff"; also of splines


def write_json(path: Path, roto: Roto) -> None:
    """Write a roto as JSON, atomically. Raises DiskFull, FolderNotWritable."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "name": roto.name,
        "width": roto.width,
        "height": roto.height,
        "first": roto.first,
        "last": roto.last,
        "fps": roto.fps,
        "pixel_aspect": roto.pixel_aspect,
        "layers": [_layer_data(layer) for layer in roto.layers],
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    with atomic_write(path) as part:
        part.write_text(text, "utf-8", "backslashreplace")


def _layer_data(layer: RotoLayer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "object": layer.object_name,
        "blend": layer.blend,
        "inverted": layer.inverted,
        "fill_holes": layer.fill_holes,
        "alpha": layer.alpha,
        "alphas": [list(pair) for pair in layer.alphas],
        "keys": list(layer.keys),
        "splines": [_spline_data(spline) for spline in layer.splines],
        "details": dict(layer.details),
    }


def _spline_data(spline: RotoSpline) -> dict[str, Any]:
    rows, count = spline.feather.shape
    return {
        "name": spline.name,
        "closed": spline.closed,
        "kinds": list(spline.kinds),
        "points": spline.points.reshape(rows, count, 6).tolist(),
        "feather": spline.feather.tolist(),
        "details": dict(spline.details),
    }


def read_json_file(path: Path) -> Roto:
    """Read a file written by `write_json`. Raises ShapesUnreadable."""
    text = checks.read_text(path)
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ShapesUnreadable(f"{path} is not valid JSON ({error})") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ShapesUnreadable(
            f"{path} is JSON, but not splines of Keymatte", remedy="Choose a file that Export Splines has written."
        )
    if data.get("version") != VERSION:
        raise ShapesUnreadable(
            f"{path} has version {str(data.get('version'))[:20]} of the format, and this Keymatte reads {VERSION}",
            remedy="Install a newer Keymatte, or export the file again.",
        )
    try:
        return _roto(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ShapesUnreadable(f"{path} is damaged: {what}") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it has the number {name}")


def _roto(data: dict[str, Any]) -> Roto:
    count = checks.PointCount()
    fps, aspect = checks.number(data["fps"]), checks.number(data["pixel_aspect"])
    if fps <= 0 or aspect <= 0:
        raise ValueError("frames per second and pixel aspect must be positive")
    return Roto(
        checks.side(data["width"]),
        checks.side(data["height"]),
        tuple(_layer(layer, count) for layer in _list(data["layers"])),
        checks.frame(data["first"]),
        checks.frame(data["last"]),
        fps,
        aspect,
        _text(data["name"]),
    )


def _layer(data: dict[str, Any], count: checks.PointCount) -> RotoLayer:
    return RotoLayer(
        _text(data["name"]),
        tuple(_spline(spline, count) for spline in _list(data["splines"])),
        tuple(checks.frame(key) for key in _list(data["keys"])),
        tuple((checks.frame(frame), checks.number(value)) for frame, value in _list(data["alphas"])),
        checks.number(data["alpha"]),
        _text(data["object"]),
        _text(data["blend"]),
        _truth(data["inverted"]),
        _truth(data["fill_holes"]),
        _details(data["details"]),
    )


def _spline(data: dict[str, Any], count: checks.PointCount) -> RotoSpline:
    rows = _list(data["points"])
    count.add(sum(len(_list(row)) for row in rows))
    points = _numbers(rows, 3)
    return RotoSpline(
        points.reshape(*points.shape[:2], 3, 2),
        _numbers(data["feather"], 2),
        _truth(data["closed"]),
        tuple(_text(kind) for kind in _list(data["kinds"])),
        _text(data["name"]),
        _details(data["details"]),
    )


def _numbers(values: list[Any], dimensions: int) -> NDArray[np.float64]:
    """Return nested lists of finite numbers as an array. Raises ValueError."""
    found = np.array(values)
    if found.dtype.kind not in "if" or found.ndim != dimensions or (dimensions == 3 and found.shape[-1] != 6):
        raise ValueError("the points of a spline are not one list of numbers for each point on each key")
    if not np.isfinite(found).all() or (np.abs(found) > 1e9).any():
        raise ValueError("a point of a spline is not at a finite place")
    return found.astype(np.float64)


def _details(data: dict[str, Any]) -> dict[str, Detail]:
    if not all(isinstance(value, (str, bool, int, float)) for value in data.values()):
        raise ValueError("details that are neither text nor number")
    return {_text(key): value for key, value in data.items()}


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:40]!r} is not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is not a text")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{str(value)[:40]!r} is neither true nor false")
    return value
