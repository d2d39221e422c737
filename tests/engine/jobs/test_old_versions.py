"""A matte folder of an earlier version is read; a job interrupted in it starts again, says so and keeps user files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.jobs.suggest import run as suggest
from engine.media.frames import FrameReader
from engine.shared.matte_folder import MatteFolder
from engine.shared.protocol import Finished, Stage, Suggested
from engine.shared.types import PropagationJob, SuggestionJob
from engine.shared.versions import undo
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job

OLD = Path(__file__).parents[2] / "old" / "0.1.0"


@pytest.fixture
def job(tmp_path: Path) -> PropagationJob:
    """Return a job that the engine 0.1.0 left interrupted, with the matte folder that it left."""
    film = films.crossing()
    clip = film.write_images(tmp_path / "plate", start=1001)
    keyframes = film.write_keyframes(tmp_path / "keys", [0, 8, 15], start=1001)
    job = job_of(clip, keyframes, tmp_path / "mattes", recipe="keymatte")
    shutil.copytree(OLD / "interrupted", job.folder)
    return replace(job, settings=replace(job.settings, height=64))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files but those that are kept of earlier runs, by their paths."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: data for name, data in found.items() if not name.startswith("versions/")}


def images(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(folder).items() if name.endswith(".png")}


def test_a_job_that_an_earlier_version_was_interrupted_in_starts_again_and_says_so(job, tmp_path):
    (job.folder / "notes.txt").write_text("the artist's own")
    (state,) = job.folder.glob("unfinished/*/memory.safetensors")
    before = {name: data for name, data in images(job.folder).items() if not name.startswith("unfinished/")}
    answers = run_job(job)
    assert [answer.text for answer in answers if isinstance(answer, Stage) and "again" in answer.text] == [
        "Starting again: the interrupted run had other settings, keyframes or another version of Keymatte"
    ]
    assert isinstance(answers[-1], Finished) and not answers[-1].warning
    assert not state.exists()
    assert (job.folder / "notes.txt").read_text() == "the artist's own"

    run_job(replace(job, folder=tmp_path / "new"))
    assert images(job.folder) == images(tmp_path / "new")
    assert contents(tmp_path / "new").keys() | {"notes.txt"} == contents(job.folder).keys()
    undo(MatteFolder(job.folder))
    assert images(job.folder) == before, "what the earlier version has made"


def test_a_cancelled_restart_leaves_the_mattes_of_the_earlier_version(job):
    before = contents(job.folder)
    run_job(job, cancel_after=1)
    after = contents(job.folder)
    assert {name for name in before if name.endswith(".png")} <= after.keys()


def test_a_matte_folder_of_an_earlier_version_is_read(tmp_path):
    shutil.copytree(OLD / "keymatte" / "shot_0001.png", tmp_path / "mattes")
    before = contents(tmp_path / "mattes")
    folder = MatteFolder(tmp_path / "mattes")
    assert folder.numbers_done() == list(range(1, 9))
    assert contents(tmp_path / "mattes") == before


def test_frames_are_suggested_from_labels_of_an_earlier_version(job, tmp_path):
    with FrameReader.open(job.clip.path) as reader:
        clip = reader.clip
    answers: list = []
    suggest(
        SuggestionJob("s", clip, range(0, 12), (0, 8), job.folder / "labels", tmp_path / "cache", count=2),
        answers.append,
        lambda: False,
    )
    (suggested,) = (answer for answer in answers if isinstance(answer, Suggested))
    assert len(suggested.frames) == 2 and not {0, 8} & set(suggested.frames)
