"""Objects are locked, shown, ordered, duplicated and removed, each in one undo step."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.editing import do, keys, set_keyframe
from tests.blender.studio import part, ring


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_marked()


def names(studio) -> list[str]:
    return [item.name for item in studio.clip.matting.objects]


# -- lock --------------------------------------------------------------------------------------------------------------
def test_a_locked_object_keeps_its_keyframes_whatever_is_clicked(studio):
    ring_object = studio.clip.matting.objects[0]
    ring_object.name, ring_object.lock = "chair", True
    studio.clip.matting.active_object = 0
    before = studio.keyframe_mask()
    box_file = studio.folder / "labels 0.png"
    studio.click("matte_keyframe_copy")
    for operator, properties in (
        ("matte_keyframe_from_image", {"filepath": str(box_file)}),
        ("matte_keyframe_from_image", {"filepath": str(box_file), "all_objects": True}),
        ("matte_keyframe_from_mask", {"absent": True}),
        ("matte_keyframe_clear", {}),
        ("matte_keyframes_clear", {}),
        ("matte_keyframe_paste", {}),
        ("matte_not_visible_range", {"start": 1, "end": 3}),
        ("matte_object_remove", {}),
    ):
        with pytest.raises(RuntimeError, match=r"Chair is locked\. Unlock it in the list"):
            studio.click(operator, **properties)
    assert keys(studio) == [(1, 1), (1, 2)]
    assert (studio.keyframe_mask() == before).all()
    studio.clip.matting.objects[0].lock = False
    studio.click("matte_keyframe_clear")
    assert keys(studio) == [(1, 2)]


def test_painting_on_a_locked_object_is_refused_where_keyframes_are_stored(studio):
    studio.clip.matting.objects[1].lock = True
    keyframes, errors = part("addon.keyframes"), part("engine.shared.errors")
    with pytest.raises(errors.ObjectLocked):
        set_keyframe(studio, ring(0), object_id=2)
    assert keyframes.find_keyframe(studio.clip, 2, 1).area == np.count_nonzero(studio.keyframe_mask(2))


# -- order -------------------------------------------------------------------------------------------------------------
def test_objects_move_up_and_down_but_not_beyond_the_ends(studio):
    matting = studio.clip.matting
    studio.click("matte_object_add", name="third")
    studio.click("matte_object_move", direction="UP")
    assert names(studio) == ["Object 1", "third", "Object 2"]
    assert matting.active_object == 1
    studio.click("matte_object_move", direction="UP")
    studio.click("matte_object_move", direction="UP")
    assert (names(studio), matting.active_object) == (["third", "Object 1", "Object 2"], 0)
    studio.click("matte_object_move", direction="DOWN")
    assert (names(studio), matting.active_object) == (["Object 1", "third", "Object 2"], 1)


def test_with_solo_only_those_objects_are_shown_even_if_hidden(studio):
    shown = part("addon.objects").visible_objects
    first = studio.clip.matting.objects[0]
    first.show = False
    assert [item.object_id for item in shown(studio.clip)] == [2]
    first.solo = True
    assert [item.object_id for item in shown(studio.clip)] == [1]


# -- duplicate ---------------------------------------------------------------------------------------------------------
def test_a_duplicate_has_the_same_keyframes_and_stands_below(studio):
    studio.mark(4, media=3)
    matting = studio.clip.matting
    matting.active_object, matting.objects[0].name, matting.objects[0].lock = 0, "chair", True
    studio.click("matte_object_duplicate")
    assert names(studio) == ["chair", "chair.001", "Object 2"]
    assert (matting.active_object, matting.objects[1].lock) == (1, False)
    assert keys(studio) == [(1, 1), (1, 2), (1, 3), (4, 1), (4, 2), (4, 3)]
    for number in (1, 4):
        assert (studio.keyframe_alpha(3, number) == studio.keyframe_alpha(1, number)).all()
    studio.click("matte_object_duplicate")
    assert names(studio)[:3] == ["chair", "chair.001", "chair.002"]


def test_the_copys_keyframes_change_without_those_of_the_original(studio):
    studio.clip.matting.active_object = 0
    before = studio.keyframe_mask()
    studio.click("matte_object_duplicate")
    set_keyframe(studio, ring(2), object_id=3)
    assert (studio.keyframe_mask(3) == ring(2)).all()
    assert (studio.keyframe_mask(1) == before).all()


# -- remove ------------------------------------------------------------------------------------------------------------
def test_the_question_names_what_is_lost(studio):
    lost_with = part("addon.objects").lost_with
    clip = studio.clip
    assert lost_with(clip, clip.matting.objects[0]) == "1 keyframe"
    studio.mark(4, media=3)
    studio.propagate()
    assert lost_with(clip, clip.matting.objects[0]) == "2 keyframes and mattes on 8 frames"
    studio.click("matte_object_add")
    assert lost_with(clip, clip.matting.objects[2]) == ""


def test_a_removed_object_is_no_longer_shown_and_undo_brings_all_of_it_back(studio):
    studio.propagate()
    bpy.ops.ed.undo_push(message="start")
    before, matte = studio.keyframe_alpha(1), studio.matte(1, 3)
    studio.clip.matting.active_object = 0
    do(studio, "matte_object_remove")
    assert (names(studio), keys(studio)) == (["Object 2"], [(1, 2)])
    assert [item.object_id for item in part("addon.objects").visible_objects(studio.clip)] == [2]
    bpy.ops.ed.undo()
    assert (names(studio), keys(studio)) == (["Object 1", "Object 2"], [(1, 1), (1, 2)])
    assert (studio.keyframe_alpha(1) == before).all()
    assert (studio.matte(1, 3) == matte).all()
    bpy.ops.ed.redo()
    assert (names(studio), keys(studio)) == (["Object 2"], [(1, 2)])


def test_mattes_of_a_removed_object_go_with_the_next_run_but_its_keyframes_come_back_even_then(studio):
    studio.propagate()
    bpy.ops.ed.undo_push(message="start")
    before = studio.keyframe_alpha(1)
    studio.clip.matting.active_object = 0
    do(studio, "matte_object_remove")
    assert studio.matte_folder.matte(1, 3).is_file()
    studio.propagate()
    assert not studio.matte_folder.matte(1, 3).exists(), "although nothing was to be computed"
    assert studio.matte_folder.matte(2, 3).is_file()
    bpy.ops.ed.undo()
    assert (studio.keyframe_alpha(1) == before).all()


@pytest.mark.parametrize(
    ("operator", "properties"),
    [
        ("matte_object_duplicate", {}),
        ("matte_object_move", {"direction": "UP"}),
        ("matte_object_add", {"role": "GARBAGE"}),
    ],
)
def test_undo_and_redo_of_list_actions(studio, operator, properties):
    bpy.ops.ed.undo_push(message="start")
    before = names(studio), keys(studio)
    do(studio, operator, **properties)
    after = names(studio), keys(studio)
    assert after != before
    bpy.ops.ed.undo()
    assert (names(studio), keys(studio)) == before
    bpy.ops.ed.redo()
    assert (names(studio), keys(studio)) == after


def test_masks_have_numbers_of_their_own_and_no_mattes(studio):
    studio.click("matte_object_add", role="GARBAGE")
    studio.click("matte_object_add", role="GARBAGE")
    studio.click("matte_object_add", role="HOLDOUT")
    objects = studio.clip.matting.objects
    assert [(item.name, item.object_id) for item in objects] == [
        ("Hold-Out 1", 258),
        ("Object 1", 1),
        ("Object 2", 2),
        ("Garbage 1", 256),
        ("Garbage 2", 257),
    ]
    with pytest.raises(RuntimeError, match="Hold-Out 1 is a mask and has no mattes"):
        studio.click("matte_to_compositor", which="ACTIVE")
