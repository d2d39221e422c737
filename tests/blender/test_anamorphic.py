"""Clips whose pixels are not square: masks and keyframes lie where the clip editor shows them."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import PALETTE, WORST_IOU, add_spline, iou, new_mask, part, render
from tests.png import write_png

LANDSCAPE, PORTRAIT = (120, 80), (80, 120)
SHAPES = [
    (LANDSCAPE, (2, 1), 1),
    (LANDSCAPE, (1, 2), 1),
    (LANDSCAPE, (1, 1), 2),
    (LANDSCAPE, (4, 3), 1),
    (PORTRAIT, (2, 1), 1),
    (PORTRAIT, (1, 2), 1),
    (PORTRAIT, (1, 1), 0.5),
]


def open_clip(studio, size, display, camera):
    """Open two images of an object that is off the centre, with these display and camera aspects. Returns its mask."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width] + 0.5
    mask = ((abs(x - width * 0.25) < width * 0.15) & (abs(y - height * 0.2) < height * 0.15)) | (
        np.hypot(x - width * 0.7, y - height * 0.75) < width * 0.15
    )
    folder = studio.folder / "film"
    folder.mkdir()
    for number in (1, 2):
        write_png(folder / f"shot_{number:04d}.png", np.where(mask[..., None], (210, 50, 40), (30, 60, 140)))
    clip = studio.open(folder / "shot_0001.png")
    clip.display_aspect, clip.tracking.camera.pixel_aspect = display, camera
    write_png(studio.folder / "labels.png", mask.astype(np.uint8), PALETTE)
    return mask


def propagated(studio, size, display, camera):
    mask = open_clip(studio, size, display, camera)
    studio.go(1)
    studio.click("matte_keyframe_from_image", filepath=str(studio.folder / "labels.png"), all_objects=True)
    studio.propagate()
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = size
    return mask


def editor_pixels(points, size, display, camera) -> np.ndarray:
    """Return where the clip editor shows points of a mask, in pixels of the clip.

    It shows mask space as a square on the longer side of the picture, as that is displayed, with the same centre.
    """
    width, height = size
    tall = height * display[1] / display[0] / camera  # as displayed, in pixel widths
    side = max(width, tall)
    x, y = np.moveaxis(np.asarray(points), -1, 0)
    return np.stack([width / 2 + (x - 0.5) * side, height / 2 - (y - 0.5) * side * height / tall], axis=-1)


@pytest.mark.parametrize(("size", "display", "camera"), SHAPES)
def test_a_mask_becomes_a_keyframe_where_the_editor_shows_it(studio, size, display, camera):
    open_clip(studio, size, display, camera)
    points = np.array([(0.38, 0.64), (0.38, 0.4), (0.64, 0.4), (0.64, 0.64)])
    mask = bpy.data.masks.new("drawn")
    add_spline(mask.layers.new(name="drawn"), points, "FREE")
    studio.space.mask = mask
    studio.click("matte_object_add")
    studio.go(1)
    studio.click("matte_keyframe_from_mask")
    (left, top), _, (right, bottom), _ = editor_pixels(points, size, display, camera)
    y, x = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    shown = (x > left) & (x < right) & (y > top) & (y < bottom)
    drawn = studio.keyframe_mask()
    assert iou(drawn, shown) > 0.93


@pytest.mark.parametrize(("size", "display", "camera"), SHAPES)
def test_a_mask_that_follows_a_track_becomes_a_keyframe_at_the_track(studio, size, display, camera):
    open_clip(studio, size, display, camera)
    track = studio.clip.tracking.tracks.new(name="T", frame=1)
    track.markers[0].co = (0.5, 0.5)
    track.markers.insert_frame(2, co=(0.3, 0.75))
    mask = new_mask(np.array([(0.44, 0.56), (0.44, 0.44), (0.56, 0.44), (0.56, 0.56)]), "FREE")
    studio.follow(track, mask)
    studio.click("matte_object_add")
    studio.go(2)
    studio.click("matte_keyframe_from_mask")
    rows, columns = np.nonzero(studio.keyframe_mask(number=2))
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(size[0] * 0.3, abs=1)
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(size[1] * 0.25, abs=1)


