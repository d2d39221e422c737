"""The user's folder for what Keymatte keeps beyond files and extensions: weights, the engine, work not saved yet."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

FOLDER_VARIABLE = "KEYMATTE_DATA"  # environment variable with the folder, in place of the system's
ENGINE_VARIABLE = "KEYMATTE_ENGINE"  # environment variable with the folder of the engine's environments


def data_folder() -> Path:
    """Return Keymatte's folder in the user's folder for application data, which need not exist.

    Blender never deletes it, while it deletes the own folder of an extension that is uninstalled. Each kind of
    data has a folder of its own in it: `weights`, `engine`, `mattes`.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    return expanded(chosen).absolute() if chosen else _system_folder() / "keymatte"


def _system_folder() -> Path:
    """Return the folder in which this system keeps the data of a user's applications, on this computer only."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    chosen = Path(os.environ.get("XDG_DATA_HOME") or "")
    return chosen if chosen.is_absolute() else Path.home() / ".local" / "share"


def expanded(chosen: str) -> Path:
    """Return a path that the user chose, with a home folder in place of ~."""
    path = Path(chosen)
    with suppress(RuntimeError):  # there is no such user
        path = path.expanduser()
    return path


def engine_folder() -> Path:
    """Return the folder that holds the engine's Python environments, which all Blenders of the user share."""
    chosen = os.environ.get(ENGINE_VARIABLE)
    return expanded(chosen).absolute() if chosen else data_folder() / "engine"


def environment_folder() -> Path:
    """Return the folder of the environment for the Python that runs this: each Python needs packages of its own."""
    return engine_folder() / f"python-{sys.version_info[0]}.{sys.version_info[1]}"
