"""The Python environment of the engine: its interpreter, and the commands that start and install the engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy
from bpy.types import AddonPreferences

from ..engine.shared.environment import is_complete, python_in, requirements
from ..engine.shared.errors import EngineMissing, EnvironmentFailed, Offline, PythonMissing
from ..engine.shared.protocol import Failed
from . import PACKAGE
from .client import ChildProcess

ROOT = Path(__file__).parents[1]  # the folder that holds the engine
# -E: ignore Blender's PYTHON* variables; -s: ignore the user's site-packages; -u: lose no log lines in a crash
_FLAGS = ("-E", "-s", "-u")


def preferences() -> AddonPreferences:
    """Return the extension's preferences."""
    return bpy.context.preferences.addons[PACKAGE].preferences


def own_folder() -> Path:
    """Return the folder in which the engine's environment is, or will be, installed."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path="engine"))


def engine_python() -> Path:
    """Return the Python interpreter that runs the engine.

    Raises PythonMissing if the one chosen in the preferences is not there, and EngineMissing if the extension's own is
    not there, or if its environment is only partly installed or outdated.
    """
    chosen = preferences().engine_python
    if chosen:
        python = Path(bpy.path.abspath(chosen))
        if not python.is_file():
            raise PythonMissing(f"there is no Python at {python}")
        if not os.access(python, os.X_OK):
            raise PythonMissing(f"{python} is not a program that can be started")
        return python
    folder = own_folder()
    python = python_in(folder)
    if not python.is_file():
        raise EngineMissing("the engine is not installed")
    if not is_complete(folder, requirements(ROOT / "pyproject.toml")):
        raise EngineMissing("the engine is only partly installed, or was installed for another version of Keymatte")
    return python


def engine_command() -> list[str]:
    """Return the command that starts the engine in the folder ROOT. Raises EngineMissing."""
    return [str(engine_python()), *_FLAGS, "-m", "engine", "serve"]


def install_command() -> list[str]:
    """Return the command, to be run in ROOT, that installs the engine's environment.

    Raises Offline if online access is off in Blender.
    """
    if not bpy.app.online_access:
        raise Offline("the engine's packages must be downloaded, but Blender's online access is off")
    folder = str(own_folder())
    return [sys.executable, *_FLAGS, "-m", "engine.shared.environment", folder, "--end-with-stdin"]


class Installation(ChildProcess):
    """Process that installs the engine. Its inbox receives lines of progress, and None when the output ends."""

    def handle_end(self) -> None:
        """Put None into the inbox to mark the end of the output."""
        self.deliver(None)

    @property
    def failure(self) -> Failed:
        """Return why the installation failed, as its last line of output says."""
        message = next((line for line in reversed(self.log) if line.strip()), f"status {self.exit_status}")
        return Failed("", EnvironmentFailed.code, message, EnvironmentFailed.default_remedy)
