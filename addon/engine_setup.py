"""What panels tell of the engine: whether it is there, the GPU, and what would be installed; cheap enough to draw."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import bpy

from ..engine.shared.errors import EngineError
from ..engine.shared.hardware import Hardware, find_hardware
from ..engine.shared.setup_errors import PythonUnsuitable
from ..engine.shared.text import as_sentence
from ..engine.shared.torch_builds import Choice, find_build
from ..engine.shared.user_folders import environment_folder
from . import environment, installation
from .session import session
from .status import Problem, State

_SECONDS = 1.0  # for which an answer about the disk holds


class _Known:
    """What was found out: the hardware once, by a thread that touches nothing else; the engine's state for a while."""

    def __init__(self) -> None:
        self.hardware: Hardware | None = None
        self.thread: threading.Thread | None = None
        self.problem: EngineError | None = None
        self.python: Path | None = None  # that runs the engine, when last asked
        self.unsuitable: tuple[str, EngineError | None] = ("", None)  # a Python that was tried, and what it lacks
        self.noted: Problem | None = None  # the session's, from which that was told
        self.asked: tuple[str, float] = ("", -_SECONDS)  # the Python in the preferences, and when

    def find(self) -> None:
        """Look at the hardware, which may take seconds."""
        self.hardware = find_hardware()


_known = _Known()


def begin() -> None:
    """Find out about the hardware when the extension is enabled, so that it is known when a panel is drawn."""
    if not bpy.app.background:
        look()


def look() -> None:
    """Start finding out which GPU this machine has, and return at once; in background mode wait for it."""
    if bpy.app.background:
        _known.find()
    elif _known.thread is None:
        _known.thread = threading.Thread(target=_known.find, daemon=True, name="keymatte hardware")
        _known.thread.start()


def hardware() -> Hardware | None:
    """Return what is in this machine, or None while that is being found out."""
    if _known.hardware is None:
        look()
    return _known.hardware


def gpu_text() -> str:
    """Return the GPU in words, such as "NVIDIA GeForce RTX 3060, driver 551.86" or "No GPU found"."""
    found = hardware()
    return found.gpu_in_words if found else "Looking for a GPU"


def problem() -> EngineError | None:
    """Return why the engine cannot start, as far as that can be told without starting it; None if it is ready.

    The error's code tells which: engine-missing, engine-partly, engine-outdated; python-missing for the Python that is
    named in the preferences, and python-unsuitable once it was tried and cannot run the engine.
    """
    chosen = environment.preferences().engine_python
    asked, when = _known.asked
    if asked != chosen or time.monotonic() - when >= _SECONDS:
        _known.asked = chosen, time.monotonic()
        try:
            python = environment.engine_python()
            _known.python = python
            _known.problem = _seen(str(python))
        except EngineError as error:
            _known.problem = error
    return _known.problem


def _seen(python: str) -> EngineError | None:
    """Return why this Python could not run the engine when it was last tried, if it could not."""
    status = session.status
    problem = status.problem
    if problem and problem.code == PythonUnsuitable.code and problem is not _known.noted:
        _known.noted = problem
        _known.unsuitable = python, PythonUnsuitable(problem.message, remedy=problem.remedy)
    elif status.state is State.FINISHED:
        _known.unsuitable = "", None
    tried, error = _known.unsuitable
    return error if tried == python else None


def is_ready() -> bool:
    """Return whether the engine is installed, or a Python is chosen that is there."""
    return problem() is None


def is_at_former_place() -> bool:
    """Return whether the engine is that of an earlier version, which Blender removes together with the extension."""
    former = environment.former_folder()
    return problem() is None and _known.python is not None and _known.python.is_relative_to(former)


def forget() -> None:
    """Look at the disk again when next asked, as after an installation."""
    _known.asked = "", -_SECONDS


def choice() -> Choice | None:
    """Return the build of PyTorch that Install Engine would take, and why; None while the hardware is not known."""
    found = hardware()
    return find_build(environment.preferences().torch_build, found) if found else None


def build_text() -> str:
    """Return what Install Engine would take, such as "NVIDIA (CUDA 13.0), about 3.2 GB to download, 6.5 GB on disk"."""
    chosen = choice()
    return f"{chosen.build.label}, {chosen.build.size_in_words}" if chosen else ""


def plan() -> list[tuple[str, str]]:
    """Return what Install Engine would do, as names and sentences."""
    chosen = choice()
    if chosen is None:
        return [("GPU", gpu_text())]
    wheels = environment.preferences().wheel_folder
    taken = "That of the folder of wheels" if wheels else f"{chosen.build.label}: {chosen.reason}"
    rows = [("GPU", gpu_text()), ("PyTorch", taken)]
    if chosen.advice:
        rows.append(("To Use GPU", chosen.advice))
    size = f"About {chosen.build.disk:.0f} GB on disk" if wheels else as_sentence(chosen.build.size_in_words)
    return [*rows, ("Size", f"{size}; {free_text()}"), ("Folder", str(folder()))]


def folder() -> Path:
    """Return the folder that Install Engine installs into."""
    return environment_folder()


def free_text() -> str:
    """Return how much is free on the disk of that folder."""
    place = folder()
    while not place.exists() and place != place.parent:
        place = place.parent
    return f"{shutil.disk_usage(place).free / 1e9:.0f} GB free"


def obstacle() -> EngineError | None:
    """Return why Install Engine could not begin, such as Offline; None if it could."""
    return installation.obstacle()


def is_installed() -> bool:
    """Return whether there is an environment of Keymatte's, in whatever state."""
    return bool(installation.removable())
