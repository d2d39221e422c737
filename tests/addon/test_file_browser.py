"""Folders are opened with the program of each system, and a failure is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from keymatte.addon import file_browser
from keymatte.engine.shared.errors import EngineError


def program(folder: Path, name: str, line: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(("platform", "name"), [("linux", "xdg-open"), ("darwin", "open")])
def test_the_systems_program_is_given_the_folder(tmp_path, monkeypatch, platform, name):
    folder, opened = tmp_path / "Café 日本 $(x)", tmp_path / "opened"
    program(tmp_path, name, f'printf %s "$1" > "{opened}"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(file_browser.sys, "platform", platform)
    file_browser.open_folder(folder)
    assert opened.read_text() == str(folder)
    program(tmp_path, name, "exit 3")
    with pytest.raises(EngineError, match="no program was found") as raised:
        file_browser.open_folder(folder)
    assert str(folder) in raised.value.remedy
    (tmp_path / name).unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="no program was found"):
        file_browser.open_folder(folder)


def test_a_program_that_goes_on_is_not_waited_for(tmp_path, monkeypatch):
    program(tmp_path, "xdg-open", "exec sleep 5")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(file_browser.sys, "platform", "linux")
    monkeypatch.setattr(file_browser, "_PATIENCE", 0.2)
    file_browser.open_folder(tmp_path)


def test_windows_starts_the_folder_itself(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(file_browser.sys, "platform", "win32")
    monkeypatch.setattr(file_browser.os, "startfile", opened.append, raising=False)
    file_browser.open_folder(tmp_path)
    assert opened == [tmp_path]
