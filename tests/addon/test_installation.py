"""Installing the engine through a session: progress, errors, cancelling, and the real program."""

from __future__ import annotations

import sys
import time

import pytest
from keymatte.addon import environment
from keymatte.engine.shared.environment import is_complete
from keymatte.engine.shared.errors import EngineError


def test_installation_shows_its_progress_and_completion(session, monkeypatch):
    session.script.write_text("import time\nprint('Downloading torch', flush=True)\ntime.sleep(0.5)\n")
    session.set_up(environment.engine_command(), "Installing the engine", "The engine is installed")
    texts = set()
    while session.status.busy:
        session.pump()
        texts.add(session.status.text)
        time.sleep(0.01)
    assert texts >= {"Downloading torch", "The engine is installed"}
    assert session.status.state == "finished"


def test_installation_shows_how_much_is_downloaded_and_then_what_it_does(session):
    lines = (
        "Downloading torch 2.14.1 (555 MB)",
        "  torch: 50 % of 555 MB; 0.28 of about 3.2 GB",
        "Unpacking 9 packages",
    )
    session.script.write_text("".join(f"print({line!r}, flush=True)\n" for line in lines))
    session.set_up(environment.engine_command(), "Installing the engine")
    shown = set()
    for count in (1, 2, 3):
        limit = time.monotonic() + 20
        while len(shown) < count and time.monotonic() < limit:
            for line in session._installation.received():
                if line is not None:
                    session.status = session._installation.shown(session.status, line)
                    shown.add((session.status.text, round(session.status.progress, 2)))
            time.sleep(0.01)
    assert shown == {(lines[0], 0.0), (lines[0], 0.09), (lines[2], 0.0)}


def test_failed_installation_reports_its_last_error_line(session, monkeypatch):
    session.script.write_text("import sys\nsys.stderr.write('the registry was not reached\\n')\nsys.exit(2)\n")
    session.set_up(environment.engine_command(), "Installing the engine", "The engine is installed")
    with pytest.raises(EngineError, match="the registry was not reached"):
        session.wait(20)
    assert session.status.problem.code == "environment-failed"


def test_an_installation_can_be_cancelled(session, monkeypatch, tmp_path):
    done = tmp_path / "done"
    session.script.write_text(
        "import sys, threading, os, time\n"
        "threading.Thread(target=lambda: (sys.stdin.read(), os._exit(143)), daemon=True).start()\n"
        f"print('Downloading', flush=True)\ntime.sleep(5)\nopen({str(done)!r}, 'w')\n"
    )
    session.set_up(environment.engine_command(), "Installing the engine", "The engine is installed")
    limit = time.monotonic() + 10
    while session.status.text != "Downloading" and time.monotonic() < limit:
        session.pump()
        time.sleep(0.01)
    session.cancel()
    assert session.status.state == "cancelled"
    time.sleep(0.2)
    assert not done.exists()


def test_real_installer_creates_an_environment(session, monkeypatch, tmp_path):
    """Run the real installer on a project without dependencies."""
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    command = [sys.executable, "-E", "-s", "-u", "-m", "engine.shared.setup", "--install", str(tmp_path / "engine")]
    command += ["--pyproject", str(tmp_path / "pyproject.toml"), "--end-with-stdin"]
    session.set_up(command, "Installing the engine", "The engine is installed")
    assert session.wait(120).text == "The engine is installed"
    assert is_complete(tmp_path / "engine", [])


def test_a_removal_that_is_cancelled_is_not_told_as_an_installation(session):
    session.script.write_text("import time\ntime.sleep(5)\n")
    session.set_up([*environment.engine_command(), "--remove", "folder"], "Removing the engine")
    session.cancel()
    assert session.status.text == "Cancelled: part of the engine was removed. Remove Engine removes the rest"
