"""Work that was begun before its file was saved lies beside the file afterwards, and is never lost on the way."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, MODULE, compositor_tree, part, write_film

NOTE = "keymatte-moved.json"


@pytest.fixture
def unsaved(studio):
    """A file that was never saved, with a marked clip."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_marked()
    return studio


def save(studio, name: str = "new.blend", **properties) -> Path:
    path = studio.folder / name
    bpy.ops.wm.save_as_mainfile(filepath=str(path), **properties)
    return path


def files(root: Path) -> dict[str, bytes]:
    """Return the files in a matte folder, but for the record of its owner, by their paths in it."""
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    found.pop("keyframes/owner.json", None)
    return found


def told(clip):
    return part("addon.outcomes").of_clip(clip)


def test_everything_is_beside_the_file_once_it_is_saved(unsaved):
    studio = unsaved
    studio.propagate(recipe="keymatte")
    studio.mark(5, media=4)
    studio.propagate(recipe="keymatte")
    studio.clip.matting.objects[0].refinement.use = True
    studio.click("matte_refine", wait=True)
    studio.click("matte_suggest", recipe="keymatte", wait=True)
    studio.click("matte_to_compositor")
    old = studio.matte_folder.root
    before = files(old)
    kinds = {name.split("/")[0] for name in before}
    assert kinds >= {"labels", "mattes", "keyframes", "versions", "refined", "keymatte.json", "keymatte-index.txt"}
    path = save(studio)
    new = studio.matte_folder.root
    assert new == path.parent / "keymatte" / studio.clip.name
    assert files(new) == before
    assert [one.name for one in old.rglob("*")] == [NOTE], "nothing else is left"
    assert studio.clip.matting.folder == f"//keymatte/{studio.clip.name}"
    shown = [Path(bpy.path.abspath(image.filepath)) for image in bpy.data.images if image.filepath]
    assert shown and all(one.is_file() and one.is_relative_to(new) for one in shown), shown
    state = part("addon.forecast").refresh(studio.clip)
    assert (state.fresh, state.stale, state.missing) == (FRAMES, 0, 0), "nothing is to be made again"
    assert studio.click("matte_undo_run") == {"FINISHED"}
    assert studio.click("matte_redo_run") == {"FINISHED"}
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert studio.matte_folder.root == new
    assert np.isfinite(studio.matte(1, 3)).all()
    studio.area.type, studio.space.clip = "CLIP_EDITOR", studio.clip
    assert studio.propagate() == {"FINISHED"}
    assert compositor_tree(studio.scene) is not None


def test_all_clips_move_each_into_its_own_folder(unsaved):
    unsaved.open(write_film(unsaved.folder / "film 2"), start=1)
    unsaved.mark(1, media=0)
    first, second = bpy.data.movieclips
    unsaved.open(write_film(unsaved.folder / "film 3"), start=1)  # without any work
    path = save(unsaved)
    roots = [part("addon.folders").existing_folder(clip).root for clip in (first, second)]
    assert roots == [path.parent / "keymatte" / clip.name for clip in (first, second)]
    assert sorted(one.name for one in (path.parent / "keymatte").iterdir()) == sorted(one.name for one in roots)


def test_the_folder_of_another_clip_beside_the_file_is_left_alone(unsaved):
    taken = unsaved.folder / "keymatte" / unsaved.clip.name
    taken.mkdir(parents=True)
    (taken / "labels").write_text("precious")
    save(unsaved)
    assert unsaved.matte_folder.root == taken.with_name(f"{taken.name}-2")
    assert (taken / "labels").read_text() == "precious"


def test_a_copy_that_is_saved_has_its_own_folder_and_the_work_goes_on_where_it_is(unsaved):
    old, before = unsaved.matte_folder.root, files(unsaved.matte_folder.root)
    stored = unsaved.clip.matting.folder_absolute
    path = save(unsaved, "copy.blend", copy=True)
    assert bpy.data.filepath == "" and unsaved.matte_folder.root == old
    assert unsaved.clip.matting.folder_absolute == stored and files(old) == before
    unsaved.mark(5, media=4)
    save(unsaved, "real.blend")
    assert unsaved.matte_folder.root.name == f"{unsaved.clip.name}-2"
    assert len(unsaved.clip.matting.keyframes) == 4
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert unsaved.matte_folder.root == path.parent / "keymatte" / unsaved.clip.name
    assert files(unsaved.matte_folder.root) == before
    unsaved.area.type, unsaved.space.clip = "CLIP_EDITOR", unsaved.clip
    assert unsaved.propagate() == {"FINISHED"}
    assert unsaved.matte_folder.root == path.parent / "keymatte" / unsaved.clip.name


