"""Which triangles draw a rectangle of the clip, and where its edges are."""

from __future__ import annotations

import numpy as np
import pytest
from keymatte.ui.edges import edge_areas
from keymatte.ui.screen_mesh import WHOLE, Bounds, ScreenMesh, area

REGION = (800, 600)


def quad(left: float, bottom: float, right: float, top: float, size=REGION) -> ScreenMesh:
    points = np.array([(left, bottom), (right, bottom), (right, top), (left, top)], np.float32)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    return ScreenMesh.of(points, corners, np.array([(0, 1, 2), (0, 2, 3)]), size)


def grid(bend: float, count: int = 9, size=REGION) -> ScreenMesh:
    """Return a mesh of `count` x `count` points whose middle is `bend` pixels higher than in a plain one."""
    y, x = np.meshgrid(np.linspace(0, 1, count), np.linspace(0, 1, count), indexing="ij")
    coordinates = np.stack([x, y], axis=-1).reshape(-1, 2)
    points = coordinates * (800, 600)
    points[:, 1] += bend * np.sin(np.pi * coordinates[:, 0])
    cells = (np.arange(count - 1)[:, None] * count + np.arange(count - 1)).ravel()
    lower = np.stack([cells, cells + 1, cells + count + 1], axis=1)
    upper = np.stack([cells, cells + count + 1, cells + count], axis=1)
    return ScreenMesh.of(points, coordinates, np.concatenate([lower, upper]), size)


def extent(points: np.ndarray) -> list[float]:
    return [*points.min(axis=0).round(2), *points.max(axis=0).round(2)]


def covered(points: np.ndarray) -> float:
    """Return the area of triangles (N, 2)."""
    sides = np.diff(points.reshape(-1, 3, 2).astype(float), axis=1)
    return float(np.abs(np.linalg.det(sides)).sum() / 2)


def test_a_rectangle_of_a_plain_clip_is_drawn_exactly():
    mesh = quad(100, 50, 500, 250)
    points, places = mesh.over(area(Bounds(0.25, 0.5, 0.75, 1.0)))
    assert extent(points) == [200, 50, 400, 150]
    assert extent(places) == [0.25, 0.5, 0.75, 1.0]
    assert covered(points) == pytest.approx(200 * 100)


def test_a_rotated_clip_is_drawn_exactly_too():
    turn = np.array([(0.8, 0.6), (-0.6, 0.8)])
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    points = (corners * (400, 200)) @ turn + (300, 100)
    mesh = ScreenMesh.of(points, corners, np.array([(0, 1, 2), (0, 2, 3)]), REGION)
    found, _ = mesh.over(area(Bounds(0.0, 0.5, 0.5, 1.0)))
    assert covered(found) == pytest.approx(200 * 100, rel=1e-4)
    assert mesh.scale == pytest.approx((400, 200), rel=1e-4)


def test_the_scale_is_that_of_the_screen_even_with_anamorphic_pixels():
    assert quad(0, 0, 400, 100).scale == pytest.approx((400, 100))


def test_a_bent_clip_is_drawn_with_the_triangles_that_overlap_the_rectangle():
    mesh = grid(bend=40.0)
    assert mesh.matrix is None and grid(bend=0.01).matrix is not None
    bounds = Bounds(0.4, 0.4, 0.6, 0.6)
    points, places = mesh.over(area(bounds))
    left, top, right, bottom = extent(places)
    assert left <= 0.4 and top <= 0.4 and right >= 0.6 and bottom >= 0.6
    assert right - left < 0.5 and bottom - top < 0.5
    assert covered(points) < 800 * 600 / 4


def test_only_what_is_in_view_is_drawn():
    mesh = quad(-8000, -6000, 8000, 6000)
    shown = mesh.shown
    exact = (0.5, 0.45, 0.55, 0.5)
    found = (shown.left, shown.top, shown.right, shown.bottom)
    assert found == pytest.approx(exact, abs=2 / 32)
    assert found[:2] <= exact[:2] and found[2:] >= exact[2:]
    points, _ = mesh.over(area(WHOLE))
    assert covered(points) < 2000 * 1500
    assert len(mesh.over(area(Bounds(0.0, 0.0, 0.4, 1.0)))[0]) == 0


def test_a_clip_out_of_view_has_no_triangles():
    mesh = quad(-900, 0, -100, 600)
    assert len(mesh.points) == 0
    assert len(mesh.over(area(WHOLE))[0]) == 0


def test_points_that_the_lens_cannot_show_are_left_out():
    points = np.array([(0, 0), (800, 0), (np.nan, 600), (0, 600)], np.float32)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32)
    mesh = ScreenMesh.of(points, corners, np.array([(0, 1, 3), (1, 2, 3)]), REGION)
    assert np.isfinite(mesh.points).all()
    assert covered(mesh.points.reshape(-1, 2)) == pytest.approx(800 * 600 / 2, rel=1e-4)


# -- edges -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(5))
def test_all_edges_lie_within_the_areas(seed):
    rng = np.random.default_rng(seed)
    alpha = np.zeros((150, 210), np.uint8)
    for _ in range(3):
        y, x = rng.integers(0, 140), rng.integers(0, 200)
        alpha[y : y + rng.integers(1, 60), x : x + rng.integers(1, 60)] = rng.integers(128, 256)
    inside = np.pad(alpha >= 128, 1, mode="edge")
    here = inside[1:-1, 1:-1]
    edge = (inside[1:-1, :-2] != here) | (inside[1:-1, 2:] != here) | (inside[:-2, 1:-1] != here)
    edge |= inside[2:, 1:-1] != here
    near = np.zeros_like(edge)
    for left, top, right, bottom in edge_areas(alpha, WHOLE):
        columns = slice(max(0, round(left * 210)), max(0, round(right * 210)))
        near[max(0, round(top * 150)) : max(0, round(bottom * 150)), columns] = True
    assert edge.any() and near[edge].all()


def test_an_alpha_without_edges_has_no_areas():
    assert len(edge_areas(np.full((100, 100), 127, np.uint8), WHOLE)) == 0
    assert len(edge_areas(np.full((100, 100), 255, np.uint8), WHOLE)) == 0


def test_areas_are_few_for_a_small_object_in_a_large_picture():
    alpha = np.zeros((1000, 1000), np.uint8)
    alpha[500:510, 500:510] = 255
    areas = edge_areas(alpha, Bounds(0.5, 0.5, 1.0, 1.0))
    assert len(areas) == 3
    assert areas[:, :2].min() >= 0.5 + 0.5 * 0.4 and areas[:, 2:].max() <= 0.5 + 0.5 * 0.6
