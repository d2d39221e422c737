"""The folder for what Keymatte keeps in the user's data is found on every system, and follows the environment."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from engine.shared import user_folders
from engine.shared.user_folders import data_folder


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("KEYMATTE_DATA", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)


def test_the_folder_is_where_this_system_keeps_a_users_data():
    assert data_folder() == platformdirs.user_data_path("keymatte", appauthor=False)


@pytest.mark.parametrize(
    ("platform", "inside"),
    [
        ("linux", ".local/share/keymatte"),
        ("win32", "AppData/Local/keymatte"),
        ("darwin", "Library/Application Support/keymatte"),
    ],
)
def test_without_variables_the_folder_is_in_the_users_home(monkeypatch, platform, inside):
    monkeypatch.setattr(user_folders.sys, "platform", platform)
    assert data_folder() == Path.home() / inside


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_DATA_HOME", "data/keymatte"),
        ("win32", "LOCALAPPDATA", "data/keymatte"),
        ("linux", "KEYMATTE_DATA", "data"),
        ("darwin", "KEYMATTE_DATA", "data"),
        ("win32", "KEYMATTE_DATA", "data"),
    ],
)
def test_the_folder_follows_the_environment(tmp_path, monkeypatch, platform, variable, expected):
    monkeypatch.setattr(user_folders.sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path / "data"))
    assert data_folder() == tmp_path / expected


def test_a_relative_folder_in_xdg_data_home_is_ignored_as_its_specification_says(monkeypatch):
    monkeypatch.setattr(user_folders.sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    assert data_folder() == Path.home() / ".local/share/keymatte"


@pytest.mark.parametrize(
    ("chosen", "expected"), [("data", "{cwd}/data"), ("~/data", "{home}/data"), ("~no one", "{cwd}")]
)
def test_a_chosen_folder_is_the_same_for_programs_that_are_started_elsewhere(tmp_path, monkeypatch, chosen, expected):
    """The engine and its installer run in the extension's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEYMATTE_DATA", chosen)
    monkeypatch.setenv("KEYMATTE_ENGINE", chosen)
    places = {"{cwd}": tmp_path, "{cwd}/data": tmp_path / "data", "{home}/data": Path.home() / "data"}
    for folder in (data_folder(), user_folders.engine_folder()):
        assert folder.is_absolute() and folder.is_relative_to(places[expected])
