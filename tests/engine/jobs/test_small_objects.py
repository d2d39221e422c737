"""Small objects are followed by crops: better mattes, the same however a job is run, and nothing else changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.evaluation.small_film import SmallFilm
from engine.jobs.resume import JobCheckpoint
from engine.media.label_images import read_labels, read_matte, write_labels
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, JobCancelled, MatteReady, Stage
from engine.shared.provenance import Runs
from engine.shared.types import KeyframeFile, PropagationJob, Redo, Settings
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.engine.jobs.test_resume import files

FRAMES = 7


def write_film(film: SmallFilm, root: Path, keyframes: tuple[int, ...]) -> list[np.ndarray]:
    """Write the images of a film and its keyframes; return the true labels of all frames."""
    (root / "clip").mkdir()
    truth = []
    for frame, (picture, labels) in enumerate(film.frames()):
        cv2.imwrite(str(root / "clip" / f"{frame:04d}.png"), picture[..., ::-1])
        truth.append(labels)
        if frame in keyframes:
            write_labels(root / "keys" / f"{frame:04d}.png", labels)
    return truth


def job_in(root: Path, **changes) -> PropagationJob:
    """Return a job whose working height is a fifth of the film's."""
    fixed = {"recipe": "keymatte", "settings": Settings(height=96), "feature_bytes": 0}
    return job_of(root / "clip", root / "keys", root / "out", **{**fixed, **changes})


def score(job: PropagationJob, truth: list[np.ndarray], object_id: int) -> float:
    """Return the lowest IoU of an object's mattes."""
    found = [read_matte(MatteFolder(job.folder).matte(object_id, frame)) >= 0.5 for frame in range(len(truth))]
    pairs = [(mask, labels == object_id) for mask, labels in zip(found, truth)]
    return min((mask & true).sum() / max((mask | true).sum(), 1) for mask, true in pairs)


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> tuple[Path, list[np.ndarray]]:
    """Two small objects far apart, with keyframes on frames 0 and 4."""
    root = tmp_path_factory.mktemp("two")
    return root, write_film(SmallFilm("two", 3, side=40, size=(480, 640), count=FRAMES), root, (0, 4))


@pytest.fixture(scope="module")
def whole(two) -> PropagationJob:
    """A job that has made the mattes of both in one run."""
    job = job_in(two[0], folder=two[0] / "whole")
    assert isinstance(run_job(job)[-1], Finished)
    return job


def test_objects_far_apart_each_get_a_crop_and_better_mattes(two, whole):
    root, truth = two
    plain = job_in(root, folder=root / "plain", crop=False)
    run_job(plain)
    for object_id in (1, 2):
        assert score(whole, truth, object_id) > max(0.7, score(plain, truth, object_id) + 0.1)


def test_mattes_share_pixels_agree_with_labels_and_keep_the_shapes_of_keyframes(two, whole):
    folder = MatteFolder(whole.folder)
    for frame, truth in enumerate(two[1]):
        alphas = np.stack([read_matte(folder.matte(object_id, frame)) for object_id in (1, 2)])
        assert alphas.sum(0).max() <= 1 + 1 / 255
        labels = read_labels(folder.labels(frame))
        for object_id, alpha in enumerate(alphas, 1):
            assert np.array_equal(labels == object_id, alpha >= 0.5)
            assert frame not in (0, 4) or np.array_equal(alpha >= 0.5, truth == object_id)


@pytest.mark.parametrize(("saved", "cancelled"), [(3, 4), (8, 9)])
def test_a_cancelled_run_goes_on_with_the_same_mattes(two, whole, tmp_path, monkeypatch, saved, cancelled):
    """The second state is of the backward sweep, which its crops have not all reached when the forward one ends."""
    job = replace(whole, folder=tmp_path / "out")
    save = JobCheckpoint.save
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    monkeypatch.setattr(
        JobCheckpoint, "save", lambda self, at, done, *more: done <= saved and save(self, at, done, *more)
    )
    assert isinstance(run_job(job, cancel_after=cancelled)[-1], JobCancelled)
    answers = run_job(job)
    assert next(answer.done for answer in answers if hasattr(answer, "done") and hasattr(answer, "frame")) == saved + 1
    assert any(isinstance(answer, Stage) and answer.text == "Following small objects" for answer in answers)
    assert files(job.folder) == files(whole.folder)


def test_ranges_and_parts_have_the_mattes_of_one_run(two, whole, tmp_path):
    """Frames 2 and 3 alone are as in the whole run, too: the crop is followed from the keyframe to them."""
    made = files(whole.folder)
    middle = replace(whole, folder=tmp_path / "middle", frames=range(2, 4))
    run_job(middle)
    assert all(made[name] == data for name, data in files(middle.folder).items())
    parts = []
    for frames in (range(0, 5), range(5, FRAMES)):
        parts.append(tmp_path / str(frames.start))
        run_job(replace(whole, folder=parts[-1], frames=frames, is_part=True))
    run_job(replace(whole, folder=tmp_path / "joined", parts=tuple(parts)))
    assert files(tmp_path / "joined") == made


def test_a_large_object_is_not_touched(tmp_path):
    write_film(SmallFilm("across", 5, side=200, size=(480, 640), count=3), tmp_path, (0,))
    job = job_in(tmp_path, settings=Settings(height=400))
    answers = run_job(job)
    run_job(replace(job, crop=False, folder=tmp_path / "plain"))
    assert not any(isinstance(answer, Stage) and "small" in answer.text for answer in answers)
    assert files(job.folder) == files(tmp_path / "plain")


