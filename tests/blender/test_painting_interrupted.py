"""Painting while something else happens: answers of the engine, saving, runs, and places that are nowhere."""

from __future__ import annotations

import math

import bpy
import numpy as np
import pytest

from tests.blender.editing import paint, painted
from tests.blender.studio import HEIGHT, WIDTH, box, iou, part

NAN = math.nan
ROUGH = (slice(0, 27), slice(85, 120))  # around the box on media frame 0


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    yield
    part("addon.painting").forget()
    part("addon.snapping").forget()


def begin(studio, frame: int = 1, **options):
    return part("addon.painting").begin(studio.clip, frame, part("addon.brush").Brush(), 4.0, **options)


def start_snap(studio) -> np.ndarray:
    """Set object 1's keyframe on frame 1 to a rough mask, and ask the engine to snap it. Returns the mask."""
    rough = np.zeros((HEIGHT, WIDTH), bool)
    rough[ROUGH] = True
    studio.click("matte_object_add")
    keyframes = part("addon.keyframes")
    keyframes.set_keyframe(studio.clip, 1, 1, keyframes.hard_alpha(rough))
    part("addon.snapping").start(studio.clip, 1, 1, keyframes.hard_alpha(rough))
    return rough


# -- places ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "points",
    ([(NAN, 10), (20, 40), (60, 40)], [(20, 40), (60, NAN), (60, 40)]),
)
def test_places_that_are_nowhere_are_left_out_of_a_stroke(studio, points):
    paint(studio, *points, radius=5.0)
    given = painted(studio)
    studio.go(2)
    paint(studio, (20, 40), (60, 40), radius=5.0)
    np.testing.assert_array_equal(given, painted(studio, frame=2))


@pytest.mark.parametrize("place", ((NAN, 3), (3, math.inf), (-0.5, 3), (WIDTH, 3)))
def test_a_fill_outside_the_picture_is_refused_in_words(studio, place):
    with pytest.raises(RuntimeError, match="outside the picture"):
        paint(studio, place, tool="FILL")
    assert part("addon.canvas").current is None and not studio.clip.matting.objects


# -- snapping ----------------------------------------------------------------------------------------------------------
def test_an_answer_in_mid_stroke_stays_and_so_does_the_stroke(studio):
    start_snap(studio)
    stroke = begin(studio)
    stroke.extend(30, 60)
    part("addon.snapping").wait()
    stroke.extend(50, 60)
    part("addon.painting").end(stroke)
    found = painted(studio) >= 128
    assert found[60, 30:50].all()
    assert iou(found[:40], box(0)[:40]) > 0.95, "the stroke does not bring the rough mask back"


def test_an_answer_in_a_straight_stroke_stays_when_the_line_moves(studio):
    start_snap(studio)
    stroke = begin(studio)
    stroke.straight_to(100, 70, start=(90, 5))
    part("addon.snapping").wait()
    stroke.straight_to(50, 60, start=(30, 60))
    part("addon.painting").end(stroke)
    found = painted(studio) >= 128
    assert iou(found[:40], box(0)[:40]) > 0.95 and found[60, 30:50].all() and not found[45, 80:].any()


def test_an_answer_for_a_clip_that_was_moved_meanwhile_is_for_the_same_picture(studio):
    rough = start_snap(studio)
    studio.clip.frame_start = 4
    part("addon.snapping").wait()
    (key,) = studio.clip.matting.keyframes
    assert key.number == 1
    found = part("addon.keyframes").keyframe_alpha(studio.clip, key) >= 128
    assert iou(found, box(0)) > 0.95 > iou(rough, box(0))


# -- files, lists and runs ---------------------------------------------------------------------------------------------
def test_saving_in_mid_stroke_leaves_the_stroke_on_screen(studio):
    stroke = begin(studio)
    stroke.extend(30, 40)
    bpy.ops.wm.save_mainfile()
    assert part("addon.canvas").current is stroke.canvas
    stroke.extend(60, 40)
    part("addon.painting").end(stroke)
    assert [painted(studio)[40, x] for x in (30, 60)] == [255, 255] and part("addon.canvas").current is None


def test_a_stroke_on_a_hidden_object_says_that_it_is_hidden(studio):
    paint(studio, (30, 40))
    studio.click("matte_object_add")
    studio.clip.matting.objects[0].solo = True
    stroke = begin(studio)
    stroke.extend(60, 40)
    assert "Object 2 is hidden" in part("addon.painting").end(stroke)
    studio.clip.matting.objects[0].solo = False
    stroke = begin(studio)
    stroke.extend(70, 40)
    assert "hidden" not in part("addon.painting").end(stroke)


def test_not_visible_pasted_into_such_a_range_is_no_error(studio):
    paint(studio, (30, 40), radius=9.0)
    studio.click("matte_object_add")
    paint(studio, (30, 40), radius=9.0)
    studio.click("matte_not_visible_range", start=3, end=6)
    studio.go(4)
    studio.click("matte_keyframe_copy")
    studio.go(5)
    assert studio.click("matte_keyframe_paste") == {"FINISHED"}
    assert [(key.object_id, key.number, key.frames) for key in studio.clip.matting.keyframes] == [
        (1, 1, 1),
        (2, 1, 1),
        (2, 3, 4),
    ]


# -- damaged images ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("damage", (lambda path: path.write_bytes(path.read_bytes()[:60]), lambda path: path.unlink()))
def test_the_copy_for_jobs_stands_in_for_a_damaged_image_and_is_not_replaced_by_it(studio, damage):
    keyframes = part("addon.keyframes")
    paint(studio, (30, 40), radius=9.0)
    keyframes.keyframe_files(studio.clip)
    part("addon.painting").forget()
    (key,) = studio.clip.matting.keyframes
    damage(keyframes.image_path(studio.clip, key.version))
    paint(studio, (60, 40), radius=9.0)
    assert [painted(studio)[40, x] for x in (30, 60)] == [255, 255]


def test_a_run_keeps_the_good_copy_of_a_damaged_image(studio):
    keyframes = part("addon.keyframes")
    paint(studio, (30, 40), radius=9.0)
    before = studio.keyframe_alpha()
    (key,) = studio.clip.matting.keyframes
    path = keyframes.image_path(studio.clip, key.version)
    path.write_bytes(path.read_bytes()[:60])
    np.testing.assert_array_equal(studio.keyframe_alpha(), before)


def test_a_run_does_not_take_another_version_for_a_missing_one(studio):
    keyframes = part("addon.keyframes")
    paint(studio, (30, 40), radius=9.0)
    keyframes.keyframe_files(studio.clip)
    paint(studio, (60, 40), radius=9.0)
    (key,) = studio.clip.matting.keyframes
    keyframes.image_path(studio.clip, key.version).unlink()
    with pytest.raises(RuntimeError, match="keyframe on frame 1 is missing or damaged"):
        studio.propagate()
