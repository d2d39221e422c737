"""Fixture of the add-on's tests: a session whose engine is a script."""

from __future__ import annotations

import sys

import pytest
from keymatte.addon import environment
from keymatte.addon.session import Session


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Yield a session whose engine process runs the script `session.script`, which each test writes."""
    made = Session()
    made.script = tmp_path / "engine.py"
    monkeypatch.setattr(environment, "engine_command", lambda: [sys.executable, "-u", str(made.script)])
    yield made
    made.close()
