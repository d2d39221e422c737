"""What each view shows on a frame: which objects, in which order, and from which files."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.editing import set_keyframe
from tests.blender.layers import alpha, layers, shown
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


# -- layers ------------------------------------------------------------------------------------------------------------
def test_the_first_object_of_the_list_lies_on_top(studio):
    set_keyframe(studio, box(0), object_id=2)
    assert [name for name, _ in shown(studio)] == ["ring", "box", "sky"]


def test_a_keyframe_is_shown_in_place_of_the_computed_matte_at_once(studio):
    studio.mark(1, media=0)
    studio.propagate()
    assert shown(studio, 3) == [("ring", "matte"), ("box", "matte"), ("sky", "matte")]
    matte = next(layer for layer in layers(studio, 3) if layer.name == "ring")
    soft = np.rint(studio.matte(1, 3) * 255).astype(np.uint8)
    assert (alpha(matte) == soft).all() and ((soft > 0) & (soft < 255)).any()
    painted = np.roll(ring(0), 30, axis=1)
    set_keyframe(studio, painted, object_id=1, frame=3)
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
    set_keyframe(studio, ring(0), object_id=1)
    lines = part("ui.notes").lines
    assert lines(layers(studio), "TINT") == []
    assert lines(layers(studio), "BLACK_WHITE") == ["ring: keyframe"]


def test_a_keyframe_whose_image_cannot_be_drawn_is_named(studio):
    set_keyframe(studio, ring(0), object_id=1)
    set_keyframe(studio, box(0), object_id=2)
    overlay, found = part("ui.overlay"), layers(studio)
    (key,) = (key for key in studio.clip.matting.keyframes if key.object_id == 1)
    part("addon.keyframes").image_path(studio.clip, key.version).write_bytes(b"damaged")
    overlay._reader.request(-1, [layer.wanted for layer in found], [])
    overlay._reader.wait(-1, 30.0)
    unreadable = overlay._unreadable(found)
    assert [layer.name for layer in unreadable] == ["ring"]
    text = "ring: the image of its keyframe is missing, damaged or of another size"
    assert part("ui.notes").lines(found, "TINT", unreadable=unreadable) == [text]
    overlay._reader.forget()


def test_many_notes_are_cut_short(studio):
    for object_id in range(1, 4):
        part("addon.keyframes").set_absent(studio.clip, object_id, 1)
    notes = part("ui.notes")
    many = layers(studio) * 3
    assert len(notes.lines(many, "TINT")) == 6
    assert notes.lines(many, "TINT")[-1] == "and 4 more"


def test_the_canvas_is_shown_in_place_of_all_else(studio, canvas):
    set_keyframe(studio, ring(0), object_id=1)
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


# -- what comes next ---------------------------------------------------------------------------------------------------
@pytest.fixture
def next_frames(studio):
    """Return a function that tells what is read ahead for one editor."""
    overlay, scene = part("ui.overlay"), studio.scene
    scene.frame_start, scene.frame_end = 1, 20
    overlay._viewers.pop(-1, None)
    return lambda frame, **state: overlay._next_frames(-1, frame, scene, **state)


def test_frames_are_read_ahead_in_the_direction_of_stepping(next_frames):
    forward, backward = [6, 7, 8, 9, 10, 11, 12, 13], [3, 2, 1, 0, -1, -2, -3, -4]
    assert next_frames(5, is_playing=False) == forward
    assert next_frames(4, is_playing=False) == backward
    assert next_frames(4, is_playing=False) == backward, "a redraw of the same frame changes nothing"
    assert next_frames(5, is_playing=False) == forward


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
