"""Keyframes are copied, pasted, cleared, listed and visited, each in one undo step."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.editing import do, keys
from tests.blender.studio import box, part, ring, write_film
from tests.png import write_png


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_marked()
    part("addon.clipboard").copied = None


# -- copy and paste ----------------------------------------------------------------------------------------------------
def test_a_keyframe_is_pasted_on_another_frame_and_to_another_object(studio):
    studio.clip.matting.active_object = 0
    studio.click("matte_keyframe_copy")
    studio.go(5)
    studio.click("matte_keyframe_paste")
    assert (studio.keyframe_mask(1, 5) == ring(0)).all()
    studio.clip.matting.active_object = 1
    studio.click("matte_keyframe_paste")
    assert (studio.keyframe_mask(2, 5) == ring(0)).all()
    assert (studio.keyframe_mask(2, 1) == box(0)).all()


def test_soft_alpha_is_pasted_as_it_is(studio):
    keyframes = part("addon.keyframes")
    soft = np.linspace(0, 255, 80 * 120).astype(np.uint8).reshape(80, 120)
    keyframes.set_keyframe(studio.clip, 1, 2, soft)
    studio.clip.matting.active_object = 0
    studio.go(2)
    studio.click("matte_keyframe_copy")
    studio.go(6)
    studio.click("matte_keyframe_paste")
    assert (keyframes.keyframe_alpha(studio.clip, keyframes.find_keyframe(studio.clip, 1, 6)) == soft).all()


def test_what_was_copied_is_still_there_after_undo_and_in_a_new_file(studio):
    studio.clip.matting.active_object = 0
    bpy.ops.ed.undo_push(message="start")
    studio.click("matte_keyframe_copy")
    do(studio, "matte_keyframe_clear")
    bpy.ops.ed.undo()
    studio.go(3)
    studio.click("matte_keyframe_paste")
    assert (studio.keyframe_mask(1, 3) == ring(0)).all()
    studio.new_file()
    studio.open(write_film(studio.folder / "other film"))
    studio.click("matte_object_add")
    studio.click("matte_keyframe_paste")
    assert (studio.keyframe_mask(1, 1) == ring(0)).all()


def test_not_visible_is_pasted_as_such(studio):
    studio.clip.matting.active_object = 0
    studio.go(4)
    studio.click("matte_keyframe_from_mask", absent=True)
    studio.click("matte_keyframe_copy")
    studio.go(6)
    studio.click("matte_keyframe_paste")
    assert [(key.number, key.absent) for key in studio.clip.matting.keyframes if key.object_id == 1] == [
        (1, False),
        (4, True),
        (6, True),
    ]


def test_what_cannot_be_pasted_is_refused_in_words(studio):
    with pytest.raises(RuntimeError, match="Copy a keyframe first"):
        studio.click("matte_keyframe_paste")
    studio.go(2)
    with pytest.raises(RuntimeError, match="There is no keyframe of the active object on frame 2"):
        studio.click("matte_keyframe_copy")
    studio.go(1)
    studio.click("matte_keyframe_copy")
    studio.go(9)
    with pytest.raises(RuntimeError, match="Frame 9 is outside the clip"):
        studio.click("matte_keyframe_paste")
    studio.open(write_png(studio.folder / "small_0001.png", np.zeros((40, 60, 3), np.uint8)))
    studio.go(1)
    studio.space.clip = next(clip for clip in bpy.data.movieclips if clip.size[0] == 60)
    studio.click("matte_object_add")
    with pytest.raises(RuntimeError, match="The copied keyframe is 120x80, but the clip is 60x40"):
        studio.click("matte_keyframe_paste")


def test_undo_and_redo_of_a_paste_that_replaced_a_keyframe(studio):
    studio.clip.matting.active_object = 0
    studio.click("matte_keyframe_copy")
    studio.clip.matting.active_object = 1
    bpy.ops.ed.undo_push(message="start")
    do(studio, "matte_keyframe_paste")
    assert (studio.keyframe_mask(2) == ring(0)).all()
    bpy.ops.ed.undo()
    assert (studio.keyframe_mask(2) == box(0)).all()
    bpy.ops.ed.redo()
    assert (studio.keyframe_mask(2) == ring(0)).all()


# -- clear -------------------------------------------------------------------------------------------------------------
def test_all_keyframes_of_one_object_are_cleared_in_one_undo_step(studio):
    studio.mark(3, media=2)
    studio.clip.matting.active_object = 0
    bpy.ops.ed.undo_push(message="start")
    do(studio, "matte_keyframes_clear")
    assert keys(studio) == [(1, 2), (3, 2)]
    bpy.ops.ed.undo()
    assert keys(studio) == [(1, 1), (1, 2), (3, 1), (3, 2)]
    assert (studio.keyframe_mask(1, 3) == ring(2)).all()
    bpy.ops.ed.redo()
    assert keys(studio) == [(1, 2), (3, 2)]


# -- the list ----------------------------------------------------------------------------------------------------------
def listed(studio) -> list[tuple[int, int]]:
    """Return frame and object of the keyframes as the list shows them."""
    rows, matting = part("addon.rows"), studio.clip.matting
    shown = rows.shown_keyframes(matting)
    return [keys(studio)[row] for row in rows.keyframe_order(matting) if shown[row]]


def test_the_list_is_sorted_by_frame_then_by_the_order_of_objects(studio):
    studio.mark(3, media=2)
    assert listed(studio) == [(1, 1), (1, 2), (3, 1), (3, 2)]
    studio.clip.matting.active_object = 0
    studio.click("matte_object_move", direction="DOWN")
    assert listed(studio) == [(1, 2), (1, 1), (3, 2), (3, 1)]


def test_the_list_and_the_jumps_can_be_limited_to_the_active_object(studio):
    studio.mark(3, media=2, objects=1)
    studio.mark(4, media=3)
    matting = studio.clip.matting
    matting.keyframes_of_active, matting.active_object = True, 1
    studio.go(1)
    assert listed(studio) == [(1, 2), (4, 2)]
    studio.click("matte_keyframe_jump", to="NEXT")
    assert studio.scene.frame_current == 4
    matting.keyframes_of_active = False
    studio.go(1)
    studio.click("matte_keyframe_jump", to="NEXT")
    assert studio.scene.frame_current == 3


def test_a_click_on_a_row_goes_to_its_frame_and_object(studio):
    studio.mark(3, media=2)
    matting = studio.clip.matting
    matting.active_keyframe = keys(studio).index((3, 2))
    assert (studio.scene.frame_current, matting.active_object) == (3, 1)
    assert matting.active_keyframe == keys(studio).index((3, 2))


@pytest.mark.parametrize(
    ("area", "text"), [(0, "< 0.1 %"), (9600, "100 %"), (960, "10 %"), (912, "10 %"), (96, "1.0 %"), (4, "< 0.1 %")]
)
def test_areas_are_shown_as_a_share_of_the_frame(area, text):
    assert part("ui.lists").area_share(area, 120, 80) == text


def test_keyframes_are_counted_for_each_object(studio):
    studio.mark(3, media=2, objects=1)
    count = part("addon.objects").keyframe_count
    assert [count(studio.clip, number) for number in (1, 2, 3)] == [2, 1, 0]


# -- shortcuts ---------------------------------------------------------------------------------------------------------
def test_shortcuts_visit_keyframes_and_go_with_the_extension(studio):
    def shortcuts() -> list[tuple[str, str, bool]]:
        keymap = bpy.context.window_manager.keyconfigs.addon.keymaps["Clip"]
        items = [item for item in keymap.keymap_items if item.idname == "clip.matte_keyframe_jump"]
        return [(item.type, item.properties.to, item.alt) for item in items]

    keymaps = part("addon.keymaps")
    expected = [("DOWN_ARROW", "PREVIOUS", True), ("UP_ARROW", "NEXT", True)]
    assert sorted(shortcuts()) == expected
    keymaps.unregister()
    assert shortcuts() == []
    keymaps.register()
    assert sorted(shortcuts()) == expected
