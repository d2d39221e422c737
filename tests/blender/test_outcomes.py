"""What is told of a clip is about this clip, and disappears as soon as it is no longer true."""

from __future__ import annotations

import shutil

import bpy
import pytest

from tests.blender.studio import MODULE, part, write_film


def told(clip):
    return part("addon.outcomes").of_clip(clip)


def problem(clip) -> str:
    """Return the code of the problem that is told of a clip; empty if none is."""
    found = told(clip)
    return found.problem.code if found and found.problem else ""


def refused(studio, **properties) -> None:
    with pytest.raises(RuntimeError):
        studio.propagate(**properties)


@pytest.fixture
def two(studio):
    """Two marked clips, of which the second is shown."""
    studio.open_marked()
    studio.clip.name = "first"
    studio.open(write_film(studio.folder / "second film"), start=1).name = "second"
    studio.mark(1, media=0)
    return studio


def show(studio, name: str):
    studio.space.clip = bpy.data.movieclips[name]
    return studio.space.clip


def test_results_of_two_clips_are_told_on_each_of_them(two):
    first, second = bpy.data.movieclips["first"], bpy.data.movieclips["second"]
    two.propagate()
    assert told(second).text == "Done" and told(first) is None
    assert part("addon.job_queue").is_run(told(second))
    show(two, "first")
    two.propagate()
    assert two.click("matte_suggest", wait=True, recipe="keymatte") == {"FINISHED"}
    assert told(first).text.endswith("suggested") and told(second).text == "Done"
    two.click("matte_to_mask_layers")
    assert "mask layer" in told(first).text and told(second).text == "Done"
    assert not part("addon.job_queue").is_run(told(first)), "the frames of the run before are not told with it"
    show(two, "second")
    two.click("matte_export", directory=str(two.folder / "out"), wait=True)
    assert told(second).text == "Done" and "mask layer" in told(first).text


def test_an_error_on_one_clip_is_told_there_while_another_is_running(two):
    first, second = bpy.data.movieclips["first"], bpy.data.movieclips["second"]
    write_film(two.folder / "second film", frames=120)  # more than before
    show(two, "second")
    two.click("matte_propagate", recipe="colour")
    assert two.session.status.clip_uid == second.session_uid
    show(two, "first").matting.keyframes.clear()
    refused(two)
    assert problem(first) == "no-keyframes" and told(second) is None
    assert part("ui.runs").others_text(first) == "Running: second"
    assert part("ui.runs").others_text(second) == ""
    two.session.wait()
    assert problem(first) == "no-keyframes" and told(second).text == "Done"


def test_a_missing_keyframe_is_told_until_one_is_set(studio):
    studio.open_film()
    refused(studio)
    assert problem(studio.clip) == "no-keyframes"
    studio.mark(1, media=0)
    assert told(studio.clip) is None


def test_a_result_is_told_until_the_clip_is_changed_and_again_after_undo(studio):
    studio.open_film()
    bpy.ops.ed.undo_push(message="open")
    studio.mark(1, media=0)
    bpy.ops.ed.undo_push(message="mark")
    studio.propagate()
    assert told(studio.clip).text == "Done"
    studio.mark(5, media=4)
    bpy.ops.ed.undo_push(message="mark again")
    assert told(studio.clip) is None
    bpy.ops.ed.undo()
    assert told(studio.clip).text == "Done"
    studio.clip.matting.recipe = "xmem"
    assert told(studio.clip) is None
    studio.clip.matting.property_unset("recipe")
    studio.click("matte_clear")
    assert told(studio.clip) is None, "the mattes that it told of are gone"


def test_missing_footage_is_told_until_it_is_back_or_the_path_is_mended(studio):
    studio.open_marked()
    outcomes, film, away = part("addon.outcomes"), studio.folder / "film", studio.folder / "away"
    shutil.move(film, away)
    refused(studio)
    assert problem(studio.clip) == "clip-not-found"
    assert not outcomes.look() and problem(studio.clip), "it is still so"
    shutil.move(away, film)
    assert outcomes.look() and told(studio.clip) is None
    shutil.move(film, away)
    refused(studio)
    assert outcomes.may_go()
    studio.clip.filepath = str(away / "shot_0001.png")
    assert told(studio.clip) is None


