"""The Python environment of the engine: its interpreter, and the command that starts the engine."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import bpy
from bpy.types import AddonPreferences

from ..engine.shared.environment import requirements
from ..engine.shared.environment_folder import State, python_in, state_of
from ..engine.shared.errors import EngineMissing, PythonMissing
from ..engine.shared.setup_errors import EngineOutdated, EnginePartly
from ..engine.shared.user_folders import environment_folder, expanded
from . import PACKAGE

ROOT = Path(__file__).parents[1]  # the folder that holds the engine
# -E: ignore Blender's PYTHON* variables; -s: ignore the user's site-packages; -u: lose no log lines in a crash
FLAGS = ("-E", "-s", "-u")


def preferences() -> AddonPreferences:
    """Return the extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def former_folder() -> Path:
    """Return where earlier versions installed the engine; Blender removes it together with the extension."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path="engine"))


@lru_cache(maxsize=1)
def needed() -> tuple[str, ...]:
    """Return the packages that the engine needs, in pip's format."""
    return tuple(requirements(ROOT / "pyproject.toml"))


def engine_python() -> Path:
    """Return the Python interpreter that runs the engine.

    Raises PythonMissing if the one chosen in the preferences is not there, and EngineMissing if Keymatte's own is not
    there, or if its environment is only partly installed or for another version.
    """
    chosen = preferences().engine_python.strip()
    if not chosen:
        return python_in(installed_folder())
    return _chosen_python(expanded(bpy.path.abspath(chosen)).absolute())


def _chosen_python(python: Path) -> Path:
    """Return the Python that the user chose, if it is a program. Raises PythonMissing."""
    if python.is_dir():
        inside = python_in(python)
        advice = f"Choose {inside}." if inside.is_file() else "Choose the program in it, often bin/python."
        raise PythonMissing(f"{python} is a folder, not a Python", remedy=advice)
    if not python.is_file():
        raise PythonMissing(f"there is no Python at {python}")
    if not os.access(python, os.X_OK):
        raise PythonMissing(f"{python} is not a program that can be started")
    return python


def installed_folder() -> Path:
    """Return the folder of a complete environment for this version. Raises EngineMissing."""
    folder = environment_folder()
    state = state_of(folder, needed())
    if state is not State.READY and state_of(former_folder(), needed()) is State.READY:
        return former_folder()
    match state:
        case State.READY:
            return folder
        case State.MISSING:
            raise EngineMissing("the engine is not installed")
        case State.PARTLY:
            raise EnginePartly("the engine is only partly installed: its installation was broken off")
        case State.OTHER:
            raise EngineOutdated("the engine was installed for another version of Keymatte")
        case State.MOVED:
            raise EngineOutdated("the engine was installed with a Blender that is not there any longer")


def engine_command() -> list[str]:
    """Return the command that starts the engine in the folder ROOT. Raises EngineMissing."""
    return [str(engine_python()), *FLAGS, "-m", "engine.shared.preflight", "serve"]
