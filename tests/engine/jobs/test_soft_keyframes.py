"""Soft keyframes: the mattes of keyframes are the user's alpha, and the order of keyframes says who is in front."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from engine.jobs.resume import JobCheckpoint
from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import read_labels
from engine.shared.mask_images import Masks, Meaning
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, MatteReady, Stage
from engine.shared.types import KeyframeFile, PropagationJob
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.films import Film

ALPHA = Meaning(Masks.BINARY, half=127.5)


@pytest.fixture
def film() -> Film:
    return films.crossing(count=8)


@pytest.fixture
def job(film: Film, tmp_path: Path) -> PropagationJob:
    clip = film.write_images(tmp_path / "plate")
    return job_of(clip, film.write_keyframes(tmp_path / "keys", [0]), tmp_path / "out")


def soft(mask: np.ndarray, sigma: float = 3) -> np.ndarray:
    """Return a feathered mask, (H, W) uint8."""
    return np.rint(cv2.GaussianBlur(mask.astype(np.float32) * 255, (0, 0), sigma)).astype(np.uint8)


def key(path: Path, alpha: np.ndarray, *, frame: int, object_id: int) -> KeyframeFile:
    """Write an alpha as the extension does, and return the keyframe."""
    Image.fromarray(alpha).save(path)
    return KeyframeFile(frame, path, (object_id,), ALPHA, object_id)


def matte(job: PropagationJob, object_id: int, number: int) -> np.ndarray:
    return np.array(Image.open(MatteFolder(job.folder).matte(object_id, number)))


@pytest.mark.parametrize("recipe", ["colour", "keymatte"])
def test_the_mattes_of_keyframes_are_the_users_alpha(film, job, tmp_path, recipe):
    alphas = {frame: soft(film.mask(frame, 1)) for frame in (0, 5)}
    keys = [key(tmp_path / f"{frame}.png", alpha, frame=frame, object_id=1) for frame, alpha in alphas.items()]
    job = replace(job, keyframes=tuple(keys), recipe=recipe)
    assert run_job(job)[-1].warning == ""
    for frame, alpha in alphas.items():
        assert np.count_nonzero((alpha > 5) & (alpha < 250)) > 100
        assert np.array_equal(matte(job, 1, frame), alpha)
        assert np.array_equal(read_labels(MatteFolder(job.folder).labels(frame)) == 1, alpha >= 128)


def test_a_picture_that_cannot_be_read_has_the_users_alpha_too(film, job, tmp_path):
    alpha = soft(film.mask(5, 1))
    keys = (
        key(tmp_path / "0.png", soft(film.mask(0, 1)), frame=0, object_id=1),
        key(tmp_path / "5.png", alpha, frame=5, object_id=1),
    )
    (tmp_path / "plate" / "shot_0005.png").write_bytes(b"no picture")
    run_job(replace(job, keyframes=keys))
    assert np.array_equal(matte(job, 1, 5), alpha)


@pytest.mark.parametrize("front", [1, 2])
def test_the_later_keyframe_is_in_front_and_the_warning_says_so(film, job, tmp_path, front):
    shapes = {number: np.zeros(film.labels.shape[1:], np.uint8) for number in (1, 2)}
    shapes[1][20:60, 20:70], shapes[2][20:60, 50:100] = 255, 255
    shapes = {number: soft(shape, 1) for number, shape in shapes.items()}
    behind = 3 - front
    keys = [key(tmp_path / f"{n}.png", shapes[n], frame=0, object_id=n) for n in (behind, front)]
    finished = run_job(job := replace(job, keyframes=tuple(keys)))[-1]
    assert isinstance(finished, Finished)
    assert f"object {front} is in front of object {behind} on frame 0" in finished.warning
    assert np.array_equal(matte(job, front, 0), shapes[front])
    rest = np.minimum(shapes[behind], 255 - shapes[front])
    inside = np.maximum(shapes[1], shapes[2]) >= 128  # elsewhere the background keeps the largest share
    assert np.array_equal(matte(job, behind, 0)[inside], rest[inside])
    labels = read_labels(MatteFolder(job.folder).labels(0))
    assert np.array_equal(labels == front, shapes[front] >= 128)


def test_soft_masks_of_the_command_line_are_read_as_such(film, job, tmp_path):
    for frame in (0, 5):
        for number, name in ((1, "disc"), (2, "box")):
            (tmp_path / "masks" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(soft(film.mask(frame, number))).save(tmp_path / "masks" / name / f"{frame:04}.png")
    told: list[str] = []
    keyframes = read_keyframes(tmp_path / "masks", tuple(range(8)), film.labels.shape[1:], tell=told.append)
    assert "soft edges are kept" in told[0]
    assert [(keyframe.frame, keyframe.objects) for keyframe in keyframes] == [
        (0, (1,)),
        (0, (2,)),
        (5, (1,)),
        (5, (2,)),
    ]
    run_job(job := replace(job, keyframes=keyframes))
    ids = {1: "box", 2: "disc"}  # numbered in natural order
    assert np.array_equal(matte(job, 2, 0), np.array(Image.open(tmp_path / "masks" / ids[2] / "0000.png")))


def test_a_run_does_not_resume_with_other_soft_pixels(film, job, tmp_path, monkeypatch):
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    alpha = soft(film.mask(0, 1))
    job = replace(job, keyframes=(key(tmp_path / "0.png", alpha, frame=0, object_id=1),))
    run_job(job, cancel_after=4)
    resumed = run_job(job, cancel_after=1)
    assert any(isinstance(answer, Stage) and "resuming" in answer.text for answer in resumed)
    other = np.where((alpha > 0) & (alpha < 127), alpha + 1, alpha).astype(np.uint8)
    job = replace(job, keyframes=(key(tmp_path / "0.png", other, frame=0, object_id=1),))
    answers = run_job(job)
    assert not any(isinstance(answer, Stage) and "resuming" in answer.text for answer in answers)
    assert next(answer.done for answer in answers if isinstance(answer, MatteReady)) == 1
    assert np.array_equal(matte(job, 1, 0), other)


def soft_count(alpha: np.ndarray) -> int:
    return int(np.count_nonzero((alpha > 5) & (alpha < 250)))


def test_hard_keyframes_are_as_soft_as_the_frames_beside_them(tmp_path):
    film = films.crossing()
    keys = film.write_keyframes(tmp_path / "keys", [0, 4])
    job = job_of(film.write_images(tmp_path / "plate"), keys, tmp_path / "out", frames=range(8))
    run_job(job := replace(job, recipe="keymatte"))
    for object_id in (1, 2):
        counts = [soft_count(matte(job, object_id, frame)) for frame in range(8)]
        assert counts[0] == pytest.approx(counts[1], rel=0.25)
        assert counts[4] == pytest.approx((counts[3] + counts[5]) / 2, rel=0.25)
        for frame in (0, 4):
            assert np.array_equal(matte(job, object_id, frame) >= 128, film.mask(frame, object_id))


def test_an_edited_matte_of_a_keyframe_is_not_softened(film, job):
    job = replace(job, recipe="keymatte")
    run_job(job)
    edited = np.where(film.mask(0, 1), 255, 3).astype(np.uint8)
    Image.fromarray(edited).save(MatteFolder(job.folder).matte(1, 0))
    run_job(job)
    assert np.array_equal(matte(job, 1, 0), edited)


def test_recipes_that_keep_keyframes_hard_do_not_soften_them(film, job):
    run_job(job)
    assert soft_count(matte(job, 1, 0)) == 0
    assert soft_count(matte(job, 1, 1)) > 0
