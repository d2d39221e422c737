"""Work of unsaved files is found wherever the cache is said to be, and also by a second Blender that shows it."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import pytest

from tests.blender.studio import FRAMES, MODULE, part


@pytest.fixture
def unsaved(studio):
    """A file that was never saved, with a marked clip."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_marked()
    return studio


def save(studio) -> Path:
    path = studio.folder / "new.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


def test_the_cache_preference_says_where_work_is_before_the_file_is_saved(studio, tmp_path):
    preferences = bpy.context.preferences.addons[MODULE].preferences
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    preferences.cache_folder = str(tmp_path / "cache")
    try:
        studio.open_marked()
        assert studio.matte_folder.root.parent == tmp_path / "cache"
    finally:
        preferences.cache_folder = ""
    save(studio)
    assert studio.matte_folder.root == studio.folder / "keymatte" / studio.clip.name


@pytest.mark.parametrize("chosen", ["~/keymatte", "cache", "//cache", "{tmp}/keymatte"])
def test_a_cache_that_would_be_another_after_a_restart_does_not_take_the_work(studio, tmp_path, monkeypatch, chosen):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    preferences = bpy.context.preferences.addons[MODULE].preferences
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    preferences.cache_folder = chosen.format(tmp=tmp_path)
    try:
        studio.open_marked()
        assert studio.matte_folder.root.is_absolute() and Path(studio.clip.matting.folder_absolute).is_absolute()
    finally:
        preferences.cache_folder = ""
    save(studio)
    assert studio.matte_folder.root == studio.folder / "keymatte" / studio.clip.name


def save_in_another_blender(studio) -> Path:
    """Do what another Blender does that has recovered the same file and saves it; return the folder's new place."""
    move, owner = part("engine.shared.folder_move"), "keyframes/owner.json"
    old, beside = studio.matte_folder.root, studio.folder / "other"
    new = beside / "keymatte" / studio.clip.name
    move.copy_folder(old, new)
    (beside / "other.blend").write_bytes(b"")
    told = json.loads((new / owner).read_text()) | {"blend": str(beside / "other.blend"), "folder": str(new)}
    (new / owner).unlink()  # a second name of the file at its former place
    (new / owner).write_text(json.dumps(told))
    move.leave(old, new)
    return new


def test_work_goes_on_in_a_copy_after_another_blender_has_saved_it(unsaved):
    unsaved.propagate()
    theirs = save_in_another_blender(unsaved)
    before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
    assert unsaved.matte_folder.root == theirs
    unsaved.mark(5, media=4)
    assert unsaved.matte_folder.root != theirs
    assert unsaved.propagate() == {"FINISHED"}
    path = save(unsaved)
    assert unsaved.matte_folder.root == path.parent / "keymatte" / unsaved.clip.name
    assert len(part("addon.keyframes").keyframe_files(unsaved.clip)) == 4
    assert len(part("addon.folders").results(unsaved.clip).numbers) == FRAMES
    assert {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()} == before


def test_what_was_undone_during_a_run_can_be_redone_after_the_folder_has_moved(studio):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_marked(frames=60)
    bpy.ops.ed.undo_push(message="marked")
    studio.mark(5, media=4)
    bpy.ops.ed.undo_push(message="marked again")
    studio.click("matte_propagate", recipe="colour")
    studio.pump_until(lambda: studio.session.status.done > 3)
    save(studio)
    bpy.ops.ed.undo()
    studio.session.wait(60)
    assert part("addon.homes").settle() and studio.matte_folder.root.parent == studio.folder / "keymatte"
    bpy.ops.ed.redo()
    assert len(studio.clip.matting.keyframes) == 4
    assert len(part("addon.keyframes").keyframe_files(studio.clip)) == 4
