"""Errors about the engine's installation that a user can act on: a Python or packages that cannot run it."""

from __future__ import annotations

import sys

from .errors import EngineError, EngineMissing, PythonMissing
from .text import printable


class EnginePartly(EngineMissing):
    """An installation was broken off; what it has downloaded is kept."""

    code = "engine-partly"
    default_remedy = "Click Install Engine in Keymatte's preferences: it goes on from there."


class EngineOutdated(EngineMissing):
    """The installed engine has the packages that another version of Keymatte needs."""

    code = "engine-outdated"
    default_remedy = "Click Install Engine in Keymatte's preferences."


class PythonUnsuitable(PythonMissing):
    """The Python that runs the engine is too old, is no Python, or lacks packages."""

    code = "python-unsuitable"
    default_remedy = "Choose another in Keymatte's preferences, or clear the field and click Install Engine."


class IndexUnreachable(EngineError):
    """The index that the chosen build of PyTorch comes from was not reached."""

    code = "index-unreachable"
    default_remedy = "Check the network connection and click Install Engine again: complete downloads are kept."


class ProxyRefused(EngineError):
    """A proxy refuses connections, or asks for a password."""

    code = "proxy-refused"
    default_remedy = (
        "Set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT before Blender starts, or install from a folder of wheels."
    )


class WheelsMissing(EngineError):
    """A folder of wheels lacks packages."""

    code = "wheels-missing"
    default_remedy = "Put it there, or choose another folder of wheels, and click Install Engine again."


def unloadable(error: ImportError | OSError) -> PythonUnsuitable:
    """Return the error to show when a package is there, but cannot be loaded."""
    name = getattr(error, "name", None) or "PyTorch"
    remedy = "Click Install Engine in Keymatte's preferences, with Install Again on."
    if getattr(error, "winerror", None) in (126, 1114):  # a library was not found, or could not be initialised
        remedy = "Install Microsoft's Visual C++ Redistributable (x64), then click Test Engine."
    return PythonUnsuitable(f"{name} cannot be loaded by {sys.executable}: {printable(str(error))}", remedy=remedy)
