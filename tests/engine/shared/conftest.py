"""Fixtures of an environment that was made from wheels of the test's own, to be broken, completed and removed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from engine.shared.environment import create
from engine.shared.pip_commands import Source
from tests.engine.shared.broken_off import write_wheel

PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Make an environment from two wheels, once; tests copy it."""
    place = tmp_path_factory.mktemp("made")
    write_wheel(place / "wheels", "first")
    write_wheel(place / "wheels", "second", requires="first")
    create(
        place / "env",
        ["second"],
        python=PYTHON,
        report=lambda _line: None,
        source=Source(wheels=place / "wheels"),
        log=place / "env.log",
    )
    return place


@pytest.fixture
def place(made, tmp_path) -> Path:
    """Copy what `made` has."""
    shutil.copytree(made, tmp_path / "place", symlinks=True)
    return tmp_path / "place"
