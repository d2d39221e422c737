"""Nuke scripts (.nk) with a Roto node, as Foundry's developer guide and scripts of Nuke itself have it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import atomic_write
from .nuke_text import bits
from .roto import Roto, RotoLayer, RotoSpline, depths, polygon, signed_area

COMMENT = "# keymatte "  # before what Nuke has no place for, as JSON
_OPEN = 32  # flag of a curve that is not closed

# Coordinates are pixels of the format, y up. A shape has a curve for the outline, and one for the feather: for each
# point its left tangent, position and right tangent. Tangents are relative to the position, and positions of the
# feather are relative to those of the outline. A value that moves is a list of keys, each its frame and value. How
# Nuke goes from key to key depends on flags whose reading could not be tried here, so that there is a key on every
# frame, as other programs write such files. What comes first in the text is drawn on top; holes are drawn black.


def write_nuke(path: Path, roto: Roto) -> list[str]:
    """Write a roto as a Nuke script that can be opened or pasted, atomically.

    Return what could not be said in it. Raises DiskFull, FolderNotWritable.
    """
    names = _Names()
    lines: list[str] = []
    original: dict[str, dict[str, object]] = {}
    for layer in reversed(roto.layers):
        name = names.new(layer.name, "Layer")
        shapes = [names.new(spline.name or layer.name, "Shape") for spline in layer.splines]
        original[name] = {"name": layer.name, "object": layer.object_name, "blend": layer.blend, "shapes": shapes}
        original[name]["splines"] = [spline.name for spline in layer.splines]
        lines += _layer_lines(layer, name, shapes, roto)
    width, height = roto.width, roto.height
    about = {
        "version": 1,
        "first": roto.first,
        "last": roto.last,
        "fps": roto.fps,
        "pixel_aspect": roto.pixel_aspect,
        "name": roto.name,
        "layers": original,
    }
    middle = f"{bits(width / 2)} {bits(height / 2)}"
    head = [
        f"{COMMENT}{json.dumps(about)}",
        "version 11.0 v1",
        "Roto {",
        " inputs 0",
        " output alpha",
        f' format "{width} {height} 0 0 {width} {height} {roto.pixel_aspect:g} keymatte_{width}x{height}"',
        " cliptype none",
        " curves {{{v x3f99999a}",
        "  {f 0}",
        "  {n",
        "   {layer Root",
        "    {f 0}",
        f"    {{t {middle}}}",
        "    {a}",
    ]
    tail = ["   }}}}", " name Roto1", " selected true", "}", ""]
    with atomic_write(path) as part:
        part.write_text("\n".join([*head, *lines, *tail]), "utf-8", "replace")
    return _unsaid(roto)


def _unsaid(roto: Roto) -> list[str]:
    told = []
    odd = [layer.name for layer in roto.layers if layer.inverted or layer.blend not in ("add", "merge_add", "lighten")]
    if odd:
        told.append(f"inversion and blends other than adding have to be set in Nuke: {', '.join(odd)}")
    return told


def _layer_lines(layer: RotoLayer, name: str, shapes: list[str], roto: Roto) -> list[str]:
    middle = f"{bits(roto.width / 2)} {bits(roto.height / 2)}"
    lines = [f"    {{layer {name}", "     {f 512}", f"     {{t {middle}}}", "     {a}"]
    holes = depths(layer) if layer.fill_holes else [0] * len(layer.splines)
    areas = [max(abs(signed_area(polygon(row))) for row in spline.points) for spline in layer.splines]
    for index in np.argsort(areas, kind="stable"):  # what lies inside another is above it
        is_hole = holes[index] % 2 == 1
        lines += _shape_lines(layer, layer.splines[index], shapes[index], roto, is_hole=is_hole)
    return [*lines, "    }"]


def _shape_lines(layer: RotoLayer, spline: RotoSpline, name: str, roto: Roto, *, is_hole: bool) -> list[str]:
    frames = range(layer.keys[0], layer.keys[-1] + 1) if len(layer.keys) > 1 else range(1)
    points = np.stack([layer.at(spline, frame) for frame in frames])
    feather = np.stack([layer.feather_at(spline, frame) for frame in frames])
    points = points * (1, -1) + (0, roto.height)
    outline = points - points[:, :, 1:2]
    outline[:, :, 1] = points[:, :, 1]
    flag = 8192 + (0 if spline.closed else _OPEN)
    lines = [f"     {{curvegroup {name} 512 bezier", "      {{cc", f"        {{f {flag}}}", "        {p"]
    lines += [*_point_lines(outline, frames), "        }}"]
    if feather.any():
        offsets = outline.copy()
        offsets[:, :, 1] = _outward(points) * feather[..., None] * (-1 if is_hole else 1)
        lines += ["       {cc", f"        {{f {flag}}}", "        {p", *_point_lines(offsets, frames), "        }}}"]
    else:
        lines.append("       idem}")
    middle = points[0, :, 1].mean(axis=0)
    colour = "r 0 g 0 b 0 a 0 " if is_hole or "subtract" in layer.blend else ""
    inverted = "inv 1 " if layer.inverted else ""
    lines.append(f"      {{t {bits(middle[0])} {bits(middle[1])}}}")
    lines.append(f"      {{a {colour}{inverted}{_opacity(layer)}str 1 sb 1 tt 4}}}}")
    return lines


def _opacity(layer: RotoLayer) -> str:
    """Return the attribute for a layer's alpha, with keys on both sides of each change; nothing where it is 1."""
    if not layer.alphas:
        return "" if layer.alpha == 1 else f"opc {bits(layer.alpha)} "
    keys = {layer.alphas[0][0]: layer.alphas[0][1]}
    for (_, before), (frame, value) in zip(layer.alphas, layer.alphas[1:]):
        keys.setdefault(frame - 1, before)
        keys[frame] = value
    return f"opc {_curve(list(keys), list(keys.values()))} "


