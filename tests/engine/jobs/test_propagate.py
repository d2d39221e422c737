"""Propagation jobs on real files write mattes, report problems, and lose no earlier results if cancelled or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.jobs.propagate import run
from engine.media.frames import FrameReader
from engine.media.keyframe_folders import read_keyframes
from engine.media.label_images import read_labels, read_matte, write_labels
from engine.output.matte_files import labels_from_alphas
from engine.shared import errors
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Answer, Finished, JobCancelled, MatteReady
from engine.shared.types import Direction, KeyframeFile, PropagationJob
from tests import films
from tests.films import Film


def job_of(clip: Path, keyframes: Path, out: Path, **changes) -> PropagationJob:
    with FrameReader.open(clip) as reader:
        shape, numbers = reader.clip, reader.numbers
    fields = {
        "job_id": "test",
        "clip": shape,
        "frames": range(shape.frame_count),
        "keyframes": read_keyframes(keyframes, numbers, (shape.height, shape.width)),
        "folder": out,
        "recipe": "colour",
    }
    return PropagationJob(**{**fields, **changes})


def run_job(job: PropagationJob, cancel_after: int | None = None) -> list[Answer]:
    answers: list[Answer] = []

    def cancelled() -> bool:
        return cancel_after is not None and sum(isinstance(answer, MatteReady) for answer in answers) >= cancel_after

    run(job, answers.append, cancelled)
    return answers


@pytest.fixture
def film() -> Film:
    return films.crossing()


@pytest.fixture
def clip(film: Film, tmp_path: Path) -> Path:
    return film.write_images(tmp_path / "plate ümläut 1", start=1001)


@pytest.fixture
def keyframes(film: Film, tmp_path: Path) -> Path:
    return film.write_keyframes(tmp_path / "keys", [0, 8, 15], start=1001)


def test_mattes_and_labels_are_there_for_every_frame(film, clip, keyframes, tmp_path):
    answers = run_job(job_of(clip, keyframes, tmp_path / "out"))
    folder = MatteFolder(tmp_path / "out")
    assert folder.numbers_done() == list(range(1001, 1017))
    for frame in range(16):
        labels = read_labels(folder.labels(1001 + frame))
        for object_id in (1, 2):
            matte = read_matte(folder.matte(object_id, 1001 + frame))
            truth = film.mask(frame, object_id)
            assert (matte > 0.5).sum() == pytest.approx(truth.sum(), rel=0.4)
            assert ((labels == object_id) & truth).sum() > 0.7 * truth.sum()
    progress = [answer for answer in answers if isinstance(answer, MatteReady)]
    assert [answer.done for answer in progress] == list(range(1, len(progress) + 1))
    assert progress[-1].done == progress[-1].total == 32
    assert isinstance(answers[-1], Finished)
    assert answers[-1].warning == ""


def test_partial_run_keeps_all_other_frames(film, clip, keyframes, tmp_path):
    run_job(job_of(clip, keyframes, tmp_path / "out"))
    folder = MatteFolder(tmp_path / "out")
    before = [read_matte(folder.matte(2, 1001 + frame)) for frame in range(16)]
    only = film.write_keyframes(tmp_path / "first", [4], objects=[1], start=1001)
    job = job_of(clip, keyframes, tmp_path / "out")
    keys = (*job_of(clip, only, tmp_path / "out").keyframes, job.keyframes[-1])
    run_job(replace(job, keyframes=keys, frames=range(3, 6), direction=Direction.FORWARD))
    assert all(np.array_equal(read_matte(folder.matte(2, 1001 + frame)), before[frame]) for frame in range(16))
    assert (read_labels(folder.labels(1005)) == 2).any(), "the label image still shows what was kept"


def test_cancelled_rerun_keeps_existing_mattes(film, clip, keyframes, tmp_path):
    keys = film.write_keyframes(tmp_path / "one", [0], objects=[1], start=1001)
    film.write_keyframes(keys, [15], objects=[2], start=1001)
    run_job(job_of(clip, keys, tmp_path / "out"))
    folder = MatteFolder(tmp_path / "out")
    areas = [read_matte(folder.matte(2, 1001 + frame)).sum() for frame in range(16)]
    assert min(areas[4:]) > 0
    run_job(job_of(clip, keys, tmp_path / "out"), cancel_after=8)
    assert min(read_matte(folder.matte(2, 1001 + frame)).sum() for frame in range(4, 16)) > 0


def test_an_empty_range_is_refused_and_touches_nothing(clip, keyframes, tmp_path):
    run_job(job_of(clip, keyframes, tmp_path / "out"))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    with pytest.raises(errors.BadSetting, match="empty"):
        run_job(job_of(clip, keyframes, tmp_path / "out", frames=range(0)))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before


def test_overlapping_keyframes_are_warned_of(film, clip, keyframes, tmp_path):
    wide = np.ones((96, 128), np.uint8)
    write_labels(tmp_path / "wide.png", wide)
    box = film.write_keyframes(tmp_path / "box", [3], [2]) / "shot_0003.png"
    keys = (KeyframeFile(3, tmp_path / "wide.png", (1,)), KeyframeFile(3, box, (2,)))
    answers = run_job(replace(job_of(clip, keyframes, tmp_path / "out"), keyframes=keys))
    assert "Keyframes overlap: object 2 is in front of object 1 on frame 1004." in answers[-1].warning


def test_keyframes_come_out_bit_exact(film, clip, keyframes, tmp_path):
    run_job(job_of(clip, keyframes, tmp_path / "out"))
    folder = MatteFolder(tmp_path / "out")
    for frame in (0, 8, 15):
        assert np.array_equal(read_labels(folder.labels(1001 + frame)), film.labels[frame])
        for object_id in (1, 2):
            assert np.array_equal(read_matte(folder.matte(object_id, 1001 + frame)), film.mask(frame, object_id))


def test_a_movie_gives_mattes_numbered_from_zero_forward_and_backward(film, tmp_path):
    clip = film.write_movie(tmp_path / "plate.mp4")
    keyframes = film.write_keyframes(tmp_path / "keys", [15])
    run_job(job_of(clip, keyframes, tmp_path / "out"))
    assert MatteFolder(tmp_path / "out").numbers_done() == list(range(16))


def test_second_run_replaces_the_labels_of_the_first(film, clip, keyframes, tmp_path):
    run_job(job_of(clip, keyframes, tmp_path / "out"))
    only = film.write_keyframes(tmp_path / "other", [8], objects=[2], start=1001)
    run_job(job_of(clip, only, tmp_path / "out", direction=Direction.FORWARD, frames=range(8, 16)))
    labels = read_labels(MatteFolder(tmp_path / "out").labels(1012))
    assert set(np.unique(labels)) <= {0, 2}


def test_cancelled_job_keeps_finished_frames_and_another_run_completes_it(film, clip, keyframes, tmp_path):
    answers = run_job(job_of(clip, keyframes, tmp_path / "out"), cancel_after=5)
    assert isinstance(answers[-1], JobCancelled)
    folder = MatteFolder(tmp_path / "out")
    assert folder.numbers_done() in ([*range(1001, 1006)], [*range(1001, 1007)]), "the frame in work may be finished"
    assert all(read_labels(folder.labels(number)).shape == (96, 128) for number in folder.numbers_done())
    run_job(job_of(clip, keyframes, tmp_path / "out"))
    assert folder.numbers_done() == list(range(1001, 1017))


def test_cancel_does_not_wait_for_a_batch_of_frames(clip, keyframes, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.inference.encoding.can_encode_ahead", lambda network, device: False)
    monkeypatch.setattr(
        "engine.inference.encoding.can_encode_batches", lambda network, device: hasattr(network, "encode_batch")
    )
    answers = run_job(job_of(clip, keyframes, tmp_path / "out", recipe="keymatte"), cancel_after=2)
    assert isinstance(answers[-1], JobCancelled)
    assert MatteFolder(tmp_path / "out").numbers_done() in ([1001, 1002], [1001, 1002, 1003])


def test_unreadable_frame_is_named_and_the_others_are_done(clip, keyframes, tmp_path):
    job = job_of(clip, keyframes, tmp_path / "out")
    broken = clip.with_name("shot_1005.png")
    broken.write_bytes(broken.read_bytes()[:200])
    answers = run_job(job)
    assert "1 frame could not be read (1005)" in answers[-1].warning
    assert MatteFolder(tmp_path / "out").numbers_done() == [n for n in range(1001, 1017) if n != 1005]


def test_keyframe_is_written_even_on_an_unreadable_frame(film, clip, keyframes, tmp_path):
    job = job_of(clip, keyframes, tmp_path / "out")
    clip.with_name("shot_1009.png").write_bytes(b"")
    run_job(job)
    assert np.array_equal(read_labels(MatteFolder(tmp_path / "out").labels(1009)), film.labels[8])


def test_a_movie_that_is_cut_off_is_done_as_far_as_it_goes(film, tmp_path):
    clip = films.crossing(count=48).write_movie(tmp_path / "plate.avi", codec="MJPG")
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    answers = run_job(job_of(clip, film.write_keyframes(tmp_path / "keys", [0]), tmp_path / "out"))
    numbers = MatteFolder(tmp_path / "out").numbers_done()
    assert 10 < len(numbers) < 40
    assert "cut off: it should have 48 pictures" in answers[-1].warning


def test_a_movie_that_was_shortened_since_the_job_was_made_is_refused(film, tmp_path):
    clip = films.crossing(count=48).write_movie(tmp_path / "plate.avi", codec="MJPG")
    job = job_of(clip, film.write_keyframes(tmp_path / "keys", [0]), tmp_path / "out")
    films.crossing(count=20).write_movie(clip, codec="MJPG")
    with pytest.raises(errors.ClipNotFound, match="now has only 20 frames"):
        run_job(job)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda clip, keys: [path.unlink() for path in clip.parent.iterdir()], errors.ClipNotFound),
        (
            lambda clip, keys: write_labels(keys / "shot_1001.png", np.ones((5, 5), np.uint8)),
            errors.KeyframeSizeMismatch,
        ),
        (lambda clip, keys: (keys / "shot_1001.png").write_bytes(b"no png"), errors.KeyframeUnreadable),
    ],
)
def test_inputs_changed_since_the_job_was_made_are_refused_and_nothing_is_written(
    clip, keyframes, tmp_path, spoil, error
):
    job = job_of(clip, keyframes, tmp_path / "out")
    spoil(clip, keyframes)
    with pytest.raises(error):
        run_job(job)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"keyframes": ()}, errors.NoKeyframes),
        ({"recipe": "magic"}, errors.UnknownRecipe),
        ({"recipe": "keymatte", "weights": Path("none.safetensors")}, errors.WeightsMissing),
    ],
)
def test_impossible_jobs_are_refused_before_anything_is_written(clip, keyframes, tmp_path, changes, error):
    with pytest.raises(error):
        run_job(replace(job_of(clip, keyframes, tmp_path / "out"), **changes))
    assert not (tmp_path / "out" / "labels").exists()


def test_folder_with_other_files_is_not_touched(clip, keyframes, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(errors.FolderTaken):
        run_job(job_of(clip, keyframes, tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_labels_are_the_most_probable_object_or_the_background():
    alphas = np.array([[[0.6, 0.4, 0.2, 0.0]], [[0.1, 0.5, 0.2, 0.0]]], np.float32)
    assert labels_from_alphas(alphas, [3, 7]).tolist() == [[3, 7, 0, 0]]
