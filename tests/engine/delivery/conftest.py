"""Fixture of the delivery tests: a job on a small shot."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.shared.delivery import ExportJob
from tests.engine.delivery.shots import write_shot


@pytest.fixture
def job(tmp_path: Path) -> ExportJob:
    return write_shot(tmp_path)
