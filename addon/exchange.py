"""Folders for files that are exchanged with the engine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy

from ..engine.shared.files import writing_error


def new_folder() -> Path:
    """Make a folder for files that are exchanged with the engine, which Blender removes when it quits if it is left.

    Raises DiskFull, FolderNotWritable.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="keymatte-", dir=bpy.app.tempdir))
    except OSError as error:
        raise writing_error(Path(bpy.app.tempdir), error) from error
