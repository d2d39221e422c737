"""Install the built zip in a clean Blender once per run, and give each test an empty saved file."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import bpy
import pytest

from tests.blender.screen import Screen
from tests.blender.studio import MODULE, Studio

ROOT = Path(__file__).parents[2]
ENGINE_PYTHON = os.environ.get("KEYMATTE_ENGINE_PYTHON", sys.executable)
PSEUDO_XMEM = """
import json, sys, torch
from pathlib import Path
from tests.pseudo_weights import pseudo_weights
manifest = json.loads(Path("tests/parity/xmem/manifest.json").read_text())["weights"]
torch.save(pseudo_weights(manifest["shapes"], seed=1, gains=manifest["gain"]), sys.argv[1])
"""


def extension_zip() -> Path:
    """Return the path of the extension's zip: the one that KEYMATTE_ZIP names, or else a newly built one."""
    if "KEYMATTE_ZIP" in os.environ:
        return Path(os.environ["KEYMATTE_ZIP"])
    import build_addon

    return build_addon.build(Path(tempfile.mkdtemp(prefix="keymatte-zip-")))


@pytest.fixture(scope="session")
def extension():
    """Install and enable the extension, and disable it at the end."""
    bpy.ops.extensions.package_install_files(
        filepath=str(extension_zip()), repo="user_default", enable_on_install=True, overwrite=True
    )
    bpy.context.preferences.addons[MODULE].preferences.device = "cpu"
    yield importlib.import_module(MODULE)
    bpy.ops.preferences.addon_disable(module=MODULE)


@pytest.fixture
def studio(extension, tmp_path, monkeypatch):
    """Yield a Studio with an empty saved file, no installed weights, and spaces and non-ASCII letters in its path."""
    monkeypatch.setenv("KEYMATTE_ENGINE", str(tmp_path / "engine"))  # not the one that is installed on this computer
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder = ENGINE_PYTHON, str(tmp_path / "weights")
    folder = tmp_path / "Aufnahme für Müller 日本"
    folder.mkdir()
    artist = Studio(folder)
    artist.new_file()
    yield artist
    artist.session.reset()


@pytest.fixture
def layered(studio):
    """Yield a studio with mattes of both objects, and their mask layers shown for editing."""
    studio.open_film()
    studio.mark(1, media=0)
    studio.propagate()
    studio.click("matte_to_mask_layers")
    studio.space.mode = "MASK"
    studio.go(1)
    return studio


@pytest.fixture(scope="session")
def xmem_file(tmp_path_factory) -> Path:
    """Return a weights file with the tensor names and shapes that XMem's authors publish, and untrained values."""
    path = tmp_path_factory.mktemp("published") / "XMem.pth"
    subprocess.run([ENGINE_PYTHON, "-c", PSEUDO_XMEM, str(path)], cwd=ROOT, check=True, timeout=120)
    return path


@pytest.fixture(scope="session")
def xmem_folder(extension, xmem_file, tmp_path_factory) -> Path:
    """Return a weights folder in which `xmem_file` was installed by the import operator."""
    folder = tmp_path_factory.mktemp("weights")
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder = ENGINE_PYTHON, str(folder)
    assert bpy.ops.clip.matte_weights_import(name="XMem", filepath=str(xmem_file), wait=True) == {"FINISHED"}
    return folder


@pytest.fixture
def with_xmem(studio, xmem_folder) -> Studio:
    """Return the studio with XMem's weights installed."""
    bpy.context.preferences.addons[MODULE].preferences.weights_folder = str(xmem_folder)
    return studio


@pytest.fixture(scope="session")
def _gpu(extension):
    """Skip where Blender cannot draw."""
    if bpy.app.version < (5, 2, 0):
        pytest.skip("only Blender 5.2 and later draw without a window")
    import gpu

    try:
        gpu.init()
    except (RuntimeError, SystemError) as error:
        pytest.skip(f"no graphics driver: {error}")
    yield
    importlib.import_module(f"{MODULE}.ui.shaders").free()


@pytest.fixture
def screen(_gpu):
    """Yield a Screen, whose textures are freed at the end."""
    made = Screen()
    yield made
    made.drawer.free()
    made.textures.clear()
