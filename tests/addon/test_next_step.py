"""The next step: what the tab says and offers, for each state in which an artist can be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from keymatte.addon.next_hints import hints
from keymatte.addon.next_step import Active, ClipState, Engine, Facts, checklist, is_arriving, next_step

CLIP = Facts(clip=ClipState.READY, clip_name="shot")
OBJECT = replace(CLIP, objects=((0, "Bird"),), active=Active(0, "Bird"))
KEYED = replace(OBJECT, keyframes=1)
MATTED = replace(KEYED, mattes=40, due=0)
GARBAGE = Active(1, "Garbage 1", is_mask=True)


@pytest.mark.parametrize(
    ("facts", "key", "operators"),
    [
        (Facts(engine=Engine.MISSING), "engine", ["clip.matte_install_engine"]),
        (Facts(engine=Engine.PARTLY, engine_problem="Only partly"), "engine partly", ["clip.matte_install_engine"]),
        (Facts(engine=Engine.OTHER_VERSION), "engine version", ["clip.matte_install_engine"]),
        (
            Facts(engine=Engine.BAD_PYTHON, engine_problem="No module"),
            "engine python",
            ["clip.matte_settings", "clip.matte_show_log"],
        ),
        (
            Facts(engine=Engine.MISSING, engine_obstacle="Online access is off", is_offline=True),
            "engine offline",
            ["screen.userpref_show", "clip.matte_install_engine"],
        ),
        (
            Facts(engine=Engine.MISSING, engine_obstacle="There are no wheels"),
            "engine obstacle",
            ["clip.matte_install_engine", "clip.matte_settings"],
        ),
        (replace(KEYED, engine=Engine.MISSING), "engine", ["clip.matte_install_engine"]),
        (Facts(engine=Engine.INSTALLING), "open", ["clip.open"]),
        (replace(CLIP, engine=Engine.INSTALLING), "paint", ["clip.matte_paint_mode"]),
        (replace(KEYED, engine=Engine.INSTALLING), "wait", []),
        (Facts(), "open", ["clip.open"]),
        (Facts(clip=ClipState.MISSING), "clip missing", ["clip.open", "file.find_missing_files", "clip.reload"]),
        (replace(KEYED, clip=ClipState.MISSING), "clip missing", ["file.find_missing_files", "clip.reload"]),
        (Facts(clip=ClipState.UNREADABLE), "clip unreadable", ["clip.open", "clip.reload"]),
        (Facts(clip=ClipState.LINKED), "clip linked", ["clip.matte_make_local"]),
        (CLIP, "paint", ["clip.matte_paint_mode"]),
        (replace(CLIP, first_frame=101), "outside", ["wm.context_set_int"]),
        (replace(CLIP, is_painting=True), "stroke", []),
        (OBJECT, "paint", ["clip.matte_paint_mode"]),
        (replace(OBJECT, is_painting=True), "stroke", []),
        (replace(CLIP, active=GARBAGE), "mask alone", ["clip.matte_object_add"]),
        (replace(OBJECT, active=GARBAGE), "mask active", ["wm.context_set_int"]),
        (replace(OBJECT, active=Active(0, "Bird", locked=True)), "locked", ["wm.context_toggle"]),
        (replace(OBJECT, active=Active(0, "Bird", shown=False)), "hidden", ["wm.context_toggle"]),
        (KEYED, "propagate", ["clip.matte_propagate"]),
        (replace(KEYED, is_painting=True), "propagate", ["clip.matte_propagate"]),
        (replace(KEYED, active=GARBAGE), "propagate", ["clip.matte_propagate"]),
        (replace(KEYED, running="Propagating: 40%"), "running", ["clip.matte_cancel"]),
        (replace(MATTED, due=3, paused=True), "paused", ["clip.matte_pause"]),
        (replace(MATTED, due=3, waits=True), "waiting", []),
        (replace(MATTED, due=3), "stale", ["clip.matte_propagate"]),
        (replace(MATTED, due=3, to_fix=2), "stale", ["clip.matte_propagate"]),
        (replace(MATTED, due=None), "unknown", []),
        (replace(MATTED, to_fix=2), "fix", ["clip.matte_fix_jump"]),
        (replace(MATTED, to_fix=2, fix_here=(1, 4, 9)), "fix here", ["clip.matte_paint_mode", "clip.matte_accept"]),
        (replace(MATTED, to_fix=2, fix_here=(1, 4, 9), is_painting=True), "fix by painting", ["clip.matte_accept"]),
        (MATTED, "use", ["clip.matte_to_mask_layers", "clip.matte_to_compositor"]),
        (replace(MATTED, is_used=True), "done", []),
        (replace(MATTED, is_used=True, kept=4), "done", []),
    ],
)
def test_each_state_has_its_step(facts, key, operators):
    step = next_step(facts)
    assert (step.key, [button.operator for button in step.buttons]) == (key, operators)
    assert step.text or facts.engine_problem == facts.clip_problem == ""


def test_buttons_do_what_the_state_asks_for():
    assert dict(next_step(replace(KEYED, in_range=True)).buttons[0].values) == {"frames": "RANGE"}
    assert dict(next_step(KEYED).buttons[0].values) == {"frames": "CLIP"}
    assert dict(next_step(replace(CLIP, first_frame=101)).buttons[0].values)["value"] == 101
    back = next_step(replace(MATTED, to_fix=1, fix_is_before=True)).buttons[0]
    assert dict(back.values) == {"to": "PREVIOUS"}, "a jump forward would find nothing"
    accept = next_step(replace(MATTED, to_fix=1, fix_here=(2, 4, 9))).buttons[1]
    assert dict(accept.values) == {"object_id": 2, "first": 4, "last": 9}
    unlock = next_step(replace(OBJECT, active=Active(3, "Bird", locked=True))).buttons[0]
    assert dict(unlock.values)["data_path"].endswith("objects[3].lock")


def test_the_list_says_what_is_there_and_what_is_missing():
    done = {item.name: item.done for item in checklist(KEYED)}
    assert done == {"Engine": True, "Clip": True, "Object": True, "Keyframe": True, "Mattes": False}
    assert not any(item.done for item in checklist(Facts(engine=Engine.MISSING)))
    missing = Facts(engine=Engine.MISSING, engine_text="No GPU found: processor, 0.9 GB")
    assert checklist(missing)[0].problem and "0.9 GB" in next_step(missing).text
    assert checklist(Facts(engine_text="GeForce RTX 3060"))[0].text == "GeForce RTX 3060"
    assert checklist(Facts(clip=ClipState.MISSING))[1].problem


def test_the_list_goes_once_there_are_mattes_and_returns_with_a_problem():
    assert is_arriving(Facts()) and is_arriving(KEYED)
    assert not is_arriving(MATTED) and not is_arriving(replace(MATTED, due=3, to_fix=2))
    assert is_arriving(replace(MATTED, engine=Engine.MISSING)) and is_arriving(replace(MATTED, clip=ClipState.MISSING))


def test_hints_stand_beside_the_step_and_do_not_replace_it():
    assert hints(KEYED) == () and hints(replace(CLIP, saved=False)) == (), "nothing would be lost yet"
    (unsaved,) = hints(replace(KEYED, saved=False))
    assert unsaved.buttons[0].operator == "wm.save_mainfile"
    (scene,) = hints(replace(CLIP, scene_is_short=True))
    assert scene.buttons[0].operator == "clip.set_scene_frames"
    (size,) = hints(replace(MATTED, renders_differ=True))
    assert size.buttons[0].text == "Set Scene Size"
    assert next_step(replace(KEYED, saved=False, scene_is_short=True)).key == "propagate"
