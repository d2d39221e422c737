"""Jobs that were interrupted go on where they stopped, and end as if they never had been."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.inference.propagate import PropagationState
from engine.jobs.resume import JobCheckpoint
from engine.media.label_images import write_labels
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Answer, Finished, JobCancelled, MatteReady, Stage
from engine.shared.types import PropagationJob
from tests import films
from tests.engine.jobs.test_propagate import done, job_of
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
    """Labels and mattes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("[lm]*s/**/*.png"))}


def first_done(answers: list[Answer]) -> int:
    """How many steps were done when the first matte was told."""
    return next(answer.done for answer in answers if isinstance(answer, MatteReady))


def restart_reasons(answers: list[Answer]) -> list[str]:
    """Sentences that tell why the job starts again."""
    return [answer.text for answer in answers if isinstance(answer, Stage) and answer.text.startswith("Starting again")]


@pytest.mark.parametrize(
    ("recipe", "known", "cancelled"),
    [
        ("colour", 3, 5),
        ("colour", 14, 19),
        ("colour", 18, 27),
        ("colour", 29, 30),
        ("keymatte", 14, 19),
        ("keymatte", 18, 27),
    ],
)
def test_a_cancelled_job_goes_on_and_ends_as_if_it_never_had_been(
    job, tmp_path, always_due, monkeypatch, recipe, known, cancelled
):
    """`known` steps of 32 are known when it stops; some after them have been joined with those of the other sweep."""
    job = replace(job, recipe=recipe)
    done(replace(job, folder=tmp_path / "whole"))
    keep = JobCheckpoint.save
    monkeypatch.setattr(
        JobCheckpoint, "save", lambda self, point, done, *more: done <= known and keep(self, point, done, *more)
    )
    assert isinstance(done(job, cancel_after=cancelled)[-1], JobCancelled)
    assert MatteFolder(job.folder).unfinished.is_dir()
    answers = done(job)
    assert first_done(answers) == known + 1
    assert isinstance(answers[-1], Finished)
    assert files(job.folder) == files(tmp_path / "whole")
    assert not MatteFolder(job.folder).unfinished.exists(), "nothing is left of it when all is done"


def test_without_its_first_mattes_nothing_is_joined_twice(job, tmp_path, always_due, monkeypatch):
    keep = JobCheckpoint.save
    monkeypatch.setattr(JobCheckpoint, "save", lambda self, at, done, *more: done <= 18 and keep(self, at, done, *more))
    done(job, cancel_after=27)
    for lost in MatteFolder(job.folder).unfinished.glob("*/00*"):
        shutil.rmtree(lost)
    done(job)
    done(replace(job, folder=tmp_path / "whole"))
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


def half_a_file(job: PropagationJob, film: Film) -> PropagationJob:
    (file,) = MatteFolder(job.folder).unfinished.glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return job


@pytest.mark.parametrize(
    "change",
    [
        another_keyframe,
        a_matte_deleted,
        another_picture,
        a_matte_cut_off,
        half_a_file,
        lambda job, film: replace(job, settings=replace(job.settings, height=64)),
        lambda job, film: replace(job, frames=range(1, 16)),
        lambda job, film: replace(job, probabilities=job.folder / "found.npz"),
    ],
)
def test_another_job_begins_anew(job, film, tmp_path, always_due, change):
    done(job, cancel_after=20)
    job = change(job, film)
    answers = done(job)
    assert first_done(answers) == 1
    done(replace(job, folder=tmp_path / "whole", probabilities=None))
    assert files(job.folder).items() >= files(tmp_path / "whole").items()
    assert not MatteFolder(job.folder).unfinished.exists()


def test_another_program_begins_anew(job, always_due, monkeypatch):
    done(job, cancel_after=20)
    monkeypatch.setattr("engine.jobs.resume._program", lambda: "another")
    answers = done(job)
    assert first_done(answers) == 1
    assert restart_reasons(answers) == [
        "Starting again: the interrupted run had other settings, keyframes or another version of Keymatte"
    ]


def test_why_a_job_starts_again_is_told_only_after_an_interruption(job, always_due):
    assert restart_reasons(done(job)) == []
    done(job, cancel_after=20)
    (told,) = restart_reasons(done(replace(job, probabilities=job.folder / "found.npz")))
    assert told.endswith("the probabilities that the interrupted run computed were not kept")


def test_frames_that_cannot_be_read_are_told_at_the_end(job, always_due):
    job.clip.path.with_name("shot_1003.png").write_bytes(b"")
    done(job, cancel_after=20)
    answers = done(job)
    assert first_done(answers) > 10
    assert "1 frame could not be read (1003)" in answers[-1].warning


@pytest.mark.parametrize("name", ["shot_1004.png", "shot_1009.png"])
def test_a_frame_that_can_be_read_again_is_done(job, tmp_path, always_due, name):
    file = job.clip.path.with_name(name)
    status, pixels = file.stat(), file.read_bytes()
    file.write_bytes(bytes(len(pixels)))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as if the disk had been away
    done(job, cancel_after=20)
    file.write_bytes(pixels)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    answers = done(job)
    assert answers[-1].warning == ""
    done(replace(job, folder=tmp_path / "whole"))
    assert files(job.folder) == files(tmp_path / "whole")


def test_a_link_to_nowhere_is_a_frame_that_cannot_be_read(job):
    file = job.clip.path.with_name("shot_1004.png")
    file.unlink()
    file.symlink_to("nowhere.png")
    folder = replace(job, clip=replace(job.clip, path=job.clip.path.parent))
    assert "(1004)" in done(folder)[-1].warning


def test_what_else_lies_there_is_nobodys_but_the_users(job, always_due, caplog):
    done(job)
    place = MatteFolder(job.folder).unfinished
    (place / "my comps").mkdir(parents=True)
    (place / "my comps" / "shot.nk").write_text("mine")
    done(job, cancel_after=20)
    done(job)
    assert [path.name for path in place.rglob("*")] == ["my comps", "shot.nk"]
    shutil.rmtree(place)
    place.write_text("mine")
    assert isinstance(done(job)[-1], Finished), "a job that cannot be kept is done all the same"
    assert place.read_text() == "mine"
    assert "if the job is interrupted, it starts again" in caplog.text


def test_one_is_written_before_another_is_due(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.jobs.resume._MIN_SECONDS", 0.0)
    monkeypatch.setattr("engine.jobs.resume._MIN_COST_RATIO", 0)
    kept = JobCheckpoint(MatteFolder(tmp_path), {})
    assert kept.due()
    assert not kept.due()
    kept.save(PropagationState(0, 3, None, {}), 4, lambda: np.zeros((2, 1), np.int64), (), {})
    assert kept.due()
    monkeypatch.setattr("engine.jobs.resume._MAX_BYTES", 10)
    kept.save(PropagationState(0, 3, None, {"0": torch.zeros(3)}), 4, lambda: np.zeros((2, 1), np.int64), (), {})
    assert not kept.due(), "too much to be written"
