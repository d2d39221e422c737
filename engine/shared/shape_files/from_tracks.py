"""Layers of a roto made from the splines that the engine has fitted to an object's mattes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..frame_ranges import runs_of
from ..splines import SplineTrack
from .roto import RotoLayer, RotoSpline

_NARROWEST = 3.0  # pixels: edges narrower than that for most points, such as a network's, get no feather
_PARKED = -3.0  # times the longer side: where a spline is on frames that lack it, as in Blender's mask layers


def layers_of_tracks(
    name: str, tracks: Sequence[SplineTrack], frames: range, side: int, *, shift: int = 0
) -> list[RotoLayer]:
    """Return a layer for each part of an object, with its holes, the largest first.

    `frames` are those of the clip, as the tracks count them, and `side` is its longer side in pixels; `shift` is added
    to all frames. On frames without its part, a layer's alpha is 0.
    """
    parts: dict[int, list[SplineTrack]] = {}
    for track in tracks:
        parts.setdefault(track.part, []).append(track)
    made = []
    for place, (_, members) in enumerate(sorted(parts.items())):
        layer_name = name if place == 0 else f"{name} part {place + 1}"
        made.append(_layer(layer_name, name, members, frames, side, shift))
    return made


def _layer(name: str, owner: str, tracks: list[SplineTrack], frames: range, side: int, shift: int) -> RotoLayer:
    beside = {frame for track in tracks for frame in (track.first - 1, track.last + 1)}
    keyed = sorted({int(frame) for track in tracks for frame in track.keys} | (beside & {*frames}))
    splines = tuple(_spline(track, keyed, side) for track in tracks)
    shown = {frame for track in tracks for frame in range(track.first, track.last + 1)}
    alphas: dict[int, float] = {}
    for run in runs_of(shown.intersection(frames)):
        alphas[run[0]] = 1.0
        alphas |= {frame: 0.0 for frame in (run[0] - 1, run[-1] + 1) if frame in frames}
    hidden = 0.0 in alphas.values()
    return RotoLayer(
        name,
        splines,
        tuple(frame + shift for frame in keyed),
        tuple((frame + shift, value) for frame, value in sorted(alphas.items())) if hidden else (),
        object_name=owner,
        blend="merge_add",
    )


def _spline(track: SplineTrack, keyed: Sequence[int], side: int) -> RotoSpline:
    shapes = [track.at(frame) for frame in keyed]
    count = len(track.corners)
    soft = float(np.median(track.feather)) >= _NARROWEST
    feather = [
        track.feather_at(f) if soft and shape is not None else np.zeros(count) for f, shape in zip(keyed, shapes)
    ]
    points = [_parked(count, side) if s is None else _moved_inward(s, width) for s, width in zip(shapes, feather)]
    kinds = tuple("free" if corner else "aligned" for corner in track.corners)
    name = "hole" if track.hole else "part"
    return RotoSpline(np.array(points, np.float64), np.array(feather, np.float64), True, kinds, name)


def _moved_inward(points: NDArray[np.float64], feather: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move the points (K, 3, 2) of a track into the object by half of the soft edge, which then reaches outside."""
    tangents = points[:, 2] - points[:, 0]
    lengths = np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    normals = np.stack([tangents[:, 1], -tangents[:, 0]], axis=1) / lengths  # the object is to the left, with y up
    return np.asarray(points + (normals * feather[:, None] / 2)[:, None], np.float64)


def _parked(count: int, side: int) -> NDArray[np.float64]:
    """Return a tiny circle (K, 3, 2) far outside the picture."""
    turn = np.arange(count) * (2 * np.pi / count)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=-1) * side * 1e-3 + _PARKED * side
    return np.asarray(np.repeat(circle[:, None], 3, axis=1), np.float64)
