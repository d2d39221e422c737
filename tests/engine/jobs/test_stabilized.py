"""Propagation in stabilised space: mattes fit the clip as it is, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.jobs.resume import JobCheckpoint
from engine.jobs.stabilized import stabilized_space
from engine.media.label_images import read_matte, write_labels
from engine.shared.errors import BadSetting
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, JobCancelled
from engine.shared.types import PropagationJob
from tests.engine.jobs.test_propagate import job_of, run_job

WIDTH, HEIGHT, FRAMES = 128, 96, 10
STILL = tuple((1.0, 0.0, 0.0, 0.0, 1.0, 0.0) for _ in range(FRAMES))


def camera(frame: int) -> np.ndarray:
    """Return the matrix (2, 3) by which a hand-held camera moves the scene on a frame, in pixels."""
    rng = np.random.default_rng(frame)
    angle, (dx, dy) = (rng.normal(0, 0.06), rng.normal(0, 5, 2)) if frame else (0.0, (0.0, 0.0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([WIDTH, HEIGHT]) / 2
    return np.hstack([turn, (middle + np.array([dx, dy]) - turn @ middle)[:, None]])


def filmed(frame: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture (H, W, 3) uint8 and the true mask (H, W) bool of a disc that moves before a texture."""
    noise = np.random.default_rng(99).random((HEIGHT * 3, WIDTH * 3, 3)).astype(np.float32)
    world = cv2.GaussianBlur(noise, (0, 0), 3)
    world = (world - world.min()) / np.ptp(world)
    rows, columns = np.mgrid[0 : HEIGHT * 3, 0 : WIDTH * 3].astype(np.float32)
    disc = (np.hypot(columns - WIDTH - 56 - frame, rows - HEIGHT - 48) < 20).astype(np.float32)
    world = world * (0.3, 0.5, 1) * (1 - disc[..., None]) + disc[..., None] * (0.9, 0.4, 0.1) * (0.5 + world / 2)
    shift = np.float32([[1, 0, -WIDTH], [0, 1, -HEIGHT], [0, 0, 1]])
    matrix = camera(frame) @ shift
    picture = cv2.warpAffine(world.astype(np.float32), matrix, (WIDTH, HEIGHT))
    mask = cv2.warpAffine(disc, matrix, (WIDTH, HEIGHT)) > 0.5
    return np.rint(picture * 255).astype(np.uint8), mask


def rows_of(matrix: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in matrix.ravel())


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> tuple[Path, Path, list[np.ndarray]]:
    """The images, the folder of keyframes, and the true masks of the shaken film."""
    root = tmp_path_factory.mktemp("shaken")
    masks = []
    for folder in ("clip", "keys"):
        (root / folder).mkdir()
    for frame in range(FRAMES):
        picture, mask = filmed(frame)
        Image.fromarray(picture).save(root / "clip" / f"{frame:04d}.png")
        masks.append(mask)
    for frame in (0, 5):
        write_labels(root / "keys" / f"{frame:04d}.png", masks[frame].astype(np.uint8))
    return root / "clip", root / "keys", masks


@pytest.fixture
def job(film, tmp_path) -> PropagationJob:
    """A job that takes the camera's motion away."""
    clip, keys, _ = film
    rows = tuple(rows_of(cv2.invertAffineTransform(camera(frame))) for frame in range(FRAMES))
    return job_of(clip, keys, tmp_path / "out", stabilization=rows, feature_bytes=0)


def mattes(job: PropagationJob) -> list[np.ndarray]:
    return [read_matte(MatteFolder(job.folder).matte(1, frame)) for frame in range(FRAMES)]


@pytest.mark.parametrize("recipe", ["colour", "keymatte"])
def test_mattes_lie_on_the_object_in_the_clip_as_it_is(job, film, recipe):
    assert isinstance(run_job(replace(job, recipe=recipe))[-1], Finished)
    for frame, (matte, mask) in enumerate(zip(mattes(job), film[2])):
        inside = matte >= 0.5
        score = (inside & mask).sum() / (inside | mask).sum()
        assert score == 1.0 if frame in (0, 5) else score > 0.9, f"frame {frame}"


def test_a_camera_that_stands_still_changes_no_bit(job, tmp_path):
    run_job(replace(job, stabilization=(), folder=tmp_path / "plain"))
    run_job(replace(job, stabilization=STILL))
    for still, plain in zip(mattes(job), mattes(replace(job, folder=tmp_path / "plain"))):
        assert np.array_equal(still, plain)


def test_an_interrupted_run_goes_on_with_the_same_mattes(job, tmp_path, monkeypatch):
    whole = replace(job, folder=tmp_path / "whole")
    run_job(whole)
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    assert isinstance(run_job(job, cancel_after=6)[-1], JobCancelled)
    resumed = run_job(job)
    assert next(answer.done for answer in resumed if hasattr(answer, "done") and hasattr(answer, "frame")) > 1
    assert all(np.array_equal(a, b) for a, b in zip(mattes(job), mattes(whole)))


def test_features_of_pictures_as_they_are_are_not_used(job, tmp_path):
    job = replace(job, recipe="keymatte", features=tmp_path / "features", feature_bytes=10**8)
    run_job(replace(job, stabilization=(), folder=tmp_path / "plain"))
    run_job(job)
    run_job(replace(job, feature_bytes=0, features=tmp_path / "none", folder=tmp_path / "without"))
    assert all(np.array_equal(a, b) for a, b in zip(mattes(job), mattes(replace(job, folder=tmp_path / "without"))))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (STILL[:-1], "not one matrix of 2x3 numbers"),
        ((*STILL[:-1], (1.0, 0.0, 0.0)), "not one matrix of 2x3 numbers"),
        ((*STILL[:-1], (1.0, 0.0, float("nan"), 0.0, 1.0, 0.0)), "not one matrix of 2x3 numbers"),
        ((*STILL[:-1], (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)), "scales the picture"),
        ((*STILL[:-1], (9.0, 0.0, 0.0, 0.0, 9.0, 0.0)), "scales the picture"),
    ],
)
def test_a_stabilisation_that_cannot_be_is_refused_before_anything_is_written(job, rows, words):
    with pytest.raises(BadSetting, match=words):
        run_job(replace(job, stabilization=rows))
    assert not job.folder.exists()


def test_the_canvas_shows_what_the_camera_moves_out_of_the_picture_to_a_limit(job):
    far = tuple((1.0, 0.0, float(30 * frame), 0.0, 1.0, 0.0) for frame in range(FRAMES))
    space = stabilized_space(replace(job, stabilization=far))
    assert space is not None and space.size == (HEIGHT, WIDTH + WIDTH // 4)
    assert stabilized_space(replace(job, stabilization=STILL)) is None
