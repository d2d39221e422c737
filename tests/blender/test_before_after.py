"""Before and after: what each object shows on each frame as it was, and when the two can be compared."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.layers import alpha, layers
from tests.blender.studio import FRAMES, HEIGHT, WIDTH, part, ring, truth


def earlier(studio, number: int) -> dict[str, object]:
    """Return the layers on the left of the line on a frame, by name."""
    views, found = part("addon.matte_views"), part("addon.wipe").compared(studio.clip)
    source = views.Source(studio.matte_folder.root, (WIDTH, HEIGHT), 1)
    return {layer.name: views.in_state(layer, found[0], number, source) for layer in layers(studio, number)}


def seen(layer) -> np.ndarray | None:
    """Return the alpha (H, W) that is read for a layer; None if there is no file."""
    return alpha(layer) if part("addon.matte_pictures").stamp(layer.wanted) else None


def stored(studio, numbers=range(1, FRAMES + 1)) -> dict[tuple[str, int], np.ndarray]:
    """Return the mattes that are on disk, by object and frame."""
    names = {item.name: item.object_id for item in studio.clip.matting.objects}
    return {
        (name, number): np.rint(studio.matte(object_id, number) * 255).astype(np.uint8)
        for name, object_id in names.items()
        for number in numbers
        if studio.matte_folder.matte(object_id, number).exists()
    }


def names(studio) -> tuple[str, str]:
    return part("addon.wipe").names(part("addon.wipe").compared(studio.clip)[1])


@pytest.fixture
def once(studio):
    """Return the studio after a run, with before and after switched on."""
    studio.open_marked()
    for item, name in zip(studio.clip.matting.objects, ("ring", "box")):
        item.name = name
    studio.propagate()
    assert studio.click("matte_before_after") == {"FINISHED"}
    return studio


# -- what was before ---------------------------------------------------------------------------------------------------
def test_before_the_first_run_there_was_nothing(once):
    for number in (1, 4, FRAMES):
        assert {name: seen(layer) for name, layer in earlier(once, number).items()} == {"ring": None, "box": None}
    assert names(once) == ("Before", "After")


def test_each_object_shows_on_each_frame_what_a_further_run_replaced_and_else_its_matte_of_now(once):
    first = stored(once)
    once.clip.matting.objects[1].lock = True
    once.mark(5, media=4, objects=1)
    once.mark(3, media=2, objects=1)  # frames 1 and 2 lie before what changes
    once.propagate()
    second = stored(once)
    replaced = {key for key in first if (first[key] != second[key]).any()}
    assert replaced
    assert {name for name, _ in replaced} == {"ring"}, "the box is locked"
    for number in range(1, FRAMES + 1):
        for name, layer in earlier(once, number).items():
            assert (seen(layer) == first[name, number]).all(), (name, number)
    untouched = earlier(once, 2)["box"]
    assert part("addon.matte_pictures").stamp(untouched.wanted).path == str(once.matte_folder.matte(2, 2))


def test_a_frame_with_a_new_keyframe_shows_the_computed_matte_that_it_corrects(once):
    first = stored(once)
    shifted = np.roll(ring(3), 25, axis=1)
    part("addon.keyframes").set_keyframe(once.clip, 1, 4, part("addon.keyframes").hard_alpha(shifted))
    once.propagate()
    now = next(layer for layer in layers(once, 4) if layer.name == "ring")
    then = earlier(once, 4)["ring"]
    assert (str(now.kind), str(then.kind)) == ("keyframe", "matte")
    assert ((alpha(now) >= 128) == shifted).all()
    assert (seen(then) == first["ring", 4]).all()
    assert (first["ring", 4][shifted & ~ring(3)] < 128).any()


def test_frames_that_the_last_run_added_had_no_matte(studio):
    studio.open_marked()
    matting = studio.clip.matting
    matting.objects[0].name, matting.objects[1].name = "ring", "box"
    matting.use_range, matting.range_first, matting.range_last = True, 1, 4
    studio.propagate(frames="RANGE")
    first = stored(studio)
    assert max(number for _, number in first) == 4
    studio.propagate()
    matting.show_before = True
    for number in range(1, FRAMES + 1):
        found = seen(earlier(studio, number)["ring"])
        assert (found is None) == (number > 4)
        if found is not None:
            assert (found == first["ring", number]).all()


def test_mattes_of_label_images_are_shown_as_they_were(once):
    """A folder of an older version has label images only, which a run replaces and adds mattes to."""
    folder = once.matte_folder
    once.click("matte_clear")
    labels = truth(3)
    folder.labels(4).parent.mkdir(parents=True, exist_ok=True)
    part("addon.png").write_grey(folder.labels(4), labels)
    once.propagate(everything=True)
    kept = part("addon.wipe").compared(once.clip)[0]
    assert folder.matte(1, 4).exists()
    for name, object_id in (("ring", 1), ("box", 2)):
        layer = earlier(once, 4)[name]
        assert ((seen(layer) > 0) == (labels == object_id)).all()
        assert seen(earlier(once, 5)[name]) is None
    assert kept.file(folder.matte(1, 4)) != folder.matte(1, 4)


def test_masks_and_what_is_painted_are_the_same_on_both_sides(once):
    canvas = part("addon.canvas")
    once.click("matte_object_add", role="GARBAGE", name="rig")
    rig = once.clip.matting.objects[len(once.clip.matting.objects) - 1]
    keyframes = part("addon.keyframes")
    keyframes.set_keyframe(once.clip, rig.object_id, 2, keyframes.hard_alpha(ring(0)))
    now = {layer.name: layer for layer in layers(once, 2)}
    assert earlier(once, 2)["rig"] == now["rig"]
    once.clip.matting.view = "CHECKER"
    now = {layer.name: layer for layer in layers(once, 2)}
    assert now["box"].cut_by
    assert not earlier(once, 2)["box"].cut_by, "the mask took nothing away from what was"
    canvas.current = canvas.Canvas(once.clip.session_uid, 1, 2, np.zeros((HEIGHT, WIDTH), np.uint8))
    try:
        assert {name: str(layer.kind) for name, layer in earlier(once, 2).items()} == {"ring": "canvas", "box": "matte"}
    finally:
        canvas.current = None


def test_a_matte_that_did_not_change_is_read_once_for_both_sides(once):
    once.mark(5, media=4, objects=1)
    once.clip.matting.objects[1].lock = True
    once.propagate()
    reader = part("addon.matte_reader").MatteReader()
    now, then = layers(once, 3), earlier(once, 3)
    box = next(layer.wanted for layer in now if layer.name == "box")
    try:
        reader.request(1, [layer.wanted for layer in now])
        assert reader.wait(1, 20.0)
        reader.request(1, [layer.wanted for layer in then.values()])
        assert reader.wait(1, 20.0)
        assert reader.picture(then["box"].wanted) is reader.picture(box) is not None
        assert reader.picture(then["ring"].wanted) is not None
    finally:
        reader.close()


# -- runs that are undone ----------------------------------------------------------------------------------------------
def test_after_an_undo_it_is_the_run_before_and_at_last_what_redo_brings_back(once):
    first = stored(once)
    once.mark(5, media=4)
    once.propagate()
    assert (seen(earlier(once, 6)["ring"]) == first["ring", 6]).all()
    once.click("matte_undo_run")
    assert seen(earlier(once, 6)["ring"]) is None
    assert names(once) == ("Before", "After")
    once.click("matte_undo_run")
    assert names(once) == ("Undone Run", "Now")
    assert (seen(earlier(once, 6)["ring"]) == first["ring", 6]).all()
    once.click("matte_redo_run")
    assert names(once) == ("Before", "After")
    assert seen(earlier(once, 6)["ring"]) is None


# -- the switch --------------------------------------------------------------------------------------------------------
def test_without_a_kept_run_it_cannot_be_switched_on_and_says_why(studio):
    studio.open_marked()
    with pytest.raises(RuntimeError, match="No earlier mattes are kept"):
        studio.click("matte_before_after")
    assert not studio.clip.matting.show_before
    studio.propagate()
    studio.clip.matting.view = "KEYFRAMES"
    with pytest.raises(RuntimeError, match="Keyframes Only shows no mattes"):
        studio.click("matte_before_after")


def test_it_can_be_switched_off_when_the_run_is_no_longer_kept(once):
    once.click("matte_clear")
    assert part("addon.wipe").compared(once.clip) is None
    assert once.click("matte_before_after") == {"FINISHED"}
    assert not once.clip.matting.show_before


def test_switching_it_on_shows_the_mattes_and_needs_them(once):
    wipe, matting = part("addon.wipe"), once.clip.matting
    matting.show_overlay = False
    assert wipe.compared(once.clip) is None
    once.click("matte_before_after")
    once.click("matte_before_after")
    assert matting.show_before
    assert matting.show_overlay
    assert wipe.compared(once.clip) is not None


def test_the_place_of_the_line_is_saved(once):
    assert once.click("matte_wipe", position=0.25) == {"FINISHED"}
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert (once.clip.matting.show_before, once.clip.matting.wipe) == (True, 0.25)


def test_the_line_is_grabbed_near_it_and_while_painting_only_at_its_handle(extension):
    line = part("addon.wipe").Place(x=200, left=0, right=800, bottom=60, top=460, scale=1.0)
    assert line.handle == (200, 260)
    for x, y, anywhere, by_handle in (
        (200, 260, True, True),
        (208, 263, True, True),
        (205, 400, True, False),
        (207, 400, False, False),
        (200, 59, False, False),
    ):
        assert line.is_grabbed(x, y, by_handle=False) is anywhere
        assert line.is_grabbed(x, y, by_handle=True) is by_handle


def test_positions_beyond_the_picture_are_at_its_edge(extension):
    view = part("addon.clip_view").ClipView(WIDTH, HEIGHT, left=100.0, bottom=0.0, right=300.0, top=150.0)
    position_at = part("addon.wipe").position_at
    assert [position_at(view, x) for x in (50, 100, 150, 300, 900)] == [0.0, 0.0, 0.25, 1.0, 1.0]
