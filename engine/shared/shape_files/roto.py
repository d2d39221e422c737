"""Roto: the splines of a clip over time, as no program owns them; pixels with y down, linear between keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

BLENDS = ("add", "subtract", "merge_add", "merge_subtract", "lighten", "darken", "multiply", "replace", "difference")
_SAME_SHAPE = 0.01  # by which two ratios of width and height may differ
_STEPS = 8  # of a segment, where a spline is taken for a polygon

Detail = str | bool | float


@dataclass(frozen=True)
class RotoSpline:
    """A cubic Bezier spline of K points, with a shape on each of the R rows of its layer."""

    points: NDArray[np.float64]  # (R, K, 3, 2): left handle, point and right handle, pixels, x right, y down
    feather: NDArray[np.float64]  # (R, K) pixels: how far the soft edge reaches outside of a part, or into a hole
    closed: bool = True
    kinds: tuple[str, ...] = ()  # K names of how the handles behave in an editor, such as `free`; or none
    name: str = ""
    details: Mapping[str, Detail] = field(default_factory=dict)  # settings of one program, by `program.setting`

    def __post_init__(self) -> None:
        rows, count = self.feather.shape
        if self.points.shape != (rows, count, 3, 2) or not rows or not count or len(self.kinds) not in (0, count):
            raise ValueError("the numbers of points, feathers and kinds of a spline do not agree")


@dataclass(frozen=True)
class RotoLayer:
    """Splines that are keyed together, hidden and shown together, and drawn as one.

    The rows of the splines are their shapes on `keys`; without keys there is one row, the shape on all frames. Between
    keys, points, handles and feathers are interpolated linearly; before the first and after the last, they are held.
    """

    name: str
    splines: tuple[RotoSpline, ...]
    keys: tuple[int, ...] = ()  # frames, ascending
    alphas: tuple[tuple[int, float], ...] = ()  # pairs of frame and alpha, ascending; each is held until the next
    alpha: float = 1.0  # where there are no `alphas`
    object_name: str = ""
    blend: str = "add"  # one of `BLENDS`: how it is laid over the layers before it
    inverted: bool = False
    fill_holes: bool = True  # a spline inside another is a hole; else all are filled
    details: Mapping[str, Detail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = max(len(self.keys), 1)
        if any(spline.points.shape[0] != rows for spline in self.splines):
            raise ValueError(f"the splines of layer {self.name} do not have one shape for each key")
        for frames in (self.keys, tuple(frame for frame, _ in self.alphas)):
            if any(after <= before for before, after in zip(frames, frames[1:])):
                raise ValueError(f"the keys of layer {self.name} are not in order")
        if self.blend not in BLENDS:
            raise ValueError(f"layer {self.name} has the unknown blend {self.blend}")

    def alpha_at(self, frame: int) -> float:
        """Return the layer's alpha on a frame."""
        held = [value for key, value in self.alphas if key <= frame]
        return held[-1] if held else self.alphas[0][1] if self.alphas else self.alpha

    def row_at(self, frame: float) -> tuple[int, int, float]:
        """Return the rows before and after a frame, and the share of the second, 0..1."""
        if len(self.keys) < 2:
            return 0, 0, 0.0
        after = min(int(np.searchsorted(self.keys, frame)), len(self.keys) - 1)
        before = max(after - 1, 0)
        part = (frame - self.keys[before]) / max(self.keys[after] - self.keys[before], 1)
        return before, after, min(max(part, 0.0), 1.0)

    def at(self, spline: RotoSpline, frame: float) -> NDArray[np.float64]:
        """Return the points (K, 3, 2) of one of the layer's splines on a frame."""
        before, after, part = self.row_at(frame)
        return np.asarray((1 - part) * spline.points[before] + part * spline.points[after], np.float64)

    def feather_at(self, spline: RotoSpline, frame: float) -> NDArray[np.float64]:
        """Return the feather (K,) of one of the layer's splines on a frame."""
        before, after, part = self.row_at(frame)
        return np.asarray((1 - part) * spline.feather[before] + part * spline.feather[after], np.float64)