def test_a_missing_engine_is_told_until_there_is_one(studio):
    studio.open_marked()
    preferences = bpy.context.preferences.addons[MODULE].preferences
    python, new = preferences.engine_python, studio.folder / "python"
    studio.session.close()
    preferences.engine_python = str(new)
    refused(studio)
    assert problem(studio.clip) == "python-missing"
    assert not part("addon.outcomes").look()
    shutil.copy(shutil.which("true"), new)
    assert part("addon.outcomes").look() and told(studio.clip) is None
    new.unlink()
    refused(studio)
    preferences.engine_python = python
    assert told(studio.clip) is None


def test_missing_weights_are_told_until_another_method_is_chosen_or_they_are_there(studio):
    studio.open_marked()
    studio.clip.matting.recipe = "xmem"
    refused(studio, recipe="")
    assert problem(studio.clip) == "weights-missing"
    studio.clip.matting.recipe = "keymatte"
    assert told(studio.clip) is None
    studio.clip.matting.recipe = "xmem"
    assert problem(studio.clip) == "weights-missing", "as it was"
    folder = part("addon.weights").folder()
    folder.mkdir(parents=True, exist_ok=True)
    assert not part("addon.outcomes").look()
    (folder / "XMem.safetensors").touch()
    assert part("addon.outcomes").look() and told(studio.clip) is None


def test_a_frame_out_of_reach_is_told_until_another_frame_is_shown(studio):
    studio.open_marked()
    studio.go(40)
    refused(studio, frames="BETWEEN")
    assert problem(studio.clip) == "keyframe-outside"
    studio.go(3)
    assert told(studio.clip) is None


def test_what_concerns_no_clip_is_told_apart_and_outlives_another_file(studio):
    studio.open_marked()
    studio.propagate()
    assert bpy.ops.clip.matte_test_engine(wait=True) == {"FINISHED"}
    outcomes = part("addon.outcomes")
    assert "is ready" in outcomes.general().text and told(studio.clip).text == "Done"
    uid = studio.clip.session_uid
    studio.new_file()
    assert "is ready" in outcomes.general().text and uid not in outcomes._kept
    studio.open_marked()
    studio.propagate()
    assert outcomes.general() is None, "old news"


def test_nothing_is_told_of_a_clip_that_was_removed(two):
    two.propagate()
    uid = bpy.data.movieclips["second"].session_uid
    bpy.data.movieclips.remove(bpy.data.movieclips["second"])
    assert part("addon.outcomes").look()
    assert uid not in part("addon.outcomes")._kept


def test_a_folder_that_is_not_keymattes_is_told_until_what_is_foreign_is_gone(studio):
    studio.open_marked()
    notes = studio.matte_folder.root / "notes.txt"
    notes.write_text("mine")
    refused(studio)
    assert problem(studio.clip) == "folder-taken" and not part("addon.outcomes").look()
    notes.unlink()
    assert part("addon.outcomes").look() and told(studio.clip) is None


def test_a_full_disk_is_told_until_there_is_room(studio, monkeypatch):
    studio.open_marked()
    causes, errors, outcomes = part("addon.causes"), part("engine.shared.errors"), part("addon.outcomes")
    room = shutil.disk_usage(studio.folder)
    monkeypatch.setattr(causes.shutil, "disk_usage", lambda path: room._replace(free=1 << 20))
    studio.session.show(errors.DiskFull("no space is left"), studio.clip.session_uid)
    assert problem(studio.clip) == "disk-full" and not outcomes.look()
    monkeypatch.setattr(causes.shutil, "disk_usage", lambda path: room._replace(free=1 << 30))
    assert outcomes.look() and told(studio.clip) is None
