"""Installs the built zip in a clean Blender, once, and gives each test an empty file with a clip editor in it."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

import bpy
import pytest

from tests.blender.studio import MODULE, Studio


def the_zip() -> Path:
    """The built extension; built now if nobody has done it."""
    if "KEYMATTE_ZIP" in os.environ:
        return Path(os.environ["KEYMATTE_ZIP"])
    import build_addon

    return build_addon.build(Path(tempfile.mkdtemp(prefix="keymatte-zip-")))


@pytest.fixture(scope="session")
def extension():
    """The extension, installed and enabled, with an engine."""
    bpy.ops.extensions.package_install_files(
        filepath=str(the_zip()), repo="user_default", enable_on_install=True, overwrite=True
    )
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python = os.environ.get("KEYMATTE_ENGINE_PYTHON", sys.executable)
    preferences.device = "cpu"
    yield importlib.import_module(MODULE)
    bpy.ops.preferences.addon_disable(module=MODULE)


@pytest.fixture
def studio(extension, tmp_path):
    """An empty file, saved, in a folder with a space and letters beyond ASCII."""
    folder = tmp_path / "Aufnahme für Müller 日本"
    folder.mkdir()
    made = Studio(folder)
    made.new_file()
    yield made
    made.session.forget()
    bpy.context.preferences.addons[MODULE].preferences.engine_python = os.environ.get(
        "KEYMATTE_ENGINE_PYTHON", sys.executable
    )
