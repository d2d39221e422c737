"""2D stabilisation: pixels lie where Blender moves them, for tracks with gaps, weights, rotation and scale."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.dots import found_near

from .displays import DOTS, HEIGHT, WIDTH, shown, write_dots
from .studio import part

FRAMES = 12


def shaken(seed: int, tracks: int) -> np.ndarray:
    """Return places (T, F, 2) of tracks on a picture that shakes, turns and zooms, as multiples of its size."""
    chance = np.random.default_rng(seed)
    places = chance.uniform(0.2, 0.8, (tracks, 2))
    angle = np.radians(chance.uniform(-6, 6, FRAMES))
    growth = chance.uniform(0.9, 1.1, FRAMES)
    shift = chance.uniform(-0.06, 0.06, (FRAMES, 2))
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1)
    size = np.array([WIDTH / HEIGHT, 1])
    moved = np.einsum("fij,tj->tfi", turn, (places - 0.5) * size) * growth[:, None] / size + 0.5 + shift
    return moved + chance.normal(0, 0.003, moved.shape)


def add_tracks(clip, places: np.ndarray, gaps: dict) -> list:
    """Add tracks with these places to the clip. Those in `gaps` have no markers on the frames there."""
    made = []
    for number, path in enumerate(places):
        frames = [frame for frame in range(1, FRAMES + 1) if frame not in gaps.get(number, ())]
        track = clip.tracking.tracks.new(name=f"track {number}", frame=frames[0])
        for frame in frames:
            track.markers.insert_frame(frame, co=path[frame - 1])
        made.append(track)
    return made


def choose(studio, tracks: list, *, rotation: bool) -> None:
    """Add tracks to those that stabilise location, or rotation and scale."""
    for track in studio.clip.tracking.tracks:
        track.select = track.name in {item.name for item in tracks}
    with studio.editor():
        studio.space.mode = "TRACKING"
        (bpy.ops.clip.stabilize_2d_rotation_add if rotation else bpy.ops.clip.stabilize_2d_add)()


def open_shaken(studio, seed: int, *, tracks: int = 4, location: int = 3, gaps=None, start: int = 1):
    """Open a clip with tracks that all stabilise rotation but the first, and the first `location` of them location."""
    clip = studio.open(write_dots(studio.folder, FRAMES), start=start)
    made = add_tracks(clip, shaken(seed, tracks), gaps or {})
    choose(studio, made[:location], rotation=False)
    choose(studio, made[1:], rotation=True)
    stabilization = clip.tracking.stabilization
    stabilization.use_2d_stabilization = True
    stabilization.use_stabilize_rotation = stabilization.use_stabilize_scale = True
    assert (len(stabilization.tracks), len(stabilization.rotation_tracks)) == (location, tracks - 1)
    return clip


def places(studio, clip, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where dots should lie (N, 2) on a scene frame, and where Blender shows them."""
    studio.go(frame)
    matrix = part("addon.tracks").stabilization(clip, frame, WIDTH, HEIGHT)
    points = DOTS * (1, -1) + (-0.5, HEIGHT - 0.5)
    expected = (points @ matrix[:, :2].T + matrix[:, 2]) * (1, -1) + (0.5, HEIGHT - 0.5)
    return expected, found_near(shown(clip, frame, studio.folder, stabilized=True), expected)


def check(studio, clip, *frames: int, moved: float = 2.0) -> None:
    """Assert that dots lie where Blender shows them on scene frames, and that they moved."""
    far = 0.0
    for frame in frames:
        expected, found = places(studio, clip, frame)
        inside = np.isfinite(found).all(axis=1)
        assert inside.sum() > 4, frame
        assert np.abs(found - expected)[inside].max() < 0.1, frame
        far = max(far, np.abs(found - DOTS)[inside].max())
    assert far > moved


@pytest.mark.parametrize("seed", [1, 2])
def test_location_rotation_and_scale(studio, seed):
    clip = open_shaken(studio, seed)
    clip.tracking.stabilization.anchor_frame = 4
    check(studio, clip, 1, 7, 12)


def test_nothing_moves_on_the_anchor_frame_whatever_the_start_and_offset(studio):
    clip = open_shaken(studio, 3, start=21)
    clip.frame_offset = 1  # markers have numbers without it
    clip.tracking.stabilization.anchor_frame = 5
    matrix = part("addon.tracks").stabilization(clip, 25, WIDTH, HEIGHT)
    np.testing.assert_allclose(matrix, np.eye(2, 3), atol=1e-4)
    check(studio, clip, 25, 30, moved=1.0)


@pytest.mark.parametrize(("rotation", "scale"), [(False, False), (True, False), (False, True)])
def test_switches_of_rotation_and_scale(studio, rotation, scale):
    clip = open_shaken(studio, 4)
    stabilization = clip.tracking.stabilization
    stabilization.use_stabilize_rotation, stabilization.use_stabilize_scale = rotation, scale
    check(studio, clip, 6)


