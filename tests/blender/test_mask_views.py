"""What the views show of masks and of ranges without an object, which count on more frames than their keyframes'."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.editing import set_keyframe
from tests.blender.layers import alpha, layers, shown
from tests.blender.studio import HEIGHT, WIDTH, box, part, ring


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    for name in ("ring", "box", "sky"):
        studio.click("matte_object_add", name=name)


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
    set_keyframe(studio, ring(0), object_id=1, frame=4)
    assert [shown(studio, number)[0][1] for number in (2, 3, 4, 5)] == ["absent", "absent", "keyframe", "absent"]


def test_the_mask_that_counts_is_shown_on_every_frame(studio):
    garbage = add_mask(studio, "GARBAGE", "rig")
    set_keyframe(studio, ring(0), object_id=garbage, frame=3)
    set_keyframe(studio, box(0), object_id=garbage, frame=6)
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
    set_keyframe(studio, ring(0), object_id=garbage, frame=3)
    part("addon.keyframes").set_absent(studio.clip, garbage, 6)
    kinds = [dict(shown(studio, number)).get("pole") for number in (5, 6, 7)]
    assert kinds == ["held", "absent", None]
    assert notes(studio, 6) == ["pole: ends here"] and notes(studio, 7) == []


def test_an_inverted_garbage_mask_shows_what_it_clears(studio):
    garbage = add_mask(studio, "GARBAGE", "rig")
    set_keyframe(studio, ring(0), object_id=garbage, frame=1)
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
    set_keyframe(studio, left, object_id=garbage, frame=2)
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
    set_keyframe(studio, np.ones((HEIGHT, WIDTH), bool), object_id=hold_out)
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
    set_keyframe(studio, ring(0), object_id=add_mask(studio, "GARBAGE", "rig"))
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
