"""Recipes in the menu and their weights, through the operators and with the real engine."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.studio import FRAMES, MODULE, box, part, ring
from tests.engine.server import Server


def recipes() -> list[str]:
    return [item.identifier for item in part("addon.properties").ClipMatting.bl_rna.properties["recipe"].enum_items]


def preferences():
    return bpy.context.preferences.addons[MODULE].preferences


def store(matting, name: str, number: int) -> None:
    """Store `number` in the menu property `name`, although it stands for no menu item.

    A .blend saved by another version may contain such a number.
    """
    if bpy.app.version >= (5, 0, 0):
        matting.bl_system_properties_get(do_create=True)[name] = number
    else:
        matting[name] = number


# -- the menu ----------------------------------------------------------------------------------------------------------
def test_the_menu_has_recipes_for_artists_only_and_begins_with_our_own(studio):
    assert recipes()[:3] == ["keymatte", "xmem++", "xmem"]
    assert "colour" not in recipes()
    studio.open_film()
    assert studio.clip.matting.recipe == "keymatte"


def test_a_recipe_that_left_the_menu_becomes_the_default_when_its_file_is_opened(studio):
    studio.open_film()
    studio.clip.use_fake_user = True
    store(studio.clip.matting, "recipe", 1)
    store(studio.clip.matting, "weights", 12345)
    assert studio.clip.matting.recipe == studio.clip.matting.weights == ""
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert (studio.clip.matting.recipe, studio.clip.matting.weights) == ("keymatte", "ANY")


def test_all_published_weights_can_be_chosen_for_their_recipes(studio):
    studio.open_film()
    for entry in part("addon.weights").OFFERED:
        studio.clip.matting.weights = entry.name
        for recipe in {*recipes()} & {*entry.recipes}:
            assert part("addon.weights").weights_for(recipe, studio.clip.matting.weights) == entry


# -- weights that are not there ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("recipe", "name"), [("xmem++", "XMem"), ("qdmn", "QDMN"), ("qdmn++", "QDMN")])
def test_recipe_without_its_weights_is_refused_with_a_remedy_and_nothing_is_lost(studio, recipe, name):
    studio.open_marked()
    studio.propagate()
    studio.clip.matting.recipe = recipe
    with pytest.raises(RuntimeError, match=rf"Model {name}, which .* is not installed. Download or import"):
        studio.click("matte_propagate", wait=True)
    assert studio.session.status.problem.code == "weights-missing"
    assert part("addon.folders").results(studio.clip).numbers == tuple(range(1, FRAMES + 1))
    assert len(studio.clip.matting.keyframes) == 2
    with pytest.raises(RuntimeError, match="is not installed"):
        studio.click("matte_suggest", wait=True)
    studio.clip.matting.recipe = "keymatte"
    assert studio.propagate(recipe="") == {"FINISHED"}


def test_downloading_offline_is_refused_with_a_remedy(studio):
    assert not bpy.app.online_access
    for call in ("INVOKE_DEFAULT", "EXEC_DEFAULT"):
        with pytest.raises(RuntimeError, match="Allow Online Access"):
            bpy.ops.clip.matte_weights_download(call, name="XMem")
    assert not studio.session.status.busy


def test_file_without_weights_is_refused_and_another_can_be_imported(studio, tmp_path):
    page = tmp_path / "XMem.pth"
    page.write_text("<!doctype html><html><body>Sign in</body></html>")
    with pytest.raises(RuntimeError, match=r"XMem\.pth"):
        bpy.ops.clip.matte_weights_import(name="XMem", filepath=str(page), wait=True)
    assert studio.state == "failed"
    with pytest.raises(RuntimeError, match="does not exist"):
        bpy.ops.clip.matte_weights_import(name="XMem", filepath=str(tmp_path / "nowhere.pth"), wait=True)
    assert bpy.ops.clip.matte_weights_import.poll()


def test_unknown_weights_name_is_refused(studio):
    with pytest.raises(RuntimeError, match="There are no weights 'YMem'"):
        bpy.ops.clip.matte_weights_import(name="YMem", filepath=str(studio.folder / "some.pth"))


def test_opening_a_file_does_not_stop_an_import(studio, xmem_file):
    bpy.ops.clip.matte_weights_import(name="XMem", filepath=str(xmem_file))
    assert not bpy.ops.clip.matte_weights_import.poll()
    studio.new_file()
    assert studio.session.wait(60).text == "Model XMem is installed"


def test_an_import_can_be_cancelled(studio, xmem_file):
    bpy.ops.clip.matte_weights_import(name="XMem", filepath=str(xmem_file))
    studio.pump_until(lambda: studio.session.status.text.startswith("Reading"))
    bpy.ops.clip.matte_cancel()
    studio.pump_until(lambda: not studio.session.status.busy)
    assert (studio.state, studio.session.status.text) == ("cancelled", "Cancelled")
    assert not part("addon.weights").is_installed(part("engine.shared.catalogue").find_weights("XMem"))


ENGINE_OF_ANOTHER_CATALOGUE = """
import os, sys
sys.path.insert(0, os.getcwd())
from dataclasses import replace
from engine.shared import catalogue
catalogue.CATALOGUE = tuple(replace(entry, address={address!r}) for entry in catalogue.CATALOGUE)
from engine.__main__ import main
sys.exit(main(["serve"]))
"""


@pytest.fixture
def server(studio, xmem_file, monkeypatch):
    """Yield a local server that offers XMem's weights, and make the engine download from it."""
    monkeypatch.setenv("no_proxy", "*")
    running = Server(xmem_file.read_bytes())
    program, python = studio.folder / "serve.py", studio.folder / "python"
    program.write_text(ENGINE_OF_ANOTHER_CATALOGUE.format(address=running.address))
    python.write_text(f'#!/bin/sh\nexec "{preferences().engine_python}" -u "{program}"\n')
    python.chmod(0o755)
    preferences().engine_python = str(python)
    bpy.context.preferences.system.use_online_access = True
    yield running
    bpy.context.preferences.system.use_online_access = False
    studio.session.close()
    running.close()


