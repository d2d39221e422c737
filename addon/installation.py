"""Installing and removing the engine: the commands, and the process that tells how far it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bpy

from ..engine.shared.environment_folder import is_ours, log_of
from ..engine.shared.errors import EngineError, EngineMissing, EnvironmentFailed, Offline
from ..engine.shared.pip_output import share_in
from ..engine.shared.protocol import Failed
from ..engine.shared.setup_errors import WheelsMissing
from ..engine.shared.text import printable
from ..engine.shared.user_folders import engine_folder, environment_folder, expanded
from .client import ChildProcess
from .environment import FLAGS, former_folder, preferences
from .status import Status

_PROGRAM = (*FLAGS, "-m", "engine.shared.setup", "--end-with-stdin")
_GO_ON = "Click Install Engine again: it goes on from there. Show Log has all of its output."
_CHOOSE = "Choose the folder that holds them, or clear Install From to download them."
_WITHOUT_SIZE = ("Creating", "Installing", "Unpacking", "The environment", "Removing")


def log_file() -> Path:
    """Return the file that has all output of the last installation; it need not exist."""
    return log_of(environment_folder())


def wheel_folder() -> Path | None:
    """Return the folder of wheels that the user chose to install from. Raises WheelsMissing if it is not there."""
    chosen = preferences().wheel_folder.strip()
    if not chosen:
        return None
    folder = expanded(bpy.path.abspath(chosen)).absolute()
    if not folder.is_dir():
        raise WheelsMissing(f"there is no folder of wheels {folder}", remedy=_CHOOSE)
    if not any(folder.glob("*.whl")):
        raise WheelsMissing(f"there are no wheels in {folder}", remedy=_CHOOSE)
    return folder


def obstacle() -> EngineError | None:
    """Return why an installation could not begin, such as Offline; None if it could."""
    try:
        if wheel_folder() is None and not bpy.app.online_access:
            raise Offline("the engine's packages must be downloaded, but Blender's online access is off")
    except EngineError as error:
        return error
    return None


def install_command(*, again: bool = False) -> list[str]:
    """Return the command, to be run in ROOT, that installs the engine's environment.

    Raises Offline if packages must be downloaded but online access is off in Blender, and WheelsMissing.
    """
    if (error := obstacle()) is not None:
        raise error
    command = [sys.executable, *_PROGRAM, "--install", str(environment_folder()), "--log", str(log_file())]
    command += ["--build", preferences().torch_build, "--replaces", str(former_folder())]
    if wheels := wheel_folder():
        command += ["--wheels", str(wheels)]
    return [*command, "--again"] if again else command


def removable() -> list[Path]:
    """Return the folders of all environments of Keymatte's, also those of other versions and Pythons."""
    places = [former_folder(), environment_folder()]
    if engine_folder().is_dir():
        places += sorted(engine_folder().glob("python-*"))
    return [folder for folder in dict.fromkeys(places) if is_ours(folder)]


def remove_command() -> list[str]:
    """Return the command that removes the environments. Raises EngineMissing if there are none."""
    folders = removable()
    if not folders:
        raise EngineMissing("there is no engine to remove")
    return [sys.executable, *_PROGRAM, "--remove", *map(str, folders)]


class Installation(ChildProcess):
    """Process that installs or removes the engine. Its inbox receives lines of progress, and None at their end."""

    def __init__(self, command: Sequence[str], folder: Path, done_text: str = "") -> None:
        """Start `command` in `folder`; `done_text` is what to tell at the end, else its last line is."""
        super().__init__(command, folder)
        self.done_text = done_text

    @property
    def cancelled_text(self) -> str:
        """Return what to tell once it is cancelled."""
        if "--remove" in self.command:
            return "Cancelled: part of the engine was removed. Remove Engine removes the rest"
        return "Cancelled: what was downloaded is kept"

    def handle_end(self) -> None:
        """Put None into the inbox to mark the end of the output."""
        self.deliver(None)

    def shown(self, status: Status, line: str) -> Status:
        """Return the session's status after a line of progress."""
        share = share_in(line)
        if share:
            return replace(status, done=round(100 * share[0]), total=round(100 * share[1]))
        if line.startswith(_WITHOUT_SIZE):
            status = replace(status, done=0, total=0)
        return replace(status, text=printable(line))

    @property
    def failure(self) -> Failed:
        """Return why the process failed, as its last line of errors says."""
        last = next((line for line in reversed(self.log) if line.strip()), f"status {self.exit_status}")
        try:
            code, message, remedy = json.loads(last)
        except (ValueError, TypeError):  # not one of its errors: Python's own last words, or it was killed
            return Failed("", EnvironmentFailed.code, f"the installation ended early: {last}", _GO_ON)
        return Failed("", str(code), str(message), str(remedy))
