"""Propagation as if the camera stood still: by the clip's 2D stabilisation, with mattes that fit the clip as it is."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, iou, part
from tests.png import write_png

_SHIFTS = np.round(np.random.default_rng(3).normal(0, 7, (FRAMES, 2))).astype(int)  # of the camera, x right and y down
_SHIFTS[0] = 0


def scene(texture: np.ndarray, media: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture (H, W, 3) uint8 and the true mask (H, W) bool of a disc before a texture, filmed by hand."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    x, y = columns - _SHIFTS[media, 0], rows - _SHIFTS[media, 1]
    mask = np.hypot(x - 60 - media, y - 40) < 18
    grey = texture[(y + 60) % len(texture), (x + 60) % len(texture)]
    colours = np.where(mask[..., None], (220, 60, 40), (40, 90, 160)) * (0.6 + 0.4 * grey[..., None])
    return colours.astype(np.uint8), mask


@pytest.fixture
def shaken(studio):
    """A shaken film with a track of its background that stabilises it, and a keyframe on its first frame."""
    texture = np.random.default_rng(4).random((256, 256))
    folder = studio.folder / "film"
    folder.mkdir()
    for media in range(FRAMES):
        write_png(folder / f"shot_{1 + media:04d}.png", scene(texture, media)[0])
    studio.open(folder / "shot_0001.png")
    write_png(studio.folder / "labels.png", scene(texture, 0)[1].astype(np.uint8), np.array([(0, 0, 0), (200, 0, 0)]))
    studio.go(1)
    studio.click("matte_keyframe_from_image", filepath=str(studio.folder / "labels.png"), all_objects=True)
    track = studio.clip.tracking.tracks.new(name="wall", frame=1)
    for media in range(FRAMES):
        x, y = (20.5, 20.5) + _SHIFTS[media]
        track.markers.insert_frame(1 + media, co=(x / WIDTH, 1 - y / HEIGHT))
    stabilization = studio.clip.tracking.stabilization
    stabilization.use_2d_stabilization, stabilization.anchor_frame = True, 1
    track.select = True
    studio.space.mode = "TRACKING"
    with studio.editor():
        bpy.ops.clip.stabilize_2d_add()
    return studio, [scene(texture, media)[1] for media in range(FRAMES)]


def test_mattes_of_a_stabilised_run_lie_on_the_object_in_the_clip_as_it_is(shaken):
    studio, truth = shaken
    studio.clip.matting.stabilized = True
    job = part("addon.job_queue").gather_job(studio.clip, range(FRAMES), part("engine.shared.types").Direction.BOTH)
    shifts = np.array(job.stabilization).reshape(-1, 2, 3)
    assert np.allclose(shifts[:, :, :2], np.eye(2), atol=1e-4)
    assert np.allclose(shifts[:, :, 2], -_SHIFTS, atol=0.01), "it takes the camera's shifts away"
    studio.propagate()
    scores = [iou(studio.matte(1, 1 + media), truth[media]) for media in range(FRAMES)]
    assert scores[0] == 1.0 and min(scores) > 0.9, scores


def test_the_switch_makes_mattes_stale_and_counts_only_with_a_stabilisation(shaken):
    studio, _ = shaken
    refresh = part("addon.forecast").refresh
    studio.propagate(recipe="")
    assert refresh(studio.clip).stale == 0
    studio.clip.matting.stabilized = True
    assert refresh(studio.clip).stale == FRAMES
    studio.propagate(recipe="")
    assert refresh(studio.clip).stale == 0
    studio.clip.tracking.stabilization.use_2d_stabilization = False
    assert refresh(studio.clip).stale == FRAMES
    studio.clip.matting.stabilized = False
    assert refresh(studio.clip).stale == FRAMES
