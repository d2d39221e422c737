"""Interrupted jobs are resumed with the results of an uninterrupted run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.inference.mattes import PropagationState
from engine.jobs.resume import JobCheckpoint
from engine.media.label_images import write_labels
from engine.shared.matte_folder import CHECKPOINT_FILE, MatteFolder
from engine.shared.protocol import Answer, Finished, JobCancelled, MatteReady, Stage
from engine.shared.quality import MatteQuality
from engine.shared.types import PropagationJob
from engine.shared.written_files import WrittenFiles
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.films import Film


@pytest.fixture
def film() -> Film:
    return films.crossing()


@pytest.fixture
def job(film: Film, tmp_path: Path) -> PropagationJob:
    clip = film.write_images(tmp_path / "plate", start=1001)
    return job_of(clip, film.write_keyframes(tmp_path / "keys", [0, 8, 15], start=1001), tmp_path / "out")


@pytest.fixture
def always_due(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(JobCheckpoint, "due", lambda self: True)
    yield


def files(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all label images and mattes in a matte folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("[lm]*s/**/*.png"))}


def qualities(folder: Path) -> dict[str, MatteQuality | None]:
    """Return the quality that is recorded beside each matte in a matte folder, by relative path."""
    record = WrittenFiles(MatteFolder(folder))
    return {str(path.relative_to(folder)): record.quality(path) for path in sorted(folder.glob("mattes/**/*.png"))}


def first_done(answers: list[Answer]) -> int:
    """Return the number of finished steps that a run's answers report with its first matte."""
    return next(answer.done for answer in answers if isinstance(answer, MatteReady))


def restart_reasons(answers: list[Answer]) -> list[str]:
    """Return the reported messages that say why the job starts again from the beginning."""
    return [answer.text for answer in answers if isinstance(answer, Stage) and answer.text.startswith("Starting again")]


@pytest.mark.parametrize(
    ("recipe", "saved_steps", "cancelled"),
    [
        ("colour", 3, 5),
        ("colour", 14, 19),
        ("colour", 18, 27),
        ("colour", 29, 30),
        ("keymatte", 14, 19),
        ("keymatte", 18, 27),
    ],
)
def test_cancelled_job_resumes_with_identical_results(
    job, tmp_path, always_due, monkeypatch, recipe, saved_steps, cancelled
):
    """Cancel a job of 32 steps whose last checkpoint was saved after `saved_steps`.

    Mattes written after that checkpoint may already be blended with those of the other sweep.
    """
    job = replace(job, recipe=recipe)
    run_job(replace(job, folder=tmp_path / "whole"))
    save = JobCheckpoint.save
    monkeypatch.setattr(
        JobCheckpoint, "save", lambda self, point, done, *more: done <= saved_steps and save(self, point, done, *more)
    )
    assert isinstance(run_job(job, cancel_after=cancelled)[-1], JobCancelled)
    assert MatteFolder(job.folder).unfinished.is_dir()
    answers = run_job(job)
    assert first_done(answers) == saved_steps + 1
    assert isinstance(answers[-1], Finished)
    assert files(job.folder) == files(tmp_path / "whole")
    assert qualities(job.folder) == qualities(tmp_path / "whole")
    assert all(quality and quality.signals for quality in qualities(job.folder).values())
    assert not MatteFolder(job.folder).unfinished.exists(), "a finished job leaves no checkpoint"


def test_resume_without_stored_mattes_blends_nothing_twice(job, tmp_path, always_due, monkeypatch):
    save = JobCheckpoint.save
    monkeypatch.setattr(JobCheckpoint, "save", lambda self, at, done, *more: done <= 18 and save(self, at, done, *more))
    run_job(job, cancel_after=27)
    for lost in MatteFolder(job.folder).unfinished.glob("*/00*"):
        shutil.rmtree(lost)
    run_job(job)
    run_job(replace(job, folder=tmp_path / "whole"))
    assert files(job.folder) == files(tmp_path / "whole")


def another_keyframe(job: PropagationJob, film: Film) -> PropagationJob:
    write_labels(job.keyframes[1].labels, film.labels[9])
    return job


def a_matte_deleted(job: PropagationJob, film: Film) -> PropagationJob:
    MatteFolder(job.folder).matte(1, 1002).unlink()
    return job


def another_picture(job: PropagationJob, film: Film) -> PropagationJob:
    file = job.clip.path.with_name("shot_1003.png")
    os.utime(file, ns=(1, file.stat().st_mtime_ns + 10**9))
    return job


def a_matte_cut_off(job: PropagationJob, film: Film) -> PropagationJob:
    path = MatteFolder(job.folder).matte(1, 1004)
    path.write_bytes(path.read_bytes()[:60])
    return job


def a_truncated_checkpoint(job: PropagationJob, film: Film) -> PropagationJob:
    return truncated(job, CHECKPOINT_FILE)


