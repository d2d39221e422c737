"""The next step as the tab gathers it from a real file: the walk to the first matte, and what can be in its way."""

from __future__ import annotations

import os
import time

import bpy
import numpy as np
import pytest

from tests.blender.studio import MODULE, part, truth, write_film
from tests.blender.test_linked import link, show_clip
from tests.png import write_png

PYTHON = os.environ.get("KEYMATTE_ENGINE_PYTHON", "")


@pytest.fixture(autouse=True)
def fresh(extension):
    """Look at the disk anew, as after a second."""
    yield
    part("addon.arrival")._kept.clear()


def facts(studio):
    part("addon.arrival")._kept.clear()
    with studio.editor():
        return part("addon.arrival").gather(bpy.context)


def step(studio):
    return part("addon.next_step").next_step(facts(studio))


def press(studio, text: str) -> None:
    """Click the button of the next step with this text."""
    (button,) = (one for one in step(studio).buttons if one.text == text)
    space, _, name = button.operator.partition(".")
    with studio.editor():
        getattr(getattr(bpy.ops, space), name)(**dict(button.values))


def preferences():
    return bpy.context.preferences.addons[MODULE].preferences


def told(studio) -> None:
    """Have the clip's mattes looked at, as a timer does while the tab is drawn."""
    part("addon.forecast").refresh(studio.clip)
    part("addon.quality_list").update()


def test_the_walk_from_an_empty_file_to_mattes_that_are_used(studio):
    studio.area.type = "CLIP_EDITOR"
    assert step(studio).key == "open"
    first = write_film(studio.folder / "film")
    with studio.editor():
        bpy.ops.clip.open(directory=str(first.parent), files=[{"name": first.name}])
    studio.go(1)
    assert step(studio).key == "paint"
    press(studio, "Paint")
    assert step(studio).key == "stroke"
    labels = write_png(studio.folder / "labels.png", truth(0))
    studio.click("matte_keyframe_from_image", filepath=str(labels), all_objects=True)
    found = facts(studio)
    assert (step(studio).key, found.keyframes, len(found.objects), found.mattes) == ("propagate", 2, 2, 0)
    studio.propagate(recipe="")
    told(studio)
    assert facts(studio).due == 0
    while (now := step(studio)).key in ("fix", "fix here", "fix by painting"):
        fixes = part("addon.quality").to_fix(studio.clip)
        for fix in fixes:
            studio.click("matte_accept", object_id=fix.object_id, first=fix.first, last=fix.last)
        told(studio)
        assert step(studio) != now
    assert step(studio).key == "use"
    studio.click("matte_to_compositor")
    assert step(studio).key == "done"
    assert [hint.key for hint in part("addon.next_hints").hints(facts(studio))] == ["size"]
    studio.click("matte_scene_size")
    assert part("addon.next_hints").hints(facts(studio)) == ()
    studio.mark(6, media=5)
    told(studio)
    assert (step(studio).key, facts(studio).due > 0) == ("stale", True)
    bpy.context.window_manager.matte_brush.use_paint = False


@pytest.mark.parametrize("chosen", ["nowhere", "folder"])
def test_a_python_that_cannot_be_used_is_told_with_what_to_do(studio, chosen, tmp_path):
    studio.open_film()
    preferences().engine_python = str(tmp_path / ("missing" if chosen == "nowhere" else ""))
    found = step(studio)
    assert found.key == "engine python" and str(tmp_path) in found.text
    assert found.buttons[0].operator == "clip.matte_settings"
    preferences().engine_python = PYTHON
    assert step(studio).key == "paint"


def test_an_engine_that_is_not_installed_is_known_before_anything_is_drawn(studio):
    studio.area.type = "CLIP_EDITOR"
    preferences().engine_python = ""
    found = step(studio)
    assert found.key.startswith("engine") and "clip.matte_install_engine" in [one.operator for one in found.buttons]
    studio.open_film()
    studio.click("matte_paint_mode")  # painting goes without
    studio.click("matte_paint_mode")
    preferences().engine_python = PYTHON


