"""Copied files and clips have their own keyframes and mattes from their first change on."""

from __future__ import annotations

import shutil

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, compositor_tree, part, write_film


def propagated(studio) -> None:
    studio.open_marked()
    studio.propagate()
    bpy.ops.wm.save_mainfile()


def results(clip):
    return part("addon.folders").results(clip)


def mark_absent(studio, frame: int) -> None:
    studio.go(frame)
    studio.click("matte_keyframe_from_mask", absent=True)


def open_file(studio, name: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(studio.folder / name))


def test_changes_in_a_new_version_leave_the_old_version_unchanged(studio):
    propagated(studio)
    first, before = studio.matte_folder, studio.matte(2, 2)
    assert before.any()
    bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / "shot 2.blend"))
    mark_absent(studio, 2)
    assert studio.matte_folder.root == first.root.with_name(f"{first.root.name}-2")
    assert len(results(studio.clip).numbers) == FRAMES, "the new version has the mattes made so far"
    studio.propagate()
    bpy.ops.wm.save_mainfile()
    assert not studio.matte(2, 2).any()
    open_file(studio, "shot.blend")
    assert studio.matte_folder.root == first.root
    assert (studio.matte(2, 2) == before).all()
    assert [key.number for key in studio.clip.matting.keyframes] == [1, 1]
    studio.area.type = "CLIP_EDITOR"
    studio.space.clip = studio.clip
    assert studio.propagate() == {"FINISHED"}
    assert studio.matte_folder.root == first.root
    open_file(studio, "shot 2.blend")
    assert not studio.matte(2, 2).any()
    assert len(part("addon.keyframes").keyframe_files(studio.clip)) == 3


def test_the_compositor_of_a_new_version_shows_its_own_mattes(studio):
    propagated(studio)
    studio.click("matte_to_compositor")
    bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / "shot 2.blend"))
    studio.propagate()
    (group,) = [node for node in compositor_tree(studio.scene).nodes if node.type == "GROUP"]
    node = group.node_tree.nodes["Keymatte matte 1"]
    shown = bpy.path.abspath(node.image.filepath)
    assert str(studio.matte_folder.root) in shown
    assert studio.matte_folder.root.name.endswith("-2")


def test_a_file_that_was_renamed_or_copied_with_its_folder_keeps_it(studio, tmp_path):
    propagated(studio)
    shutil.move(studio.folder / "shot.blend", studio.folder / "renamed.blend")
    open_file(studio, "renamed.blend")
    root = studio.matte_folder.root
    assert part("addon.folders").matte_folder(studio.clip).root == root
    shutil.copytree(studio.folder, tmp_path / "copied")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "copied" / "renamed.blend"))
    assert part("addon.folders").matte_folder(studio.clip).root == tmp_path / "copied" / "keymatte" / root.name


def test_copied_clip_and_original_have_separate_files(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    original, copy = studio.clip, studio.clip.copy()
    first = studio.matte_folder.root
    studio.space.clip = copy
    studio.go(4)
    studio.click("matte_keyframe_clear")
    studio.go(1)
    studio.click("matte_keyframe_clear")
    assert len(part("addon.keyframes").keyframe_files(copy)) == 1
    assert len(part("addon.keyframes").keyframe_files(original)) == 2
    second = part("addon.folders").existing_folder(copy).root
    assert second != first
    assert studio.click("matte_clear") == {"FINISHED"}
    assert not results(copy).numbers
    assert len(results(original).numbers) == FRAMES
    assert studio.click("matte_propagate", recipe="colour", wait=True) == {"FINISHED"}
    studio.click("matte_to_mask_layers")
    assert copy.matting.mask != original.matting.mask
    assert part("addon.folders").matte_folder(original).root == first
    assert part("addon.folders").matte_folder(copy).root == second


def test_copied_clip_has_its_own_nodes_and_the_mattes_made_so_far(studio):
    propagated(studio)
    studio.click("matte_to_compositor")
    count = len(nodes(studio))
    copy = studio.clip.copy()
    studio.space.clip = copy
    studio.click("matte_to_compositor")
    assert len(nodes(studio)) == 2 * count
    folder = part("addon.folders").existing_folder(copy)
    made = part("addon.png").read(folder.matte(1, 3)).values
    assert np.array_equal(made, part("addon.png").read(studio.matte_folder.matte(1, 3)).values)


def nodes(studio) -> list:
    groups = [node for node in compositor_tree(studio.scene).nodes if node.type == "GROUP"]
    return [node for group in groups for node in group.node_tree.nodes]


def test_undone_first_change_in_a_new_version_keeps_its_folder(studio):
    propagated(studio)
    bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / "shot 2.blend"))
    bpy.ops.ed.undo_push(message="saved as")
    mark_absent(studio, 2)
    bpy.ops.ed.undo_push(message="not here")
    own = studio.matte_folder.root
    bpy.ops.ed.undo()
    mark_absent(studio, 3)
    assert studio.matte_folder.root == own


def test_clips_whose_names_differ_only_in_case_have_two_folders_everywhere(studio):
    first = studio.open_film()
    second = bpy.data.movieclips.load(str(write_film(studio.folder / "second")))
    first.name, second.name = "Shot", "shot"
    folders = [part("addon.folders").matte_folder(clip).root.name for clip in (first, second)]
    assert folders == ["Shot", "shot-2"]


# -- clearing ----------------------------------------------------------------------------------------------------------
def paint(studio, number: int) -> bytes:
    """Replace the ring's matte of a frame by that of another frame, as an edited matte; return its bytes."""
    folder = studio.matte_folder
    data = folder.matte(1, number + 1).read_bytes()
    folder.matte(1, number).unlink()
    folder.matte(1, number).write_bytes(data)
    return data


