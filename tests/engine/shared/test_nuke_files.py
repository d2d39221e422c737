"""Nuke scripts with splines: written, and read by another reader; and read from scripts as Nuke writes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.shared.shape_files.errors import ShapesUnreadable
from engine.shared.shape_files.formats import load_roto, save_roto
from engine.shared.shape_files.roto import polygon, signed_area
from tests.nuke_roto import format_of, read_shapes
from tests.rotos import HEIGHT, SCRIPT, WIDTH, sample_roto

pytestmark = pytest.mark.fast


def test_another_reader_finds_the_same_shapes_on_every_frame(tmp_path):
    """Points, handles, alpha and feather, with y up and the first shape on top, as the developer guide says."""
    roto = sample_roto()
    save_roto(tmp_path / "a.nk", roto)
    text = (tmp_path / "a.nk").read_text("utf-8")
    assert format_of(text) == (WIDTH, HEIGHT)
    shapes = list(read_shapes(text))
    ring, still, opened = roto.layers
    drawn = [(opened, 0, "line"), (still, 0, "still"), (ring, 1, "hole"), (ring, 0, "part")]  # from the top
    for shape, (layer, place, name) in zip(shapes, drawn, strict=True):
        spline = layer.splines[place]
        assert shape.name.startswith(name) and shape.is_open == (not spline.closed)
        for frame in range(layer.keys[0], layer.keys[-1] + 1) if layer.keys else (1001,):
            expected = layer.at(spline, frame) * (1, -1) + (0, HEIGHT)
            left, at, right = (np.array([point[i] for point in shape.places(frame)]) for i in range(3))
            found = np.stack([left + at, at, right + at], axis=1)
            assert np.allclose(found, expected[..., 0] + 1j * expected[..., 1], atol=1e-4), (name, frame)
            widths = np.abs(shape.offsets(frame))
            assert np.allclose(widths, layer.feather_at(spline, frame), atol=1e-5)
        for frame in range(1001, 1013):
            assert abs(shape.attribute("opc", frame, 1.0) - layer.alpha_at(frame)) < 1e-6
    assert shapes[2].attribute("a", 1, 1.0) == 0 and shapes[3].attribute("a", 1, 1.0) == 1, "the hole is black"


def test_the_feather_of_a_part_reaches_outside_and_that_of_a_hole_into_it(tmp_path):
    ring = sample_roto().layers[0]
    splines = tuple(replace(spline, feather=np.full_like(spline.feather, 3.0)) for spline in ring.splines)
    save_roto(tmp_path / "a.nk", replace(sample_roto(), layers=(replace(ring, splines=splines),)))
    hole, part = read_shapes((tmp_path / "a.nk").read_text("utf-8"))
    for shape, direction in ((part, 1), (hole, -1)):
        places = np.array([place for _, place, _ in shape.places(1001)])
        away = places - places.mean()
        turned = np.array(shape.offsets(1001)) / away
        assert (turned.real * direction > 0.05).all() and np.allclose(turned.imag, 0, atol=0.02)


def test_what_is_written_is_read_back_within_single_precision(tmp_path):
    roto = sample_roto()
    assert save_roto(tmp_path / "a.nk", roto) == ["inversion and blends other than adding have to be set in Nuke: open"]
    found, left_out = load_roto(tmp_path / "a.nk")
    assert not left_out and (found.width, found.height, found.first, found.last) == (WIDTH, HEIGHT, 1001, 1012)
    assert (found.fps, found.pixel_aspect, found.name) == (roto.fps, roto.pixel_aspect, roto.name)
    for one, other in zip(roto.layers, found.layers, strict=True):
        assert (one.name, one.object_name, one.blend) == (other.name, other.object_name, other.blend)
        for spline, twin in zip(one.splines, other.splines, strict=True):
            assert spline.name == twin.name and spline.closed == twin.closed
            for frame in range(999, 1015):
                assert np.allclose(one.at(spline, frame), other.at(twin, frame), atol=1e-4)
                assert np.allclose(one.feather_at(spline, frame), other.feather_at(twin, frame), atol=1e-5)
                assert abs(one.alpha_at(frame) - other.alpha_at(frame)) < 1e-6


def test_scripts_as_nuke_writes_them_are_read(tmp_path):
    (tmp_path / "a.nk").write_text(SCRIPT, "utf-8")
    roto, left_out = load_roto(tmp_path / "a.nk")
    assert (roto.width, roto.height) == (200, 100)
    assert left_out == ["1 paint strokes left out", "1 B-splines left out"]
    moves, bezier = roto.layers[0], roto.layers[1]
    assert bezier.alpha == 0.5 and bezier.keys == (7,)
    points = bezier.splines[0].points[0][::-1, ::-1]  # they are made to run clockwise, as Blender wants them
    assert points[0].tolist() == [[10, 80], [10, 80], [15, 80]] and points[1, 0].tolist() == [58.5, 78]
    assert abs(signed_area(polygon(points))) == pytest.approx(1500, rel=0.05)
    assert moves.keys == (1, 5, 9)
    spline = moves.splines[0]
    assert moves.at(spline, 3)[2, 1].tolist() == [20, 80] and moves.at(spline, 5)[0, 1].tolist() == [90, 40]
    assert spline.feather[0].tolist() == [0, 0, 5]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("{t 40 40}", "{t 40 40 0 5}", "moved, turned or scaled"),
        ("{90 20}", "{{=frame 3} 20}", "expression"),
        ("{{1 80} {9 40}}", "{{9 80} {1 40}}", "not in order"),
        ("{90 20}", "{90 xffffffff}", "finite"),
        ("{90 20} {0 0}", "{90 20}", "whole number of points"),
    ],
)
def test_scripts_that_say_more_than_shapes_are_refused_with_the_reason(tmp_path, before, after, why):
    assert before in SCRIPT
    (tmp_path / "a.nk").write_text(SCRIPT.replace(before, after, 1), "utf-8")
    with pytest.raises(ShapesUnreadable, match=why):
        load_roto(tmp_path / "a.nk")