@dataclass(frozen=True)
class Roto:
    """The layers of a clip, of which the last is drawn over the others, and what their numbers refer to."""

    width: int  # of the clip, in pixels
    height: int
    layers: tuple[RotoLayer, ...]
    first: int = 1  # number of the clip's first frame, as keys count frames
    last: int = 1
    fps: float = 24.0
    pixel_aspect: float = 1.0  # how wide a pixel is displayed, as a multiple of its height
    name: str = ""

    def scaled(self, width: int, height: int) -> Roto:
        """Return the same for a clip of another size; itself if the size is the same.

        Where the shapes of the two pictures differ, it is scaled evenly and centred.
        """
        if (width, height) == (self.width, self.height):
            return self
        factor, start = np.array([width / self.width, height / self.height]), np.zeros(2)
        if abs(factor[0] / factor[1] - 1) > _SAME_SHAPE:
            factor[:] = factor.min()
            start = (np.array([width, height]) - factor * (self.width, self.height)) / 2
        layers = tuple(
            replace(
                layer,
                splines=tuple(
                    replace(one, points=one.points * factor + start, feather=one.feather * float(factor.mean()))
                    for one in layer.splines
                ),
            )
            for layer in self.layers
        )
        return replace(self, width=width, height=height, layers=layers)


def polygon(points: NDArray[np.float64], *, closed: bool = True) -> NDArray[np.float64]:
    """Return a spline (K, 3, 2) as a polygon (N, 2) with some corners for each segment."""
    following = np.roll(points, -1, axis=0)
    controls = np.stack([points[:, 1], points[:, 2], following[:, 0], following[:, 1]])
    share = np.arange(_STEPS) / _STEPS
    weights = np.stack([(1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share**2 * (1 - share), share**3])
    corners = np.einsum("cs,ckd->ksd", weights, controls)
    return np.asarray(corners.reshape(-1, 2) if closed else np.append(corners[:-1].reshape(-1, 2), points[-1:, 1], 0))


def signed_area(corners: NDArray[np.float64]) -> float:
    """Return the area of a polygon (N, 2); with y down, it is positive if the polygon is clockwise."""
    x, y = corners.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def depths(layer: RotoLayer) -> list[int]:
    """Return of each spline of a layer how many others it lies inside: in a layer with holes, odd ones are holes.

    It is looked at where the spline encloses most.
    """
    drawn = [[polygon(points, closed=spline.closed) for points in spline.points] for spline in layer.splines]
    found = []
    for index, own in enumerate(drawn):
        row = int(np.argmax([abs(signed_area(corners)) for corners in own]))
        area = abs(signed_area(own[row]))
        others = [shapes[row] for place, shapes in enumerate(drawn) if place != index]
        found.append(sum(_is_inside(own[row][0], o) for o in others if abs(signed_area(o)) > area))
    return found


def _is_inside(point: NDArray[np.float64], corners: NDArray[np.float64]) -> bool:
    following = np.roll(corners, -1, axis=0)
    crosses = (corners[:, 1] > point[1]) != (following[:, 1] > point[1])
    (x, y), (u, v) = corners[crosses].T, following[crosses].T
    return bool((x + (point[1] - y) / (v - y) * (u - x) > point[0]).sum() % 2)


def wound(layer: RotoLayer) -> RotoLayer:
    """Return a layer whose parts run clockwise, as they are seen, and whose holes run the other way round.

    Programs that fill by the non-zero rule find holes only so, and Blender draws soft edges only so.
    """
    inside = depths(layer) if layer.fill_holes else [0] * len(layer.splines)
    splines = []
    for depth, spline in zip(inside, layer.splines):
        area = sum(signed_area(polygon(points)) for points in spline.points)
        splines.append(spline if not spline.closed or (area >= 0) == (depth % 2 == 0) else _reversed(spline))
    return replace(layer, splines=tuple(splines))


def _reversed(spline: RotoSpline) -> RotoSpline:
    points, feather = spline.points[:, ::-1, ::-1], spline.feather[:, ::-1]
    return replace(spline, points=points, feather=feather, kinds=spline.kinds[::-1])
