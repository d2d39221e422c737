"""Fixtures of the jobs' tests: a film of ten frames, and a job with keyframes on its frames 0 and 6."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.shared.types import PropagationJob
from tests import films
from tests.engine.jobs.test_propagate import job_of
from tests.films import Film


@pytest.fixture
def film() -> Film:
    return films.crossing(count=10)


@pytest.fixture
def job(film: Film, tmp_path: Path) -> PropagationJob:
    clip = film.write_images(tmp_path / "plate")
    return job_of(clip, film.write_keyframes(tmp_path / "keys", [0, 6]), tmp_path / "out")