def test_a_clip_whose_file_is_gone_or_no_picture(studio):
    studio.open_film()
    studio.mark(studio.clip.frame_start, media=0)
    film = studio.folder / "film"
    film.rename(studio.folder / "moved")
    assert step(studio).key == "clip missing" and str(film) in step(studio).text
    listed = {item.name: item.done for item in part("addon.next_step").checklist(facts(studio))}
    assert listed["Object"] and listed["Keyframe"], "they are not lost with the file"
    (studio.folder / "moved").rename(film)
    assert step(studio).key == "propagate"
    with studio.editor():  # what Blender does when a folder is confirmed without a file in it
        bpy.ops.clip.open(directory=str(studio.folder), files=[{"name": "film"}])
    assert step(studio).text == f"{film} is a folder. Open the movie, or the first image in it"
    assert "clip.open" in [button.operator for button in step(studio).buttons]
    broken = studio.folder / "broken.mp4"
    broken.write_text("no movie")
    with studio.editor():
        try:
            studio.space.clip = bpy.data.movieclips.load(str(broken))
        except RuntimeError:
            return  # Blender does not open it at all
    assert step(studio).key == "clip unreadable"


def test_every_button_of_a_step_has_an_operator_with_these_properties(extension):
    modules = [part(name) for name in ("addon.next_step", "addon.next_hints")]
    buttons = [one for module in modules for one in vars(module).values() if isinstance(one, modules[0].Button)]
    assert len(buttons) > 10
    for button in buttons:
        space, _, name = button.operator.partition(".")
        properties = getattr(getattr(bpy.ops, space), name).get_rna_type().properties
        assert {field for field, _ in button.values} <= set(properties.keys()), button


def test_a_linked_clip_is_made_local_with_the_button(studio):
    studio.open_film()
    link(studio)
    show_clip(studio)
    assert step(studio).key == "clip linked"
    press(studio, "Make Local")
    assert studio.space.clip.library is None
    assert step(studio).key == "paint"


def test_locked_hidden_and_masks_lead_on_with_one_button_each(studio):
    studio.open_film()
    studio.go(1)
    studio.click("matte_object_add")
    matting = studio.clip.matting
    matting.objects[0].lock = True
    assert step(studio).key == "locked"
    press(studio, "Unlock")
    matting.objects[0].show = False
    assert step(studio).key == "hidden"
    press(studio, "Show")
    assert not matting.objects[0].lock and matting.objects[0].show and step(studio).key == "paint"
    studio.click("matte_object_add", role="GARBAGE")
    assert step(studio).key == "mask active"
    press(studio, "Select Object 1")
    assert matting.active_object == 0 and step(studio).key == "paint"
    matting.active_object = 1
    matting.objects.remove(0)
    matting.active_object = 0
    assert step(studio).key == "mask alone"
    press(studio, "Add Object")
    assert step(studio).key == "paint"


def test_a_frame_outside_the_clip_and_a_short_scene(studio):
    studio.open_film(start=101)
    studio.go(1)
    assert step(studio).key == "outside"
    press(studio, "Go to the Clip")
    assert studio.scene.frame_current == 101 and step(studio).key == "paint"
    studio.scene.frame_end = 103
    (hint,) = part("addon.next_hints").hints(facts(studio))
    assert hint.key == "scene"
    with studio.editor():
        bpy.ops.clip.set_scene_frames()
    assert not part("addon.next_hints").hints(facts(studio))


def test_a_file_that_was_never_saved_is_told_once_there_is_work_in_it(studio):
    first = write_film(studio.folder / "film")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    studio.open(first)
    assert not part("addon.next_hints").hints(facts(studio))
    studio.mark(1, media=0)
    assert [hint.key for hint in part("addon.next_hints").hints(facts(studio))] == ["unsaved"]


def test_facts_are_gathered_within_a_frame_of_60_hz(studio):
    studio.open_film(frames=24)
    for frame in (1, 12, 24):
        studio.mark(frame, media=0)
    studio.propagate()
    told(studio)
    facts(studio)
    with studio.editor():
        times = []
        for _ in range(50):
            begun = time.perf_counter()
            part("addon.next_step").next_step(part("addon.arrival").gather(bpy.context))
            times.append(time.perf_counter() - begun)
    assert np.median(times) < 0.004, f"{1000 * np.median(times):.2f} ms: a quarter of what a frame at 60 Hz has"
