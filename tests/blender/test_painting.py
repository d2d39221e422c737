"""Painting by operators, from the first stroke to undo: pixels of keyframes against shapes known by formula."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.editing import paint, painted, versions
from tests.blender.studio import HEIGHT, WIDTH, part, read_image, ring
from tests.png import write_png

Y, X = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    yield
    part("addon.painting").forget()


def capsule(start: tuple[float, float], end: tuple[float, float], radius: float) -> np.ndarray:
    """Return the distance (H, W) from within the edge of a capsule, in pixels."""
    along = np.array(end) - start
    length = max(float(np.hypot(*along)), 1e-9)
    place = np.clip(((X - start[0]) * along[0] + (Y - start[1]) * along[1]) / length**2, 0, 1)
    return radius - np.hypot(X - start[0] - place * along[0], Y - start[1] - place * along[1])


# -- strokes -----------------------------------------------------------------------------------------------------------
def test_first_stroke_adds_an_object_and_its_keyframe_in_clip_pixels(studio):
    paint(studio, (20, 30), (60, 30), radius=8.0)
    assert [item.name for item in studio.clip.matting.objects] == ["Object 1"]
    depth = capsule((20, 30), (60, 30), 8)
    alpha = painted(studio)
    assert (alpha[depth > 0.5] == 255).all() and (alpha[depth < -0.5] == 0).all()
    assert ((alpha >= 128) == (depth >= 0)).mean() > 0.999
    assert studio.clip.matting.keyframes[0].area == np.count_nonzero(alpha >= 128)


def test_a_stroke_that_removes_takes_away_from_the_keyframe(studio):
    paint(studio, (20, 30), (60, 30), radius=8.0)
    before = painted(studio)
    paint(studio, (40, 10), (40, 60), radius=4.0, remove=True)
    cut = capsule((40, 10), (40, 60), 4)
    assert (painted(studio)[cut > 0.5] == 0).all()
    assert (painted(studio)[cut < -0.5] == before[cut < -0.5]).all()


def test_pressure_sets_the_radius_and_a_pen_without_any_paints_in_full(studio):
    paint(studio, (30, 40, 0.5), (80, 40, 0.5), radius=16.0, use_pressure=True)
    assert ((painted(studio) >= 128) == (capsule((30, 40), (80, 40), 8) >= 0)).mean() > 0.999
    studio.go(2)
    paint(studio, *[(x, 40, 0.0) for x in (30, 50, 60, 70, 80)], radius=16.0, use_pressure=True)
    assert ((painted(studio, frame=2) >= 128) == (capsule((30, 40), (80, 40), 16) >= 0)).mean() > 0.999
    studio.go(3)
    paint(studio, (60, 40, 0.0), radius=16.0, use_pressure=True)  # a tap
    assert ((painted(studio, frame=3) >= 128) == (capsule((60, 40), (60, 40), 16) >= 0)).mean() > 0.999


def test_pressure_that_comes_late_leaves_no_blot_at_the_beginning(studio):
    paint(studio, (20, 40, 0.0), (25, 40, 0.25), (80, 40, 0.25), radius=16.0, use_pressure=True)
    assert ((painted(studio) >= 128) == (capsule((20, 40), (80, 40), 4) >= 0)).mean() > 0.999


def test_a_soft_brush_leaves_soft_alpha_and_the_same_shape(studio):
    paint(studio, (60, 40), radius=20.0, hardness=0.5)
    alpha = painted(studio)
    assert np.count_nonzero((alpha > 0) & (alpha < 255)) > 1000
    assert ((alpha >= 128) == (capsule((60, 40), (60, 40), 20) >= 0)).mean() > 0.999


def test_lasso_and_fill(studio):
    outline = [(10, 10), (90, 10), (90, 70), (10, 70)]
    paint(studio, *outline, tool="LASSO")
    assert (painted(studio) == np.where((X > 10) & (X < 90) & (Y > 10) & (Y < 70), 255, 0)).all()
    paint(studio, (20, 20), (40, 20), (40, 60), (20, 60), tool="LASSO", remove=True)
    assert painted(studio)[40, 30] == 0
    paint(studio, (30, 40), tool="FILL")
    assert (painted(studio) == np.where((X > 10) & (X < 90) & (Y > 10) & (Y < 70), 255, 0)).all()


def test_fill_empties_the_part_of_the_object_under_the_mouse(studio):
    paint(studio, (30, 40), radius=10.0)
    paint(studio, (90, 40), radius=10.0, hardness=0.6)
    paint(studio, (90, 40), tool="FILL", remove=True)
    alpha = painted(studio)
    assert alpha[40, 30] == 255 and not alpha[:, 60:].any(), "no soft rim is left"


@pytest.mark.parametrize(
    ("properties", "words"),
    (
        ({"tool": "FILL"}, "would flood the frame"),
        ({"tool": "FILL", "remove": True}, "nothing of the object is here"),
    ),
)
def test_fill_of_what_is_around_the_object_is_refused(studio, properties, words):
    paint(studio, (30, 40), radius=10.0)
    before = versions(studio)
    with pytest.raises(RuntimeError, match=f"(?i){words}"):
        paint(studio, (100, 10), **properties)
    assert versions(studio) == before and part("addon.canvas").current is None


def test_a_stroke_on_a_clip_of_sixteen_megapixels(studio):
    width, height = 4928, 3264
    pixels = np.zeros((height, width), np.uint8)
    pixels[::7] = 90
    studio.open(write_png(studio.folder / "large_1.png", pixels))
    paint(studio, (4800, 3200), (4900, 3200), radius=20.0)
    alpha = painted(studio)
    assert alpha.shape == (height, width)
    y, x = np.nonzero(alpha >= 128)
    assert (x.min(), x.max(), y.min(), y.max()) == (4780, 4919, 3180, 3219)
    assert not alpha[:3100].any()


def test_a_stroke_of_ten_thousand_samples(studio):
    turn = np.linspace(0, 20 * np.pi, 10_000)
    paint(studio, *zip(60 + turn / 2 * np.cos(turn), 40 + turn / 2 * np.sin(turn)), radius=2.0)
    assert painted(studio)[40, 60] == 255 and np.count_nonzero(painted(studio)) > 2000


# -- what a stroke starts from -----------------------------------------------------------------------------------------
def test_a_stroke_corrects_the_computed_matte_and_leaves_it_on_disk(studio):
    studio.mark(1, media=0, objects=1)
    studio.propagate()
    matte = (studio.matte(1, 4) * 255).round().astype(np.uint8)
    assert np.count_nonzero((matte > 0) & (matte < 255)), "it is soft"
    studio.go(4)
    paint(studio, (105, 70), radius=5.0)
    added = capsule((105, 70), (105, 70), 5)
    alpha = painted(studio, frame=4)
    assert (alpha[added > 0.5] == 255).all()
    assert (alpha[added < -0.5] == matte[added < -0.5]).all()
    assert ((studio.matte(1, 4) * 255).round() == matte).all()


def test_without_a_matte_the_label_image_is_the_start(studio):
    studio.mark(1, media=0)
    studio.propagate()
    labels = (read_image(studio.matte_folder.labels(4))[..., :3] * 255).round()
    studio.matte_folder.matte(2, 4).unlink()
    studio.go(4)
    studio.clip.matting.active_object = 1
    paint(studio, (5, 75), radius=3.0)
    alpha = painted(studio, frame=4, object_id=2)
    assert alpha[75, 5] == 255 and (alpha[:60] > 0).any()
    assert len(np.unique(labels[:60][alpha[:60] > 0], axis=0)) == 1 and not set(np.unique(alpha[:60])) - {0, 255}


def test_start_empty_paints_without_the_matte_and_is_absent_until_then(studio):
    studio.mark(1, media=0, objects=1)
    studio.propagate()
    studio.go(4)
    studio.click("matte_start_empty")
    assert studio.clip.matting.keyframes[1].absent and not painted(studio, frame=4).any()
    paint(studio, (105, 70), radius=5.0)
    assert not studio.clip.matting.keyframes[1].absent
    assert ((painted(studio, frame=4) >= 128) == (capsule((105, 70), (105, 70), 5) >= 0)).all()


def test_a_stroke_in_a_range_without_the_object_starts_from_nothing(studio):
    studio.mark(1, media=0, objects=1)
    studio.propagate()
    studio.go(4)
    assert studio.matte(1, 4).any(), "there is a matte from before"
    studio.click("matte_not_visible_range", start=3, end=6)
    paint(studio, (105, 70), radius=5.0)
    assert ((painted(studio, frame=4) >= 128) == (capsule((105, 70), (105, 70), 5) >= 0)).all()


def test_a_stroke_on_a_mask_starts_from_the_keyframe_that_holds(studio):
    studio.click("matte_object_add", role="GARBAGE")
    mask_id = studio.clip.matting.objects[-1].object_id
    studio.go(2)
    paint(studio, (20, 20), radius=6.0)
    held = painted(studio, frame=2, object_id=mask_id)
    studio.go(5)
    paint(studio, (90, 60), radius=6.0)
    after = painted(studio, frame=5, object_id=mask_id)
    assert (after[:40, :60] == held[:40, :60]).all() and held[20, 20] == 255
    assert after[60, 90] == 255


def test_start_from_the_nearest_keyframe_before_or_after(studio):
    for frame, x in ((1, 20), (2, 40), (7, 90)):
        studio.go(frame)
        paint(studio, (x, 40), radius=6.0)
    studio.go(3)
    studio.click("matte_start_empty")  # nothing to copy
    studio.go(4)
    studio.click("matte_start_from_keyframe", which="PREVIOUS")
    assert (painted(studio, frame=4) == painted(studio, frame=2)).all()
    studio.click("matte_start_from_keyframe", which="NEXT")
    assert (painted(studio, frame=4) == painted(studio, frame=7)).all()
    studio.go(8)
    with pytest.raises(RuntimeError, match="no keyframe after frame 8"):
        studio.click("matte_start_from_keyframe", which="NEXT")


def test_start_from_another_objects_keyframe_or_matte(studio):
    studio.mark(1, media=0)
    studio.propagate()
    studio.click("matte_object_add")
    studio.go(1)
    studio.click("matte_start_from_object", source=1)
    assert ((painted(studio, object_id=3) >= 128) == ring(0)).all()
    studio.go(3)
    studio.click("matte_start_from_object", source=1)
    assert (painted(studio, frame=3, object_id=3) == (studio.matte(1, 3) * 255).round()).all()
    studio.go(7)
    with pytest.raises(RuntimeError, match="Object 2 has nothing on frame 7"):  # the box has left the picture
        studio.click("matte_start_from_object", source=2)


# -- undo --------------------------------------------------------------------------------------------------------------
def test_undo_and_redo_bring_keyframes_back_pixel_for_pixel(studio):
    bpy.ops.ed.undo_push(message="begin")
    states = []
    for x, remove in ((30, False), (60, False), (30, True)):
        paint(studio, (x, 40), radius=9.0, remove=remove)
        bpy.ops.ed.undo_push(message="stroke")
        states.append(painted(studio))
    for state in reversed(states[:-1]):
        bpy.ops.ed.undo()
        assert (painted(studio) == state).all()
        assert (studio.keyframe_alpha() == state).all(), "the next job reads it too"
    bpy.ops.ed.undo()
    assert not studio.clip.matting.keyframes and not studio.clip.matting.objects, "the object was the stroke's"
    for state in states:
        bpy.ops.ed.redo()
        assert (painted(studio) == state).all()
        assert (studio.keyframe_alpha() == state).all()


def test_undo_past_the_first_stroke_and_painting_again(studio):
    bpy.ops.ed.undo_push(message="begin")
    paint(studio, (30, 40), radius=9.0)
    bpy.ops.ed.undo_push(message="stroke")
    while bpy.ops.ed.undo.poll() and bpy.data.movieclips and studio.clip.matting.objects:
        bpy.ops.ed.undo()
    paint(studio, (80, 40), radius=5.0)
    assert versions(studio)[0][:2] == (1, 1)
    assert ((painted(studio) >= 128) == (capsule((80, 40), (80, 40), 5) >= 0)).all()


def test_strokes_survive_saving_and_opening(studio):
    paint(studio, (30, 40), (70, 50), radius=9.0, hardness=0.7)
    alpha = painted(studio)
    bpy.context.window_manager.matte_brush.use_paint = True
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert (painted(studio) == alpha).all()
    assert not bpy.context.window_manager.matte_brush.use_paint


def test_the_brush_stays_when_a_file_is_opened_but_a_tool_for_one_stroke_does_not(studio):
    bpy.ops.wm.save_mainfile()
    chosen = bpy.context.window_manager.matte_brush
    chosen.radius, chosen.use_snap, chosen.mode = 77.0, True, "REMOVE"
    chosen.tool = "LASSO"
    chosen.once = True
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    opened = bpy.context.window_manager.matte_brush
    assert (opened.radius, opened.use_snap, opened.mode, opened.tool) == (77.0, True, "REMOVE", "BRUSH")
    for name in ("radius", "use_snap", "mode"):
        opened.property_unset(name)


# -- the switch and the brush ------------------------------------------------------------------------------------------
def test_the_switch_turns_painting_on_and_off(studio):
    chosen = bpy.context.window_manager.matte_brush
    studio.click("matte_paint_mode")
    assert chosen.use_paint
    studio.click("matte_paint_mode")
    assert not chosen.use_paint
    studio.click("matte_paint_mode", leave=True)
    assert not chosen.use_paint


def test_keys_scale_the_brush_and_choose_the_tool_of_one_stroke(studio):
    chosen = bpy.context.window_manager.matte_brush
    chosen.use_paint = True
    studio.click("matte_brush_radius", radius=20.0)
    studio.click("matte_brush_scale", factor=1.25)
    assert chosen.radius == 25.0
    studio.click("matte_brush_scale", factor=0.01)
    assert chosen.radius == 0.5, "a brush keeps a size"
    studio.click("matte_brush_tool", tool="LASSO")
    assert (chosen.tool, chosen.once) == ("LASSO", True)
    studio.click("matte_brush_tool", tool="LASSO")
    assert (chosen.tool, chosen.once) == ("BRUSH", False)
    studio.click("matte_brush_tool", tool="FILL")
    chosen.tool = "LASSO"
    assert not chosen.once, "a tool chosen in the panel stays"
    chosen.tool = "BRUSH"
