"""The engine reads the same layer, window, rotation and colours of image files that Blender's clip editor shows."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.studio import new_compositor, render

exr_files = pytest.importorskip("tests.exr_files", exc_type=ImportError)  # of the engine's packages
pictures = pytest.importorskip("engine.media.pictures", exc_type=ImportError)
Image = pytest.importorskip("PIL.Image")

Y, X = np.mgrid[0:30, 0:40].astype(np.float32)
LIGHT = np.dstack([X / 40, Y / 30, (X + Y) / 70])
COLOURS = (LIGHT * 255).astype(np.uint8)


def shown(path: Path) -> np.ndarray:
    """Return the pixels (H, W, 3) 0..255 of an image as a movie clip of Blender, on Blender's black."""
    clip = bpy.data.movieclips.load(str(path))
    scene = bpy.data.scenes.new("look")
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = clip.size
    scene.render.dither_intensity = 0
    tree, output = new_compositor(scene)
    node = tree.nodes.new("CompositorNodeMovieClip")
    node.clip = clip
    tree.links.new(node.outputs["Image"], output.inputs[0])
    scene.frame_set(1)
    image = np.asarray(render(scene, path.with_suffix(".render.png")), np.float32)
    bpy.data.scenes.remove(scene)
    bpy.data.movieclips.remove(clip)
    return image[..., :3] * (255 if image.max() <= 1 else 1)


def assert_as_in_blender(path: Path, tolerance: float = 2) -> None:
    found = shown(path)
    read = pictures.read_picture(path, window="data")
    assert read.shape == found.shape
    assert np.abs(read - found).max() <= tolerance


def layer(prefix: str, factor: float = 1.0) -> dict[str, np.ndarray]:
    return exr_files.rgb(LIGHT * np.float32(factor), prefix, alpha=True)


@pytest.mark.parametrize(
    "parts",
    [
        ({**layer("ViewLayer.Combined."), "ViewLayer.Depth.Z": X},),
        ({**layer("V.AO.", 0.25), **layer("V.Combined.")},),
        ({**layer("B.Combined.", 0.5), **layer("A.Diffuse."), "A.Depth.Z": X},),
        ({**layer("Z.Combined.", 0.5), **layer("A.Diff.", 0.25), **layer("A.Combined.")},),
        ({**layer("Adiffuse.", 0.5), **layer(""), "Z": X},),
        ({**layer("b."), "Z": X},),
        ({**layer("b.", 0.5), **layer("C.")},),
        (layer("b."), layer("a.", 0.5)),
        ({"Y": X / 40},),
        ({"R": X / 40, "A": np.ones_like(X)},),
        ({"X": X / 40, "Y": Y / 60, "Z": Y / 90},),
    ],
)
def test_the_layer_of_an_exr(tmp_path, extension, parts):
    assert_as_in_blender(exr_files.write_exr(tmp_path / "a.exr", *parts))


def test_the_window_of_an_exr(tmp_path, extension):
    boxes = exr_files.windows((5, 3, 44, 32), (0, 0, 59, 49))
    path = exr_files.write_exr(tmp_path / "a.exr", layer(""), **boxes)
    clip = bpy.data.movieclips.load(str(path))
    size = tuple(clip.size)[::-1]
    bpy.data.movieclips.remove(clip)
    header = pictures.picture_header(path)
    assert size in (header.size, header.data_window), "the engine finds the window by the size of the clip"
    if size == header.data_window:
        assert_as_in_blender(path)


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_the_rotation_of_exif(tmp_path, extension, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOURS).save(tmp_path / f"a{suffix}", exif=exif)
    assert_as_in_blender(tmp_path / f"a{suffix}", 3)


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk(tmp_path, extension, suffix):
    Image.fromarray(COLOURS).convert("CMYK").save(tmp_path / f"a{suffix}")
    assert_as_in_blender(tmp_path / f"a{suffix}", 3)


@pytest.mark.parametrize("suffix, bits", [(".png", 16), (".tif", 16), (".tif", 32)])
def test_deep_grey(tmp_path, extension, suffix, bits):
    grey = LIGHT[..., 2] if bits == 32 else (LIGHT[..., 2] * 65535).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / f"a{suffix}")
    assert_as_in_blender(tmp_path / f"a{suffix}")


def test_the_first_page_of_a_file_of_several(tmp_path, extension):
    pages = [Image.fromarray(COLOURS // factor) for factor in (1, 2, 4)]
    for suffix in (".tif", ".png"):
        path = tmp_path / f"a{suffix}"
        pages[0].save(path, save_all=True, append_images=pages[1:])
        assert_as_in_blender(path)
