"""The brush: draws strokes into an alpha image as capsules with anti-aliased or soft edges, with NumPy only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .canvas import Rectangle

MIN_RADIUS, MAX_RADIUS = 0.5, 2000.0  # clip pixels
_BAND = 1 << 14  # pixels
_FARTHEST = 1e9  # pixels from the image's corner, beyond which numbers are not exact enough
_PART = 64.0  # pixels; the shortest part into which a long segment is split


@dataclass(frozen=True)
class Sample:
    """Point of a stroke in pixels of the clip (x right, y down, pixel (0, 0) spans 0..1), and the brush there."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Brush:
    """How a stroke changes the alpha.

    At the radius from its path the brush has half its strength, whether hard or soft, so that the brush's circle shows
    which pixels become the object's.
    """

    hardness: float = 1.0  # 1: an anti-aliased edge; 0: fades evenly from the path to twice the radius
    remove: bool = False


def draw_segment(alpha: np.ndarray, brush: Brush, start: Sample, end: Sample) -> list[Rectangle]:
    """Draw a segment of a stroke into `alpha` (H, W) uint8, and return the rectangles that may have changed.

    The brush at each pixel is that of the nearest place of the segment, along which the radius changes evenly. What
    segments of a stroke have in common is not drawn twice as strongly: a pixel keeps the strongest.
    """
    changed = []
    near = _near(alpha.shape, brush, start, end)
    for part_start, part_end in _parts(brush, *near) if near else ():
        place = _bounds(alpha.shape, brush, part_start, part_end)
        if place is None:
            continue
        for band in _bands(place):
            strength = _strength(band, brush, part_start, part_end)
            part = alpha[band.slices]
            if brush.remove:
                np.minimum(part, 255 - strength, out=part)
            else:
                np.maximum(part, strength, out=part)
        changed.append(place)
    return changed


def _near(shape: tuple[int, ...], brush: Brush, start: Sample, end: Sample) -> tuple[Sample, Sample] | None:
    """Cut off what of a segment is too far from an image of `shape` (H, W) to reach it; None if all of it is.

    The editor's view can be so small, or so distorted, that a stroke comes from millions of pixels away.
    """
    start, end = (
        Sample(min(max(sample.x, -_FARTHEST), _FARTHEST), min(max(sample.y, -_FARTHEST), _FARTHEST), sample.radius)
        for sample in (start, end)
    )
    steps = end.x - start.x, end.y - start.y, end.radius - start.radius
    if np.hypot(*steps[:2]) <= abs(steps[2]):  # one end lies within the other
        return start, end
    height, width = shape
    reach = max(_reach(start, brush), _reach(end, brush))
    first, last = 0.0, 1.0  # shares of the segment
    for place, step, size in zip((start.x, start.y), steps, (width, height)):
        low, high = -reach - place, size + reach - place
        if step:
            first, last = max(first, min(low / step, high / step)), min(last, max(low / step, high / step))
        elif low > 0 or high < 0:
            return None
    if first > last:
        return None

    def at(share: float) -> Sample:
        return Sample(start.x + share * steps[0], start.y + share * steps[1], start.radius + share * steps[2])

    return at(first) if first > 0 else start, at(last) if last < 1 else end