def test_weights_influences_and_targets(studio):
    clip = open_shaken(studio, 5)
    for track, weight in zip(clip.tracking.tracks, (0.2, 1.0, 0.6, 0.004), strict=True):
        track.weight_stab = weight
    stabilization = clip.tracking.stabilization
    stabilization.influence_location, stabilization.influence_rotation = 0.7, 0.5
    stabilization.influence_scale = 0.8
    stabilization.target_position, stabilization.target_rotation = (0.05, -0.03), 0.1
    stabilization.target_scale = 1.2
    check(studio, clip, 2, 9)


def test_tracks_that_begin_and_end_elsewhere_than_the_anchor(studio):
    gaps = {0: range(1, 5), 1: range(6, 20), 2: range(5, 8), 4: range(1, 7)}
    clip = open_shaken(studio, 6, tracks=5, location=4, gaps=gaps)
    clip.tracking.stabilization.anchor_frame = 2
    clip.tracking.tracks[1].markers.find_frame(4).mute = True
    check(studio, clip, 4, 5, 7, 11)


def test_gaps_of_all_tracks_are_interpolated_and_ends_held(studio):
    gap = (*range(1, 3), *range(5, 9), *range(11, 20))
    clip = open_shaken(studio, 7, gaps=dict.fromkeys(range(4), gap))
    clip.tracking.stabilization.anchor_frame = 1
    check(studio, clip, 1, 6, 7, 12)


@pytest.mark.parametrize(("limit", "pixel_aspect"), [(0.0, 1.0), (1.05, 1.0), (0.0, 1.5)])
def test_automatic_scale(studio, limit, pixel_aspect):
    clip = open_shaken(studio, 8, gaps={0: range(2, 4)})
    clip.tracking.camera.pixel_aspect = pixel_aspect
    stabilization = clip.tracking.stabilization
    stabilization.use_autoscale, stabilization.scale_max = True, limit
    check(studio, clip, 3, 10)


def test_animated_weights_and_influences(studio):
    clip = open_shaken(studio, 9, start=11, gaps={0: range(4, 6)})
    stabilization = clip.tracking.stabilization
    stabilization.use_autoscale = True
    for frame, value in ((11, 0.1), (17, 1.0), (22, 0.3)):
        clip.tracking.tracks[0].weight_stab = value
        clip.tracking.tracks[0].keyframe_insert("weight_stab", frame=frame)
        stabilization.influence_location = 1 - value / 2
        stabilization.keyframe_insert("influence_location", frame=frame)
        stabilization.target_position = (value / 20, 0)
        stabilization.keyframe_insert("target_position", frame=frame)
    check(studio, clip, 12, 15, 20)


def test_anamorphic_pixels(studio):
    clip = open_shaken(studio, 10)
    clip.tracking.camera.pixel_aspect = 2.0
    check(studio, clip, 3, 8)


def test_a_moved_marker_counts_at_once(studio):
    clip = open_shaken(studio, 11)
    check(studio, clip, 5)
    clip.tracking.tracks[0].markers.find_frame(5).co = (0.1, 0.2)
    check(studio, clip, 5)


def test_no_tracks_leave_the_picture_as_it_is(studio):
    clip = studio.open(write_dots(studio.folder, 2))
    clip.tracking.stabilization.use_2d_stabilization = True
    for autoscale in (False, True):
        clip.tracking.stabilization.use_autoscale = autoscale
        matrix = part("addon.tracks").stabilization(clip, 1, WIDTH, HEIGHT)
        np.testing.assert_allclose(matrix, np.eye(2, 3))


def test_a_single_track_for_location_and_rotation_shows_no_rotation(studio):
    clip = open_shaken(studio, 12, tracks=2, location=2, gaps={0: range(2, 13)})
    matrix = part("addon.tracks").stabilization(clip, 5, WIDTH, HEIGHT)  # Blender divides by zero, and shows nothing
    np.testing.assert_allclose(matrix[:, :2], np.eye(2), atol=1e-6)


def test_a_smooth_filter_shows_pixels_at_the_same_places(studio):
    clip = open_shaken(studio, 13)
    clip.tracking.stabilization.filter_type = "BICUBIC"
    check(studio, clip, 4)


def test_the_nearest_filter_rounds_places_down(studio):
    clip = open_shaken(studio, 13)
    clip.tracking.stabilization.filter_type = "NEAREST"
    expected, found = places(studio, clip, 4)
    inside = np.isfinite(found).all(axis=1)
    np.testing.assert_allclose((found - expected)[inside].mean(axis=0), 0, atol=0.1)
    assert np.abs(found - expected)[inside].max() < 0.5
