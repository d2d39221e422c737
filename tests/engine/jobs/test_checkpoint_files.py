"""Checkpoints are written in parts and checked when read: damage never changes a matte and never stops a job."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.jobs.checkpoint_files import CheckpointFiles
from engine.jobs.propagate import run
from engine.jobs.resume import JobCheckpoint
from engine.shared.errors import EngineError
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, MatteReady, Stage
from engine.shared.types import PropagationJob, Settings
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job

LASTING = {"key": torch.arange(2000.0), "value": torch.ones(3, 5).half(), "usage": torch.tensor(2.5)}


def state(count: int) -> dict[str, torch.Tensor]:
    """Return tensors of checkpoint `count`: those of earlier ones, whose names may change, and a new one."""
    return {**{f"{count}-{name}": tensor for name, tensor in LASTING.items()}, "state": torch.full((7,), float(count))}


def assert_read(folder: Path, expected: dict[str, torch.Tensor], text: str) -> None:
    about, tensors = CheckpointFiles(folder).read()
    assert about["text"] == text
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())


def test_lasting_tensors_are_written_once_and_everything_is_read_back(tmp_path):
    files = CheckpointFiles(tmp_path)
    sizes = []
    for count in range(5):
        sizes.append(files.write({"text": str(count)}, state(count)))
        assert_read(tmp_path, state(count), str(count))
    assert min(sizes[:2]) > 8000, "in the main file, then in a part"
    assert max(sizes[2:]) < 2000
    assert [path.name for path in tmp_path.glob("memory-*")] == ["memory-1.safetensors"]
    resumed = CheckpointFiles(tmp_path)
    _, tensors = resumed.read()
    assert resumed.write({"text": "resumed"}, tensors) < 2000, "what is in parts already stays there"
    resumed.write({"text": "less"}, {"state": torch.zeros(2)})
    assert [path.name for path in tmp_path.iterdir()] == ["memory.safetensors"], "unused parts are removed"


def test_tensors_that_share_memory_are_kept_apart(tmp_path):
    whole = torch.arange(10.0)
    tensors = {"whole": whole, "part": whole[2:4], "turned": torch.arange(6.0).reshape(2, 3).T, "empty": torch.zeros(0)}
    files = CheckpointFiles(tmp_path)
    for text in ("1", "2", "3"):
        files.write({"text": text}, tensors)
        assert_read(tmp_path, tensors, text)


def test_every_changed_bit_is_noticed(tmp_path):
    files = CheckpointFiles(tmp_path)
    for count in range(3):
        files.write({"text": str(count)}, state(count))
    rng = np.random.default_rng(0)
    for path in sorted(tmp_path.iterdir()):
        data = path.read_bytes()
        for place in [*rng.integers(0, 8 * len(data), 60), *range(0, 64, 3)]:
            changed = bytearray(data)
            changed[place // 8] ^= 1 << (place % 8)
            path.write_bytes(changed)
            with pytest.raises(Exception):  # noqa: B017 (of any kind)
                CheckpointFiles(tmp_path).read()
        path.write_bytes(data)
    assert_read(tmp_path, state(2), "2")


def test_a_part_of_another_checkpoint_is_noticed(tmp_path):
    for folder, value in ((tmp_path / "a", 0.0), (tmp_path / "b", 1.0)):
        files, lasting = CheckpointFiles(folder), torch.full((9,), value)
        for _ in range(2):
            files.write({}, {"lasting": lasting})
    shutil.copy(tmp_path / "b" / "memory-1.safetensors", tmp_path / "a" / "memory-1.safetensors")
    with pytest.raises(ValueError, match="another checkpoint"):
        CheckpointFiles(tmp_path / "a").read()


# -- whole jobs --------------------------------------------------------------------------------------------------------
@pytest.fixture
def interrupted(tmp_path, monkeypatch) -> PropagationJob:
    """Return a job that was interrupted halfway, with a checkpoint."""
    return interrupt(tmp_path, monkeypatch, recipe="colour")


def interrupt(place: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> PropagationJob:
    film = films.crossing(count=7, height=48, width=64)
    clip = film.write_images(place / "plate")
    job = job_of(clip, film.write_keyframes(place / "keys", [0, 6]), place / "out", **changes)
    with monkeypatch.context() as patch:
        patch.setattr(JobCheckpoint, "due", lambda self: True)
        run_job(job, cancel_after=9)
    return job


def images(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("[lm]*s/**/*.png"))}


def told_to_start_again(answers: list) -> bool:
    return any(isinstance(answer, Stage) and answer.text.startswith("Starting again") for answer in answers)


def uninterrupted(job: PropagationJob, folder: Path) -> dict[str, bytes]:
    run_job(replace(job, folder=folder))
    return images(folder)


def test_a_job_with_a_damaged_checkpoint_ends_with_the_same_mattes_and_says_that_it_starts_again(interrupted, tmp_path):
    right = uninterrupted(interrupted, tmp_path / "whole")
    shutil.copytree(interrupted.folder, tmp_path / "kept")
    rng = np.random.default_rng(1)
    for count in range(20):
        shutil.rmtree(interrupted.folder)
        shutil.copytree(tmp_path / "kept", interrupted.folder)
        files = sorted(MatteFolder(interrupted.folder).unfinished.glob("*/memory*.safetensors"))
        path = files[count % len(files)]
        data = bytearray(path.read_bytes())
        place = int(rng.integers(0, 8 * len(data)))
        data[place // 8] ^= 1 << (place % 8)
        path.write_bytes(data)
        answers = run_job(interrupted)
        assert isinstance(answers[-1], Finished)
        assert told_to_start_again(answers), f"bit {place} of {path.name}"
        assert images(interrupted.folder) == right


def forge(folder: Path, **changes: object) -> None:
    """Change numbers in a checkpoint's progress, with a right checksum."""
    (path,) = MatteFolder(folder).unfinished.glob("*")
    files = CheckpointFiles(path)
    about, tensors = files.read()
    progress = {**json.loads(about["progress"]), **changes}
    files.write({"identity": about["identity"], "progress": json.dumps(progress)}, tensors)