def _bands(place: Rectangle) -> Iterator[Rectangle]:
    """Cut a rectangle into bands of rows that fit into the processor's cache, which makes large brushes faster."""
    rows = max(1, _BAND // (place.right - place.left))
    for top in range(place.top, place.bottom, rows):
        yield Rectangle(place.left, top, place.right, min(top + rows, place.bottom))


def _parts(brush: Brush, start: Sample, end: Sample) -> Iterator[tuple[Sample, Sample]]:
    """Split a segment so that the rectangles around its parts hold little else, as that of a long slanted line would.

    Together the parts look like the segment.
    """
    length = float(np.hypot(end.x - start.x, end.y - start.y))
    if length <= abs(end.radius - start.radius):  # one end lies within the other
        yield start, end
        return
    widest = max(_reach(start, brush), _reach(end, brush))
    count = max(1, round(length / max(2 * widest, _PART)))
    places = np.linspace((start.x, start.y, start.radius), (end.x, end.y, end.radius), count + 1)
    samples = [start, *(Sample(*map(float, place)) for place in places[1:-1]), end]
    yield from zip(samples, samples[1:])


def _reach(sample: Sample, brush: Brush) -> float:
    """Return how far from a sample the brush has any strength."""
    return sample.radius + _fade(sample.radius, brush.hardness) / 2


def _bounds(shape: tuple[int, ...], brush: Brush, start: Sample, end: Sample) -> Rectangle | None:
    """Return the pixels that the segment can reach, within an image of `shape` (H, W); None if there are none."""
    ends = (start, end)
    reach = [_reach(sample, brush) for sample in ends]
    left = min(sample.x - away for sample, away in zip(ends, reach))
    right = max(sample.x + away for sample, away in zip(ends, reach))
    top = min(sample.y - away for sample, away in zip(ends, reach))
    bottom = max(sample.y + away for sample, away in zip(ends, reach))
    height, width = shape
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        return None
    return Rectangle(
        max(int(np.floor(left)), 0),
        max(int(np.floor(top)), 0),
        min(int(np.ceil(right)), width),
        min(int(np.ceil(bottom)), height),
    )


def _fade(radius: float, hardness: float) -> float:
    """Return over how many pixels the brush fades: one at least, which makes a hard edge anti-aliased."""
    return max(1.0, 2.0 * radius * (1.0 - hardness))


def _strength(place: Rectangle, brush: Brush, start: Sample, end: Sample) -> np.ndarray:
    """Return the strength of the segment at the centres of the pixels of `place`, (H, W) uint8."""
    dx, dy = end.x - start.x, end.y - start.y
    length = float(np.hypot(dx, dy))
    if length <= abs(end.radius - start.radius) or length < 1e-6:  # one end lies within the other
        start = end = max(start, end, key=lambda sample: sample.radius)
        dx, dy, length = 1.0, 0.0, 0.0
    else:
        dx, dy = dx / length, dy / length
    x = (np.arange(place.left, place.right, dtype=np.float32) + np.float32(0.5 - start.x))[None, :]
    y = (np.arange(place.top, place.bottom, dtype=np.float32) + np.float32(0.5 - start.y))[:, None]
    if not length:
        away = np.sqrt(x * x + y * y)
        radius: np.ndarray | float = start.radius
    else:
        along, beside = x * np.float32(dx) + y * np.float32(dy), np.abs(y * np.float32(dx) - x * np.float32(dy))
        # The nearest place lies across the slanted side of the capsule rather than across its axis.
        narrowing = (start.radius - end.radius) / length
        nearest = along
        if narrowing:
            nearest = along - beside * np.float32(narrowing / np.sqrt(1 - narrowing**2))
        nearest = np.clip(nearest, 0, np.float32(length))
        along -= nearest
        away = np.sqrt(along * along + beside * beside)
        radius = start.radius - nearest * np.float32(narrowing) if narrowing else start.radius
    return _profile(radius - away, radius, brush.hardness)


def _profile(depth: np.ndarray, radius: np.ndarray | float, hardness: float) -> np.ndarray:
    """Return the strength (H, W) uint8 of a brush at `depth` pixels inside the edge of its circle."""
    fade = np.maximum(np.float32(1.0), np.float32(2.0 * (1.0 - hardness)) * radius)
    level = depth / fade
    level += np.float32(0.5)
    np.clip(level, 0, 1, out=level)
    if hardness < 1.0:  # without kinks, which would show as bands
        soft = 3 - 2 * level
        soft *= level
        soft *= level
        level = np.where(fade > 1.0, soft, level) if np.ndim(fade) else soft if fade > 1.0 else level
    level *= np.float32(255)
    level += np.float32(0.5)
    return level.astype(np.uint8)
