"""The engine's own Python: which one it is, what is missing, and how it is started and installed."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
from bpy.types import AddonPreferences

from ..engine.shared.environment import is_complete, python_in, requirements
from ..engine.shared.errors import EngineMissing, Offline
from . import PACKAGE

ROOT = Path(__file__).parents[1]  # the folder that holds the engine
# -E: Blender's PYTHON* variables stay out; -s: and so do the user's packages; -u: a crash loses no line of the log
_FLAGS = ("-E", "-s", "-u")


def preferences() -> AddonPreferences:
    """The extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def own_folder() -> Path:
    """Where the engine's environment is, or will be, installed."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path="engine"))


def engine_python() -> Path:
    """The interpreter that runs the engine. Raises EngineMissing, saying what is missing."""
    chosen = preferences().engine_python
    if chosen:
        python = Path(bpy.path.abspath(chosen))
        if not python.is_file():
            raise EngineMissing(
                f"there is no Python at {python}",
                remedy="Choose another one in Keymatte's preferences, or leave it empty and install the engine.",
            )
        return python
    folder = own_folder()
    python = python_in(folder)
    if not python.is_file():
        raise EngineMissing("the engine is not installed")
    if not is_complete(folder, requirements(ROOT / "pyproject.toml")):
        raise EngineMissing("the engine is installed only in part, or for another version of Keymatte")
    return python


def engine_command() -> list[str]:
    """How the engine is started, in the folder ROOT. Raises EngineMissing."""
    return [str(engine_python()), *_FLAGS, "-m", "engine", "serve"]


def install_command() -> list[str]:
    """How the engine's environment is made, in the folder ROOT. Raises Offline if Blender may not use the network."""
    if not bpy.app.online_access:
        raise Offline("the engine's packages have to be downloaded, and Blender may not go online")
    folder = str(own_folder())
    return [sys.executable, *_FLAGS, "-m", "engine.shared.environment", folder, "--end-with-stdin"]
