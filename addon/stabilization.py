"""Blender's 2D stabilisation: how a clip's picture is moved, turned and scaled on a frame, from its tracks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

FADED = 0.005  # a track with a lower weight does not count
_NEAR_PIVOT = 0.01  # of the height: added to distances, so that tracks near the pivot do not seem to scale much


class Moves(NamedTuple):
    """Movement of the picture that tracks show on some frames (F), as multiples of its size."""

    known: np.ndarray  # (F,) bool: whether there is a track
    shift: np.ndarray  # (F, 2) since the anchor frame
    pivot: np.ndarray  # (F, 2) about which it turns and scales
    angle: np.ndarray  # (F,) radians, anticlockwise
    growth: np.ndarray  # (F,) natural logarithm of its scale


@dataclass(frozen=True)
class Track:
    """Markers (M) of a track that stabilises location, rotation or both, in order; as bytes, to be compared."""

    numbers: bytes  # of the frames of the markers, int32
    places: bytes  # (M, 2) float32, multiples of the picture's size, y up
    muted: bytes  # bool
    weights: bytes  # float32
    location: bool
    rotation: bool


@dataclass(frozen=True)
class Influences:
    """How much of the movement is removed, and where the picture is wanted instead."""

    location: float
    rotation: float
    scale: float
    target_place: tuple[float, float]
    target_angle: float
    target_scale: float  # 0: as if it were 1


@dataclass(frozen=True)
class Settings:
    """Settings of the stabilisation that hold on all frames."""

    tracks: tuple[Track, ...]
    anchor: int  # the frame that stays where it is
    use_rotation: bool
    use_scale: bool
    use_autoscale: bool
    scale_max: float  # of the automatic scale; 0: any
    animated: bytes  # (F, 3) float64, influences of location, rotation and scale from the first marker on, or nothing
    width: int  # of the picture, pixels
    height: int
    pixel_aspect: float  # width of a pixel as a multiple of its height


@dataclass(eq=False)
class Stabilizer:
    """Stabilisation of a picture by tracks, with what is the same on all frames computed once.

    Frames are those of the clip, 1 for its first. Blender measures in square pixels as tall as the clip's.
    """

    settings: Settings
    _scales: dict[Influences, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tracks = self.settings.tracks
        self._numbers = [np.frombuffer(track.numbers, np.int32) for track in tracks]
        self._aspect = self.settings.width * self.settings.pixel_aspect / self.settings.height
        self._first = min((int(numbers[0]) for numbers in self._numbers), default=0)
        last = max((int(numbers[-1]) for numbers in self._numbers), default=0)
        shape = len(tracks), last - self._first + 1
        self._places, self._weights = np.zeros((*shape, 2)), np.zeros(shape)
        self._seen = np.zeros(shape, bool)
        for row, (track, numbers) in enumerate(zip(tracks, self._numbers, strict=True)):
            self._places[row, numbers - self._first] = np.frombuffer(track.places, np.float32).reshape(-1, 2)
            self._weights[row, numbers - self._first] = np.frombuffer(track.weights, np.float32)
            self._seen[row, numbers - self._first] = ~np.frombuffer(track.muted, bool)
        self._location = np.array([track.location for track in tracks], bool)
        self._rotation = np.array([track.rotation for track in tracks], bool)
        self._offsets = np.zeros((len(tracks), 2))  # to a marker's place, for the movement that it shows
        self._angles = np.zeros(len(tracks))  # likewise to its angle about the pivot
        self._growths = np.zeros(len(tracks))  # likewise to the logarithm of its distance from the pivot
        self._ready = np.zeros(len(tracks), bool)
        self._measure_anchors()

    # -- movement ------------------------------------------------------------------------------------------------------
    @cached_property
    def _usable(self) -> np.ndarray:
        """Return whether tracks have a marker (T, F) that counts."""
        return self._seen & (self._weights >= np.float32(FADED))

    def _measure_anchors(self) -> None:
        """Set what each track adds to its markers, so that the movement is none on the anchor frame.

        A track that has no marker there starts with the movement that the others show at its marker next to that frame.
        """
        anchor = self.settings.anchor
        starts = {
            row: min(self._first + np.flatnonzero(usable), key=lambda number: (abs(number - anchor), number))
            for row, usable in enumerate(self._usable)
            if usable.any()
        }
        pivot, shift, angle, growth = self._start_pivot(), np.zeros(2), 0.0, 0.0
        at = anchor
        for row in sorted(starts, key=lambda row: abs(starts[row] - anchor)):
            if starts[row] != at:
                at = starts[row]
                moves = self._average(np.array([at]))
                pivot = moves.pivot[0] if moves.known[0] else pivot
                shift, angle, growth = moves.shift[0], moves.angle[0], moves.growth[0]
            place = self._places[row, at - self._first]
            across, up = (place - pivot) * (self._aspect, 1)
            self._offsets[row] = shift - place
            self._angles[row] = angle - np.arctan2(up, across)
            self._growths[row] = growth - np.log(np.hypot(across, up) + _NEAR_PIVOT)
            self._ready[row] = True

    def _start_pivot(self) -> np.ndarray:
        """Return the mean place (2,) of the location tracks on the anchor frame, or the next frame that has any."""
        anchor = self.settings.anchor
        for column in (anchor - self._first, *self._gap_ends(np.array([anchor]), self._location).ravel()):
            if 0 <= column < self._seen.shape[1]:
                weights = self._weights[:, column] * (self._seen[:, column] & self._location)
                if weights.sum() > FADED:
                    return weights @ self._places[:, column] / weights.sum()
        return np.zeros(2)

    def _gap_ends(self, frames: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the columns (2, F) of the next frames with usable markers of these tracks, at or before and after.

        They are -1 where there is none. As in Blender, frames before 0 are not looked for backwards.
        """
        columns = np.flatnonzero(self._usable[rows].any(axis=0))
        after = np.searchsorted(columns, frames - self._first)
        before = np.searchsorted(columns, frames - self._first, side="right") - 1
        padded = np.append(columns, -1)  # which both -1 and the length of `columns` are the index of
        lower, higher = padded[before], padded[after]
        return np.stack([np.where(lower + self._first >= 0, lower, -1), higher])

    def _average(self, frames: np.ndarray) -> Moves:
        """Return the movement that markers on these very frames show, by weighted means over the tracks."""
        columns = frames - self._first
        inside = (columns >= 0) & (columns < self._seen.shape[1])
        columns = np.where(inside, columns, 0)
        seen = self._seen[:, columns] & inside & self._ready[:, None]
        places = self._places[:, columns]
        weights = self._weights[:, columns] * (seen & self._location[:, None])
        total = weights.sum(axis=0)
        known = total > FADED
        divisor = np.where(known, total, 1)[:, None]
        shift = np.einsum("tf,tfc->fc", weights, places + self._offsets[:, None]) / divisor
        pivot = np.einsum("tf,tfc->fc", weights, places) / divisor
        angle, growth = np.zeros(len(frames)), np.zeros(len(frames))
        if self.settings.use_rotation:
            angle, growth = self._average_turn(places - pivot, self._weights[:, columns] * seen)
            angle, growth = angle * known, growth * known
        return Moves(known, shift, pivot, angle, growth)

    def _average_turn(self, arms: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean angle and growth (F,) that the rotation tracks' arms (T, F, 2) from the pivot show."""
        across, up = arms[..., 0] * self._aspect, arms[..., 1]
        weights = weights * self._rotation[:, None]
        trusted = weights * (1 - np.exp(-(across**2 + up**2)))  # the direction of short arms is uncertain
        total = trusted.sum(axis=0)
        total = np.where((weights > FADED).any(axis=0) & (total > 0), total, np.inf)
        angles = np.arctan2(up, across) + self._angles[:, None]
        angles = np.arctan2(np.sin(angles), np.cos(angles))
        growths = np.log(np.hypot(across, up) + _NEAR_PIVOT) + self._growths[:, None]
        growth = (trusted * growths).sum(axis=0) / total * self.settings.use_scale
        return (trusted * angles).sum(axis=0) / total, growth

    def _moves(self, frames: np.ndarray) -> tuple[Moves, np.ndarray]:
        """Return the movement on these frames, and whether there are markers (F,) on the very frame.

        In a gap the movement is interpolated; before and after all markers it stays.
        """
        moves = self._average(frames)
        before, after = self._gap_ends(frames, self._location & self._ready)
        lower = np.where(before >= 0, before, after) + self._first
        higher = np.where(after >= 0, after, before) + self._first
        a, b = self._average(lower), self._average(higher)
        part = np.where(higher > lower, (frames - lower) / np.maximum(higher - lower, 1), 0.0)
        found = (np.maximum(before, after) >= 0) & a.known & b.known
        mixed = [_mix(one, other, part) for one, other in zip(a[1:], b[1:], strict=True)]
        chosen = [_choose(moves.known, exact, gap) for exact, gap in zip(moves[1:], mixed, strict=True)]
        return Moves(moves.known | found, *chosen), moves.known

    # -- compensation --------------------------------------------------------------------------------------------------
    def matrix(self, frame: int, influences: Influences) -> np.ndarray:
        """Return the matrix (2, 3) from points of the picture, pixels with y up, to points of the stabilised one."""
        moves, _ = self._moves(np.array([frame]))
        if not moves.known[0]:
            return np.eye(2, 3)
        scale = self._autoscale(influences) if self.settings.use_autoscale else influences.target_scale
        parts = np.array([[influences.location, influences.rotation, influences.scale]])
        return self._matrices(moves, parts, influences, scale)[0][0]

    def _matrices(
        self, moves: Moves, parts: np.ndarray, influences: Influences, target_scale: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the matrices (F, 2, 3) that undo the movement, and the stabilised pivots (F, 2) in square pixels.

        `parts` (F, 3) are the influences of location, rotation and scale.
        """
        size = self.settings.height * np.array([self._aspect, 1])
        shift = -(moves.shift * parts[:, :1] - influences.target_place) * size
        pivot = moves.pivot * size
        angle = influences.target_angle - moves.angle * parts[:, 1]
        scale = (target_scale or 1.0) * np.exp(-moves.growth * parts[:, 2])
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        turn = np.stack([np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=1)
        offset = shift + pivot - np.einsum("fij,fj->fi", turn, pivot)
        matrices = np.concatenate([turn, offset[..., None]], axis=-1)
        square = self.settings.pixel_aspect
        matrices[:, :, 0] *= square
        matrices[:, 0] /= square
        return matrices, shift + pivot

    def _autoscale(self, influences: Influences) -> float:
        """Return the scale at which no frame shows what lies outside the picture, as far as `scale_max` allows."""
        if influences not in self._scales:
            self._scales[influences] = self._measure_autoscale(influences)
        return self._scales[influences]

    def _measure_autoscale(self, influences: Influences) -> float:
        settings = self.settings
        frames = np.arange(self._first, self._first + self._seen.shape[1])
        moves, exact = self._moves(frames)
        parts = np.full((len(frames), 3), (influences.location, influences.rotation, influences.scale))
        if settings.animated:
            # Blender goes through the frames in order, and takes the current influences from the first gap on.
            before_gap = np.logical_and.accumulate(exact)
            animated = np.frombuffer(settings.animated).reshape(-1, 3)
            parts = np.where(before_gap[:, None], animated, parts)
        matrices, pivots = self._matrices(moves, parts, influences, 1.0)
        matrices, pivots = matrices[moves.known], pivots[moves.known]
        # As in Blender, the width of square pixels is taken for the clip's, which differs with anamorphic pixels.
        width = float(int(np.float32(self._aspect) * settings.height))
        corners = np.array([(0, 0), (0, settings.height), (width, settings.height), (width, 0)], np.float64)
        starts = np.einsum("fij,cj->fci", matrices[..., :2], corners) + matrices[:, None, :, 2]
        edges = np.roll(starts, -1, axis=1) - starts
        out = _cross(edges[:, :, None], corners - starts[:, :, None]) >= 0  # (F, edge, corner)
        real = abs(_cross(edges, pivots[:, None] - starts))[:, :, None]
        needed = abs(_cross(edges[:, :, None], pivots[:, None, None] - corners))
        scales = (needed / np.maximum(real, 1e-12))[out]
        scale = max(1.0, float(scales.max(initial=1.0)))
        return min(scale, settings.scale_max) if settings.scale_max > 0 else scale


def _mix(one: np.ndarray, other: np.ndarray, part: np.ndarray) -> np.ndarray:
    part = part.reshape(-1, *[1] * (one.ndim - 1))
    return one * (1 - part) + other * part


def _choose(which: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(which.reshape(-1, *[1] * (one.ndim - 1)), one, other)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
