"""Outlines of a strand, sampled alike on all frames, and the features by which they are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FEATURE_BLUR = 1.5, 0.006  # standard deviation, in pixels and in lengths of the outline
_CURVATURE_SPAN = 0.015  # in lengths of the outline, to either side, over which the tangent turns


@dataclass(frozen=True)
class Outline:
    """Outlines of T frames, with S samples each at even distances along them."""

    points: np.ndarray  # (T, S) complex
    lengths: np.ndarray  # (T,) pixels

    @property
    def count(self) -> int:
        """Return the number of samples of an outline."""
        return self.points.shape[1]

    def at(self, places: np.ndarray) -> np.ndarray:
        """Return the points (T, N) at places (T, N), in samples along each frame's outline."""
        return interpolate(self.points, places)


def interpolate(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Interpolate periodic values (T, S) linearly at places (T, N), in samples."""
    count = values.shape[1]
    low = np.floor(places)
    part = places - low
    index = low.astype(np.int64) % count + (np.arange(len(values)) * (count + 1))[:, None]
    flat = np.concatenate([values, values[:, :1]], axis=1).ravel()
    first = flat.take(index)
    index += 1
    return first + (flat.take(index) - first) * part


def blur(values: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Blur periodic values (T, S) by Gaussians of `sigma` (T,) samples."""
    frequency = np.fft.fftfreq(values.shape[1])
    return np.fft.ifft(np.fft.fft(values, axis=1) * np.exp(-2 * (np.pi * sigma[:, None] * frequency) ** 2), axis=1)


@dataclass(frozen=True)
class Features:
    """What outlines are compared by, at each of their samples (T, S)."""

    points: np.ndarray  # complex
    tangents: np.ndarray  # complex, of length 1
    turns: np.ndarray  # radians by which the tangent turns around the sample
    lengths: np.ndarray  # (T,)

    @classmethod
    def of(cls, outline: Outline) -> Features:
        """Measure the features of outlines."""
        count, lengths = outline.count, outline.lengths
        spacing = lengths / count
        sigma = np.maximum(_FEATURE_BLUR[0], _FEATURE_BLUR[1] * lengths) / spacing
        smooth = blur(outline.points, np.minimum(sigma, count / 16))
        tangents = np.roll(smooth, -1, axis=1) - np.roll(smooth, 1, axis=1)
        tangents /= np.maximum(np.abs(tangents), 1e-9)
        span = max(round(_CURVATURE_SPAN * count), 1)
        turns = np.angle(np.roll(tangents, -span, axis=1) * np.roll(tangents, span, axis=1).conj())
        return cls(outline.points, tangents, turns, lengths)

    def take(self, frames: np.ndarray) -> Features:
        """Return the features of some frames."""
        return Features(self.points[frames], self.tangents[frames], self.turns[frames], self.lengths[frames])

    def every(self, step: int) -> Features:
        """Return the features of every `step`-th sample."""
        return Features(self.points[:, ::step], self.tangents[:, ::step], self.turns[:, ::step], self.lengths)

    def at(self, places: np.ndarray) -> Features:
        """Return the features at places (T, S), in samples."""
        points, tangents, turns = (interpolate(values, places) for values in (self.points, self.tangents, self.turns))
        return Features(points, tangents, turns, self.lengths)

    def derivatives(self) -> Features:
        """Return how the features change from sample to sample."""
        points, tangents, turns = (
            (np.roll(values, -1, axis=1) - np.roll(values, 1, axis=1)) / 2
            for values in (self.points, self.tangents, self.turns)
        )
        return Features(points, tangents, turns, self.lengths)