def test_undo_across_the_first_save_finds_the_folder_at_its_new_place(unsaved):
    bpy.ops.ed.undo_push(message="marked")
    unsaved.propagate()
    unsaved.click("matte_to_compositor")
    bpy.ops.ed.undo_push(message="compositor")
    unsaved.mark(5, media=4)
    bpy.ops.ed.undo_push(message="marked again")
    save(unsaved)
    new = unsaved.matte_folder.root
    bpy.ops.ed.undo()
    assert unsaved.matte_folder.root == new and len(unsaved.clip.matting.keyframes) == 2
    shown = [Path(bpy.path.abspath(image.filepath)) for image in bpy.data.images if image.filepath]
    assert shown and all(one.is_file() for one in shown)
    unsaved.area.type, unsaved.space.clip = "CLIP_EDITOR", unsaved.clip
    unsaved.mark(6, media=5)
    assert unsaved.matte_folder.root == new
    bpy.ops.wm.save_mainfile()
    assert unsaved.clip.matting.folder_absolute == str(new), "the file says where it is"


def test_undo_to_before_the_folder_was_chosen_gives_the_same_folder_again(studio):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_film()
    bpy.ops.ed.undo_push(message="open")
    studio.mark(1, media=0)
    bpy.ops.ed.undo_push(message="mark")
    (studio.folder / "project").mkdir()  # beside the film, whose path has .. in it then
    save(studio, "project/new.blend")
    new = studio.matte_folder.root
    bpy.ops.ed.undo()
    assert studio.matte_folder is None
    studio.area.type, studio.space.clip = "CLIP_EDITOR", studio.clip
    studio.mark(3, media=2)
    assert studio.matte_folder.root == new


def test_a_folder_in_which_a_job_works_moves_when_the_job_has_ended(studio):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_marked(frames=60)
    old, homes = studio.matte_folder.root, part("addon.homes")
    studio.click("matte_propagate", recipe="colour")
    studio.pump_until(lambda: studio.session.status.done > 3)
    path = save(studio)
    assert studio.matte_folder.root == old and not homes.settle()
    assert studio.session.wait(60).state == "finished"
    assert homes.settle()
    new = path.parent / "keymatte" / studio.clip.name
    assert studio.matte_folder.root == new and len(studio.matte_folder.numbers_done()) == 60
    assert bpy.data.is_dirty, "the file on the disk names the folder's former place"
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert studio.matte_folder.root == new, "which leads to the present one"
    shutil.rmtree(old)
    assert studio.matte_folder.root == new, "it is known by its clip, as on another computer"


def test_a_paused_run_goes_on_from_its_checkpoint_after_the_move(studio):
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open_marked(frames=400)
    studio.click("matte_propagate", recipe="colour")
    studio.pump_until(lambda: any(studio.matte_folder.unfinished.glob("*/memory.safetensors")))
    studio.pump_until(lambda: studio.session.status.done > 60)
    studio.click("matte_pause")
    studio.pump_until(lambda: studio.state == "cancelled", seconds=10)
    save(studio)
    studio.click("matte_pause", resume=True)
    studio.pump_until(lambda: studio.session.status.done > 0)
    assert studio.session.status.done > 20, "it does not begin anew"
    studio.click("matte_cancel")
    studio.pump_until(lambda: studio.state == "cancelled", seconds=10)


def test_work_that_cannot_be_moved_stays_usable_and_this_is_told_until_it_is_moved(unsaved):
    old, before = unsaved.matte_folder.root, files(unsaved.matte_folder.root)
    (unsaved.folder / "keymatte").write_text("a file where the folder would be")
    path = save(unsaved)
    assert unsaved.matte_folder.root == old and files(old) == before
    problem = told(unsaved.clip).problem
    assert f"stay in {old}" in problem.message and "Save the file" in problem.remedy
    assert unsaved.propagate() == {"FINISHED"}
    bpy.ops.wm.open_mainfile(filepath=str(path))
    assert unsaved.matte_folder.root == old
    (unsaved.folder / "keymatte").unlink()
    bpy.ops.wm.save_mainfile()
    assert unsaved.matte_folder.root == path.parent / "keymatte" / unsaved.clip.name


