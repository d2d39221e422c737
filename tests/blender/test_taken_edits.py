"""Edited frames of mask layers: taken as keyframes, rendered to images, and forgotten once mattes show them."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.mask_editing import edited, layer_of, move, sparse
from tests.blender.studio import FRAMES, HEIGHT, WIDTH, WORST_IOU, circle, iou, mask_by_node, part


def disc_at(x: float, y: float, radius: float) -> np.ndarray:
    """Return the pixels (H, W) bool of a circle in mask space."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    across, up = (columns - WIDTH / 2) / WIDTH + 0.5, (HEIGHT / 2 - rows) / WIDTH + 0.5
    return np.hypot(across - x, up - y) <= radius


def round_edit(studio, frame: int) -> None:
    """Make the first object's mask a large circle on a frame."""
    studio.go(frame)
    points = layer_of(studio).splines[0].points
    for point, place in zip(points, circle(0.5, 0.5, 0.2, len(points))):
        point.co = point.handle_left = point.handle_right = place
    bpy.context.view_layer.update()


def states(studio) -> tuple[int, int, int]:
    """Return how many frames the panel calls up to date, to redo and missing."""
    told = part("addon.forecast").refresh(studio.clip)
    return told.fresh, told.stale, told.missing


def test_edits_are_taken_as_keyframes_and_propagate_redoes_what_they_change(layered):
    layered.mark(5, media=4)
    layered.propagate(recipe="", everything=True)
    assert states(layered) == (FRAMES, 0, 0)
    sparse(layered, 60)
    round_edit(layered, 4)
    assert states(layered) == (FRAMES, 0, 0), "an edit alone changes no matte"
    layered.go(7)
    assert layered.click("matte_take_edits") == {"FINISHED"}
    keys = [(key.number, key.object_id) for key in layered.clip.matting.keyframes]
    assert keys == [(1, 1), (1, 2), (4, 1), (5, 1), (5, 2)]
    edit = layered.keyframe_mask(1, 4)
    assert iou(edit, disc_at(0.5, 0.5, 0.2)) > 0.96
    assert edited(layered) == [4], "the mattes do not show it yet"
    assert (layered.scene.frame_current, layered.space.mode) == (7, "MASK")
    assert states(layered) == (FRAMES - 3, 3, 0), "between the keyframes on frames 1 and 5"
    assert not np.array_equal(layered.matte(1, 4) >= 0.5, edit)
    layered.propagate(recipe="")
    assert states(layered) == (FRAMES, 0, 0)
    assert np.array_equal(layered.matte(1, 4) >= 0.5, edit)


def test_an_existing_keyframe_is_replaced_only_if_asked(layered, capfd):
    sparse(layered, 60)
    layered.mark(4, media=3, objects=1)
    before = layered.keyframe_alpha(1, 4)
    round_edit(layered, 4)
    capfd.readouterr()
    layered.click("matte_take_edits")
    assert "earlier keyframes of Object 1 kept on frames 4" in capfd.readouterr().out
    assert np.array_equal(layered.keyframe_alpha(1, 4), before)
    layered.click("matte_take_edits", replace=True)
    assert iou(layered.keyframe_mask(1, 4), disc_at(0.5, 0.5, 0.2)) > 0.96


def test_a_locked_object_gets_no_keyframe_and_an_empty_mask_makes_none(layered, capfd):
    sparse(layered, 60)
    round_edit(layered, 4)
    layered.clip.matting.objects[0].lock = True
    capfd.readouterr()
    layered.click("matte_take_edits")
    assert "Object 1 is locked" in capfd.readouterr().out
    layered.clip.matting.objects[0].lock = False
    layered.go(5)
    move(layered, np.array([5.0, 5.0]))
    layered.click("matte_take_edits")
    assert "the mask of Object 1 is empty on frames 5" in capfd.readouterr().out
    assert [(key.number, key.object_id) for key in layered.clip.matting.keyframes] == [(1, 1), (1, 2), (4, 1)]