@pytest.mark.parametrize(("size", "display", "camera"), SHAPES)
def test_layers_lie_on_the_object_in_the_editor(studio, size, display, camera):
    propagated(studio, size, display, camera)
    studio.click("matte_to_mask_layers")
    studio.go(2)
    shown = [
        editor_pixels([point.co for point in spline.points], size, display, camera)
        for layer in studio.clip.matting.mask.layers
        for spline in layer.splines
        if spline.points[0].co[0] > -1
    ]
    left, top = np.concatenate(shown).min(axis=0)
    right, bottom = np.concatenate(shown).max(axis=0)
    rows, columns = np.nonzero(studio.matte(1, 2) >= 0.5)
    assert (left, right) == pytest.approx((columns.min(), columns.max() + 1), abs=1.5)
    assert (top, bottom) == pytest.approx((rows.min(), rows.max() + 1), abs=1.5)


@pytest.mark.parametrize(("size", "display", "camera"), SHAPES)
def test_layers_become_the_same_keyframe_and_the_same_alpha(studio, size, display, camera):
    mask = propagated(studio, size, display, camera)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor", variant="MASK")
    studio.go(2)
    assert iou(render(studio.scene, studio.folder / "out.png")[..., 3], studio.matte(1, 2)) > 0.95
    studio.space.mask = studio.clip.matting.mask
    studio.click("matte_keyframe_from_mask")
    assert iou(studio.keyframe_mask(number=2), mask) > 0.95


@pytest.mark.parametrize("pixels", [(2, 1), (1, 2)])
@pytest.mark.parametrize(("size", "display"), [(LANDSCAPE, (1, 1)), (LANDSCAPE, (2, 1)), (PORTRAIT, (2, 1))])
def test_alpha_is_right_or_refused_whatever_the_renders_pixel_aspect(studio, size, display, pixels):
    propagated(studio, size, display, 1)
    studio.click("matte_to_mask_layers")
    studio.scene.render.pixel_aspect_x, studio.scene.render.pixel_aspect_y = pixels
    try:
        studio.click("matte_to_compositor", variant="MASK")
    except RuntimeError as error:
        assert bpy.app.version < (4, 4, 0)
        assert "Set the render's pixel aspect to 1:1" in str(error)
        assert part("addon.node_trees").existing_compositor(studio.scene) is None
        return
    studio.go(2)
    assert iou(render(studio.scene, studio.folder / "out.png")[..., 3], studio.matte(1, 2)) > WORST_IOU


def test_a_render_of_another_size_shows_the_mask_on_the_clip(studio):
    propagated(studio, LANDSCAPE, (1, 1), 1)
    studio.click("matte_to_mask_layers")
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = 200, 200
    studio.click("matte_to_compositor", variant="MASK")
    studio.go(2)
    alpha = render(studio.scene, studio.folder / "out.png")[..., 3]
    assert iou(alpha[60:140, 40:160], studio.matte(1, 2)) > 0.95


def test_a_mask_drawn_over_the_undistorted_or_stabilized_clip_lies_where_blender_keeps_it(studio):
    open_clip(studio, LANDSCAPE, (1, 1), 1)
    studio.space.mask = new_mask(np.array([(0.4, 0.6), (0.4, 0.4), (0.6, 0.4), (0.6, 0.6)]), "FREE")
    studio.click("matte_object_add")
    studio.clip.tracking.camera.k1 = 0.3
    studio.space.clip_user.use_render_undistorted = True
    studio.clip.tracking.stabilization.use_2d_stabilization = True
    studio.go(1)
    studio.click("matte_keyframe_from_mask")  # whose points Blender keeps in the clip as it is in its file
    expected = np.zeros((80, 120), bool)
    expected[28:52, 48:72] = True
    np.testing.assert_array_equal(studio.keyframe_mask(), expected)


def test_proxies_leave_the_size_of_masks_as_it_is(studio):
    open_clip(studio, LANDSCAPE, (1, 1), 1)
    studio.clip.use_proxy, studio.clip.proxy.build_25 = True, True
    with studio.editor():
        bpy.ops.clip.rebuild_proxy()
    studio.space.clip_user.proxy_render_size = "PROXY_25"
    studio.space.mask = new_mask(np.array([(0.4, 0.6), (0.4, 0.4), (0.6, 0.4), (0.6, 0.6)]), "FREE")
    studio.click("matte_object_add")
    studio.go(1)
    studio.click("matte_keyframe_from_mask")
    assert studio.keyframe_mask().sum() == 24 * 24
