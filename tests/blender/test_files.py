"""Saving, opening, undo and clearing lose none of the user's data."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
import pytest

from tests.blender.studio import FRAMES, part


def propagated(studio):
    studio.open_film()
    studio.mark(1, media=0)
    studio.propagate()


def results(studio):
    return part("addon.folders").results(studio.clip)


def test_saved_and_reopened_file_has_all_data(studio):
    propagated(studio)
    studio.clip.matting.objects[0].name = "ring"
    studio.clip.matting.recipe = "xmem"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    matting = studio.clip.matting
    assert [(item.object_id, item.name) for item in matting.objects] == [(1, "ring"), (2, "Object 2")]
    assert [(key.number, key.object_id) for key in matting.keyframes] == [(1, 1), (1, 2)]
    assert matting.recipe == "xmem"
    assert len(results(studio).numbers) == FRAMES
    studio.area.type = "CLIP_EDITOR"
    studio.space.clip = studio.clip
    assert studio.propagate() == {"FINISHED"}


def test_clip_shown_in_no_editor_is_saved(studio):
    propagated(studio)
    studio.area.type = "VIEW_3D"
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert len(bpy.data.movieclips) == 1


def test_a_project_moved_as_a_whole_finds_its_mattes(studio, tmp_path):
    propagated(studio)
    bpy.ops.wm.save_mainfile()
    moved = tmp_path / "elsewhere"
    shutil.move(studio.folder, moved)
    bpy.ops.wm.open_mainfile(filepath=str(moved / "shot.blend"))
    assert studio.matte_folder.root == moved / "keymatte" / studio.clip.name
    assert len(results(studio).numbers) == FRAMES


def test_a_file_saved_elsewhere_still_finds_its_mattes(studio, tmp_path):
    propagated(studio)
    (tmp_path / "versions").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "versions" / "shot 2.blend"))
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert len(results(studio).numbers) == FRAMES


def test_a_second_file_beside_the_first_does_not_take_its_folder(studio):
    propagated(studio)
    bpy.ops.wm.save_mainfile()
    first = studio.matte_folder.root
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / "other.blend"))
    studio.open(studio.folder / "film" / "shot_0001.png")
    studio.mark(1, media=0)
    assert studio.matte_folder.root == first.with_name(f"{first.name}-2")


def test_undo_after_propagate_keeps_the_mattes_and_the_next_run_works(studio):
    studio.open_film()
    bpy.ops.ed.undo_push(message="open")
    studio.mark(1, media=0)
    bpy.ops.ed.undo_push(message="mark")
    studio.mark(4, media=3)
    bpy.ops.ed.undo_push(message="mark again")
    studio.propagate()
    assert len(results(studio).numbers) == FRAMES
    bpy.ops.ed.undo()
    assert [key.number for key in studio.clip.matting.keyframes] == [1, 1]
    assert len(results(studio).numbers) == FRAMES
    assert str(studio.session.status.state) == "finished"
    assert studio.propagate() == {"FINISHED"}
    bpy.ops.ed.redo()
    assert [key.number for key in studio.clip.matting.keyframes] == [1, 1, 4, 4]
    assert studio.propagate() == {"FINISHED"}
    studio.click("matte_to_mask_layers")


def test_undo_while_a_job_runs_does_not_disturb_it(studio):
    studio.open_film(frames=60)
    bpy.ops.ed.undo_push(message="open")
    studio.mark(1, media=0)
    bpy.ops.ed.undo_push(message="mark")
    studio.click("matte_object_add")
    bpy.ops.ed.undo_push(message="object")
    studio.click("matte_propagate", recipe="colour")
    bpy.ops.ed.undo()
    assert studio.session.wait(120).state == "finished"
    assert len(results(studio).numbers) == 60


def test_clear_removes_results_and_nothing_else(studio):
    propagated(studio)
    root = studio.matte_folder.root
    (root / "mattes" / "notes.txt").write_text("mine")
    (root / "adapted.safetensors").write_bytes(b"what a network learned")
    (root / "my folder").mkdir()
    assert studio.click("matte_clear") == {"FINISHED"}
    left = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    kept = {path for path in left if path.startswith("keyframes/")}
    assert left - kept == {"keymatte.json", "mattes/notes.txt"}
    assert (root / "my folder").is_dir()
    assert results(studio).numbers == ()
    assert len(studio.clip.matting.keyframes) == 2
    assert studio.propagate() == {"FINISHED"}


def test_clear_is_refused_while_mattes_are_made(studio):
    studio.open_film(frames=200)
    studio.mark(1, media=0)
    studio.click("matte_propagate", recipe="colour")
    studio.clip.name = "renamed meanwhile"
    with pytest.raises(RuntimeError, match="in use by a running operation"):
        studio.click("matte_clear")


@pytest.mark.skipif(not hasattr(__import__("os"), "geteuid"), reason="file permissions are another thing on Windows")
def test_unwritable_folder_is_reported_when_a_keyframe_is_made(studio):
    (studio.folder / "keymatte").write_text("a file where the folder would be")
    studio.open_film()
    with pytest.raises(RuntimeError, match=r"cannot be written.*Save the \.blend"):
        studio.mark(1, media=0)


def test_folder_deleted_between_runs_is_reported(studio):
    propagated(studio)
    shutil.rmtree(Path(studio.matte_folder.root))
    with pytest.raises(RuntimeError, match="is missing"):
        studio.propagate()