@pytest.mark.parametrize(
    "name, folder",
    [
        ("aux.mp4", "_aux.mp4"),
        ("NUL", "_NUL"),
        ("com1.take 2.mov", "_com1.take 2.mov"),
        ("auxiliary.mp4", "auxiliary.mp4"),
        ("a: \\b?. ", "a_ _b_"),
        ("..", "clip"),
        ("日" * 80, "日" * (60 if bpy.app.version >= (5, 0, 0) else 21)),
    ],
)
def test_a_clips_folder_has_a_name_that_every_system_allows(studio, name, folder):
    studio.open_film()
    studio.clip.name = name
    for root in (folder, f"{folder}-2"):
        studio.mark(1, media=0)
        assert studio.matte_folder.root.name == root
        bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / f"{root} of shot.blend"))


def test_clear_keeps_edited_mattes_unless_told_otherwise(studio):
    propagated(studio)
    folder, data = studio.matte_folder, paint(studio, 3)
    assert part("addon.clearing").edited_images(studio.clip) == 1
    assert studio.click("matte_clear") == {"FINISHED"}
    assert [path.name for path in folder.image_files()] == ["000003.png"]
    assert folder.matte(1, 3).read_bytes() == data
    assert studio.propagate() == {"FINISHED"}
    assert "1 matte that was edited by hand was kept (object 1, frame 3)" in studio.session.status.note
    assert folder.matte(1, 3).read_bytes() == data
    assert studio.click("matte_clear", edited=True) == {"FINISHED"}
    assert not any(folder.image_files())
    assert part("addon.keyframes").keyframe_files(studio.clip)


def test_edited_mattes_of_a_copied_clip_are_known(studio):
    propagated(studio)
    paint(studio, 3)
    bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / "shot 2.blend"))
    mark_absent(studio, 2)
    assert studio.matte_folder.root.name.endswith("-2")
    assert part("addon.clearing").edited_images(studio.clip) == 1


def test_clear_deletes_nothing_behind_links_and_no_files_of_others(studio, tmp_path):
    propagated(studio)
    folder, outside = studio.matte_folder, tmp_path / "outside"
    (outside / "009").mkdir(parents=True)
    for name in ("000001.png", "009/000001.png", "001.npz"):
        (outside / name).write_text("precious")
    (folder.root / "outlines").symlink_to(outside)
    (folder.root / "mattes" / "009").symlink_to(outside / "009")
    (folder.root / "mattes" / "010").mkdir()
    (folder.root / "mattes" / "010" / "000001.png").write_text("mine")
    assert studio.click("matte_clear") == {"FINISHED"}
    assert sorted(path.name for path in outside.rglob("*") if path.is_file()) == ["000001.png", "000001.png", "001.npz"]
    assert (folder.root / "mattes" / "010" / "000001.png").read_text() == "mine"
    assert not results(studio.clip).numbers


def test_clear_deletes_nothing_in_a_folder_that_a_file_from_elsewhere_names(studio, tmp_path):
    propagated(studio)
    foreign = tmp_path / "foreign"
    for name in ("labels/000001.png", "mattes/001/000001.png", "keyframes/001/000001.png", "adapted.safetensors"):
        (foreign / name).parent.mkdir(parents=True, exist_ok=True)
        (foreign / name).write_text("precious")
    studio.clip.matting.folder = studio.clip.matting.folder_absolute = str(foreign)
    before = sorted(path for path in foreign.rglob("*") if path.is_file())
    assert "does not say that its mattes were made" in refused(studio)
    (foreign / "keymatte.json").write_text('{"keymatte": "0.1.0"}')
    assert "does not say that its mattes were made" in refused(studio), "a folder of the command line"
    assert sorted(path for path in foreign.rglob("*") if path.is_file() and path.name != "keymatte.json") == before


def refused(studio) -> str:
    """Click Clear Mattes, which must fail; return its message."""
    try:
        studio.click("matte_clear")
    except RuntimeError as error:
        return str(error)
    raise AssertionError("it was not refused")


def test_clear_is_refused_while_another_process_writes_to_the_folder(studio):
    propagated(studio)
    with part("engine.shared.folder_lock").locked(studio.matte_folder.root):
        assert "in use by another run" in refused(studio)
    assert len(results(studio.clip).numbers) == FRAMES


def test_a_keyframe_on_a_broken_picture_fails_or_is_done_in_part(studio):
    propagated(studio)
    pictures = sorted(path for path in studio.folder.rglob("shot_*.png") if "keymatte" not in path.parts)
    assert len(pictures) == FRAMES
    pictures[3].write_bytes(pictures[3].read_bytes()[:200])
    assert "No matte was made: image shot_0004.png is damaged" in failed(studio), "no other is to be made"
    studio.propagate(everything=True)
    status = studio.session.status
    assert status.text.startswith(f"Done in part: {FRAMES - 1} of {FRAMES} frames"), status
    pictures[0].write_bytes(pictures[0].read_bytes()[:200])
    pictures[4].write_bytes(pictures[4].read_bytes()[:200])
    assert "nothing can be propagated" in failed(studio)
    assert studio.session.status.state == "failed"


def failed(studio) -> str:
    """Propagate, which must fail; return the message."""
    try:
        studio.click("matte_propagate", recipe="colour", wait=True)
    except RuntimeError as error:
        return str(error)
    raise AssertionError("it did not fail")
