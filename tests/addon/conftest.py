"""A session of Blender's side whose engine is a script."""

from __future__ import annotations

import sys

import pytest
from keymatte.addon import environment
from keymatte.addon.session import Session


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Yield a session whose engine is a script, which the test writes to `session.script`."""
    made = Session()
    made.script = tmp_path / "engine.py"
    monkeypatch.setattr(environment, "engine_command", lambda: [sys.executable, "-u", str(made.script)])
    yield made
    made.close()
