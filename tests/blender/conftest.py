"""Installs the built zip in a clean Blender, once, and gives each test an empty file with a clip editor in it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import bpy
import pytest

from tests.blender.studio import MODULE, Studio

ROOT = Path(__file__).parents[2]
ENGINE_PYTHON = os.environ.get("KEYMATTE_ENGINE_PYTHON", sys.executable)
PSEUDO_XMEM = """
import json, sys, torch
from pathlib import Path
from tests.pseudo_weights import pseudo_weights
told = json.loads(Path("tests/parity/xmem/manifest.json").read_text())["weights"]
torch.save(pseudo_weights(told["shapes"], seed=1, gains=told["gain"]), sys.argv[1])
"""


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
    bpy.context.preferences.addons[MODULE].preferences.device = "cpu"
    yield importlib.import_module(MODULE)
    bpy.ops.preferences.addon_disable(module=MODULE)


@pytest.fixture
def studio(extension, tmp_path):
    """An empty file, saved, in a folder with a space and letters beyond ASCII; no weights but our own."""
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder = ENGINE_PYTHON, str(tmp_path / "weights")
    folder = tmp_path / "Aufnahme für Müller 日本"
    folder.mkdir()
    made = Studio(folder)
    made.new_file()
    yield made
    made.session.reset()


@pytest.fixture(scope="session")
def xmem_file(tmp_path_factory) -> Path:
    """A file as XMem's authors publish them, names and shapes, with numbers that were never trained."""
    path = tmp_path_factory.mktemp("published") / "XMem.pth"
    subprocess.run([ENGINE_PYTHON, "-c", PSEUDO_XMEM, str(path)], cwd=ROOT, check=True, timeout=120)
    return path


@pytest.fixture(scope="session")
def xmem_folder(extension, xmem_file, tmp_path_factory) -> Path:
    """A weights folder in which that file was installed with the button."""
    folder = tmp_path_factory.mktemp("weights")
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder = ENGINE_PYTHON, str(folder)
    assert bpy.ops.clip.matte_weights_import(name="XMem", filepath=str(xmem_file), wait=True) == {"FINISHED"}
    return folder


@pytest.fixture
def with_xmem(studio, xmem_folder) -> Studio:
    """The studio, with XMem's weights installed."""
    bpy.context.preferences.addons[MODULE].preferences.weights_folder = str(xmem_folder)
    return studio
