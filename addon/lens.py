"""Lens distortion of a clip's camera: the places of pixels in the clip and in its undistorted picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from bpy.types import MovieClip

# Beginnings of the names of a camera's distortion coefficients, by model.
_PREFIXES = {"POLYNOMIAL": "", "DIVISION": "division_", "NUKE": "nuke_", "BROWN": "brown_"}
_STEPS = 30  # Newton steps of an inverse; a few are enough for any real lens
_NEAR = 1e-9  # of the picture's size: an inverse that is this close is exact
_STEP = 1e-6  # of the picture's size: to measure how an inverse changes


@dataclass(frozen=True)
class Lens:
    """Distortion of a lens as Blender models it.

    Points are in pixels of the clip, x right and y up, from the middle of its lower left pixel: Blender takes the
    undistorted picture's pixel (x, y) from the place in the clip that it computes for the point (x, y).
    """

    model: str  # POLYNOMIAL, DIVISION, NUKE or BROWN
    coefficients: tuple[tuple[str, float], ...]  # by name, such as ("k1", -0.2)
    width: int
    height: int
    focal: float  # pixels
    centre: tuple[float, float]  # the optical centre, pixels
    pixel_aspect: float  # width of a pixel as a multiple of its height

    @classmethod
    def of(cls, clip: MovieClip, width: int, height: int) -> Lens | None:
        """Return the lens of a clip of this size in pixels, or None if it does not distort."""
        camera = clip.tracking.camera
        prefix = _PREFIXES[camera.distortion_model]
        names = [setting.identifier for setting in camera.bl_rna.properties]
        # Nuke's model has tangential coefficients only in newer versions of Blender.
        names = [name for name in names if re.fullmatch(f"{prefix}[kp][0-9]", name)]
        values = tuple((name.removeprefix(prefix), float(getattr(camera, name))) for name in names)
        if not any(value for _, value in values):
            return None
        across, up = camera.principal_point  # from the picture's middle, as a multiple of half its size
        centre = (width * (1 + across) / 2, height * (1 + up) / 2)
        focal = float(camera.focal_length_pixels)
        return cls(camera.distortion_model, values, width, height, focal, centre, float(camera.pixel_aspect))

    def distort(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) of the undistorted picture to points of the clip."""
        if self.model == "NUKE":  # whose formula goes from the clip to the undistorted picture
            return self._to_points(_inverse(self._formula, self._from_points(points)))
        return self._to_points(self._formula(self._from_points(points)))

    def undistort(self, points: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) of the clip to points of the undistorted picture.

        Points that no place of the undistorted picture comes from, as there are around strongly distorted ones, are
        converted to the nearest place.
        """
        if self.model == "NUKE":
            return self._to_points(self._formula(self._from_points(points)))
        return self._to_points(_inverse(self._formula, self._from_points(points)))

    @property
    def _unit(self) -> float:
        """Return how many pixels are 1 in the formula of the model."""
        if self.model == "NUKE":
            return max(self.width, int(self.height / self.pixel_aspect)) / 2
        return self.focal

    def _from_points(self, points: np.ndarray) -> np.ndarray:
        square = (1.0, 1 / self.pixel_aspect)  # pixels are made square by their height
        return (np.asarray(points, np.float64) - self.centre) * square / self._unit

    def _to_points(self, places: np.ndarray) -> np.ndarray:
        return places * self._unit * (1.0, self.pixel_aspect) + self.centre

    @np.errstate(divide="ignore", invalid="ignore")  # far outside the picture, some models divide by zero
    def _formula(self, places: np.ndarray) -> np.ndarray:
        k = dict(self.coefficients)
        x, y = places[..., 0], places[..., 1]
        r2 = x * x + y * y
        if self.model == "POLYNOMIAL":
            scale = 1 + r2 * (k["k1"] + r2 * (k["k2"] + r2 * k["k3"]))
            return places * scale[..., None]
        if self.model == "DIVISION":
            return places / (1 + r2 * (k["k1"] + r2 * k["k2"]))[..., None]
        if self.model == "NUKE":
            radial = 1 + r2 * (k["k1"] + r2 * k["k2"])
            down = radial + k.get("p1", 0.0) * y * y, radial + k.get("p2", 0.0) * x * x
            return np.stack([x / down[0], y / down[1]], axis=-1)
        radial = 1 + r2 * (k["k1"] + r2 * (k["k2"] + r2 * (k["k3"] + r2 * k["k4"])))
        across = x * radial + k["p1"] * (r2 + 2 * x * x) + 2 * k["p2"] * x * y
        up = y * radial + k["p2"] * (r2 + 2 * y * y) + 2 * k["p1"] * x * y
        return np.stack([across, up], axis=-1)


def _inverse(function: Callable[[np.ndarray], np.ndarray], targets: np.ndarray) -> np.ndarray:
    """Return the points (..., 2) that `function` converts to `targets`, or comes nearest to them with.

    Newton's method from the optical centre on. A step that leads away, or across a fold of the picture, is shortened.
    """
    points = np.zeros(targets.shape)
    missing, slopes = targets - function(points), _slopes(function, points)
    size = np.ones(targets.shape[:-1])
    for _ in range(_STEPS):
        distance = np.hypot(missing[..., 0], missing[..., 1])
        if not (distance > _NEAR).any():
            break
        tried = points + _solve(slopes, missing) * size[..., None]
        left, changed = targets - function(tried), _slopes(function, tried)
        better = (np.hypot(left[..., 0], left[..., 1]) < distance) & (_area(changed) > 0)
        points = np.where(better[..., None], tried, points)
        missing = np.where(better[..., None], left, missing)
        slopes = np.where(better[..., None, None], changed, slopes)
        size = np.where(better, np.minimum(size * 2, 1), size / 4)
    return points


def _slopes(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """Return how much the function changes (..., 2, 2) per step to the right and up."""
    steps = np.eye(2) * _STEP
    changes = [(function(points + step) - function(points - step)) / (2 * _STEP) for step in steps]
    return np.stack(changes, axis=-1)


def _area(slopes: np.ndarray) -> np.ndarray:
    return slopes[..., 0, 0] * slopes[..., 1, 1] - slopes[..., 0, 1] * slopes[..., 1, 0]


def _solve(slopes: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Return the step (..., 2) that changes the function by `missing`, if it were linear."""
    right, up = slopes[..., 0], slopes[..., 1]
    step = np.stack(
        [
            missing[..., 0] * up[..., 1] - missing[..., 1] * up[..., 0],
            right[..., 0] * missing[..., 1] - right[..., 1] * missing[..., 0],
        ],
        axis=-1,
    )
    return step / np.maximum(_area(slopes), _NEAR)[..., None]