def a_truncated_part(job: PropagationJob, film: Film) -> PropagationJob:
    return truncated(job, "memory-*.safetensors")


def truncated(job: PropagationJob, pattern: str) -> PropagationJob:
    (file,) = MatteFolder(job.folder).unfinished.glob(f"*/{pattern}")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return job


@pytest.mark.parametrize(
    "change",
    [
        another_keyframe,
        a_matte_deleted,
        another_picture,
        a_matte_cut_off,
        a_truncated_checkpoint,
        a_truncated_part,
        lambda job, film: replace(job, settings=replace(job.settings, height=64)),
        lambda job, film: replace(job, frames=range(1, 16)),
        lambda job, film: replace(job, probabilities=job.folder / "found.npz"),
    ],
)
def test_changed_job_starts_again(job, film, tmp_path, always_due, change):
    run_job(job, cancel_after=20)
    job = change(job, film)
    answers = run_job(job)
    assert first_done(answers) == 1
    run_job(replace(job, folder=tmp_path / "whole", probabilities=None))
    assert files(job.folder).items() >= files(tmp_path / "whole").items()
    assert not MatteFolder(job.folder).unfinished.exists()


def test_another_program_version_starts_again(job, always_due, monkeypatch):
    run_job(job, cancel_after=20)
    monkeypatch.setattr("engine.jobs.resume.hash_program", lambda: "another")
    answers = run_job(job)
    assert first_done(answers) == 1
    assert restart_reasons(answers) == [
        "Starting again: the interrupted run had other settings, keyframes or another version of Keymatte"
    ]


def test_restart_reason_is_given_only_after_an_interruption(job, always_due):
    assert restart_reasons(run_job(job)) == []
    run_job(job, cancel_after=20)
    (reason,) = restart_reasons(run_job(replace(job, probabilities=job.folder / "found.npz")))
    assert reason.endswith("the probabilities that the interrupted run computed were not kept")


def test_unreadable_frames_are_reported_at_the_end_of_a_resumed_job(job, always_due):
    job.clip.path.with_name("shot_1003.png").write_bytes(b"")
    run_job(job, cancel_after=20)
    answers = run_job(job)
    assert first_done(answers) > 10
    assert "1 frame could not be read (1003)" in answers[-1].warning


@pytest.mark.parametrize("name", ["shot_1004.png", "shot_1009.png"])
def test_frame_that_can_be_read_again_is_done_on_resume(job, tmp_path, always_due, name):
    file = job.clip.path.with_name(name)
    status, pixels = file.stat(), file.read_bytes()
    file.write_bytes(bytes(len(pixels)))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if the disk had been unmounted
    run_job(job, cancel_after=20)
    file.write_bytes(pixels)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    answers = run_job(job)
    assert answers[-1].warning == ""
    run_job(replace(job, folder=tmp_path / "whole"))
    assert files(job.folder) == files(tmp_path / "whole")


def test_dangling_symlink_is_an_unreadable_frame(job):
    file = job.clip.path.with_name("shot_1004.png")
    file.unlink()
    file.symlink_to("nowhere.png")
    folder = replace(job, clip=replace(job.clip, path=job.clip.path.parent))
    assert "(1004)" in run_job(folder)[-1].warning


def test_users_files_in_the_checkpoint_folder_are_left_alone(job, always_due, caplog):
    run_job(job)
    place = MatteFolder(job.folder).unfinished
    (place / "my comps").mkdir(parents=True)
    (place / "my comps" / "shot.nk").write_text("mine")
    run_job(job, cancel_after=20)
    run_job(job)
    assert [path.name for path in place.rglob("*")] == ["my comps", "shot.nk"]
    shutil.rmtree(place)
    place.write_text("mine")
    assert isinstance(run_job(job)[-1], Finished), "a job without a checkpoint is done too"
    assert place.read_text() == "mine"
    assert "if the job is interrupted, it starts again" in caplog.text


def test_checkpoint_is_not_due_before_the_last_one_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.jobs.resume._MIN_SECONDS", 0.0)
    monkeypatch.setattr("engine.jobs.resume._MIN_COST_RATIO", 0)
    monkeypatch.setattr("engine.jobs.resume._MIN_WAIT_RATIO", 0)
    monkeypatch.setattr("engine.jobs.resume._MAX_BYTES_PER_SECOND", 1 << 60)
    checkpoint = JobCheckpoint(MatteFolder(tmp_path), {})
    assert checkpoint.due()
    assert not checkpoint.due()
    checkpoint.save(PropagationState(0, 3, None, {}), 4, lambda: np.zeros((2, 1), np.int64), (), {})
    assert checkpoint.due()
    monkeypatch.setattr("engine.jobs.resume._MAX_BYTES", 10)
    checkpoint.save(PropagationState(0, 3, None, {"0": torch.zeros(3)}), 4, lambda: np.zeros((2, 1), np.int64), (), {})
    assert not checkpoint.due(), "too much to be written"
