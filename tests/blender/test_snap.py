"""Snapping of keyframes by the operator, with the real engine."""

from __future__ import annotations

import tempfile
import time

import bpy
import numpy as np
import pytest

from engine.shared.alphas import hard_alpha
from tests.blender.editing import paint, painted, set_keyframe
from tests.blender.studio import HEIGHT, MODULE, WIDTH, box, iou, part, ring

ROUGH_BOX = (slice(0, 27), slice(85, 120))  # around the box on media frame 0


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    studio.click("matte_object_add")
    studio.click("matte_object_add")
    yield
    part("addon.snapping").forget()


def rough_box() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[ROUGH_BOX] = True
    return mask


def mark(studio, mask: np.ndarray, *, object_id: int = 2) -> None:
    """Set an object's keyframe on frame 1, as an undo step, and make the object active."""
    studio.go(1)
    set_keyframe(studio, mask, object_id=object_id)
    studio.clip.matting.active_object = object_id - 1
    bpy.ops.ed.undo_push(message="Lasso")


def start(studio, rough: np.ndarray, **marks) -> None:
    """Set object 2's keyframe to the rough mask on frame 1, and ask the engine, as a lasso does."""
    mark(studio, rough)
    alpha = hard_alpha(rough)
    part("addon.snapping").start(studio.clip, 2, 1, alpha, **marks)


def version(studio, object_id: int = 2) -> str:
    return part("addon.keyframes").find_keyframe(studio.clip, object_id, 1).version


def test_a_rough_keyframe_is_cleaned_and_undo_brings_it_back(studio):
    mark(studio, rough_box())
    assert iou(rough_box(), box(0)) < 0.75
    assert studio.click("matte_snap") == {"FINISHED"}
    assert iou(studio.keyframe_mask(2), box(0)) > 0.95
    alpha = studio.keyframe_alpha(2, 1)
    assert ((alpha > 0) & (alpha < 255)).any()
    bpy.ops.ed.undo()
    key = part("addon.keyframes").find_keyframe(studio.clip, 2, 1)
    np.testing.assert_array_equal(part("addon.keyframes").keyframe_alpha(studio.clip, key) >= 128, rough_box())
    bpy.ops.ed.redo()
    key = part("addon.keyframes").find_keyframe(studio.clip, 2, 1)
    assert iou(part("addon.keyframes").keyframe_alpha(studio.clip, key) >= 128, box(0)) > 0.95


def test_strokes_find_the_object(studio):
    strokes = np.zeros((HEIGHT, WIDTH), bool)
    strokes[9:12, 93:112] = True
    mark(studio, strokes)
    studio.click("matte_snap", strokes=True)
    assert iou(studio.keyframe_mask(2), box(0)) > 0.9


def test_a_lasso_with_snap_is_cleaned_on_release(studio):
    rows, columns = ROUGH_BOX
    corners = [(x, y) for y in (rows.start, rows.stop) for x in (columns.start, columns.stop)]
    paint(studio, corners[0], corners[1], corners[3], corners[2], tool="LASSO", snap=True)
    assert iou(painted(studio, object_id=2) >= 128, box(0)) > 0.95


def test_a_cut_by_the_lasso_with_snap_is_exact(studio):
    mark(studio, rough_box())
    paint(studio, (85, 0), (100, 0), (100, 27), (85, 27), tool="LASSO", remove=True, snap=True)
    expected = rough_box()
    expected[:, :100] = False
    np.testing.assert_array_equal(painted(studio, object_id=2) >= 128, expected)


def test_strokes_of_the_brush_with_snap_mark_the_object_and_what_is_not(studio):
    paint(studio, (93, 10), (112, 10), radius=2.0, snap=True)
    assert iou(painted(studio, object_id=2) >= 128, box(0)) > 0.9
    mark(studio, rough_box())
    paint(studio, (87, 24), (118, 24), radius=2.0, remove=True, snap=True)
    mask = painted(studio, object_id=2) >= 128
    assert iou(mask, box(0)) > 0.9 and not mask[23:26, 87:119].any()