def test_edited_images_show_the_object_alone_and_are_forgotten_once_mattes_show_them(layered, tmp_path):
    edits = part("addon.mask_edits")
    sparse(layered, 60)
    round_edit(layered, 4)
    layered.go(6)
    move(layered, name="Object 2")
    window = bpy.context.window_manager.windows[0]
    assert edits.edited_objects(layered.clip) == [1, 2]
    images = edits.edited_images(layered.clip, 1, tmp_path, window)
    assert [*images] == [4], "by the file number"
    values = part("addon.png").read(images[4]).values
    assert values.shape == (HEIGHT, WIDTH) and iou(values >= 128, disc_at(0.5, 0.5, 0.2)) > 0.96
    assert edits.forget_shown(layered.clip, 1, images) == set()
    layered.click("matte_take_edits")
    layered.propagate()
    assert edits.forget_shown(layered.clip, 1, images) == {4}
    assert edited(layered) == [] and edited(layered, 2) == [6]
    edits.forget(layered.clip, 2)
    assert edited(layered, 2) == []


def test_the_panel_says_what_was_edited(layered):
    panels = part("ui.panels")
    layered.go(4)
    move(layered)
    layered.go(5)
    move(layered)
    move(layered, name="Object 2")
    told = part("addon.edit_records").edited_objects(layered.clip)
    assert panels.edits_text(told) == "Mask layers edited: Object 1 on 2 frames, Object 2 on 1 frame"


def rewritten(studio, **options) -> np.ndarray:
    """Click To Mask Layers again, and return the first object's mask on frame 4, (H, W) bool."""
    studio.click("matte_to_mask_layers", **options)
    mask = studio.clip.matting.mask
    for layer in mask.layers:
        layer.hide_render = layer.name != "Object 1"
    drawn = mask_by_node(mask, 4, studio.folder) >= 0.5
    for layer in mask.layers:
        layer.hide_render = False
    return drawn


def test_layers_that_are_made_again_show_the_edits(layered):
    sparse(layered, 60)
    round_edit(layered, 4)
    for _ in range(2):
        assert iou(rewritten(layered), disc_at(0.5, 0.5, 0.2)) > 0.96
        assert edited(layered) == [4]
    assert iou(layered.matte(1, 6), disc_at(0.5, 0.5, 0.2)) < 0.9
    layered.go(6)
    assert iou(layered.matte(1, 4), rewritten(layered, edits="DISCARD")) > WORST_IOU
    assert edited(layered) == []


def test_edited_objects_can_be_left_as_they_are(layered):
    sparse(layered, 60)
    round_edit(layered, 4)
    count = len(layered.clip.matting.mask.layers["Object 1"].splines[0].points)
    assert iou(rewritten(layered, edits="LEAVE"), disc_at(0.5, 0.5, 0.2)) > 0.96
    assert len(layered.clip.matting.mask.layers["Object 1"].splines[0].points) == count
    layered.clip.matting.active_object = 0
    with pytest.raises(RuntimeError, match=r"mask layers of all these objects were edited\. Choose Keep My Edits"):
        layered.click("matte_to_mask_layers", which="ACTIVE", edits="LEAVE")


def test_locked_layers_are_left_as_they_are_and_told(layered, capfd):
    layer = layered.clip.matting.mask.layers["Object 1"]
    layer.hide_select = True
    places = [tuple(point.co) for point in layer.splines[0].points]
    capfd.readouterr()
    layered.click("matte_to_mask_layers")
    assert "locked, and left as they are: Object 1" in capfd.readouterr().out
    layer = layered.clip.matting.mask.layers["Object 1"]
    assert layer.hide_select and [tuple(point.co) for point in layer.splines[0].points] == places


def test_edits_move_along_when_the_clip_starts_later(layered):
    sparse(layered, 60)
    round_edit(layered, 4)
    layered.clip.frame_start += 10
    layered.click("matte_update_results")
    mask = layered.clip.matting.mask
    for layer in mask.layers:
        layer.hide_render = layer.name != "Object 1"
    assert iou(mask_by_node(mask, 14, layered.folder), disc_at(0.5, 0.5, 0.2)) > 0.96
    assert edited(layered) == [4]


def test_an_edit_made_while_splines_are_fitted_is_not_lost(layered):
    sparse(layered, 60)
    start = part("addon.mask_splines").start
    start(layered.clip, [1, 2], window=bpy.context.window_manager.windows[0], push_undo=False)
    round_edit(layered, 4)
    with layered.editor():
        status = layered.session.wait()
    assert "edited or locked meanwhile, and left as they are: Object 1" in status.warning
    layered.go(1)
    layered.go(4)
    assert edited(layered) == [4]
    mask = layered.clip.matting.mask
    for layer in mask.layers:
        layer.hide_render = layer.name != "Object 1"
    assert iou(mask_by_node(mask, 4, layered.folder), disc_at(0.5, 0.5, 0.2)) > 0.96
