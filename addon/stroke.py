"""Strokes: what the mouse or a pen draws on a canvas, from the first sample to the last."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..engine.shared.alphas import INSIDE
from ..engine.shared.errors import KeyframeEmpty
from . import brush, shapes
from .brush import Brush, Sample
from .canvas import Canvas, Rectangle

_WEAKEST = 0.02  # of the radius: what the lightest touch of a pen paints with
_PATIENCE = 3  # samples without pressure after which a pen is taken to have none


@dataclass
class Stroke:
    """Stroke on a canvas, made of samples of the mouse or pen in pixels of the clip."""

    canvas: Canvas
    brush: Brush
    radius: float  # at full pressure
    use_pressure: bool = False
    added_object: bool = False  # the clip had no object, so the stroke added one
    source: str = ""  # what the stroke began from, in words; empty if from nothing
    start: np.ndarray | None = None  # the alpha (H, W) uint8 from which the stroke began, if it is needed later
    _last: Sample | None = None
    _waiting: list[tuple[float, float]] = field(default_factory=list)  # first samples, as yet without pressure
    _before: np.ndarray | None = None  # the alpha before a straight line, which is drawn anew with each move
    _line: list[Rectangle] = field(default_factory=list)
    _path: list[tuple[Sample, Sample]] = field(default_factory=list)  # the segments drawn

    def begin_from(self, before: np.ndarray, after: np.ndarray) -> None:
        """Let the stroke begin from the alpha `after` rather than `before`, both (H, W) uint8."""
        alpha = self.canvas.alpha
        np.copyto(alpha, after, where=alpha == before)
        self.canvas.changed.append(Rectangle(0, 0, alpha.shape[1], alpha.shape[0]))
        self.start = None if self.start is None else after.copy()
        self._before = None if self._before is None else after.copy()

    def extend(self, x: float, y: float, pressure: float = 1.0) -> None:
        """Draw on to a place in pixels of the clip. `pressure` is 0..1, and 1 with a mouse.

        Far outside an undistorted picture, places may not be finite; these are left out.
        """
        if not np.isfinite([x, y, pressure]).all():
            return
        if self.use_pressure and pressure <= 0 and self._last is None:
            # A pen that touches down may report its pressure late. One that never does paints as a mouse.
            self._waiting.append((x, y))
            if len(self._waiting) < _PATIENCE:
                return
            self.use_pressure, (x, y) = False, self._waiting.pop()
        radius = max(self.radius * max(pressure, _WEAKEST), brush.MIN_RADIUS) if self.use_pressure else self.radius
        for place in (*self._waiting, (x, y)):
            self._draw_to(Sample(*place, radius))
        self._waiting.clear()

    def straight_to(self, x: float, y: float, *, start: tuple[float, float]) -> None:
        """Draw a straight line from `start` to a place in pixels of the clip, in place of the stroke's last one."""
        if not np.isfinite([x, y, *start]).all():
            return
        alpha = self.canvas.alpha
        if self._before is None:
            self._before = alpha.copy()
        for place in self._line:
            alpha[place.slices] = self._before[place.slices]
        self.canvas.changed += self._line
        self._path.clear()
        self._last = Sample(*start, self.radius)
        self._line = self._draw_to(Sample(x, y, self.radius))

    def fill_outline(self, outline: np.ndarray) -> None:
        """Fill a freehand outline (N, 2), in pixels of the clip, or cut it out."""
        place = shapes.draw_polygon(self.canvas.alpha, outline, remove=self.brush.remove)
        if place is not None:
            self.canvas.changed.append(place)

    def fill_at(self, x: float, y: float) -> None:
        """Fill the closed region or hole at a place in pixels of the clip, or empty the part of the object there.

        Raises KeyframeEmpty if there is nothing to fill, or if the region is open.
        """
        height, width = self.canvas.alpha.shape
        if not (0 <= x < width and 0 <= y < height):
            raise KeyframeEmpty("this place is outside the picture", remedy="Click inside it.")
        column, row = int(x), int(y)
        inside = self.canvas.alpha >= INSIDE
        if inside[row, column] != self.brush.remove:
            raise KeyframeEmpty(
                "nothing of the object is here to be emptied" if self.brush.remove else "this place is already filled",
                remedy="Click on the object." if self.brush.remove else "Click in a hole, or in an outline.",
            )
        region = shapes.region_at(inside, column, row)
        if self.brush.remove:
            opposite = 255 - self.canvas.alpha
            self.canvas.changed.append(shapes.fill_region(opposite, region))
            np.subtract(255, opposite, out=self.canvas.alpha)
            return
        if shapes.is_open(region):
            raise KeyframeEmpty(
                "this region is open, so the fill would flood the frame", remedy="Close the outline around it first."
            )
        self.canvas.changed.append(shapes.fill_region(self.canvas.alpha, region))

    def finish(self) -> tuple[float, float] | None:
        """Draw what still waits for a pen's pressure, and return where the stroke ended; None for a shape."""
        if self._waiting:
            self.use_pressure, place = False, self._waiting.pop()
            self.extend(*place)
        return (self._last.x, self._last.y) if self._last else None

    def trace(self) -> np.ndarray:
        """Return the alpha (H, W) uint8 of the brush's stroke alone, whether it added or removed."""
        alpha = np.zeros_like(self.canvas.alpha)
        for start, end in self._path:
            brush.draw_segment(alpha, replace(self.brush, remove=False), start, end)
        return alpha

    def _draw_to(self, sample: Sample) -> list[Rectangle]:
        places = brush.draw_segment(self.canvas.alpha, self.brush, self._last or sample, sample)
        self._path.append((self._last or sample, sample))
        self._last = sample
        self.canvas.changed += places
        return places