def dotted(root: Path, masks: dict[int, tuple[slice, slice] | None], count: int) -> PropagationJob:
    """Write a film of a bright spot that stands still, with keyframes of the given masks (None: not visible)."""
    (root / "clip").mkdir()
    ground = np.random.default_rng(1).integers(40, 90, (480, 640, 3), np.uint8)
    shown = next(part for part in masks.values() if part is not None)
    for frame in range(count):
        picture = ground + np.random.default_rng(frame).integers(0, 30, ground.shape, np.uint8)
        picture[shown] = (20, 200, 250)
        cv2.imwrite(str(root / "clip" / f"{frame:04d}.png"), picture)
    for frame, part in masks.items():
        labels = np.zeros((480, 640), np.uint8)
        if part is not None:
            labels[part] = 1
        write_labels(root / "keys" / f"{frame:04d}.png", labels)
    return job_in(root)


@pytest.mark.parametrize(
    ("masks", "count"),
    [
        ({0: (slice(0, 12), slice(0, 9))}, 3),
        ({1: (slice(470, 480), slice(200, 220))}, 3),
        ({0: (slice(300, 301), slice(400, 401))}, 3),
        ({0: (slice(100, 120), slice(50, 70))}, 1),
    ],
    ids=["in the picture's corner", "cut by its border", "of one pixel", "on the only frame"],
)
def test_odd_objects_are_followed_and_keyframes_stay_exact(tmp_path, masks, count):
    job = dotted(tmp_path, masks, count)
    assert isinstance(run_job(job)[-1], Finished)
    for frame in range(count):
        matte = read_matte(MatteFolder(job.folder).matte(1, frame)) >= 0.5
        true = np.zeros_like(matte)
        true[next(iter(masks.values()))] = True
        overlap = (matte & true).sum() / (matte | true).sum()
        assert overlap == 1 if frame in masks else (overlap > 0.3 or matte.sum() < 9), f"frame {frame}"


def test_a_keyframe_without_the_object_is_kept(tmp_path):
    part = slice(200, 220), slice(300, 320)
    job = dotted(tmp_path, {0: part, 3: None}, 5)
    absent = KeyframeFile(3, tmp_path / "keys" / "0003.png", (1,))
    run_job(replace(job, keyframes=(*job.keyframes, absent)))
    folder = MatteFolder(job.folder)
    assert not (read_matte(folder.matte(1, 3)) > 0).any()
    assert (read_matte(folder.matte(1, 1))[part] >= 0.5).mean() > 0.9


def test_frames_that_repeat_others_are_followed_once(tmp_path):
    """The spot jumps on every other frame of a film on twos, and its only keyframe is on a frame that repeats."""
    (tmp_path / "clip").mkdir()
    ground = np.random.default_rng(1).integers(40, 90, (480, 640, 3), np.uint8)
    places = [slice(100 + 4 * (frame // 2), 120 + 4 * (frame // 2)) for frame in range(6)]
    for frame, place in enumerate(places):
        picture = ground.copy()
        picture[200:220, place] = (20, 200, 250)
        cv2.imwrite(str(tmp_path / "clip" / f"{frame:04d}.png"), picture)
    labels = np.zeros((480, 640), np.uint8)
    labels[200:220, places[1]] = 1
    write_labels(tmp_path / "keys" / "0001.png", labels)
    job = job_in(tmp_path)
    assert isinstance(run_job(job)[-1], Finished)
    for frame, place in enumerate(places):
        matte = read_matte(MatteFolder(job.folder).matte(1, frame)) >= 0.5
        assert matte[200:220, place].mean() > 0.8 and matte.sum() < 520, f"frame {frame}"


def test_a_keyframe_whose_picture_cannot_be_read_stops_nothing(tmp_path):
    part = slice(200, 220), slice(300, 320)
    job = dotted(tmp_path, {0: part, 4: part}, 6)
    for frame in (0, 2):
        (tmp_path / "clip" / f"{frame:04d}.png").write_bytes(b"nothing")
    last = run_job(job)[-1]
    assert isinstance(last, Finished) and "could not be read" in last.warning
    for frame in (1, 3, 5):
        assert (read_matte(MatteFolder(job.folder).matte(1, frame))[part] >= 0.5).mean() > 0.9, f"frame {frame}"


# -- staleness ---------------------------------------------------------------------------------------------------------
def redone(job: PropagationJob, **changes) -> set[int]:
    """Return the frames that a run makes which redoes what has changed."""
    answers = run_job(replace(job, redo=Redo.CHANGED, **changes))
    return {answer.frame for answer in answers if isinstance(answer, MatteReady)}


def test_switching_crops_makes_mattes_of_small_objects_due_and_no_others(tmp_path):
    job = dotted(tmp_path, {0: (slice(200, 220), slice(300, 320))}, 3)
    run_job(job)
    assert redone(job) == set()
    assert redone(job, crop=False) == {0, 1, 2}
    assert redone(job, crop=False) == set()
    (tmp_path / "large").mkdir()
    large = dotted(tmp_path / "large", {0: (slice(100, 400), slice(100, 400))}, 2)
    large = replace(large, settings=Settings(height=240))
    run_job(large)
    assert redone(large, crop=False) == set()


def test_mattes_of_versions_without_crops_are_up_to_date(tmp_path):
    job = dotted(tmp_path, {0: (slice(200, 220), slice(300, 320))}, 2)
    run_job(job)
    folder = MatteFolder(job.folder)
    (run,) = Runs.read(folder).by_id.values()
    settings = {name: value for name, value in json.loads(run.settings).items() if name not in ("crop", "small")}
    old = replace(run, settings=json.dumps(settings))
    index = folder.root / "keymatte-index.txt"
    index.write_text(index.read_text().replace(run.id, old.id))
    Runs().with_run(old, keep=frozenset()).write(folder)
    assert redone(job) == redone(job, crop=False) == set()
