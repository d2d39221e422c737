"""Keyframes without any object count for nothing, and the user is told so."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from engine.media.keyframe_folders import read_keyframes
from engine.shared.types import KeyframeFile
from tests import films
from tests.engine.jobs.test_propagate import job_of, run_job
from tests.films import Film
from tests.png import write_png


@pytest.fixture
def film() -> Film:
    return films.crossing()


@pytest.fixture
def keyframes(film: Film, tmp_path: Path) -> Path:
    return film.write_keyframes(tmp_path / "keys", [0, 8, 15], start=1001)


def test_keyframes_that_show_no_object_are_ignored_and_named(film, keyframes, tmp_path):
    clip = film.write_images(tmp_path / "film", start=1001)
    plain = job_of(clip, keyframes, tmp_path / "plain")
    empty = write_png(tmp_path / "empty.png", np.zeros_like(film.labels[0]))
    more = tuple(KeyframeFile(frame, empty, ()) for frame in (3, 4, 8))
    *_, finished = run_job(replace(plain, keyframes=plain.keyframes + more, folder=tmp_path / "out"))
    assert finished.warning == (
        "The keyframes on frames 1004 to 1005 show no object, and were ignored. Mark objects there, or mark them as "
        "not visible (--unlabelled absent)."
    )
    *_, finished = run_job(plain)
    assert finished.warning == ""
    for path in (tmp_path / "plain" / "mattes").rglob("*.png"):
        assert path.read_bytes() == (tmp_path / "out" / path.relative_to(tmp_path / "plain")).read_bytes()


def test_images_without_objects_are_told_when_a_folder_is_read(film, keyframes, tmp_path):
    write_png(keyframes / "01004.png", np.zeros_like(film.labels[0]))
    told: list[str] = []
    read = partial(read_keyframes, keyframes, tuple(range(1001, 1017)), film.labels.shape[1:], tell=told.append)
    assert [one.frame for one in read()] == [0, 8, 15]
    assert told[1:] == [
        "keyframes ignored, as they show no object: 01004.png. With --unlabelled absent, they say that no object is "
        "visible there."
    ]
    told.clear()
    assert [(one.frame, one.objects) for one in read(unlabelled="absent")][1] == (3, (1, 2))
    assert len(told) == 1