def test_download_shows_progress_and_resumes_after_a_cancel(studio, server):
    server.stalls_at = 20_000_000
    bpy.ops.clip.matte_weights_download(name="XMem")
    studio.pump_until(lambda: studio.session.status.done > 10_000_000)
    assert studio.session.status.text == "Downloading XMem"
    assert studio.session.status.total == len(server.content)
    bpy.ops.clip.matte_cancel()
    studio.pump_until(lambda: not studio.session.status.busy)
    assert studio.session.status.text == "Cancelled: the partial download is kept, and can be resumed"
    server.stalls_at = None
    assert bpy.ops.clip.matte_weights_download(name="XMem", wait=True) == {"FINISHED"}
    assert studio.session.status.text == "Model XMem is installed"
    assert "Range" not in server.requests[0]
    assert "Range" in server.requests[1]
    assert part("addon.weights").file_for("xmem++").is_file()


# -- weights that are --------------------------------------------------------------------------------------------------
def test_imported_weights_are_installed_and_not_imported_twice(with_xmem, xmem_folder, xmem_file):
    installed = xmem_folder / "XMem.safetensors"
    assert part("addon.weights").file_for("xmem++") == installed
    before = installed.stat().st_mtime_ns
    bpy.ops.clip.matte_weights_import(name="XMem", filepath=str(xmem_file), wait=True)
    assert "already installed" in with_xmem.session.status.warning
    assert installed.stat().st_mtime_ns == before
    assert xmem_file.is_file()


def test_missing_chosen_weights_are_reported(with_xmem):
    with_xmem.open_marked()
    with_xmem.clip.matting.recipe, with_xmem.clip.matting.weights = "xmem", "XMem-s012"
    with pytest.raises(RuntimeError, match="Model XMem-s012, which"):
        with_xmem.propagate(recipe="")


@pytest.mark.parametrize("recipe", ["xmem++", "xmem"])
def test_published_recipe_makes_mattes_and_reproduces_keyframes(with_xmem, recipe):
    with_xmem.open_marked()
    with_xmem.mark(4, media=3)
    with_xmem.clip.matting.recipe = recipe
    assert with_xmem.propagate(recipe="") == {"FINISHED"}
    assert part("addon.folders").results(with_xmem.clip).numbers == tuple(range(1, FRAMES + 1))
    for number in (1, 4):
        assert ((with_xmem.matte(1, number) > 0.5) == ring(number - 1)).all()
        assert ((with_xmem.matte(2, number) > 0.5) == box(number - 1)).all()
    manifest = (with_xmem.matte_folder.root / "keymatte.json").read_text(encoding="utf-8")
    assert f'"{recipe}"' in manifest


def test_suggestions_use_the_chosen_recipe(with_xmem):
    with_xmem.open_marked()
    with_xmem.propagate()
    with_xmem.clip.matting.recipe = "xmem++"
    assert with_xmem.click("matte_suggest", wait=True) == {"FINISHED"}
    suggested = [item.number for item in with_xmem.clip.matting.suggestions]
    assert len(suggested) >= 2
    assert set(suggested) <= set(range(3, FRAMES + 1)), "the keyframe and its neighbour are left out"
    kept = sorted(path.name for path in (with_xmem.matte_folder.root / "keys").glob("*.npy"))
    assert kept == [f"{frame:06d}.npy" for frame in range(FRAMES)]
