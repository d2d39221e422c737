"""Splines of one object in mask space, sorted into mask layers: what each layer shows on the frames it is keyed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bpy.types import MaskSpline, MovieClip

from ..engine.shared.frame_ranges import runs_of
from ..engine.shared.splines import SplineTrack, flatten
from . import clips, mask_space
from .mask_space import MaskSpace

MAX_LAYERS = 8  # of an object; parts beyond that share the last one
_PARKED = (-3.0, -3.0)  # far outside the frame: position of splines that a frame lacks
_PARKED_RADIUS = 0.001
PARKED_COUNT = 4  # points of a spline that is parked for good
_BLUR = 1.2  # pixels: width of the edge that Blender draws outside a spline without feather, measured on discs
_NARROWEST = 3.0  # pixels: edges narrower than that for most points, such as a network's, get no feather to be edited
_FALLOFF = 0.61  # share of a feather's width, with a layer's smooth falloff, on which alpha is 0.1 to 0.9
_THIN = 0.6  # of the area per length that a spline encloses, by which it may be moved inward
_MAX_MITRE = 2.0  # times that distance, at a corner


@dataclass(frozen=True)
class SplineShapes:
    """One spline in mask space (see addon/mask_space.py) on each keyed frame.

    Parts run clockwise and holes counter-clockwise: only so does Blender draw feathers and smooth edges, outside of
    the spline.
    """

    points: np.ndarray  # (F, K, 3, 2): left handle, point and right handle of K points; NaN: the frame lacks the spline
    feather: np.ndarray  # (F, K) width of the edge outside of the spline
    corners: np.ndarray  # (K,) bool: whether the handles are free; else they stay in line

    def add_to(self, spline: MaskSpline) -> None:
        """Give a new spline, which has one point, its other points and their kinds of handles."""
        spline.points.add(len(self.corners) - 1)
        spline.use_cyclic = True
        for point, corner in zip(spline.points, self.corners):
            point.handle_type = "FREE" if corner else "ALIGNED_DOUBLESIDE"

    def show(self, spline: MaskSpline, row: int) -> None:
        """Set the spline to its shape on the keyed frame at index `row`; an absent one is parked."""
        points, feather = self.points[row], self.feather[row]
        if not np.isfinite(points).all():
            park(spline)
            return
        for index, name in enumerate(("handle_left", "co", "handle_right")):
            spline.points.foreach_set(name, np.ascontiguousarray(points[:, index], np.float32).ravel())
        spline.points.foreach_set("weight", np.ascontiguousarray(feather, np.float32))


def park(spline: MaskSpline) -> None:
    """Make a spline a tiny circle outside the frame.

    Coincident points would slow down Blender's rasterizer by seconds per frame.
    """
    count = len(spline.points)
    angles = np.arange(count) * (2 * np.pi / count)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1) * _PARKED_RADIUS + _PARKED
    for name in ("handle_left", "co", "handle_right"):
        spline.points.foreach_set(name, np.ascontiguousarray(circle, np.float32).ravel())
    spline.points.foreach_set("weight", np.zeros(count, np.float32))


@dataclass(frozen=True)
class LayerShapes:
    """The splines of one mask layer, with the scene frames on which it needs keys."""

    frames: tuple[int, ...]  # F scene frames to key, ascending
    splines: tuple[SplineShapes, ...]
    visible: tuple[range, ...]  # scene frames on which it shows anything, as far as the clip goes, ascending


def layers_of_tracks(clip: MovieClip, tracks: Sequence[SplineTrack]) -> list[LayerShapes]:
    """Return the mask layers that show an object's splines, whose frames are file numbers; the largest part first.

    Blender keys all splines of a layer at once, so that each part has a layer of its own, with its holes, unless it is
    there only where others are not. Raises ClipUnreadable.
    """
    numbers = range(clips.first_number(clip), clips.first_number(clip) + clips.frame_count(clip))
    space = mask_space.of_clip(clip)
    return [_layer(clip, members, numbers, space) for members in _packed(tracks)]


def _packed(tracks: Sequence[SplineTrack]) -> list[list[SplineTrack]]:
    """Sort tracks into as few layers as have no two parts on one frame, `MAX_LAYERS` at most."""
    parts: dict[int, list[SplineTrack]] = {}
    for track in tracks:
        parts.setdefault(track.part, []).append(track)
    layers: list[list[SplineTrack]] = []
    for _, members in sorted(parts.items()):
        first, last = min(track.first for track in members), max(track.last for track in members)
        free = [layer for layer in layers if all(last < other.first or other.last < first for other in layer)]
        if free or len(layers) == MAX_LAYERS:
            (free or layers)[0 if free else -1].extend(members)
        else:
            layers.append([*members])
    return layers


def _layer(clip: MovieClip, tracks: Sequence[SplineTrack], numbers: range, space: MaskSpace) -> LayerShapes:
    """Return the layer with these tracks, given the file numbers of the clip.

    It is keyed where a track is, and beside the first and last frame of each, on which the track is absent.
    """
    beside = {number for track in tracks for number in (track.first - 1, track.last + 1)}
    keyed = sorted({int(number) for track in tracks for number in track.keys} | (beside & {*numbers}))
    shown = {number for track in tracks for number in range(track.first, track.last + 1)}
    return LayerShapes(
        tuple(clips.scene_frame_of(clip, number) for number in keyed),
        tuple(_shapes(track, keyed, space) for track in tracks),
        tuple(runs_of(clips.scene_frame_of(clip, number) for number in shown.intersection(numbers))),
    )


def _shapes(track: SplineTrack, keyed: Sequence[int], space: MaskSpace) -> SplineShapes:
    """Return a track's shapes on file numbers, turned and moved inward to where Blender draws it on the outline."""
    hard = np.zeros(len(track.corners))
    absent = np.full((len(track.corners), 3, 2), np.nan), hard
    is_soft = np.median(track.feather) >= _NARROWEST
    shapes = []
    for number in keyed:
        points = track.at(number)
        shapes.append(absent if points is None else (points, track.feather_at(number) if is_soft else hard))
    drawn = [_moved_inward(points[::-1, ::-1], feather[::-1] / _FALLOFF) for points, feather in shapes]
    points, feather = (np.array(values) for values in zip(*drawn))
    return SplineShapes(space.from_pixels(points), feather / space.side, track.corners[::-1])


