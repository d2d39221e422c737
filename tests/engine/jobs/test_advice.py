"""Small objects are enlarged or told of, and shots without a keyframe are told of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.jobs.propagate import run
from engine.media.frames import FrameReader
from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import read_matte, write_labels
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Answer, Finished
from engine.shared.types import PropagationJob, Settings
from tests import films


def write_film(folder: Path, side: int, *, size: tuple[int, int], count: int = 5) -> np.ndarray:
    """Write a film of a bright square that moves over a dark, grainy ground; return its masks (T, H, W) bool."""
    random, (height, width) = np.random.default_rng(5), size
    ground = cv2.GaussianBlur(random.normal(60, 40, (height, width, 3)), (0, 0), 3)
    masks = np.zeros((count, height, width), bool)
    (folder / "clip").mkdir(parents=True)
    for frame in range(count):
        left, top = width // 4 + 3 * frame, height // 2 + frame
        masks[frame, top : top + side, left : left + side] = True
        picture = np.where(masks[frame][..., None], (250, 220, 120), ground + random.normal(0, 3, ground.shape))
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / "clip" / f"{frame:04d}.png")
    write_labels(folder / "keys" / "0000.png", masks[0].astype(np.uint8))
    return masks


def propagate(folder: Path, recipe: str = "keymatte", **changes: object) -> Finished:
    with FrameReader.open(folder / "clip") as reader:
        clip, numbers = reader.clip, reader.numbers
    job = PropagationJob(
        job_id="test",
        clip=clip,
        frames=range(clip.frame_count),
        keyframes=read_keyframes(folder / "keys", numbers, (clip.height, clip.width)),
        folder=folder / "out",
        recipe=recipe,
        **changes,
    )
    answers: list[Answer] = []
    run(job, answers.append, lambda: False)
    (finished,) = (answer for answer in answers if isinstance(answer, Finished))
    return finished


def ious(folder: Path, masks: np.ndarray) -> list[float]:
    mattes = [read_matte(MatteFolder(folder / "out").matte(1, frame)) > 0.5 for frame in range(len(masks))]
    return [float((a & b).sum() / (a | b).sum()) for a, b in zip(mattes, masks)]


@pytest.mark.parametrize("side", [3, 5])
def test_an_object_smaller_than_a_cell_is_followed_in_a_small_clip(tmp_path, side):
    masks = write_film(tmp_path, side, size=(64, 96))
    finished = propagate(tmp_path)
    assert min(ious(tmp_path, masks)) > 0.6
    assert not finished.note and not finished.warning


def test_an_object_too_small_at_the_working_height_is_told_with_a_height_that_helps(tmp_path):
    write_film(tmp_path, 9, size=(240, 320), count=2)
    note = propagate(tmp_path, "colour", settings=Settings(height=60)).note
    assert "Object 1: too small" in note and "at a working height of 60" in note and "about 2 pixels" in note
    assert "A working height of 240 would help" in note


def test_an_object_large_enough_is_not_told_of(tmp_path):
    write_film(tmp_path, 60, size=(240, 320), count=2)
    assert not propagate(tmp_path, "colour", settings=Settings(height=60)).note


def test_a_shot_without_a_keyframe_is_told_of_until_one_is_marked_there(tmp_path):
    masks = write_film(tmp_path, 20, size=(64, 96), count=4)
    other = films.late_entry(4, height=64, width=96).frames
    for frame in range(4, 8):
        Image.fromarray(other[frame - 4]).save(tmp_path / "clip" / f"{frame:04d}.png")
    note = propagate(tmp_path, "colour").note
    assert "cut at frame 4, and" in note and "empty on frames 4 to 7: no keyframe of object 1." in note
    write_labels(tmp_path / "keys" / "0006.png", masks[0].astype(np.uint8))
    assert "cut" not in propagate(tmp_path, "colour").note
