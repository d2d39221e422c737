"""Edits of mask layers made from mattes: keyed where a point is moved, eased to the keys around, and recorded."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.mask_editing import MOVE, edited, key_by_hand, layer_of, move, places, sparse
from tests.blender.studio import FRAMES, add_spline, circle, part


def test_a_moved_point_stays_and_the_frames_around_ease_to_it(layered):
    sparse(layered)
    layered.go(4)
    before = places(layered)
    after = move(layered)
    assert np.allclose(after - before, MOVE, atol=1e-6)
    for frame, share in ((1, 0), (2, 1 / 3), (3, 2 / 3), (4, 1), (5, 3 / 4), (6, 1 / 2), (7, 1 / 4), (8, 0)):
        layered.go(frame)
        assert np.allclose(places(layered) - before, MOVE * share, atol=1e-5), frame
    assert edited(layered) == [4]
    assert edited(layered, 2) == []


def test_the_artists_own_layer_in_the_same_mask_is_not_keyed(layered):
    mask = layered.clip.matting.mask
    own = add_spline(mask.layers.new(name="own"), circle(0.2, 0.2, 0.05), "FREE")
    bpy.context.view_layer.update()
    layered.go(2)
    layered.go(3)
    before = [tuple(point.co) for point in own.points]
    key_by_hand(layered, mask.layers["own"], {3: circle(0.2, 0.2, 0.05)})
    for point in own.points:
        point.co = (0.9, 0.9)
    move(layered)
    layered.go(4)
    layered.go(3)
    assert np.allclose([tuple(point.co) for point in own.points], before, atol=1e-6), "Blender forgets it, as ever"
    assert edited(layered) == [3]
    assert not mask.layers["own"].hide_select


def test_points_that_go_back_leave_no_key_and_no_record(layered):
    sparse(layered)
    layered.go(4)
    move(layered)
    assert edited(layered) == [4]
    move(layered, -MOVE)
    assert edited(layered) == []
    layered.go(6)
    move(layered)
    layered.go(4)
    assert np.allclose(places(layered)[0] - circle(0.3, 0.5, 0.1)[0], MOVE * 3 / 5, atol=1e-5), "frame 4 has no key"


def test_points_that_go_back_leave_the_earlier_key_as_it_was(layered):
    sparse(layered)
    layered.go(4)
    keyed = move(layered)
    layered.go(5)
    layered.go(4)
    move(layered)
    move(layered, -MOVE)
    assert edited(layered) == [4]
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), keyed, atol=1e-5)


def test_feather_and_handles_are_keyed(layered):
    sparse(layered)
    layered.go(4)
    point = layer_of(layered).splines[0].points[2]
    point.weight = 0.04
    bpy.context.view_layer.update()
    layered.go(8)
    assert layer_of(layered).splines[0].points[2].weight == 0
    layered.go(4)
    assert layer_of(layered).splines[0].points[2].weight == pytest.approx(0.04)
    layer_of(layered).splines[0].points[3].handle_left = (0.7, 0.7)
    bpy.context.view_layer.update()
    layered.go(8)
    layered.go(4)
    assert tuple(layer_of(layered).splines[0].points[3].handle_left) == pytest.approx((0.7, 0.7))
    assert edited(layered) == [4]


def test_an_edit_that_the_next_frame_overtakes_is_keyed(layered):
    sparse(layered)
    layered.go(4)
    for point in layer_of(layered).splines[0].points:
        point.co = point.handle_left = point.handle_right = np.array(point.co) + MOVE
    after = places(layered)
    layered.go(6)
    assert layered.scene.frame_current == 6
    layered.go(4)
    assert np.allclose(places(layered), after, atol=1e-5)
    assert edited(layered) == [4]


def test_undo_takes_the_edit_and_its_record_back_and_redo_brings_both(layered):
    sparse(layered)
    layered.go(4)
    bpy.ops.ed.undo_push(message="before")
    before = places(layered)
    after = move(layered)
    bpy.ops.ed.undo_push(message="moved")
    bpy.ops.ed.undo()
    bpy.context.view_layer.update()
    assert np.allclose(places(layered), before, atol=1e-5) and edited(layered) == []
    bpy.ops.ed.redo()
    bpy.context.view_layer.update()
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), after, atol=1e-5) and edited(layered) == [4]


def test_redo_keys_an_edit_whose_undo_step_came_before_the_key(layered):
    sparse(layered)
    layered.go(4)
    bpy.ops.ed.undo_push(message="before")
    for point in layer_of(layered).splines[0].points:
        point.co = point.handle_left = point.handle_right = np.array(point.co) + MOVE
    after = places(layered)
    bpy.ops.ed.undo_push(message="moved")
    bpy.context.view_layer.update()
    assert edited(layered) == [4]
    bpy.ops.ed.undo()
    bpy.context.view_layer.update()
    bpy.ops.ed.redo()
    bpy.context.view_layer.update()
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), after, atol=1e-5) and edited(layered) == [4]


def test_an_operation_run_again_after_undo_is_keyed(layered):
    sparse(layered)
    layered.go(4)
    bpy.ops.ed.undo_push(message="before")
    move(layered)
    bpy.ops.ed.undo_push(message="moved")
    bpy.ops.ed.undo()
    after = move(layered, 2 * MOVE)
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), after, atol=1e-5) and edited(layered) == [4]


def test_an_added_point_is_not_an_edit(layered):
    sparse(layered)
    layered.go(4)
    layer_of(layered).splines[0].points.add(1)
    bpy.context.view_layer.update()
    assert edited(layered) == []
    after = move(layered)
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), after, atol=1e-5) and edited(layered) == [4]


@pytest.mark.parametrize("setting", ["hide", "hide_select"])
def test_a_hidden_or_locked_layer_is_left_as_it_is(layered, setting: str):
    sparse(layered)
    layered.go(4)
    before = places(layered)
    setattr(layer_of(layered), setting, True)
    move(layered)
    assert edited(layered) == [] and getattr(layer_of(layered), setting)
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), before, atol=1e-5)


def test_a_renamed_layer_is_keyed(layered):
    sparse(layered).name = "hero"
    layered.go(4)
    after = move(layered, name="hero")
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered, "hero"), after, atol=1e-5) and edited(layered) == [4]


def test_without_an_editor_of_the_mask_blender_does_as_ever(layered):
    sparse(layered)
    layered.space.mode = "TRACKING"
    layered.go(4)
    before = places(layered)
    move(layered)
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), before, atol=1e-5) and edited(layered) == []


def test_a_mask_is_keyed_in_an_image_editor_and_not_in_a_clip_editor_without_a_clip(layered):
    mask, clip = layered.clip.matting.mask, layered.clip
    sparse(layered)
    layered.space.clip = None
    layered.go(4)
    before = places(layered)
    move(layered)
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), before, atol=1e-5), "Blender inserts no key there"
    layered.area.type = "IMAGE_EDITOR"
    layered.space.mode, layered.space.mask = "MASK", mask
    layered.go(5)
    layered.go(4)
    after = move(layered)
    layered.go(5)
    layered.go(4)
    assert np.allclose(places(layered), after, atol=1e-5)
    assert part("addon.edit_records").edited_numbers(clip, 1) == [4]


def test_a_deleted_layer_or_clip_raises_nothing(layered):
    mask = layered.clip.matting.mask
    mask.layers.remove(mask.layers["Object 2"])
    layered.go(3)
    move(layered)
    assert edited(layered) == [3]
    edits = part("addon.mask_edits")
    mask.layers.remove(mask.layers["Object 1"])
    assert edits.edited_frames(layered.clip, 1) == [], "without layers there is nothing to take"
    with pytest.raises(RuntimeError, match="No mask layer was edited"):
        layered.click("matte_take_edits")
    bpy.data.movieclips.remove(layered.clip)
    add_spline(mask.layers.new(name="mine"), circle(0.5, 0.5, 0.1))
    bpy.context.view_layer.update()
    layered.go(4)


def test_a_frame_outside_the_clip_is_keyed_but_not_recorded(layered):
    sparse(layered)
    layered.go(FRAMES + 4)
    after = move(layered)
    layered.go(1)
    layered.go(FRAMES + 4)
    assert np.allclose(places(layered), after, atol=1e-5)
    assert edited(layered) == [] and part("addon.edit_records").edited_objects(layered.clip) == []


def test_a_mask_of_two_clips_records_the_edit_with_the_clip_whose_layer_it_is(layered):
    other = bpy.data.movieclips.load(bpy.data.movieclips[0].filepath)
    other.name = "zz other"
    part("addon.objects").add_object(other)
    other.matting.key, other.matting.mask = "another", layered.clip.matting.mask
    layered.go(4)
    move(layered)
    assert edited(layered) == [4]
    assert part("addon.edit_records").edited_numbers(other, 1) == []


def test_records_are_file_numbers_and_are_saved(layered):
    layered.go(4)
    move(layered)
    layered.clip.frame_start += 10
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert edited(layered) == [4]
    assert part("addon.mask_edits").edited_frames(layered.clip, 1) == [4]


def test_writing_layers_is_not_an_edit(layered):
    layered.go(4)
    layered.click("matte_to_mask_layers")
    layered.go(5)
    assert edited(layered) == [] and edited(layered, 2) == []


def test_a_damaged_record_is_read_as_far_as_it_goes(layered):
    layered.go(4)
    move(layered)
    layered.clip.matting.mask.matte_edits[0].frames = "4 x -2 7 900 ⁴"
    assert edited(layered) == [4, 7, 900]
    assert part("addon.mask_edits").edited_frames(layered.clip, 1) == [4, 7]
