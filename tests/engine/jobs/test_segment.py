"""Segmentation jobs: the answer, the frames that are kept open, bad marks, and the lane beside other jobs."""

from __future__ import annotations

import queue
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.evaluation.score import region_similarity
from engine.jobs import lane, segment
from engine.jobs.open_frames import Frames
from engine.media import movie_index
from engine.segmentation.segmenter import NotSeparable
from engine.shared.errors import (
    BadSetting,
    Cancelled,
    ClipNotFound,
    EngineError,
    KeyframeSizeMismatch,
    KeyframeUnreadable,
)
from engine.shared.marks import Mark, marks_of
from engine.shared.protocol import JobCancelled, Segmented
from engine.shared.types import SegmentationJob, VideoClip
from tests import films

FILM = films.crossing(count=3)
SIZE = FILM.frames.shape[1:3]


def rough(frame: int) -> np.ndarray:
    """Return the bounding box (H, W) bool of object 1, with 3 pixels around it."""
    rows, columns = np.nonzero(FILM.mask(frame, 1))
    box = np.zeros(SIZE, bool)
    box[max(0, rows.min() - 3) : rows.max() + 4, max(0, columns.min() - 3) : columns.max() + 4] = True
    return box


def write_marks(path: Path, marks: np.ndarray) -> Path:
    Image.fromarray(marks).save(path)
    return path


def job_for(folder: Path, path: Path, frame: int = 0, **changes) -> SegmentationJob:
    clip = VideoClip(path, *SIZE, frame_count=3)
    marks = write_marks(folder / f"marks {frame}.png", marks_of(rough(frame)))
    settings = {"job_id": f"job {frame}", "clip": clip, "frame": frame, "marks": marks, **changes}
    return SegmentationJob(alpha=folder / f"alpha {frame}.npy", **settings)


@pytest.fixture
def frames():
    kept = Frames()
    yield kept
    kept.close()


def run(job: SegmentationJob, frames: Frames, *, cancelled: bool = False) -> list:
    answers = []
    segment.run(job, frames, answers.append, lambda: cancelled)
    return answers


@pytest.mark.parametrize("frame", (0, 2))
def test_the_alpha_of_the_object_on_the_frame_is_written(tmp_path, frames, frame):
    job = job_for(tmp_path, FILM.write_images(tmp_path / "clip"), frame)
    assert run(job, frames) == [Segmented(job.job_id, job.alpha)]
    true = FILM.mask(frame, 1)
    assert region_similarity(np.load(job.alpha) >= 128, true) > region_similarity(rough(frame), true) + 0.1


def test_a_movie_is_indexed_once_and_stays_open(tmp_path, frames, monkeypatch):
    made = []
    make_index = movie_index._make_index
    monkeypatch.setattr(movie_index, "_make_index", lambda *arguments: made.append(1) or make_index(*arguments))
    movie = FILM.write_movie(tmp_path / "film.mp4")
    for frame in (0, 1, 0):
        run(job_for(tmp_path, movie, frame), frames)
    reader = frames._reader
    run(job_for(tmp_path, movie, 2), frames)
    assert frames._reader is reader
    frames.close()
    run(job_for(tmp_path, movie, 1), frames)
    assert len(made) == 1


def test_a_frame_that_was_replaced_is_read_again(tmp_path, frames):
    first = FILM.write_images(tmp_path / "clip")
    job = job_for(tmp_path, first)
    run(job, frames)
    Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(first)
    with pytest.raises(NotSeparable, match="contrast"):
        run(job, frames)


def test_a_cancelled_job_ends_before_it_begins(tmp_path, frames):
    job = job_for(tmp_path, FILM.write_images(tmp_path / "clip"))
    with pytest.raises(Cancelled):
        run(job, frames, cancelled=True)
    assert not job.alpha.exists()


@pytest.mark.parametrize(
    ("marks", "error", "words"),
    (
        (np.full((4, 4), Mark.LIKELY, np.uint8), KeyframeSizeMismatch, "4x4"),
        (np.full(SIZE, 7, np.uint8), KeyframeUnreadable, "other values"),
        (np.full((*SIZE, 3), 255, np.uint8), KeyframeUnreadable, "other values"),
        (np.full(SIZE, Mark.UNLIKELY, np.uint8), NotSeparable, "nothing is marked"),
    ),
    ids=("size", "values", "colours", "empty"),
)
def test_bad_marks_are_refused(tmp_path, frames, marks, error, words):
    job = job_for(tmp_path, FILM.write_images(tmp_path / "clip"))
    write_marks(job.marks, marks)
    with pytest.raises(error, match=words):
        run(job, frames)
    assert not job.alpha.exists()