def _point_lines(values: NDArray[np.float64], frames: Sequence[int]) -> list[str]:
    """Return the text of values (F, K, 3, 2) of points on frames."""
    lines = []
    for point in range(values.shape[1]):
        for place in range(3):
            x, y = (_curve(frames, values[:, point, place, axis].tolist()) for axis in (0, 1))
            lines.append(f"         {{{x} {y}}}")
    return lines


def _curve(frames: Iterable[int], values: Sequence[float]) -> str:
    """Return a value over time: a number if it stays the same, else a list of keys."""
    texts = [bits(value) for value in values]
    if len(set(texts)) == 1:
        return texts[0]
    return "{" + " ".join(f"{{{bits(frame)} {text}}}" for frame, text in zip(frames, texts)) + "}"


def _outward(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit vectors (F, K, 2) that point out of splines (F, K, 3, 2), with y up."""
    tangents = points[:, :, 2] - points[:, :, 0]
    chords = np.roll(points[:, :, 1], -1, axis=1) - np.roll(points[:, :, 1], 1, axis=1)
    tangents = np.where(np.abs(tangents).sum(axis=2, keepdims=True) > 1e-6, tangents, chords)
    lengths = np.maximum(np.linalg.norm(tangents, axis=2, keepdims=True), 1e-9)
    turns = [1.0 if signed_area(polygon(shape)) >= 0 else -1.0 for shape in points]  # positive: anti-clockwise, y up
    normals = np.stack([tangents[..., 1], -tangents[..., 0]], axis=-1) / lengths
    return np.asarray(normals * np.array(turns)[:, None, None], np.float64)


class _Names:
    """Names for elements: words of letters, digits and underscores, each used once."""

    def __init__(self) -> None:
        self._used: set[str] = {"Root"}

    def new(self, wanted: str, default: str) -> str:
        word = re.sub(r"[^A-Za-z0-9_]+", "_", wanted).strip("_") or default
        word = word if word[0].isalpha() else f"{default}_{word}"
        name, number = word, 1
        while name in self._used:
            number += 1
            name = f"{word}_{number}"
        self._used.add(name)
        return name
