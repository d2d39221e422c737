"""Mask layers that a track or plane track of the clip carries, drawn by Blender and compared with the mattes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, iou, mask_by_node, part
from tests.png import write_png

_CORNERS = np.array([(30.0, 58.0), (90.0, 58.0), (90.0, 22.0), (30.0, 22.0)])  # of a plane, in pixels with y down


def camera(media: int) -> np.ndarray:
    """Return the homography (3, 3) of pixels by which a hand-held camera moves the picture of a media frame."""
    rng = np.random.default_rng(media)
    angle = rng.normal(0, 0.08) if media else 0.0
    shift = rng.normal(0, 6, 2) if media else np.zeros(2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = np.array([WIDTH / 2, HEIGHT / 2]) + shift - turn @ (WIDTH / 2, HEIGHT / 2)
    return matrix


def shifted_only(media: int) -> np.ndarray:
    """Return the same without the turn."""
    matrix = np.eye(3)
    matrix[:2, 2] = camera(media)[:2] @ (WIDTH / 2, HEIGHT / 2, 1) - (WIDTH / 2, HEIGHT / 2)
    return matrix


def matte(motion: np.ndarray) -> np.ndarray:
    """Return the alpha (H, W) of an ellipse in the middle of the picture, moved."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    back = np.linalg.inv(motion)
    x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
    y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
    return np.clip((1 - np.hypot((x - WIDTH / 2) / 34, (y - HEIGHT / 2) / 20)) * 20 + 0.5, 0, 1)


def marker_place(place: np.ndarray, motion: np.ndarray) -> tuple[float, float]:
    """Return where a place of the unmoved picture is, as markers have it: 0..1, y up."""
    x, y, scale = motion @ (*place, 1.0)
    return x / scale / WIDTH, 1 - y / scale / HEIGHT


def filmed(studio, motion_of, start: int = 101) -> None:
    """Open a film with mattes of one object that only the camera moves."""
    studio.open_marked(first=1001, start=start)
    studio.propagate()
    for media in range(FRAMES):
        for object_id in (1, 2):
            alpha = np.rint(matte(motion_of(media)) * 255).astype(np.uint8)
            write_png(studio.matte_folder.matte(object_id, 1001 + media), alpha)


def point_track(studio, motion_of) -> None:
    """Add a track of a place of the picture, and make it active."""
    track = studio.clip.tracking.tracks.new(name="nose", frame=1)
    track.offset = (0.05, 0.0)  # as after Offset Point
    for media in range(FRAMES):
        x, y = marker_place(np.array([70.0, 40.0]), motion_of(media))
        track.markers.insert_frame(1 + media, co=(x - 0.05, y))
    studio.clip.tracking.tracks.active = track


def agreement(studio) -> list[float]:
    """Return the IoU of the first object's drawn layer and its matte on every frame."""
    mask = studio.clip.matting.mask
    for layer in mask.layers:
        layer.hide_render = layer.name != "Object 1"
    drawn = [mask_by_node(mask, studio.clip.frame_start + media, studio.folder) for media in range(FRAMES)]
    return [iou(alpha, studio.matte(1, 1001 + media)) for media, alpha in enumerate(drawn)]


def keyed_numbers(studio, monkeypatch, **options) -> list[int]:
    """Click To Mask Layers, and return the file numbers on which the first object's layer is keyed."""
    module = part("addon.mask_splines")
    found: list[int] = []

    def spy(clip, tracks):
        found.extend(sorted({int(key) for track in tracks for key in track.keys}) if not found else [])
        return part("addon.mask_shapes").layers_of_tracks(clip, tracks)

    monkeypatch.setattr(module, "layers_of_tracks", spy)
    studio.click("matte_to_mask_layers", **options)
    return found


def test_layers_on_a_track_lie_on_the_object_with_two_keys(studio, monkeypatch):
    filmed(studio, shifted_only)
    assert len(keyed_numbers(studio, monkeypatch)) >= FRAMES - 1, "without the track, every frame needs a key"
    point_track(studio, shifted_only)
    assert keyed_numbers(studio, monkeypatch, on_track=True) == [1001, 1000 + FRAMES]
    assert min(agreement(studio)) >= 0.96
    layer = studio.clip.matting.mask.layers["Object 1"]
    assert {point.parent.sub_parent for point in layer.splines[0].points} == {"nose"}


@pytest.mark.parametrize("start", [1, 101])
def test_layers_on_a_plane_track_turn_with_it(studio, monkeypatch, capfd, start):
    filmed(studio, camera, start)
    tracks = [studio.clip.tracking.tracks.new(name=f"corner {index}", frame=1) for index in range(4)]
    for track, corner in zip(tracks, _CORNERS):
        for media in range(FRAMES):
            track.markers.insert_frame(1 + media, co=marker_place(corner, camera(media)))
        track.select = True
    studio.space.mode = "TRACKING"
    with studio.editor():
        bpy.ops.clip.create_plane_track()
    (plane,) = studio.clip.tracking.plane_tracks
    for media in range(FRAMES):
        marker = plane.markers.insert_frame(1 + media)
        marker.corners = [marker_place(place, camera(media)) for place in _CORNERS]
    studio.clip.tracking.plane_tracks.active = plane
    keyed = keyed_numbers(studio, monkeypatch, on_track=True)
    assert (keyed == [1001, 1000 + FRAMES]) == (start == 1)
    assert ("only if its Start Frame is 1" in capfd.readouterr().out) == (start != 1)
    assert min(agreement(studio)) >= 0.96


def test_layers_on_a_track_are_replaced_as_others_are(studio):
    filmed(studio, shifted_only)
    point_track(studio, shifted_only)
    for on_track in (True, True, False, True):
        studio.click("matte_to_mask_layers", on_track=on_track)
        assert [layer.name for layer in studio.clip.matting.mask.layers] == ["Object 1", "Object 2"]
    studio.clip.matting.mask.layers["Object 1"].name = "mine"
    studio.click("matte_to_mask_layers")
    assert sorted(layer.name for layer in studio.clip.matting.mask.layers) == ["Object 2", "mine"]


def test_without_an_active_track_it_is_refused(studio):
    filmed(studio, shifted_only)
    with pytest.raises(RuntimeError, match=r"has no active track\. Select a track or a plane track"):
        studio.click("matte_to_mask_layers", on_track=True)
    assert studio.clip.matting.mask is None
