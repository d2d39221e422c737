"""A place to work at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import films
from tests.process.cli import FRAMES


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with a clip and a keyframe, on a path that is neither ASCII nor without spaces."""
    folder = tmp_path / "Aufnahme für später 影"
    film = films.crossing(count=FRAMES)
    film.write_images(folder / "clip")
    film.write_keyframes(folder / "keys", [0])
    return folder
