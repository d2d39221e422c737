"""Spline jobs: what they fit splines to, what they report, and that they can be stopped."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.jobs.splines import run
from engine.media.label_images import encode_matte
from engine.shared.errors import MatteUnreadable
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import JobCancelled, ObjectSplines, SplinesFitted, Stage
from engine.shared.splines import flatten, load_splines
from engine.shared.types import EditedMatte, SplineJob, splines_file

WIDTH, HEIGHT = 160, 120
NUMBERS = range(1001, 1013)


def disc(x: float, y: float, radius: float) -> np.ndarray:
    """Return the alpha (H, W) of a disc with smooth edges."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    return np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1).astype(np.float32)


def write(path, alpha: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_matte(alpha))


@pytest.fixture
def job(tmp_path):
    """A job with mattes of two discs: one moves to the right, one stays."""
    folder = MatteFolder(tmp_path / "mattes folder")
    for index, number in enumerate(NUMBERS):
        write(folder.matte(1, number), disc(50 + 4 * index, 60, 30))
        write(folder.matte(2, number), disc(30, 30, 12))
    (tmp_path / "out").mkdir()
    return SplineJob("f", folder.root, (1, 2, 3), NUMBERS, WIDTH, HEIGHT, tmp_path / "out")


def answers_of(job: SplineJob, cancelled=lambda: False) -> list:
    answers: list = []
    run(job, answers.append, cancelled)
    return answers


def drawn(job: SplineJob, object_id: int, number: int) -> np.ndarray:
    """Return the splines of an object, filled, on a frame, (H, W) bool."""
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    shapes = [track.at(number) for track in load_splines(splines_file(job.out, object_id))]
    rings = [np.rint(flatten(shape) * 16 - 8).astype(np.int32) for shape in shapes if shape is not None]
    cv2.fillPoly(canvas, rings, 1, shift=4)
    return canvas > 0


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_splines_follow_the_mattes_and_progress_is_told(job):
    *stages, ended = answers_of(job)
    assert ended == SplinesFitted("f", (ObjectSplines(1), ObjectSplines(2))), "object 3 has no mattes"
    assert all(isinstance(stage, Stage) and stage.text == "Fitting splines" for stage in stages)
    shares = [stage.done / stage.total for stage in stages]
    assert shares == sorted(shares) and len(shares) > len(NUMBERS)
    for index, number in enumerate(NUMBERS):
        assert iou(drawn(job, 1, number), disc(50 + 4 * index, 60, 30) >= 0.5) > 0.96
    (track,) = load_splines(splines_file(job.out, 1))
    assert track.keys.tolist() == [1001, 1012], "the disc moves evenly"


def test_damaged_mattes_and_those_of_another_size_are_left_out_and_told(job):
    folder = MatteFolder(job.folder)
    folder.matte(1, 1004).write_bytes(b"no image")
    write(folder.matte(1, 1006), np.ones((HEIGHT, WIDTH // 2), np.float32))
    ended = answers_of(job)[-1]
    assert ended.objects[0] == ObjectSplines(1, (1004, 1006))
    assert not drawn(job, 1, 1004).any() and drawn(job, 1, 1005).any()


def test_edited_images_stand_in_for_mattes_and_are_followed_closely(job, tmp_path):
    edited = disc(60, 50, 22)
    write(tmp_path / "edited.png", edited)
    with_edit = replace(job, objects=(1,), edited=(EditedMatte(1, 1005, tmp_path / "edited.png"),))
    answers_of(with_edit)
    (track,) = load_splines(splines_file(job.out, 1))
    assert 1005 in track.keys
    assert track.error[1005 - track.first][0] < 0.3, "pixels on average"
    assert iou(drawn(job, 1, 1005), edited >= 0.5) > 0.95, "with cv2's wide edges"
    assert iou(drawn(job, 1, 1009), disc(82, 60, 30) >= 0.5) > 0.94


def test_an_edited_image_that_cannot_be_used_ends_the_job(job, tmp_path):
    (tmp_path / "edited.png").write_bytes(b"no image")
    with pytest.raises(MatteUnreadable, match=r"edited\.png"):
        answers_of(replace(job, edited=(EditedMatte(1, 1005, tmp_path / "edited.png"),)))
    write(tmp_path / "edited.png", np.ones((HEIGHT, WIDTH // 2), np.float32))
    with pytest.raises(MatteUnreadable, match="is 80x120, not 160x120"):
        answers_of(replace(job, edited=(EditedMatte(1, 1005, tmp_path / "edited.png"),)))


def test_a_cancelled_job_ends_at_the_next_matte(job):
    asked = []
    answers = answers_of(job, lambda: asked.append(1) or len(asked) > 5)
    assert isinstance(answers[-1], JobCancelled) and len(answers) == 6
    assert not [*job.out.iterdir()]


def test_mattes_that_show_nothing_give_no_splines(job):
    for number in NUMBERS:
        write(MatteFolder(job.folder).matte(2, number), np.zeros((HEIGHT, WIDTH), np.float32))
    assert answers_of(job)[-1].objects == (ObjectSplines(1), ObjectSplines(2))
    assert load_splines(splines_file(job.out, 2)) == []
