"""Edited frames of mask layers: taken as keyframes, rendered to images, and forgotten once mattes show them."""

from __future__ import annotations

import bpy
import numpy as np

from tests.blender.mask_editing import edited, layer_of, move, sparse
from tests.blender.studio import FRAMES, HEIGHT, WIDTH, circle, part


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


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


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
    assert [*images] == [3], "by the media frame"
    values = part("addon.png").read(images[3]).values
    assert values.shape == (HEIGHT, WIDTH) and iou(values >= 128, disc_at(0.5, 0.5, 0.2)) > 0.96
    assert edits.forget_shown(layered.clip, 1, images) == set()
    layered.click("matte_take_edits")
    layered.propagate()
    assert edits.forget_shown(layered.clip, 1, images) == {3}
    assert edited(layered) == [] and edited(layered, 2) == [6]
    edits.forget(layered.clip, 2)
    assert edited(layered, 2) == []


def test_the_editor_shows_the_new_mask_but_keeps_one_that_the_artist_chose(studio, capfd):
    studio.open_film()
    studio.mark(1, media=0)
    studio.propagate()
    copy = bpy.data.masks.new("copy for the compositor")
    copy["keymatte"] = f"{studio.clip.matting.key}/1"
    for shown in (None, copy):
        studio.space.mode, studio.space.mask = "MASK", shown
        studio.click("matte_to_mask_layers")
        assert studio.space.mask == studio.clip.matting.mask
    own = studio.space.mask = bpy.data.masks.new("own")
    capfd.readouterr()
    studio.click("matte_to_mask_layers")
    assert studio.space.mask == own
    assert "the editor still shows mask own: choose shot_0001.png mattes in its header" in capfd.readouterr().out


def test_the_panel_says_what_was_edited(layered):
    panels = part("ui.panels")
    layered.go(4)
    move(layered)
    layered.go(5)
    move(layered)
    move(layered, name="Object 2")
    told = part("addon.edit_records").edited_objects(layered.clip)
    assert panels.edits_text(told) == "Mask layers edited: Object 1 on 2 frames, Object 2 on 1 frame"