def test_a_stroke_with_snap_changes_only_its_surroundings(studio):
    left = np.zeros((HEIGHT, WIDTH), bool)
    left[10:70, 4:30] = True
    mark(studio, left)
    paint(studio, (100, 60), (104, 60), radius=3.0, snap=True)  # on the background, which reaches across the frame
    mask = painted(studio, object_id=2) >= 128
    np.testing.assert_array_equal(mask[:, :60], left[:, :60])
    assert mask[60, 102]


def remove_beside_a_stroke_on_the_box(studio) -> None:
    """Mark a place on the box as the object, and paint a removing stroke with Snap on the rest of the box."""
    place = np.zeros((HEIGHT, WIDTH), bool)
    place[4:7, 93:97] = True
    mark(studio, place)
    paint(studio, (93, 16), (112, 16), radius=2.0, remove=True, snap=True)
    np.testing.assert_array_equal(painted(studio, object_id=2) >= 128, place)


def test_a_removing_stroke_beside_the_mask_marks_what_is_not_the_object(studio):
    remove_beside_a_stroke_on_the_box(studio)
    paint(studio, (93, 6), (112, 6), radius=2.0, snap=True)
    mask = painted(studio, object_id=2) >= 128
    assert mask[2:12, 94:111].mean() > 0.9
    assert not mask[15:17, 94:111].any()


def test_an_undone_stroke_no_longer_says_what_is_not_the_object(studio):
    remove_beside_a_stroke_on_the_box(studio)
    bpy.ops.ed.undo_push(message="Stroke")
    bpy.ops.ed.undo()
    paint(studio, (93, 6), (112, 6), radius=2.0, snap=True)
    assert (painted(studio, object_id=2) >= 128)[15:17, 94:111].all()


def test_other_objects_are_left_out(studio):
    whole = box(0)
    whole[:, 102:] = False  # object 1 is the left half of the box
    mark(studio, whole, object_id=1)
    mark(studio, rough_box())
    studio.click("matte_snap")
    found = studio.keyframe_mask(2)
    assert not (found & whole).any()
    assert iou(found, box(0) & ~whole) > 0.85


def test_an_object_that_the_mask_is_a_part_of_does_not_stop_it(studio):
    mark(studio, np.ones((HEIGHT, WIDTH), bool), object_id=1)
    mark(studio, rough_box())
    studio.click("matte_snap")
    assert iou(studio.keyframe_mask(2), box(0)) > 0.95


def test_what_was_sure_keeps_its_alpha_and_not_object_stays_out(studio):
    sure, never = np.zeros((2, HEIGHT, WIDTH), bool)
    sure[60:64, 20:24] = True
    never[10:12, 100:104] = True
    start(studio, (rough_box() | sure) & ~never, sure=sure, not_object=never)
    part("addon.snapping").wait()
    found = studio.keyframe_mask(2)
    assert found[sure].all() and not found[never].any()
    assert iou(found, (box(0) | sure) & ~never) > 0.9


def test_the_answer_for_a_keyframe_that_was_changed_meanwhile_is_dropped(studio):
    start(studio, rough_box())
    mark(studio, ring(0))
    with pytest.raises(Exception, match="changed meanwhile"):
        part("addon.snapping").wait()
    np.testing.assert_array_equal(studio.keyframe_mask(2), ring(0))


def test_the_answer_for_a_keyframe_whose_object_was_locked_meanwhile_is_dropped(studio):
    start(studio, rough_box())
    studio.clip.matting.objects[1].lock = True
    with pytest.raises(Exception, match="locked"):
        part("addon.snapping").wait()
    np.testing.assert_array_equal(studio.keyframe_mask(2), rough_box())


