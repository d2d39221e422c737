"""The panel says which folder a clip's keyframes and mattes are in, and opens it."""

from __future__ import annotations

import shutil
import sys

import bpy
import pytest

from tests.blender.studio import part


def test_the_folder_can_be_opened_and_the_panel_says_which_it_is(studio, monkeypatch, tmp_path):
    studio.open_film()
    text = part("ui.folder").folder_text
    assert text(studio.clip) == ""
    with pytest.raises(RuntimeError, match="has no keyframes or mattes yet"):
        studio.click("matte_open_folder")
    studio.clip.name = "Take 1: Café 日本"
    studio.mark(1, media=0)
    assert text(studio.clip) == "Folder: keymatte/Take 1_ Café 日本"
    studio.clip.name = "renamed"
    assert text(studio.clip) == "Folder: keymatte/Take 1_ Café 日本", "the folder keeps its name"
    if sys.platform == "linux":
        opener = tmp_path / "xdg-open"
        opener.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\n')
        opener.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        assert studio.click("matte_open_folder") == {"FINISHED"}
        assert (tmp_path / "opened").read_text().rstrip("/") == str(studio.matte_folder.root)
        opener.write_text("#!/bin/sh\nexit 3\n")
        with pytest.raises(RuntimeError, match="No program was found that opens folders"):
            studio.click("matte_open_folder")
    shutil.rmtree(studio.matte_folder.root)
    with pytest.raises(RuntimeError, match=r"is missing.*Put it back"):
        studio.click("matte_open_folder")


def test_the_panel_says_that_the_folder_of_an_unsaved_file_is_going_to_move(studio):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_marked()
    text = part("ui.folder").folder_text
    assert text(studio.clip) == "Folder: beside the file, once saved"
    bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / "new.blend"))
    assert text(studio.clip) == f"Folder: keymatte/{studio.clip.name}"
