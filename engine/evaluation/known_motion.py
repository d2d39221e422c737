"""Mattes of shapes whose motion is known at every place of their outline, to tell how well splines stay in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..shared.splines import SplineTrack

_SIZE = 240, 320  # height and width of a picture
_FINE = 8  # supersampling
_PLACES = 2400  # along an outline
_FRAMES = 48


@dataclass(frozen=True)
class KnownFilm:
    """Film of one shape with a known motion."""

    name: str
    outlines: np.ndarray  # (T, P) complex pixels: column p is one place of the shape on all frames

    def mattes(self) -> list[tuple[int, np.ndarray]]:
        """Return the frames and their anti-aliased mattes (H, W) float32."""
        return [(frame, drawn(outline)) for frame, outline in enumerate(self.outlines)]

    def slip(self, track: SplineTrack) -> np.ndarray:
        """Return how far the points of a track (T, K) lie from where the shape has moved them, in pixels.

        What counts is the place of the shape that each point is nearest to on the middle frame of the track.
        """
        frames = range(track.first, track.last + 1)
        points = np.array([track.at(frame) for frame in frames])[:, :, 1]
        places = points[..., 0] + 1j * points[..., 1]
        middle = len(frames) // 2
        nearest = np.abs(self.outlines[frames[middle]][:, None] - places[middle][None]).argmin(axis=0)
        return np.abs(places - self.outlines[list(frames)][:, nearest])


def drawn(outline: np.ndarray, size: tuple[int, int] = _SIZE) -> np.ndarray:
    """Draw a closed outline (P,) of complex pixels as an anti-aliased matte (H, W) float32."""
    fine = np.zeros((size[0] * _FINE, size[1] * _FINE), np.uint8)
    corners = np.stack([outline.real, outline.imag], axis=-1) * _FINE - 0.5
    cv2.fillPoly(fine, [np.round(corners * 16).astype(np.int32)], (255,), shift=4)
    return cv2.resize(fine, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def known_films() -> list[KnownFilm]:
    """Make the films: a square that turns, one that speeds up, a star that turns and grows, and a shape that bends."""
    square = _polygon(np.array([-1 - 1j, 1 - 1j, 1 + 1j, -1 + 1j]) * 45)
    tips = np.where(np.arange(10) % 2, 30.0, 75.0) * np.exp(1j * np.pi * np.arange(10) / 5)
    star = _polygon(tips)
    return [
        _film("turning square", lambda t: square * np.exp(0.03j * t) + 160 + 120j),
        _film("accelerating square", lambda t: square + 80 + 120j + 0.07 * t**2),
        _film("growing star", lambda t: star * (1 + 0.008 * t) * np.exp(-0.02j * t) + 160 + 120j),
        _film("bending shape", _bending),
    ]


def _film(name: str, outline: Callable[[int], np.ndarray]) -> KnownFilm:
    return KnownFilm(name, np.array([outline(frame) for frame in range(_FRAMES)]))


def _polygon(corners: np.ndarray) -> np.ndarray:
    """Return places along a closed polygon."""
    count = len(corners)
    at = np.arange(_PLACES) * count / _PLACES
    part, low = np.modf(at)
    low = low.astype(int)
    return corners[low] * (1 - part) + corners[(low + 1) % count] * part


def _bending(frame: int) -> np.ndarray:
    """Return a body with two limbs that swing, as it moves on."""
    angle = np.linspace(0, 2 * np.pi, _PLACES, endpoint=False)
    radius = 40 + 35 * np.exp(-(((angle - 2) / 0.25) ** 2)) + 35 * np.exp(-(((angle - 4.3) / 0.25) ** 2))
    swing = 0.35 * np.sin(frame / 7) * np.sin(angle) * (radius - 40) / 35
    return radius * np.exp(1j * (angle + swing)) + 120 + 120j + 1.6 * frame + 12j * np.sin(frame / 9)