def test_the_same_question_is_asked_once(studio):
    start(studio, rough_box())
    part("addon.snapping").start(studio.clip, 2, 1, hard_alpha(rough_box()))
    part("addon.snapping").wait()
    assert iou(studio.keyframe_mask(2), box(0)) > 0.95


def test_it_snaps_while_a_propagation_runs(studio):
    studio.mark(1, media=0)
    mark(studio, rough_box())
    studio.click("matte_propagate", recipe="colour")
    assert studio.session.status.busy
    studio.click("matte_snap")
    assert iou(studio.keyframe_mask(2), box(0)) > 0.95
    assert studio.session.wait().state == "finished"


@pytest.mark.parametrize(
    ("mask", "words"),
    ((np.ones((HEIGHT, WIDTH), bool), "covers the picture"), (box(0), "better than the mask")),
    ids=("whole frame", "right already"),
)
def test_a_mask_that_cannot_be_snapped_stays_and_the_reason_is_said(studio, mask, words):
    mark(studio, mask)
    before = version(studio)
    with pytest.raises(RuntimeError, match=words):
        studio.click("matte_snap")
    assert version(studio) == before
    assert words in part("addon.snapping").outcome.error.sentence()
    notices, clip_id = part("addon.notices"), studio.clip.session_uid
    assert notices.text_over(clip_id).startswith("Not snapped: ") and words in notices.text_over(clip_id)
    assert not notices.text_over(clip_id + 1), "it is about this clip"


def test_a_notice_over_the_clip_goes_after_some_seconds_and_with_the_file(studio, monkeypatch):
    notices, clip_id = part("addon.notices"), studio.clip.session_uid
    notices.show(clip_id, "first")
    notices.show(clip_id, "second")
    assert notices.text_over(clip_id) == "second"
    studio.new_file()
    assert not notices.text_over(clip_id)
    monkeypatch.setattr(notices, "SECONDS", 0.0)
    notices.show(clip_id, "over at once")
    assert not notices.text_over(clip_id)


def test_without_a_mask_there_is_nothing_to_snap(studio):
    with pytest.raises(RuntimeError, match="no mask on frame 1 to snap"):
        studio.click("matte_snap")
    studio.click("matte_keyframe_from_mask", absent=True)
    with pytest.raises(RuntimeError, match="no mask on frame 1 to snap"):
        studio.click("matte_snap")


def test_a_frame_outside_the_clip_and_a_locked_object_are_refused(studio):
    studio.go(99)
    with pytest.raises(RuntimeError, match="outside the clip"):
        studio.click("matte_snap")
    mark(studio, rough_box())
    studio.clip.matting.objects[1].lock = True
    with pytest.raises(RuntimeError, match="Object 2 is locked"):
        studio.click("matte_snap")


def test_a_frame_that_cannot_be_read_leaves_the_mask(studio):
    mark(studio, rough_box())
    path = part("addon.clips").media_path(studio.clip)
    path.write_bytes(b"not an image")
    before = version(studio)
    with pytest.raises(RuntimeError, match=path.name):
        studio.click("matte_snap")
    assert version(studio) == before


def test_a_missing_engine_says_how_to_install_it(studio):
    bpy.context.preferences.addons[MODULE].preferences.engine_python = ""
    studio.session.close()
    mark(studio, rough_box())
    before = version(studio)
    with pytest.raises(RuntimeError, match="Install Engine"):
        studio.click("matte_snap")
    assert version(studio) == before
    assert not part("addon.snapping").is_pending(studio.clip)


def test_an_answer_that_comes_after_another_file_was_loaded_changes_nothing(studio, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start(studio, rough_box())
    session = studio.session
    studio.new_file()
    assert not part("addon.snapping")._pending
    limit = time.monotonic() + 60
    while session.answers_due:
        assert time.monotonic() < limit
        session.pump()
        time.sleep(0.01)
    assert part("addon.snapping").outcome == part("addon.snapping").Outcome()
    assert not list(tmp_path.glob("keymatte-snap-*"))
