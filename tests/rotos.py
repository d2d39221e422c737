"""Rotos for tests: a ring that moves, a part that leaves, open splines, odd names, and feathers."""

from __future__ import annotations

import numpy as np

from engine.shared.shape_files.roto import Roto, RotoLayer, RotoSpline

WIDTH, HEIGHT = 320, 180


def circle(x: float, y: float, radius: float, count: int = 5, *, turn: float = 1.0) -> np.ndarray:
    """Return the points (K, 3, 2) of a circle in pixels; seen with y down, it runs clockwise if `turn` is 1."""
    angle = turn * np.arange(count) * 2 * np.pi / count + 0.1
    place = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    along = turn * 4 / 3 * np.tan(np.pi / 2 / count) * np.stack([-np.sin(angle), np.cos(angle)], axis=1)
    return np.stack([place - along, place, place + along], axis=1) * radius + (x, y)


def sample_roto() -> Roto:
    """Return a roto with all that a file can hold; numbers have all their digits."""
    keys = (1001, 1004, 1010)
    outer = np.stack([circle(100.1 + 7.3 * row, 90.7, 40.3 + row) for row in range(3)])
    inner = np.stack([circle(100.1 + 7.3 * row, 90.7, 15.9 + row / 3, 4, turn=-1) for row in range(3)])
    feather = np.linspace(0, 6.1, 15).reshape(3, 5)
    ring = RotoLayer(
        "Ring, äöü <&> \"'",
        (
            RotoSpline(outer, feather, kinds=("free", "aligned", "auto", "vector", "free"), name="part"),
            RotoSpline(inner, np.zeros((3, 4)), name="hole", details={"blender.offset_mode": "EVEN"}),
        ),
        keys,
        ((1001, 1.0), (1006, 0.0), (1008, 0.7)),
        object_name="物体/1",
        blend="merge_add",
        details={"blender.falloff": "SMOOTH", "blender.use_fill_overlap": True},
    )
    still = RotoLayer(
        "still", (RotoSpline(circle(260, 40.25, 20, 3)[None], np.zeros((1, 3))),), alpha=0.3, object_name="b"
    )
    line = np.array([[[10, 10], [12.3, 14.5], [20, 20]], [[30, 10], [40, 15.1], [50, 11]]], np.float64)
    opened = RotoLayer(
        "open",
        (RotoSpline(np.stack([line, line + 3.7]), np.zeros((2, 2)), closed=False, name="line"),),
        (1002, 1003),
        blend="subtract",
        inverted=True,
        fill_holes=False,
    )
    return Roto(WIDTH, HEIGHT, (ring, still, opened), 1001, 1012, 23.976, 1.4587, "shot 1: é")


def same(a: Roto, b: Roto) -> None:
    """Assert that two rotos are equal to the last bit."""
    assert (a.width, a.height, a.first, a.last, a.fps, a.pixel_aspect, a.name) == (
        b.width,
        b.height,
        b.first,
        b.last,
        b.fps,
        b.pixel_aspect,
        b.name,
    )
    assert len(a.layers) == len(b.layers)
    for one, other in zip(a.layers, b.layers):
        for name in ("name", "keys", "alphas", "alpha", "object_name", "blend", "inverted", "fill_holes"):
            assert getattr(one, name) == getattr(other, name), name
        assert dict(one.details) == dict(other.details)
        assert len(one.splines) == len(other.splines)
        for spline, twin in zip(one.splines, other.splines):
            assert (spline.closed, spline.kinds, spline.name) == (twin.closed, twin.kinds, twin.name)
            assert dict(spline.details) == dict(twin.details)
            assert np.array_equal(spline.points, twin.points) and np.array_equal(spline.feather, twin.feather)