@pytest.mark.parametrize(
    "changes",
    [
        {"sweep": 2},
        {"sweep": -1},
        {"frame": 99},
        {"frame": "0"},
        {"done": 10**9},
        {"done": None},
        {"failed": {"4000": "gone"}},
        {"readable": [0]},
        {"trackers": None},
        {"trackers": {"list": []}},
        {"trackers": {"kind": "memory.entry.Entry", "fields": {}}},
    ],
)
def test_a_checkpoint_with_numbers_out_of_range_starts_the_job_again(interrupted, tmp_path, changes):
    forge(interrupted.folder, **changes)
    answers = run_job(interrupted)
    assert isinstance(answers[-1], Finished) and told_to_start_again(answers)
    assert next(answer.done for answer in answers if isinstance(answer, MatteReady)) == 1
    assert images(interrupted.folder) == uninterrupted(interrupted, tmp_path / "whole")


def test_a_checkpoint_with_tensors_of_another_shape_starts_the_job_again(tmp_path, monkeypatch):
    interrupted = interrupt(tmp_path, monkeypatch, recipe="keymatte", settings=Settings(height=48))
    (path,) = MatteFolder(interrupted.folder).unfinished.glob("*")
    files = CheckpointFiles(path)
    about, tensors = files.read()
    changed = {name: tensor if name == "written" else tensor[None, None] for name, tensor in tensors.items()}
    files.write({"identity": about["identity"], "progress": about["progress"]}, changed)
    answers = run_job(interrupted)
    assert isinstance(answers[-1], Finished) and told_to_start_again(answers)
    assert images(interrupted.folder) == uninterrupted(interrupted, tmp_path / "whole")


def test_a_run_that_fails_unexpectedly_does_not_resume_from_the_same_checkpoint(interrupted):
    def report(answer) -> None:
        if isinstance(answer, MatteReady):
            raise ZeroDivisionError("a fault of the program")

    with pytest.raises(ZeroDivisionError):
        run(interrupted, report, lambda: False)
    assert not MatteFolder(interrupted.folder).unfinished_jobs()


def test_a_run_that_fails_for_a_reason_outside_keeps_its_checkpoint(interrupted):
    def report(answer) -> None:
        if isinstance(answer, MatteReady):
            raise EngineError("the disk is full")

    with pytest.raises(EngineError):
        run(interrupted, report, lambda: False)
    assert MatteFolder(interrupted.folder).unfinished_jobs()
