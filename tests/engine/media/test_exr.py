"""EXR images are read as Blender shows them, whatever their layers, parts, windows and channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from engine.media.pictures import picture_header, read_picture
from engine.shared.errors import FramesUnreadable
from tests.exr_files import encode_exr, rgb, windows, write_exr

Y, X = np.mgrid[0:12, 0:16].astype(np.float32)
PICTURE = np.dstack([X / 16, Y / 12, (X + Y) / 28])
DARK = PICTURE / 4
DEPTH = {"ViewLayer.Depth.Z": X + 1}


def encoded(linear: np.ndarray) -> np.ndarray:
    """Return sRGB uint8 of linear values, by the formula of IEC 61966-2-1."""
    linear = np.clip(linear, 0, 1)
    return np.rint(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255)


def assert_shows(path: Path, linear: np.ndarray, note: str = "") -> None:
    assert np.abs(read_picture(path) - encoded(linear)).max() <= 1
    header = picture_header(path)
    assert header is not None
    assert header.size == linear.shape[:2]
    assert note in header.layers


@pytest.mark.parametrize(
    "channels, note",
    [
        ({**rgb(PICTURE, "ViewLayer.Combined.", alpha=True), **DEPTH}, "ViewLayer.Combined is used"),
        ({**rgb(DARK, "V.AO."), **rgb(PICTURE, "V.Combined.")}, "V.Combined is used"),
        ({**rgb(PICTURE, "A.Diffuse."), **rgb(DARK, "B.Combined."), "A.Depth.Z": X}, "A.Diffuse is used"),
        ({**rgb(DARK, "Z.Combined."), **rgb(DARK, "A.Diff."), **rgb(PICTURE, "A.Combined.")}, "A.Combined is used"),
        ({**rgb(DARK, "Adiffuse."), **rgb(PICTURE), "Z": X}, "the one without a name is used"),
        ({**rgb(DARK, "A."), **rgb(PICTURE)}, "the one without a name is used"),
        ({**rgb(PICTURE, "b."), "Z": X}, "b is used"),
        ({**rgb(DARK, "b."), **rgb(PICTURE, "C.")}, "C is used"),
        ({name.lower(): plane for name, plane in rgb(PICTURE, "rgb.").items()}, ""),
        ({f"L.{name}": PICTURE[..., i].copy() for i, name in enumerate(("red", "green", "blue"))}, ""),
    ],
)
def test_the_layer_that_blender_shows_is_read_and_named(tmp_path, channels, note):
    assert_shows(write_exr(tmp_path / "a.exr", channels), PICTURE, note)


@pytest.mark.parametrize(
    "parts",
    [
        ({"Z": X}, rgb(PICTURE)),
        (rgb(PICTURE, alpha=True), rgb(DARK)),
        (rgb(PICTURE, "z."), rgb(DARK, "a.")),
        (rgb(PICTURE, "ViewLayer.Combined."), DEPTH),
    ],
)
def test_the_first_part_with_colours_is_read(tmp_path, parts):
    assert_shows(write_exr(tmp_path / "a.exr", *parts), PICTURE, "2 layers")


def test_the_first_of_several_views_is_read(tmp_path):
    channels = {**rgb(PICTURE, "V.Combined.left."), **rgb(DARK, "V.Combined.right.")}
    path = write_exr(tmp_path / "a.exr", channels, multiView=["right", "left"])
    assert_shows(path, PICTURE, "V.Combined.left is used")


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_half_and_float_and_tiles_are_read(tmp_path, kind):
    channels = {name: plane.astype(kind) for name, plane in rgb(PICTURE, alpha=True).items()}
    assert_shows(write_exr(tmp_path / "lines.exr", channels), PICTURE)
    tiled = {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()}
    assert_shows(write_exr(tmp_path / "tiles.exr", channels, **tiled), PICTURE)


def test_integers_are_values_of_light(tmp_path):
    bits = np.ascontiguousarray((X > 7).astype(np.uint32))
    assert_shows(write_exr(tmp_path / "a.exr", dict.fromkeys("RGB", bits)), np.repeat(bits[..., None], 3, axis=2))


@pytest.mark.parametrize("names", [("Y",), ("R",), ("V",), ("Z",), ("A",), ("R", "A"), ("Y", "A"), ("mask.V",)])
def test_a_single_channel_is_grey(tmp_path, names):
    channels = {name: np.ascontiguousarray(PICTURE[..., 0] if name != "A" or len(names) == 1 else Y) for name in names}
    assert_shows(write_exr(tmp_path / "a.exr", channels), np.repeat(PICTURE[..., :1], 3, axis=2))


def test_missing_colours_are_black_and_xyz_is_shown_as_rgb(tmp_path):
    two = {"R": PICTURE[..., 0].copy(), "G": PICTURE[..., 1].copy()}
    assert_shows(write_exr(tmp_path / "two.exr", two), PICTURE * (1, 1, 0))
    xyz = {name: PICTURE[..., i].copy() for i, name in enumerate("XYZ")}
    assert_shows(write_exr(tmp_path / "xyz.exr", xyz), PICTURE)


def test_luminance_with_subsampled_chroma_becomes_rgb(tmp_path):
    colours = np.repeat(np.repeat(PICTURE[::2, ::2] + 0.1, 2, axis=0), 2, axis=1)
    luminance = (colours @ (0.2126, 0.7152, 0.0722)).astype(np.float32)
    chroma = {"RY": (colours[..., 0] / luminance - 1), "BY": (colours[..., 2] / luminance - 1)}
    planes = {name: (np.ascontiguousarray(plane[::2, ::2], np.float32), 2) for name, plane in chroma.items()}
    path = tmp_path / "a.exr"
    path.write_bytes(encode_exr({"Y": (luminance, 1), **planes}))
    assert_shows(path, colours)


def test_subsampled_colours_are_repeated(tmp_path):
    planes = {name: (np.ascontiguousarray(PICTURE[::2, ::2, index]), 2) for index, name in ((0, "R"), (2, "B"))}
    path = tmp_path / "a.exr"
    path.write_bytes(encode_exr({"G": (PICTURE[..., 1].copy(), 1), **planes}))
    coarse = np.repeat(np.repeat(PICTURE[::2, ::2], 2, axis=0), 2, axis=1)
    assert_shows(path, np.dstack([coarse[..., 0], PICTURE[..., 1], coarse[..., 2]]))


@pytest.mark.parametrize("left, top", [(3, 2), (-4, -5), (10, 7), (40, 30)])
def test_the_display_window_is_black_outside_of_the_data_window(tmp_path, left, top):
    boxes = windows((left, top, left + 15, top + 11), (0, 0, 19, 14))
    path = write_exr(tmp_path / "a.exr", rgb(PICTURE + 0.1), **boxes)
    shown = np.zeros((80, 80, 3))
    shown[20 + top : 32 + top, 20 + left : 36 + left] = PICTURE + 0.1
    assert_shows(path, shown[20:35, 20:40])
    assert np.abs(read_picture(path, window="data") - encoded(PICTURE + 0.1)).max() <= 1


def test_a_display_window_that_does_not_begin_at_0_is_no_offset(tmp_path):
    assert_shows(write_exr(tmp_path / "a.exr", rgb(PICTURE), **windows((5, 7, 20, 18), (5, 7, 20, 18))), PICTURE)


def test_layers_without_colours_are_named(tmp_path):
    path = write_exr(tmp_path / "a.exr", {**DEPTH, **{f"ViewLayer.Normal.{name}": X for name in "XYZ"}})
    with pytest.raises(
        FramesUnreadable, match=r"a\.exr .* no layer with colours .*ViewLayer\.Depth, ViewLayer\.Normal"
    ):
        read_picture(path)


def test_deep_samples_are_named(tmp_path):
    (tmp_path / "a.exr").write_bytes(encode_exr({"R": (X, 1)}, version=2 | 0x800))
    with pytest.raises(FramesUnreadable, match="deep samples"):
        read_picture(tmp_path / "a.exr")


@pytest.mark.parametrize("size", [(70000, 10), (30000, 30000)])
def test_a_size_beyond_the_limits_is_refused_by_the_header(tmp_path, size):
    (tmp_path / "a.exr").write_bytes(encode_exr({"R": (X, 1)}, size=size))
    with pytest.raises(FramesUnreadable, match=f"{size[1]}x{size[0]} pixels"):
        read_picture(tmp_path / "a.exr")


def test_channels_beyond_the_limit_of_memory_are_refused_by_the_header(tmp_path):
    (tmp_path / "a.exr").write_bytes(encode_exr({f"R.{name:03}": (X, 1) for name in range(40)}, size=(8000, 8000)))
    with pytest.raises(FramesUnreadable, match="channels of 10 GiB"):
        read_picture(tmp_path / "a.exr")
