"""What each view shows on a frame: which objects, in which order, and from which files."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import HEIGHT, WIDTH, box, part, ring

VIEWS = ["TINT", "OUTLINE", "ALPHA", "BLACK_WHITE", "CHECKER", "COLOUR", "KEYFRAMES"]


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    for name in ("ring", "box", "sky"):
        studio.click("matte_object_add", name=name)


@pytest.fixture
def canvas():
    """Yield the module of the canvas, which no test leaves in place."""
    module = part("addon.canvas")
    yield module
    module.current = None


def shown(studio, number: int = 1) -> list[tuple[str, str]]:
    """Return the names and kinds of the layers of a frame, the topmost first."""
    return [(layer.name, str(layer.kind)) for layer in reversed(layers(studio, number))]


def layers(studio, number: int = 1) -> list:
    views = part("addon.matte_views")
    folder = part("addon.folders").existing_folder(studio.clip)
    source = views.Source(folder.root if folder else None, (WIDTH, HEIGHT), 1)
    return views.layers(studio.clip, [number], source)[number]


def alpha(layer) -> np.ndarray:
    """Return what is read for a layer, as the alpha of the whole frame."""
    reader = part("addon.matte_reader").MatteReader()
    try:
        reader.request(1, [layer.wanted])
        assert reader.wait(1, 20.0)
        picture = reader.picture(layer.wanted)
    finally:
        reader.close()
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    height, width = picture.values.shape
    whole[picture.top : picture.top + height, picture.left : picture.left + width] = picture.values
    return whole


def set_keyframe(studio, object_id: int, mask: np.ndarray, frame: int = 1) -> None:
    keyframes = part("addon.keyframes")
    keyframes.set_keyframe(studio.clip, object_id, frame, keyframes.hard_alpha(mask))


# -- layers ------------------------------------------------------------------------------------------------------------
def test_the_first_object_of_the_list_lies_on_top(studio):
    set_keyframe(studio, 2, box(0))
    assert [name for name, _ in shown(studio)] == ["ring", "box", "sky"]


def test_a_keyframe_is_shown_in_place_of_the_computed_matte_at_once(studio):
    studio.mark(1, media=0)
    studio.propagate()
    assert shown(studio, 3) == [("ring", "matte"), ("box", "matte"), ("sky", "matte")]
    matte = next(layer for layer in layers(studio, 3) if layer.name == "ring")
    soft = np.rint(studio.matte(1, 3) * 255).astype(np.uint8)
    assert (alpha(matte) == soft).all() and ((soft > 0) & (soft < 255)).any()
    painted = np.roll(ring(0), 30, axis=1)
    set_keyframe(studio, 1, painted, frame=3)
    assert shown(studio, 3)[0] == ("ring", "keyframe")
    assert ((alpha(layers(studio, 3)[-1]) > 0) == painted).all()
    bpy.ops.ed.undo_push(message="keyframe")
    part("addon.keyframes").clear_keyframe(studio.clip, 1, 3)
    assert shown(studio, 3)[0] == ("ring", "matte")


def test_an_absent_object_has_no_matte_but_a_note(studio):
    studio.mark(1, media=0)
    studio.propagate()
    part("addon.keyframes").set_absent(studio.clip, 1, 4)
    assert shown(studio, 4)[0] == ("ring", "absent")
    lines = part("ui.notes").lines
    assert lines(layers(studio, 4), "TINT") == ["ring: not visible here"]
    assert lines(layers(studio, 3), "TINT") == []


def test_views_without_marks_name_the_keyframes(studio):
    set_keyframe(studio, 1, ring(0))
    lines = part("ui.notes").lines
    assert lines(layers(studio), "TINT") == []
    assert lines(layers(studio), "BLACK_WHITE") == ["ring: keyframe"]


def test_many_notes_are_cut_short(studio):
    for object_id in range(1, 4):
        part("addon.keyframes").set_absent(studio.clip, object_id, 1)
    notes = part("ui.notes")
    many = layers(studio) * 3
    assert len(notes.lines(many, "TINT")) == 6
    assert notes.lines(many, "TINT")[-1] == "and 4 more"


def test_the_canvas_is_shown_in_place_of_all_else(studio, canvas):
    set_keyframe(studio, 1, ring(0))
    clip = studio.clip
    canvas.current = canvas.Canvas(clip.session_uid, 1, 1, np.zeros((HEIGHT, WIDTH), np.uint8))
    assert shown(studio)[0] == ("ring", "canvas")
    clip.matting.objects[0].show = False
    assert shown(studio)[0] == ("ring", "canvas"), "what is painted is seen even if its object is hidden"
    clip.matting.objects[0].show = True
    canvas.current.number = 2
    assert shown(studio)[0] == ("ring", "keyframe")
    canvas.current.number, canvas.current.clip_uid = 1, clip.session_uid + 1
    assert shown(studio)[0] == ("ring", "keyframe")


def test_hidden_objects_are_not_shown_and_solo_shows_only_its_own(studio):
    studio.mark(1, media=0)
    objects = studio.clip.matting.objects
    objects[2].show = False
    assert [name for name, _ in shown(studio)] == ["ring", "box"]
    objects[1].solo = True
    assert [name for name, _ in shown(studio)] == ["box"]
    objects[1].show = False
    assert [name for name, _ in shown(studio)] == ["box"], "solo is stronger than a hidden object"


def test_alpha_shows_the_active_object_whatever_is_hidden(studio):
    studio.mark(1, media=0)
    matting = studio.clip.matting
    matting.view, matting.active_object, matting.objects[1].show = "ALPHA", 1, False
    assert [name for name, _ in shown(studio)] == ["box"]


def test_garbage_masks_cover_nothing(studio):
    studio.mark(1, media=0)
    matting = studio.clip.matting
    matting.objects[1].role = "GARBAGE"
    assert [name for name, _ in shown(studio)] == ["box", "ring", "sky"], "it lies over all objects"
    for view in ("BLACK_WHITE", "CHECKER", "COLOUR"):
        matting.view = view
        assert [name for name, _ in shown(studio)] == ["ring", "sky"]


def test_keyframes_only_shows_no_computed_mattes(studio):
    studio.mark(1, media=0)
    studio.propagate()
    studio.clip.matting.view = "KEYFRAMES"
    assert shown(studio, 1) == [("ring", "keyframe"), ("box", "keyframe")]
    assert shown(studio, 3) == []


def test_a_clip_without_a_folder_has_nothing_to_show(studio):
    studio.clip.matting.folder = ""
    assert layers(studio) == []


def test_thirty_objects_are_shown(studio):
    for _ in range(27):
        studio.click("matte_object_add")
    studio.mark(1, media=0)
    assert len(layers(studio)) == 30


# -- ranges and masks --------------------------------------------------------------------------------------------------
def notes(studio, number: int) -> list[str]:
    return part("ui.notes").lines(reversed(layers(studio, number)), studio.clip.matting.view)


def add_mask(studio, role: str, name: str) -> int:
    """Add a garbage or hold-out mask below all objects, and return its number."""
    matting = studio.clip.matting
    studio.click("matte_object_add", role=role, name=name)
    matting.objects.move(matting.active_object, len(matting.objects) - 1)
    return matting.objects[len(matting.objects) - 1].object_id


def test_a_range_hides_a_stale_matte_on_all_its_frames(studio):
    studio.mark(1, media=0)
    studio.propagate()
    part("addon.absences").set_absence(studio.clip, 3, 3, 6)
    kinds = [dict(shown(studio, number))["sky"] for number in range(2, 8)]
    assert kinds == ["matte", *["absent"] * 4, "matte"]
    assert notes(studio, 4) == notes(studio, 6) == ["sky: not visible here"]
    assert notes(studio, 7) == []


def test_a_keyframe_overrides_the_range_it_lies_in(studio):
    part("addon.absences").set_absence(studio.clip, 1, 2, 5)
    set_keyframe(studio, 1, ring(0), frame=4)
    assert [shown(studio, number)[0][1] for number in (2, 3, 4, 5)] == ["absent", "absent", "keyframe", "absent"]


def test_the_mask_that_counts_is_shown_on_every_frame(studio):
    garbage = add_mask(studio, "GARBAGE", "rig")
    set_keyframe(studio, garbage, ring(0), frame=3)
    set_keyframe(studio, garbage, box(0), frame=6)
    kinds = [dict(shown(studio, number))["rig"] for number in range(1, 9)]
    assert kinds == ["held", "held", "keyframe", "held", "held", "keyframe", "held", "held"]
    for number, mask in ((1, ring(0)), (3, ring(0)), (5, ring(0)), (6, box(0)), (8, box(0))):
        layer = next(layer for layer in layers(studio, number) if layer.name == "rig")
        assert ((alpha(layer) > 0) == mask).all(), number
        assert layer.is_key == (number in (3, 6))
    assert notes(studio, 1) == ["rig: as on frame 3"] and notes(studio, 8) == ["rig: as on frame 6"]
    assert notes(studio, 3) == []


def test_a_mask_that_has_ended_is_not_shown(studio):
    garbage = add_mask(studio, "HOLDOUT", "pole")
    set_keyframe(studio, garbage, ring(0), frame=3)
    part("addon.keyframes").set_absent(studio.clip, garbage, 6)
    kinds = [dict(shown(studio, number)).get("pole") for number in (5, 6, 7)]
    assert kinds == ["held", "absent", None]
    assert notes(studio, 6) == ["pole: ends here"] and notes(studio, 7) == []


def test_an_inverted_garbage_mask_shows_what_it_clears(studio):
    garbage = add_mask(studio, "GARBAGE", "rig")
    set_keyframe(studio, garbage, ring(0), frame=1)
    studio.clip.matting.objects[3].invert = True
    layer = next(layer for layer in layers(studio, 4) if layer.name == "rig")
    assert ((alpha(layer) > 0) == ~ring(0)).all()
    part("addon.keyframes").set_absent(studio.clip, garbage, 6)
    layer = next(layer for layer in layers(studio, 7) if layer.name == "rig")
    assert (alpha(layer) == 255).all(), "outside of nothing is everything"


def test_a_blender_mask_is_named(studio):
    add_mask(studio, "GARBAGE", "rig")
    studio.clip.matting.objects[3].source_mask = bpy.data.masks.new("drawn")
    assert dict(shown(studio, 4))["rig"] == "Blender mask"
    assert notes(studio, 4) == ["rig: cuts along the Blender mask drawn when you propagate"]


def cut(studio, number: int, name: str = "ring") -> np.ndarray:
    """Return what the overlay draws of an object in the current view: its picture as masks cut it."""
    pictures, reader = part("addon.matte_pictures"), part("addon.matte_reader").MatteReader()
    layer = next(layer for layer in layers(studio, number) if layer.name == name)
    try:
        reader.request(1, [layer.wanted, *layer.cut_by])
        assert reader.wait(1, 20.0)
        found = pictures.cut(reader.picture(layer.wanted), tuple(map(reader.picture, layer.cut_by)))
    finally:
        reader.close()
    whole = np.zeros((HEIGHT, WIDTH), np.uint8)
    height, width = found.values.shape
    whole[found.top : found.top + height, found.left : found.left + width] = found.values
    return whole


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("view", ["BLACK_WHITE", "CHECKER", "COLOUR", "ALPHA"])
def test_views_of_what_is_left_are_cut_as_the_next_job_cuts(studio, view, inverted):
    studio.mark(1, media=0)
    studio.propagate()
    before = np.rint(studio.matte(1, 4) * 255).astype(np.uint8)
    left = np.zeros((HEIGHT, WIDTH), bool)
    left[:, : WIDTH // 3] = True
    garbage = add_mask(studio, "GARBAGE", "rig")
    set_keyframe(studio, garbage, left, frame=2)
    studio.clip.matting.objects[3].invert = inverted
    studio.clip.matting.objects[3].show = False
    studio.clip.matting.view, studio.clip.matting.active_object = view, 0
    kept = left if inverted else ~left
    assert (before[~kept] > 0).any() and (before[kept] > 0).any()
    assert (cut(studio, 4) == np.where(kept, before, 0)).all()
    studio.propagate()
    assert (np.rint(studio.matte(1, 4) * 255) == cut(studio, 4)).all(), "the job cuts the same"


def test_a_hold_out_mask_cuts_only_the_objects_below_it(studio):
    studio.mark(1, media=0)
    hold_out = add_mask(studio, "HOLDOUT", "pole")
    set_keyframe(studio, hold_out, np.ones((HEIGHT, WIDTH), bool))
    matting = studio.clip.matting
    matting.view = "BLACK_WHITE"
    assert cut(studio, 1).any() and cut(studio, 1, "box").any()
    matting.objects.move(3, 1)
    assert cut(studio, 1).any() and not cut(studio, 1, "box").any()


def test_a_matte_cut_before_is_returned_as_it_is():
    pictures = part("addon.matte_pictures")
    random = np.random.default_rng(3)
    alpha_, mask = (random.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8) for _ in range(2))
    done = np.rint(alpha_.astype(np.float64) * (255 - mask) / 255).astype(np.uint8)
    for reduction in (1, 2, 4):
        shown_, taken = pictures.picture(done, reduction), pictures.picture(mask, reduction)
        assert pictures.cut(shown_, (taken,)) is shown_
        whole = pictures.picture(np.full_like(done, 255), reduction)
        assert (pictures.cut(whole, (taken,)).values == 255 - taken.values).all()


def test_views_that_draw_the_masks_cut_nothing(studio):
    studio.mark(1, media=0)
    set_keyframe(studio, add_mask(studio, "GARBAGE", "rig"), ring(0))
    assert [layer.cut_by for layer in layers(studio)] == [()] * 4 and layers(studio)[-1].name == "rig"
    studio.clip.matting.view = "CHECKER"
    assert [len(layer.cut_by) for layer in layers(studio)] == [1, 1, 1]


def test_it_is_said_that_a_matte_is_shown_as_masks_will_cut_it(studio):
    studio.mark(1, media=0)
    studio.propagate()
    studio.clip.matting.view = "BLACK_WHITE"
    lines = part("ui.notes").lines
    found = lines(reversed(layers(studio, 3)), "BLACK_WHITE", {2})
    assert found == ["box: masks will cut its matte like this when you propagate"]


# -- what comes next ---------------------------------------------------------------------------------------------------
@pytest.fixture
def next_frames(studio):
    """Return a function that tells what is read ahead for one editor."""
    overlay, scene = part("ui.overlay"), studio.scene
    scene.frame_start, scene.frame_end = 1, 20
    overlay._viewers.pop(-1, None)
    return lambda frame, **state: overlay._next_frames(-1, frame, scene, **state)


def test_frames_are_read_ahead_in_the_direction_of_stepping(next_frames):
    assert next_frames(5, is_playing=False) == [6, 7]
    assert next_frames(4, is_playing=False) == [3, 2]
    assert next_frames(4, is_playing=False) == [3, 2], "a redraw of the same frame changes nothing"
    assert next_frames(5, is_playing=False) == [6, 7]


def test_playing_reads_ahead_over_the_end_of_the_range(studio, next_frames):
    assert next_frames(17, is_playing=True) == [18, 19, 20, 1, 2, 3, 4, 5]
    assert next_frames(1, is_playing=True)[:2] == [2, 3], "playing from the start again is no step back"
    next_frames(2, is_playing=True)
    assert next_frames(1, is_playing=True) == [20, 19, 18, 17, 16, 15, 14, 13], "backward"
    scene = studio.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 5, 8
    assert next_frames(7, is_playing=True)[:4] == [8, 5, 6, 7]


# -- choice ------------------------------------------------------------------------------------------------------------
def test_the_key_goes_through_all_views_and_back(studio):
    matting = studio.clip.matting
    seen = []
    for _ in VIEWS:
        seen.append(matting.view)
        assert studio.click("matte_view_cycle") == {"FINISHED"}
    assert seen == VIEWS and matting.view == "TINT"
    studio.click("matte_view_cycle", backward=True)
    assert matting.view == "KEYFRAMES"


def test_the_key_first_brings_hidden_mattes_back(studio):
    matting = studio.clip.matting
    matting.show_overlay, matting.view = False, "OUTLINE"
    studio.click("matte_view_cycle")
    assert matting.show_overlay and matting.view == "OUTLINE"


def test_without_a_clip_there_is_no_view_to_choose(studio):
    studio.space.clip = None
    with pytest.raises(RuntimeError, match="poll"):
        studio.click("matte_view_cycle")


def test_the_view_is_saved(studio):
    matting = studio.clip.matting
    matting.view, matting.view_colour = "COLOUR", (1.0, 0.0, 0.5)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    matting = studio.clip.matting
    assert (matting.view, tuple(matting.view_colour)) == ("COLOUR", (1.0, 0.0, 0.5))
