"""Fixture of the command line tests: a folder with a clip and a keyframe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import films
from tests.process.cli import FRAMES


@pytest.fixture
def place(tmp_path) -> Path:
    """Return a folder with a clip and a keyframe, whose path has spaces and non-ASCII letters."""
    folder = tmp_path / "Aufnahme für später 影"
    film = films.crossing(count=FRAMES)
    film.write_images(folder / "clip")
    film.write_keyframes(folder / "keys", [0])
    return folder