@pytest.mark.parametrize("damage", ("missing", "empty", "cut", "text"))
def test_damaged_marks_are_refused(tmp_path, frames, damage):
    job = job_for(tmp_path, FILM.write_images(tmp_path / "clip"))
    whole = job.marks.read_bytes()
    contents = {"empty": b"", "cut": whole[: len(whole) // 2], "text": b"not an image"}
    if damage == "missing":
        job.marks.unlink()
    else:
        job.marks.write_bytes(contents[damage])
    with pytest.raises(KeyframeUnreadable, match="marks"):
        run(job, frames)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    (
        ({"frame": 3}, ClipNotFound, "has 3 frames"),
        ({"frame": -1}, ClipNotFound, "frame -1"),
        ({"segmenter": "sam"}, BadSetting, "no segmenter 'sam'"),
        ({"clip": VideoClip(Path("nowhere.mp4"), *SIZE, frame_count=3)}, ClipNotFound, "nowhere"),
    ),
)
def test_bad_jobs_are_refused(tmp_path, frames, changes, error, words):
    job = job_for(tmp_path, FILM.write_images(tmp_path / "clip"))
    with pytest.raises(error, match=words):
        run(SegmentationJob(**{**vars(job), **changes}), frames)


def test_a_clip_of_another_size_is_refused(tmp_path, frames):
    path = FILM.write_images(tmp_path / "clip")
    marks = write_marks(tmp_path / "small.png", np.full((4, 4), Mark.LIKELY, np.uint8))
    with pytest.raises(ClipNotFound, match="but was 4x4"):
        run(job_for(tmp_path, path, clip=VideoClip(path, 4, 4, 3), marks=marks), frames)


# -- the lane ----------------------------------------------------------------------------------------------------------
class Answers:
    """Answers and errors of a lane, in their order."""

    def __init__(self) -> None:
        self._queue: queue.Queue = queue.Queue()
        self.lane = lane.Lane(self._queue.put, lambda job_id, error: self._queue.put((job_id, error)))

    def next(self):
        return self._queue.get(timeout=60)


def test_a_lane_answers_in_order_and_goes_on_after_errors(tmp_path):
    answers = Answers()
    path = FILM.write_images(tmp_path / "clip")
    jobs = [job_for(tmp_path, path, frame) for frame in range(3)]
    jobs[1].marks.unlink()
    for job in jobs:
        answers.lane.put(job)
    assert answers.next() == Segmented("job 0", jobs[0].alpha)
    job_id, error = answers.next()
    assert (job_id, type(error)) == ("job 1", KeyframeUnreadable) and isinstance(error, EngineError)
    assert answers.next() == Segmented("job 2", jobs[2].alpha)
    answers.lane.give_way()
    assert len(answers.lane) == 0


def test_a_job_that_waits_can_be_cancelled(tmp_path):
    answers = Answers()
    path = FILM.write_images(tmp_path / "clip")
    jobs = [job_for(tmp_path, path, frame) for frame in range(2)]
    answers.lane.cancel("job 1")  # not known yet: no effect later
    held, go_on = queue.Queue(), queue.Queue()
    report = answers.lane._report
    answers.lane._report = lambda answer: (held.put(answer), go_on.get(timeout=60), report(answer))
    answers.lane.put(jobs[0])
    held.get(timeout=60)
    answers.lane.put(jobs[1])
    answers.lane.cancel("job 1")
    go_on.put(1), go_on.put(1)
    assert answers.next() == Segmented("job 0", jobs[0].alpha)
    assert answers.next() == JobCancelled("job 1")


def test_other_jobs_do_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(lane, "PATIENCE", 0.05)
    answers = Answers()
    go_on = queue.Queue()
    report = answers.lane._report
    answers.lane._report = lambda answer: (go_on.get(timeout=60), report(answer))
    answers.lane.put(job_for(tmp_path, FILM.write_images(tmp_path / "clip")))
    answers.lane.give_way()
    assert len(answers.lane) == 1
    go_on.put(1)
    assert isinstance(answers.next(), Segmented)
