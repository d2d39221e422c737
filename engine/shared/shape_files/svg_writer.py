"""SVG files of splines: a path for each layer, animated over the clip's frames (SMIL), as browsers show it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from ..files import atomic_write
from .roto import Roto, RotoLayer, RotoSpline
from .svg_path import number_text, path_data

VERSION = 1
_COLOURS = ("#e6194b", "#3cb44b", "#ffe119", "#4363d8", "#f58231", "#911eb4", "#46f0f0", "#f032e6")

# What SVG has no words for is in attributes that begin with `data-`, which programs leave as they are:
#   svg   data-keymatte (version), data-name, data-first, data-last, data-fps, data-pixel-aspect,
#         data-start, data-end (the frames at which the animation begins and ends)
#   g     a layer: data-layer (name), data-object, data-blend, data-inverted, data-fill-holes, data-keys, data-alphas
#         (frame:alpha ...), data-alpha, data-details (JSON)
#   path  data-splines (JSON: name, closed, kinds and details of each part of the path), data-feathers (widths of all
#         points, keys parted by `;`), data-ends (the same for the two handles at each open end, which paths lack)


def write_svg(path: Path, roto: Roto) -> None:
    """Write a roto as an animated SVG, atomically. Raises DiskFull, FolderNotWritable."""
    start, end = _span(roto)
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "xmlns:inkscape": "http://www.inkscape.org/namespaces/inkscape",
        "version": "1.1",
        "width": str(roto.width),
        "height": str(roto.height),
        "viewBox": f"0 0 {roto.width} {roto.height}",
        "data-keymatte": str(VERSION),
        "data-name": roto.name,
        "data-first": str(roto.first),
        "data-last": str(roto.last),
        "data-fps": repr(roto.fps),
        "data-pixel-aspect": repr(roto.pixel_aspect),
        "data-start": str(start),
        "data-end": str(end),
    }
    owners = list(dict.fromkeys(layer.object_name for layer in roto.layers))
    clock = _Clock(start, end, roto.fps)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<svg{_attributes(attributes)}>"]
    if roto.name:
        lines.append(f"<title>{_text(roto.name)}</title>")
    for layer in roto.layers:
        colour = _COLOURS[owners.index(layer.object_name) % len(_COLOURS)]
        lines += _layer_lines(layer, "#000000" if "subtract" in layer.blend else colour, clock)
    with atomic_write(path) as part:
        part.write_text("\n".join([*lines, "</svg>", ""]), "utf-8", "replace")


def _span(roto: Roto) -> tuple[int, int]:
    """Return the frames at which the animation begins and ends: those of the clip, and keys outside of it."""
    frames = [roto.first, roto.last]
    for layer in roto.layers:
        frames += [*layer.keys, *(frame for frame, _ in layer.alphas)]
    return min(frames), max(frames)


class _Clock:
    """Frames as times of an animation that lasts from the frame `start` to `end`."""

    def __init__(self, start: int, end: int, fps: float) -> None:
        self._start, self._stop = start, end + 1  # the last frame is seen as long as the others
        self._seconds = (self._stop - start) / fps

    def animation(self, name: str, frames: Sequence[int], values: Sequence[str], *, held: bool = False) -> str:
        """Return an element that animates an attribute; empty if it does not change."""
        if len(frames) < 2:
            return ""
        frames, values = list(frames), list(values)
        if frames[0] > self._start:
            frames.insert(0, self._start)
            values.insert(0, values[0])
        if not held:  # discrete values need no last time
            frames.append(self._stop)
            values.append(values[-1])
        length = self._stop - self._start
        times = ";".join(number_text((frame - self._start) / length) for frame in frames)
        attributes = {
            "attributeName": name,
            "dur": f"{number_text(self._seconds)}s",
            "repeatCount": "indefinite",
            "calcMode": "discrete" if held else "linear",
            "keyTimes": times,
            "values": ";".join(values),
        }
        return f"<animate{_attributes(attributes)}/>"


def _layer_lines(layer: RotoLayer, colour: str, clock: _Clock) -> list[str]:
    attributes = {
        "inkscape:groupmode": "layer",
        "inkscape:label": layer.name,
        "data-layer": layer.name,
        "data-object": layer.object_name,
        "data-blend": layer.blend,
        "data-inverted": str(layer.inverted).lower(),
        "data-fill-holes": str(layer.fill_holes).lower(),
        "data-keys": " ".join(map(str, layer.keys)),
        "data-alpha": repr(layer.alpha),
        "data-alphas": " ".join(f"{frame}:{value!r}" for frame, value in layer.alphas),
        "data-details": json.dumps(dict(layer.details)),
        "opacity": repr(layer.alphas[0][1] if layer.alphas else layer.alpha),
    }
    lines = [f"<g{_attributes(attributes)}>", f"<title>{_text(layer.name)}</title>"]
    frames, values = [frame for frame, _ in layer.alphas], [repr(value) for _, value in layer.alphas]
    lines.append(clock.animation("opacity", frames, values, held=True))
    if layer.splines:
        rows = range(max(len(layer.keys), 1))
        shapes = ["".join(path_data(one.points[row], closed=one.closed) for one in layer.splines) for row in rows]
        about = {
            "fill": colour,
            "fill-rule": "evenodd" if layer.fill_holes else "nonzero",
            "data-splines": json.dumps([_about(spline) for spline in layer.splines]),
            "data-feathers": _numbers([spline.feather for spline in layer.splines]),
            "data-ends": _numbers([_ends(spline) for spline in layer.splines if not spline.closed]),
            "d": shapes[0],
        }
        lines += [f"<path{_attributes(about)}>", clock.animation("d", layer.keys, shapes), "</path>"]
    return [line for line in [*lines, "</g>"] if line]


def _about(spline: RotoSpline) -> dict[str, object]:
    return {
        "name": spline.name,
        "closed": spline.closed,
        "kinds": list(spline.kinds),
        "details": dict(spline.details),
    }


def _ends(spline: RotoSpline) -> NDArray[np.float64]:
    """Return the handles (R, 4) that a path of an open spline does not have."""
    return np.concatenate([spline.points[:, 0, 0], spline.points[:, -1, 2]], axis=1)


def _numbers(parts: list[NDArray[np.float64]]) -> str:
    """Return arrays (R, N) side by side as text; empty if all are zero, or if there are none."""
    table = np.concatenate(parts, axis=1) if parts else np.zeros((0, 0))
    if not table.any():
        return ""
    return ";".join(" ".join(number_text(float(value)) for value in row) for row in table)


def _attributes(values: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_printable(value))}" for name, value in values.items())


def _text(value: str) -> str:
    return escape(_printable(value))


def _printable(text: str) -> str:
    """Return a text without the control characters that XML cannot hold."""
    return "".join(c if c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff" else "?" for c in text)
