"""Correspondence of a clip editor's region and the clip's pixels, under each display."""

from __future__ import annotations

import dataclasses

import bpy
import numpy as np
import pytest

from tests.dots import found_near

from .displays import DOTS, HEIGHT, WIDTH, shown, write_dots
from .studio import part


def set_track(clip, studio) -> None:
    """Stabilise the clip's location by a track that moves to the right and up, and turn and enlarge it."""
    track = clip.tracking.tracks.new(name="track", frame=1)
    for frame in range(1, 5):
        track.markers.insert_frame(frame, co=(0.5 + 0.01 * frame, 0.5 + 0.02 * frame))
    track.select = True
    studio.space.mode = "TRACKING"
    with studio.editor():
        bpy.ops.clip.stabilize_2d_add()
    stabilization = clip.tracking.stabilization
    stabilization.use_2d_stabilization = True
    stabilization.target_rotation, stabilization.target_scale = 0.15, 1.1
    studio.space.show_stable = True


def set_lens(clip, studio, k1: float = -0.2) -> None:
    clip.tracking.camera.focal_length_pixels = WIDTH * 0.8
    clip.tracking.camera.k1 = k1
    studio.space.clip_user.use_render_undistorted = True


DISPLAYS = {
    "plain": (),
    "stabilized": (set_track,),
    "undistorted": (set_lens,),
    "both": (set_track, set_lens),
}


def open_display(studio, display: str):
    clip = studio.open(write_dots(studio.folder, 4))
    studio.space.show_stable = False
    for prepare in DISPLAYS[display]:
        prepare(clip, studio)
    studio.space.clip_user.frame_current = 3
    return clip


def view_of(studio):
    region = next(region for region in studio.area.regions if region.type == "WINDOW")
    return part("addon.clip_view").ClipView.of(studio.space, region)


def at_full_size(view, *, left: float = 0.0, bottom: float = 0.0, zoom: float = 1.0):
    """Return the view with the picture in this place of the region, `zoom` screen pixels for one of the clip."""
    right, top = left + view.width * zoom, bottom + view.height * zoom
    return dataclasses.replace(view, left=left, bottom=bottom, right=right, top=top)


@pytest.mark.parametrize("display", DISPLAYS)
def test_dots_lie_where_blender_shows_them(studio, display):
    clip = open_display(studio, display)
    expected = at_full_size(view_of(studio)).to_region(DOTS) * (1, -1) + (0, HEIGHT)
    picture = shown(clip, 3, studio.folder, stabilized="track" in clip.tracking.tracks, undistorted=True)
    found = found_near(picture, expected)
    inside = np.isfinite(found).all(axis=1)
    assert inside.sum() > 10
    assert np.abs(found - expected)[inside].max() < 0.1
    assert (np.abs(found - DOTS)[inside].max() > 3) == (display != "plain")


@pytest.mark.parametrize("display", DISPLAYS)
def test_to_region_and_to_pixels_are_inverse(studio, display):
    open_display(studio, display)
    view = at_full_size(view_of(studio), left=-300.0, bottom=70.0, zoom=3.7)
    pixels = np.random.default_rng(3).uniform((0, 0), (WIDTH, HEIGHT), (40, 25, 2))
    np.testing.assert_allclose(view.to_pixels(view.to_region(pixels)), pixels, atol=1e-3)


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize("zoom", [0.5, 4.0])
def test_the_mesh_places_texture_coordinates_as_exactly_as_one_can_see(studio, display, zoom):
    open_display(studio, display)
    view = at_full_size(view_of(studio), left=11.0, bottom=-40.0, zoom=zoom)
    points, texture, triangles = view.mesh()
    assert points.dtype == texture.dtype == np.float32
    assert triangles.dtype == np.int32
    assert texture.min() >= 0
    assert texture.max() <= 1
    # Anywhere in a triangle, the interpolated coordinates are those of the point.
    parts = np.random.default_rng(4).dirichlet((1, 1, 1), 20)
    inner = np.einsum("pk,tkc->tpc", parts, points[triangles]).reshape(-1, 2)
    drawn = np.einsum("pk,tkc->tpc", parts, texture[triangles]).reshape(-1, 2)
    off = np.abs((drawn - view.to_texture(inner)) * (WIDTH, HEIGHT)).max()
    assert off < 0.25 * max(1, 1 / zoom) + 0.01
    assert len(triangles) < 20000


@pytest.mark.parametrize("display", DISPLAYS)
def test_the_mesh_covers_all_that_the_editor_shows_of_the_clip_and_no_more(studio, display):
    open_display(studio, display)
    view = at_full_size(view_of(studio))
    points, _, triangles = view.mesh()
    a, b, c = np.moveaxis(points[triangles].astype(np.float64), 1, 0)
    area = abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]).sum() / 2
    x, y = np.meshgrid(np.arange(0, WIDTH, 0.5) + 0.25, np.arange(0, HEIGHT, 0.5) + 0.25)
    texture = view.to_texture(np.stack([x, y], axis=-1))
    seen = ((texture >= 0) & (texture <= 1)).all(axis=-1).mean() * WIDTH * HEIGHT
    assert area == pytest.approx(seen, rel=2e-3)


def test_a_lens_that_does_not_distort_and_stabilisation_that_is_not_shown_leave_the_view_plain(studio):
    clip = open_display(studio, "plain")
    plain = at_full_size(view_of(studio))  # without a window, the editor has no view yet
    set_lens(clip, studio, k1=0.0)
    set_track(clip, studio)
    studio.space.show_stable = False
    studio.space.clip_user.frame_current = 3
    assert at_full_size(view_of(studio)) == plain


def test_proxies_have_the_clips_pixels_though_their_size_is_rounded(studio):
    width, height = 323, 241
    clip = studio.open(write_dots(studio.folder, 2, width=width, height=height))
    clip.use_proxy, clip.proxy.build_25 = True, True
    with studio.editor():
        bpy.ops.clip.rebuild_proxy()
    studio.space.clip_user.proxy_render_size = "PROXY_25"
    assert part("addon.clips").pixel_size(clip) == (width, height)
    view = view_of(studio)
    assert (view.width, view.height) == (width, height)
    set_track(clip, studio)
    assert view_of(studio).shown == (80, 60)


def test_a_view_never_loads_a_clip(studio):
    clip = studio.open(write_dots(studio.folder, 2))
    clip.frame_offset = 9
    with studio.editor():
        bpy.ops.clip.reload()  # Blender does not know the size any more
    before = len(bpy.data.movieclips)
    unreadable = part("engine.shared.errors").ClipUnreadable
    try:
        view_of(studio)
    except unreadable as error:
        assert "cannot read" in str(error)
    assert len(bpy.data.movieclips) == before


def test_a_view_of_many_long_tracks_is_cheap_once_it_was_made(studio):
    clip = open_display(studio, "stabilized")
    for number in range(20):
        track = clip.tracking.tracks.new(name=f"long {number}", frame=1)
        for frame in range(2, 400):
            track.markers.insert_frame(frame, co=(0.3 + 0.0005 * frame, 0.2 + 0.02 * number))
        track.select = True
    with studio.editor():
        bpy.ops.clip.stabilize_2d_add()
    clip.tracking.stabilization.use_autoscale = True
    view_of(studio)
    stabilizers = part("addon.tracks").stabilizers
    made = stabilizers.cache_info().misses
    for frame in range(1, 5):
        studio.space.clip_user.frame_current = frame
        view_of(studio)
    assert stabilizers.cache_info().misses == made
