"""Files with splines in the formats that are read back to the last bit, JSON and SVG, and files that are damaged."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.shared.errors import FolderNotWritable
from engine.shared.shape_files.errors import ShapesNotWritable, ShapesUnreadable
from engine.shared.shape_files.formats import load_roto, save_roto
from engine.shared.shape_files.from_tracks import layers_of_tracks
from engine.shared.shape_files.roto import Roto, RotoLayer, RotoSpline, depths, polygon, signed_area
from engine.shared.splines import SplineTrack
from tests.rotos import DRAWING, HEIGHT, WIDTH, circle, same, sample_roto

pytestmark = pytest.mark.fast
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("suffix", [".json", ".svg"])
def test_all_of_a_roto_is_read_back_to_the_last_bit(tmp_path, suffix):
    path = tmp_path / f"splines{suffix}"
    assert save_roto(path, sample_roto()) == []
    found, left_out = load_roto(path)
    same(sample_roto(), found)
    assert not left_out


@pytest.mark.parametrize("suffix", [".json", ".svg"])
def test_numbers_of_all_sizes_are_read_back_to_the_last_bit(tmp_path, suffix):
    random = np.random.default_rng(3)
    points = random.standard_normal((4, 7, 3, 2)) * 10.0 ** random.integers(-12, 6, (4, 7, 3, 2))
    points[0, 0] = (0.0, -0.0)
    points[1] = points[0]  # two keys alike
    feather = np.abs(random.standard_normal((4, 7)))
    single = RotoSpline(random.standard_normal((4, 1, 3, 2)), np.zeros((4, 1)))  # a loop of one point
    layer = RotoLayer("a", (RotoSpline(points, feather), single), (-3, 0, 1, 40))
    roto = Roto(640, 480, (layer, RotoLayer("empty", ())), 0, 12)  # keys before and after the clip
    save_roto(tmp_path / f"a{suffix}", roto)
    same(roto, load_roto(tmp_path / f"a{suffix}")[0])


def test_json_says_what_its_schema_says(tmp_path):
    save_roto(tmp_path / "a.json", sample_roto())
    data = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert (data["format"], data["version"], data["width"], data["first"]) == ("keymatte-roto", 1, WIDTH, 1001)
    spline = data["layers"][0]["splines"][0]
    assert data["layers"][0]["keys"] == [1001, 1004, 1010]
    expected = sample_roto().layers[0].splines[0]
    assert spline["points"][2][1] == expected.points[2, 1].ravel().tolist(), "left handle, point, right handle"
    assert spline["feather"][2] == expected.feather[2].tolist()


def _shown(element: ElementTree.Element, name: str, seconds: float) -> str:
    """Return an attribute as SMIL animates it, for numbers within the text; written from the standard."""
    for child in element:
        if child.tag == f"{SVG}animate" and child.get("attributeName") == name:
            times = [float(part) for part in child.get("keyTimes").split(";")]
            values = child.get("values").split(";")
            share = seconds / float(child.get("dur").removesuffix("s"))
            place = max(index for index, time in enumerate(times) if time <= share + 1e-9)
            if child.get("calcMode") == "discrete" or place == len(times) - 1:
                return values[place]
            part = (share - times[place]) / (times[place + 1] - times[place])
            numbers = [[float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", values[i])] for i in (place, place + 1)]
            mixed = iter([(1 - part) * a + part * b for a, b in zip(*numbers)])
            return re.sub(r"-?[\d.]+(?:e-?\d+)?", lambda found, mixed=mixed: f"{next(mixed)!r} ", values[place])
    return element.get(name)


def test_svg_shows_each_frame_as_the_roto_is_on_it(tmp_path):
    """The animation is evaluated as browsers do, with a parser of its own: also between keys, and alpha."""
    roto = sample_roto()
    save_roto(tmp_path / "a.svg", roto)
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    groups = root.findall(f"{SVG}g")
    for frame in range(1001, 1013):
        seconds = (frame - 1001) / roto.fps
        for layer, group in zip(roto.layers, groups):
            assert float(_shown(group, "opacity", seconds)) == layer.alpha_at(frame)
            path = group.find(f"{SVG}path")
            parts = re.findall("M[^M]*", _shown(path, "d", seconds))
            assert path.get("fill-rule") == ("evenodd" if layer.fill_holes else "nonzero")
            for spline, part in zip(layer.splines, parts, strict=True):
                assert part.strip().endswith("Z") == spline.closed
                numbers = np.array([float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", part)]).reshape(-1, 2)
                points = layer.at(spline, frame)
                curve = points.reshape(-1, 2)[1:-1]
                if spline.closed:
                    curve = np.concatenate([curve, points[-1:, 2], points[0, :2]])
                assert np.allclose(numbers, curve, atol=1e-6), (layer.name, frame)


def test_a_group_that_another_program_has_moved_is_moved(tmp_path):
    save_roto(tmp_path / "a.svg", sample_roto())
    text = (tmp_path / "a.svg").read_text("utf-8").replace("<g ", '<g transform="translate(5 -2)" ')
    (tmp_path / "b.svg").write_text(text, "utf-8")
    moved, before = load_roto(tmp_path / "b.svg")[0].layers[0], sample_roto().layers[0]
    assert np.allclose(moved.splines[0].points - before.splines[0].points, (5, -2))
    assert moved.keys == before.keys and moved.name == before.name


def test_drawings_of_other_programs_are_read_with_shapes_transforms_and_view_box(tmp_path):
    (tmp_path / "a.svg").write_text(DRAWING, "utf-8")
    roto, _ = load_roto(tmp_path / "a.svg")
    unit = 200 * 96 / 25.4 / 100
    assert (roto.width, roto.height) == (round(100 * unit), round(50 * unit))
    layers = {layer.name: layer for layer in roto.layers}
    assert list(layers) == ["box", "dot", "egg", "tri", "ring", "half", "curves"]

    def outline(name: str, index: int = 0) -> np.ndarray:
        return polygon(layers[name].splines[index].points[0], closed=layers[name].splines[index].closed) / unit

    assert np.allclose(outline("box").min(axis=0), (2, 4), atol=0.01)
    assert np.allclose(outline("box").max(axis=0), (22, 12), atol=0.01)
    areas = {name: abs(signed_area(outline(name))) for name in layers}
    expected = {"box": 160, "dot": np.pi * 25, "egg": np.pi * 18, "tri": 50, "half": np.pi * 50}
    assert all(abs(areas[name] / area - 1) < 0.02 for name, area in expected.items()), areas
    assert np.allclose(np.ptp(outline("egg"), axis=0), (6, 12), atol=0.05), "it is turned about its own centre"
    assert layers["ring"].fill_holes and depths(layers["ring"]) == [0, 1]
    assert np.allclose(outline("half").min(axis=0), (40, 25), atol=0.05)
    curves = layers["curves"].splines[0]
    assert not curves.closed and len(curves.points[0]) == 4
    assert np.allclose(curves.points[0, 1:3, 1] / unit, [(80, 30), (90, 30)], atol=0.02)
    assert np.allclose(curves.points[0, 1, 2] / unit, (80 + 10 / 3, 30 + 20 / 3), atol=0.02), "T mirrors Q's control"


def test_a_drawing_is_laid_onto_a_clip_of_another_size_without_distortion():
    roto = Roto(100, 100, (RotoLayer("a", (RotoSpline(circle(50, 50, 10)[None], np.ones((1, 5))),)),))
    wide = roto.scaled(400, 200).layers[0].splines[0]
    assert np.allclose(wide.points, circle(200, 100, 20)[None]) and np.allclose(wide.feather, 2)
    assert roto.scaled(100, 100) is roto


BOMB = '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'


def _json(**changes: object) -> str:
    data = {"format": "keymatte-roto", "version": 1, "name": "", "width": 9, "height": 9, "first": 1, "last": 2}
    layer = {"name": "", "object": "", "blend": "add", "inverted": False, "fill_holes": True, "alpha": 1, "alphas": []}
    spline = {"name": "", "closed": True, "kinds": [], "points": [[[0] * 6]], "feather": [[0]], "details": {}}
    layer |= {"keys": [], "splines": [spline], "details": {}}
    places = {"data": data, "layer": layer, "spline": spline}
    data |= {"fps": 24, "pixel_aspect": 1, "layers": [layer]}
    for name, value in changes.items():
        owner, _, key = name.partition("__")
        places[owner][key] = value
    return json.dumps(data)


DAMAGED = {
    "empty.json": "",
    "half.json": _json()[:80],
    "other.json": '{"a": 1}',
    "list.json": "[" * 100_000,
    "newer.json": _json(data__version=2),
    "nan.json": _json().replace("[0, 0, 0, 0, 0, 0]", "[NaN, 0, 0, 0, 0, 0]"),
    "huge.json": _json().replace("[0, 0, 0, 0, 0, 0]", "[1e999, 0, 0, 0, 0, 0]"),
    "text.json": _json(spline__points=[[["a"] * 6]]),
    "ragged.json": _json(spline__points=[[[0] * 6], []]),
    "feather.json": _json(spline__feather=[[0, 0]]),
    "keys.json": _json(layer__keys=[3, 1]),
    "blend.json": _json(layer__blend="glow"),
    "size.json": _json(data__width=0),
    "big.json": _json(data__width=10**12),
    "frames.json": _json(data__first=0.5),
    "closed.json": _json(spline__closed="no"),
    "bytes.json": "\udc80",
    "bomb.svg": BOMB,
    "cut.svg": '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0',
    "html.svg": "<html></html>",
    "empty.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "deep.svg": "<svg>" + "<g>" * 5000 + "</g>" * 5000 + "</svg>",
    "path.svg": '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0 L x"/></svg>',
    "start.svg": '<svg xmlns="http://www.w3.org/2000/svg"><path d="L0 0 1 1"/></svg>',
    "huge.svg": '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0H1e999"/></svg>',
    "turn.svg": '<svg xmlns="http://www.w3.org/2000/svg"><g transform="warp(1)"><rect width="1" height="1"/></g></svg>',
    "box.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 0 5"><rect width="1" height="1"/></svg>',
    "newer.svg": '<svg xmlns="http://www.w3.org/2000/svg" data-keymatte="7"/>',
    "fps.nk": '# keymatte {"fps": "x"}\nRoto { curves {{{v 1} {n {layer Root {t 9 9} {curvegroup a 512 bezier '
    "{{cc {f 8192} {p {0 0} {1 1} {0 0}}} idem} {t 0 0} {a}}}}}} }",
    "none.nk": "Blur {\n size 3\n}",
    "open.nk": "Roto {\n curves {{{v 1}",
    "more.nk": "Roto { } }",
    "quote.nk": 'Roto { label "abc }',
    "deep.nk": "{" * 100_000,
    "size.nk": "Roto {\n curves {{{v 1} {f 0} {n {layer Root {f 0} {a}}}}}}",
    "other.txt": "hello",
    "script.jsx": "var a;",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_cannot_be_imported_is_named_with_a_remedy(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(DAMAGED[name].encode("utf-8", "surrogateescape"))
    with pytest.raises(ShapesUnreadable, match=re.escape(name)) as caught:
        load_roto(path)
    assert caught.value.remedy and len(caught.value.sentence()) < 500


def test_an_encoding_that_a_drawing_declares_wrongly_does_not_matter(tmp_path):
    text = DRAWING.replace('<?xml version="1.0"?>', '<?xml version="1.0" encoding="F-8"?>').replace("box", "Kästchen")
    (tmp_path / "a.svg").write_text(text, "utf-8")
    assert load_roto(tmp_path / "a.svg")[0].layers[0].name == "Kästchen"


def test_a_file_that_is_missing_or_a_folder_is_named(tmp_path):
    for name in ("missing.svg", "folder.json"):
        (tmp_path / "folder.json").mkdir(exist_ok=True)
        with pytest.raises(ShapesUnreadable, match=name):
            load_roto(tmp_path / name)


def test_splines_that_cannot_be_written_are_refused_and_leave_the_file_as_it_was(tmp_path):
    roto = sample_roto()
    (tmp_path / "a.json").write_text("mine", "utf-8")
    layer = roto.layers[1]
    lost = replace(layer, splines=(replace(layer.splines[0], points=np.full((1, 3, 3, 2), np.nan)),))
    for bad in (replace(roto, layers=()), replace(roto, layers=(lost,))):
        with pytest.raises(ShapesNotWritable):
            save_roto(tmp_path / "a.json", bad)
    with pytest.raises(ShapesNotWritable, match="which format"):
        save_roto(tmp_path / "a.fxs", roto)
    assert (tmp_path / "a.json").read_text("utf-8") == "mine"
    with pytest.raises(FolderNotWritable):
        save_roto(tmp_path / "a.json" / "b.svg", roto)


def test_tracks_of_the_engine_become_layers_with_holes_hidden_where_they_are_not():
    """Between its first and last frame a layer shows the very points of its tracks, and beyond them nothing."""
    ring, hole = circle(50, 50, 20, 6, turn=-1), circle(50, 50, 8, 4)  # with y up, parts run anti-clockwise
    none, error = np.zeros, np.zeros((3, 2), np.float32)

    def track(part: int, shape: np.ndarray, keys: list[int], *, is_hole: bool = False) -> SplineTrack:
        points = np.stack([shape + key for key in keys]).astype(np.float32)
        count = len(shape)
        first, last = keys[0], keys[-1]
        feather = none((len(keys), count), np.float32)
        return SplineTrack(part, is_hole, first, last, np.array(keys), points, feather, none(count, bool), error)

    tracks = [track(0, ring, [2, 4]), track(0, hole, [2, 3], is_hole=True), track(1, ring + 60, [0, 5])]
    first, second = layers_of_tracks("a", tracks, range(6), 200, shift=1000)
    assert [first.name, second.name] == ["a", "a part 2"] and second.alphas == ()
    assert [first.alpha_at(1000 + frame) for frame in range(6)] == [0, 0, 1, 1, 1, 0]
    assert depths(first) == [0, 1]
    for frame in (2, 3, 4):
        assert np.array_equal(first.at(first.splines[0], 1000 + frame), tracks[0].at(frame))
    assert np.array_equal(first.at(first.splines[1], 1003), tracks[1].at(3))
    assert (first.at(first.splines[1], 1004) < -100).all(), "the hole has gone"


def test_soft_tracks_reach_half_their_width_into_the_object_and_outside():
    ring = circle(50, 50, 20, 8, turn=-1)
    wide = np.full((1, 8), 8.0, np.float32)
    track = SplineTrack(
        0, False, 0, 0, np.array([0]), ring[None].astype(np.float32), wide, np.zeros(8, bool), np.zeros((1, 2))
    )
    (layer,) = layers_of_tracks("a", [track], range(1), 100)
    away = np.linalg.norm(layer.splines[0].points[0, :, 1] - 50, axis=1)
    assert np.allclose(away, 16, atol=0.01) and np.allclose(layer.splines[0].feather, 8)


def test_the_file_name_decides_the_format_whatever_its_case(tmp_path):
    save_roto(tmp_path / "A.SVG", sample_roto())
    assert Path(tmp_path / "A.SVG").read_text("utf-8").startswith("<?xml")
