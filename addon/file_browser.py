"""Opening of a folder in the system's file browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..engine.shared.errors import EngineError

_PATIENCE = 2.0  # seconds within which a program that cannot open the folder says so


def open_folder(folder: Path) -> None:
    """Open an existing folder. Raises EngineError if no program opens it.

    Blender's own operator for this does not tell that it has failed.
    """
    try:
        if sys.platform == "win32":
            os.startfile(folder)
        else:
            _run("open" if sys.platform == "darwin" else "xdg-open", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EngineError(
            "no program was found that opens folders", remedy=f"Open {folder} in your file browser yourself."
        ) from error


def _run(program: str, folder: Path) -> None:
    """Run a program with the folder; one that is still running after a while is the file browser itself."""
    child = subprocess.Popen(
        [program, str(folder)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        status = child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return
    if status:
        raise subprocess.CalledProcessError(status, program)