def test_what_is_told_of_work_that_stays_is_taken_back_once_it_has_moved(unsaved):
    (unsaved.folder / "keymatte").write_text("a file where the folder would be")
    save(unsaved)
    assert told(unsaved.clip).problem
    (unsaved.folder / "elsewhere").mkdir()
    save(unsaved, "elsewhere/new.blend")
    assert unsaved.matte_folder.root.parent == unsaved.folder / "elsewhere" / "keymatte"
    assert told(unsaved.clip) is None


def test_a_save_that_fails_changes_nothing(unsaved):
    old, before = unsaved.matte_folder.root, files(unsaved.matte_folder.root)
    stored = unsaved.clip.matting.folder_absolute
    (unsaved.folder / "new.blend@").mkdir()  # the temporary file of Blender
    with pytest.raises(RuntimeError):
        save(unsaved)
    assert unsaved.matte_folder.root == old and files(old) == before
    assert unsaved.clip.matting.folder_absolute == stored
    assert not [*(unsaved.folder / "keymatte").rglob("*.png")]


def test_a_recovered_file_that_was_never_saved_has_its_mattes(unsaved):
    unsaved.propagate()
    recovered = unsaved.folder / "quit.blend"
    handlers = [*bpy.app.handlers.save_pre], [*bpy.app.handlers.save_post]
    bpy.app.handlers.save_pre.clear()  # Blender calls none for the file that it saves by itself
    bpy.app.handlers.save_post.clear()
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(recovered), copy=True)
    finally:
        bpy.app.handlers.save_pre.extend(handlers[0])
        bpy.app.handlers.save_post.extend(handlers[1])
    old = unsaved.matte_folder.root
    bpy.ops.wm.open_mainfile(filepath=str(recovered))
    assert unsaved.matte_folder.root == old
    assert len(part("addon.folders").results(unsaved.clip).numbers) == FRAMES
    save(unsaved)
    assert unsaved.matte_folder.root.parent == unsaved.folder / "keymatte"
    bpy.ops.wm.open_mainfile(filepath=str(recovered))
    assert unsaved.matte_folder.root.parent == unsaved.folder / "keymatte", "the note leads there"


def test_nothing_lies_in_the_folder_of_the_extension(unsaved):
    own = Path(bpy.utils.extension_path_user(MODULE))
    assert not unsaved.matte_folder.root.is_relative_to(own)
    assert unsaved.matte_folder.root.is_relative_to(part("engine.shared.user_folders").data_folder())


def test_work_of_an_earlier_version_is_taken_out_of_the_folder_of_the_extension(unsaved):
    root = unsaved.matte_folder.root
    former = Path(bpy.utils.extension_path_user(MODULE, path="mattes", create=True)) / root.name
    shutil.move(root, former)
    unsaved.clip.matting.folder = unsaved.clip.matting.folder_absolute = str(former)
    assert unsaved.matte_folder.root == former, "found where it was"
    (former.parent / "0123456789abcdef0123456789abcdef").write_text("no folder")
    (former.parent / "mine").mkdir()
    part("addon.homes").adopt()
    assert unsaved.matte_folder.root == root and not former.exists()
    assert len([*former.parent.iterdir()]) == 2, "what is not Keymatte's is left there"
    path = save(unsaved)
    assert unsaved.matte_folder.root == path.parent / "keymatte" / unsaved.clip.name


def test_what_the_last_run_has_made_is_still_told_after_saving(unsaved):
    unsaved.propagate()
    (unsaved.folder / "project").mkdir()
    save(unsaved, "project/new.blend")
    assert told(unsaved.clip).text == "Done"


def test_a_second_file_that_names_the_former_place_gets_a_copy_when_it_changes_anything(unsaved):
    with_old_path = unsaved.folder / "second.blend"
    lists = bpy.app.handlers.save_pre, bpy.app.handlers.save_post
    kept = [[*one] for one in lists]
    for one in lists:
        one.clear()
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(with_old_path), copy=True)  # as an earlier version of Keymatte did
    finally:
        for one, handlers in zip(lists, kept):
            one.extend(handlers)
    save(unsaved)
    first, before = unsaved.matte_folder.root, files(unsaved.matte_folder.root)
    bpy.ops.wm.open_mainfile(filepath=str(with_old_path))
    assert unsaved.matte_folder.root == first and len(part("addon.keyframes").keyframe_files(unsaved.clip)) == 2
    unsaved.area.type, unsaved.space.clip = "CLIP_EDITOR", unsaved.clip
    unsaved.mark(5, media=4)
    assert unsaved.matte_folder.root == first.with_name(f"{first.name}-2")
    assert files(first) == before