def _moved_inward(points: np.ndarray, feather: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move a spline (K, 3, 2), in pixels with y down and the object to its right, inward by half of its edge's width.

    Return it with its feather (K,), which is narrower than the given one where the object is thin.
    """
    if not np.isfinite(points).all():
        return points, feather
    polygon = flatten(points, steps=8)
    following = np.roll(polygon, -1, axis=0)
    area = abs(np.sum(polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0])) / 2
    length = np.linalg.norm(following - polygon, axis=1).sum()
    feather = np.minimum(feather, 2 * _THIN * area / max(length, 1e-6))
    distance = np.maximum(feather, min(_BLUR, 2 * _THIN * area / max(length, 1e-6))) / 2
    before, after = _normals(points[:, 1] - points[:, 0]), _normals(points[:, 2] - points[:, 1])
    mitre = (before + after) / np.maximum(1 + (before * after).sum(axis=1), 2 / _MAX_MITRE)[:, None]
    moved = points[:, 1] + mitre * distance[:, None]
    # Handles keep their share of the distance to the next point.
    spans, moved_spans = (np.linalg.norm(np.roll(at, -1, axis=0) - at, axis=1) for at in (points[:, 1], moved))
    scale = np.clip(moved_spans / np.maximum(spans, 1e-6), 0, 2)
    left = moved + (points[:, 0] - points[:, 1]) * np.roll(scale, 1)[:, None]
    right = moved + (points[:, 2] - points[:, 1]) * scale[:, None]
    return np.stack([left, moved, right], axis=1), np.where(feather > _BLUR, feather, 0)


def _normals(tangents: np.ndarray) -> np.ndarray:
    """Return the unit vectors (K, 2) to the right of tangents (K, 2), with y down; zero for those without a length."""
    lengths = np.linalg.norm(tangents, axis=1, keepdims=True)
    return np.stack([-tangents[:, 1], tangents[:, 0]], axis=1) / np.maximum(lengths, 1e-9)
