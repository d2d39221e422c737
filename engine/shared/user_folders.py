"""Folders of the user in which Keymatte keeps what is too large to lose with the extension: weights and the engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ENGINE_VARIABLE = "KEYMATTE_ENGINE"  # environment variable with the folder of the engine's Python environments


def data_folder() -> Path:
    """Return Keymatte's folder in the user's folder for application data; it need not exist."""
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "keymatte"


def engine_folder() -> Path:
    """Return the folder that holds the engine's Python environments, which all Blenders of the user share."""
    chosen = os.environ.get(ENGINE_VARIABLE)
    return Path(chosen).expanduser() if chosen else data_folder() / "engine"


def environment_folder() -> Path:
    """Return the folder of the environment for the Python that runs this: each Python needs packages of its own."""
    return engine_folder() / f"python-{sys.version_info[0]}.{sys.version_info[1]}"
