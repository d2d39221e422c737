"""Rotos for tests: a ring that moves, a part that leaves, open splines, odd names, and feathers."""

from __future__ import annotations

import numpy as np

from engine.shared.shape_files.roto import Roto, RotoLayer, RotoSpline

WIDTH, HEIGHT = 320, 180

# A drawing by another program, and a script as Nuke writes it.
DRAWING = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" width="200mm" height="100mm" viewBox="10 20 100 50">
 <defs><path d="M0 0H9V9Z"/></defs>
 <g id="outer" transform="translate(10,20)"><g transform="scale(2)">
  <rect id="box" x="1" y="2" width="10" height="4"/></g>
  <circle id="dot" cx="30" cy="10" r="5"/>
  <ellipse id="egg" cx="50" cy="10" rx="6" ry="3" transform="rotate(90 50 10)"/>
  <polygon id="tri" points="70,0 80,0 70,10"/>
  <path id="ring" fill-rule="evenodd" d="M10 30h20v10h-20z m5 3h10v4h-10z"/>
  <path id="half" d="M40,35a10 10 0 0120 0Z"/>
  <path id="curves" style="fill:none" d="M70 30Q75 20 80 30T90 30S95 35 99 30"/>
  <path id="gone" d="M0 0H1V1Z" style="display:none"/><text>words</text>
 </g></svg>"""
SCRIPT = """#! Nuke -nx
version 13.2 v8
Root {
 inputs 0
 format "200 100 0 0 200 100 1 small"
}
RotoPaint {
 inputs 0
 curves {{{v x3f99999a}
  {f 0}
  {n
   {layer Root
    {f 2097152}
    {t x42c80000 x42480000}
    {a pt1x 0 ptmot x40800000}
    {curvegroup Bezier1 576 bezier
     {{cc
       {f 8192}
       {px 7
        {0 0}
        {10 20}
        {5 0}
        {-1.5 2}
        {60 20}
        {0 0}
        {0 0}
        {60 80}
        {0 0}}}     idem}
     {tx 7 x42100000 x42100000}
     {a osw x41200000 osf 0 str 1 opc 0.5 tt x40800000}}
    {cubiccurve Brush1 512 catmullrom {cc {f 2080} {p {1 2 1} {3 4 1}}} {t 0} {a}}
    {layer Layer1 {f 2097664} {t x42c80000 x42480000} {a}
     {curvegroup Moves 512 bezier
      {{cc {f 8192} {p {0 0} {{{1 10} {5 30 257}} 20} {0 0} {0 0} {90 20} {0 0} {0 0} {90 {{1 80} {9 40}}} {0 0}}}
       {cc {f 8192} {p {0 0} {3 4} {0 0} {0 0} {0 0} {0 0} {0 0} {0 0} {0 0}}}}
      {t 40 40} {a}}
     {curvegroup Spline 512 bspline {{cc {f 8192} {p {1 1} {2 2}}} idem} {t 0 0} {a}}}}}}}
 name RotoPaint1
}
"""


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
