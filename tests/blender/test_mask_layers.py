"""Mattes to mask layers: read back, drawn by Blender, compared with the mattes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, add_spline, circle, iou, mask_by_node, part

ENOUGH = 0.97


def propagated(studio, **film):
    studio.open_film(**film)
    studio.mark(studio.clip.frame_start - studio.clip.frame_offset, media=0)
    studio.propagate()


def agreement(studio, frames: dict[int, int], object_id: int) -> list[float]:
    """IoU of the object's layer alone and its matte, for scene frames -> file numbers."""
    mask = studio.clip.matting.mask
    wanted = part("addon.objects").find_object(studio.clip, object_id).mask_layer
    for layer in mask.layers:
        layer.hide_render = layer.name != wanted
    found = [
        iou(mask_by_node(mask, frame, studio.folder), studio.matte(object_id, number))
        for frame, number in frames.items()
    ]
    for layer in mask.layers:
        layer.hide_render = False
    return found


def test_on_every_frame_each_layer_is_its_objects_matte(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    frames = {frame: frame for frame in range(1, FRAMES + 1)}
    assert [layer.name for layer in studio.clip.matting.mask.layers] == ["Object 1", "Object 2"]
    for object_id in (1, 2):
        found = agreement(studio, frames, object_id)
        assert min(found) >= ENOUGH, (object_id, found)


def test_a_hole_in_a_matte_is_a_hole_in_the_mask(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    drawn = mask_by_node(studio.clip.matting.mask, 1, studio.folder)
    assert studio.matte(1, 1)[36, 36] < 0.1, "the film's ring has a hole here"
    assert drawn[36, 36] < 0.1


def test_start_frame_number_and_offset_are_honoured_and_ends_are_held(studio):
    propagated(studio, first=1001, start=101, offset=2)
    studio.click("matte_to_mask_layers")
    frames = {99 + media: 1001 + media for media in range(FRAMES)}
    assert min(agreement(studio, frames, 1)) >= ENOUGH
    assert min(agreement(studio, {90: 1001, 120: 1000 + FRAMES}, 1)) >= ENOUGH


def test_scene_frames_before_0_are_no_trouble(studio):
    propagated(studio, start=-3)
    studio.click("matte_to_mask_layers")
    assert min(agreement(studio, {media - 3: 1 + media for media in range(FRAMES)}, 1)) >= ENOUGH


def test_the_number_of_points_is_the_same_on_all_frames_and_none_fall_together(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    layer = studio.clip.matting.mask.layers["Object 2"]  # has left the picture at the end
    counts = set()
    for frame in range(1, FRAMES + 1):
        studio.go(frame)
        for spline in layer.splines:
            places = np.array([point.co for point in spline.points])
            counts.add(len(places))
            assert np.ptp(places, axis=0).min() > 1e-4
    assert len(counts) == 1


def test_running_again_replaces_our_layers_and_keeps_the_users(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    mask.layers["Object 1"].alpha = 0.5
    mine = mask.layers.new(name="my own")
    add_spline(mine, circle(0.1, 0.1, 0.05), "FREE")
    before = [tuple(point.co) for point in mine.splines[0].points]
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    assert sorted(layer.name for layer in mask.layers) == ["Object 1", "Object 2", "my own"]
    assert mask.layers["Object 1"].alpha == 0.5, "what the user chose for a layer of ours stays"
    assert [tuple(point.co) for point in mask.layers["my own"].splines[0].points] == before
    assert len(bpy.data.masks) == 1


def test_shape_keys_of_a_users_layer_in_our_mask_stay(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    spline = add_spline(mask.layers.new(name="my own"), circle(0.2, 0.5, 0.05), "FREE")
    for layer in mask.layers:
        layer.hide_select = layer.name != "my own"
    spline.points[0].select = True
    studio.space.mode, studio.space.mask = "MASK", mask
    for frame, x in ((1, 0.2), (8, 0.8)):
        studio.go(frame)
        for name in ("co", "handle_left", "handle_right"):
            spline.points.foreach_set(name, np.ascontiguousarray(circle(x, 0.5, 0.05), np.float32).ravel())
        with studio.editor():
            bpy.ops.mask.shape_key_insert()
    studio.click("matte_to_mask_layers")
    for frame, x in ((1, 0.2), (8, 0.8)):
        studio.go(frame)
        places = np.array([point.co for point in studio.clip.matting.mask.layers["my own"].splines[0].points])
        assert abs(places[:, 0].mean() - x) < 0.01, f"frame {frame}"


def test_a_layer_of_the_users_with_an_objects_name_is_not_taken_for_ours(studio):
    propagated(studio)
    studio.clip.matting.mask = bpy.data.masks.new("mine")
    add_spline(studio.clip.matting.mask.layers.new(name="Object 1"), circle(0.1, 0.1, 0.05), "FREE")
    studio.click("matte_to_mask_layers")
    layers = studio.clip.matting.mask.layers
    assert [layer.name for layer in layers] == ["Object 1", "Object 1.001", "Object 2"]
    assert len(layers["Object 1"].splines[0].points) == 16


def test_only_the_active_objects_layer_if_asked(studio):
    propagated(studio)
    studio.clip.matting.active_object = 1
    studio.click("matte_to_mask_layers", which="ACTIVE")
    assert [layer.name for layer in studio.clip.matting.mask.layers] == ["Object 2"]


def test_the_artists_place_is_as_it_was(studio):
    propagated(studio)
    studio.go(5)
    mine = bpy.data.masks.new("mine")
    studio.space.mode, studio.space.mask = "TRACKING", mine
    scene = studio.scene
    studio.click("matte_to_mask_layers")
    assert (studio.scene, studio.scene.frame_current) == (scene, 5)
    assert (studio.area.type, studio.space.mode, studio.space.mask) == ("CLIP_EDITOR", "TRACKING", mine)
    assert [scene.name for scene in bpy.data.scenes] == [scene.name]
    shown = studio.clip.matting.mask.layers["Object 1"].splines[0]
    before = [tuple(point.co) for point in shown.points]
    studio.go(5)
    assert np.allclose(before, [tuple(point.co) for point in shown.points], atol=1e-5), "not the shape of frame 5"


def test_layers_are_still_right_after_saving_and_opening(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert min(agreement(studio, {frame: frame for frame in range(1, FRAMES + 1)}, 1)) >= ENOUGH


def test_without_mattes_there_is_a_message(studio):
    studio.open_film()
    studio.mark(1, media=0)
    with pytest.raises(RuntimeError, match=r"no outlines yet.*Propagate first"):
        studio.click("matte_to_mask_layers")


def test_on_frames_without_mattes_the_mask_is_empty_and_they_are_told(studio, capfd):
    studio.open_film()
    studio.mark(3, media=2)
    studio.scene.use_preview_range = True
    studio.scene.frame_preview_start, studio.scene.frame_preview_end = 3, 5
    studio.propagate(frames="PREVIEW")
    capfd.readouterr()
    studio.click("matte_to_mask_layers")
    assert "empty on frames without mattes: 1 to 2, 6 to 8" in capfd.readouterr().out
    mask = studio.clip.matting.mask
    for frame in (1, 2, 6, 8):
        assert mask_by_node(mask, frame, studio.folder).max() < 0.01, f"frame {frame}"
    assert min(agreement(studio, {frame: frame for frame in (3, 4, 5)}, 1)) >= ENOUGH


def test_a_layer_that_the_user_renamed_is_replaced_under_the_users_name(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    mask.layers["Object 1"].name = "hero"
    for _ in range(2):
        studio.click("matte_to_mask_layers")
        assert sorted(layer.name for layer in mask.layers) == ["Object 2", "hero"]


def test_an_object_renamed_has_its_layer_renamed(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.clip.matting.objects[0].name = "ring"
    studio.click("matte_to_mask_layers")
    assert sorted(layer.name for layer in studio.clip.matting.mask.layers) == ["Object 2", "ring"]


def test_a_layer_of_the_users_that_took_our_layers_name_stays(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    layers = studio.clip.matting.mask.layers
    layers["Object 1"].name = "hero"
    add_spline(layers.new(name="Object 1"), circle(0.1, 0.1, 0.05), "FREE")
    layers.remove(layers["Object 2"])
    add_spline(layers.new(name="Object 2"), circle(0.2, 0.1, 0.05), "FREE")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    studio.area.type = "VIEW_3D"  # without a window, editors are made ready only when they are changed
    studio.area.type = "CLIP_EDITOR"
    studio.space.clip = studio.clip
    studio.click("matte_to_mask_layers")
    layers = studio.clip.matting.mask.layers
    assert sorted(layer.name for layer in layers) == ["Object 1", "Object 2", "Object 2.001", "hero"]
    assert [len(layers[name].splines[0].points) for name in ("Object 1", "Object 2")] == [16, 16]


def test_a_layer_into_which_our_splines_were_copied_stays(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    mine = add_spline(mask.layers.new(name="my own"), circle(0.1, 0.1, 0.05), "FREE")
    mine.points[0].parent.sub_parent = mask.layers["Object 1"].splines[0].points[0].parent.sub_parent
    studio.click("matte_to_mask_layers")
    assert sorted(layer.name for layer in mask.layers) == ["Object 1", "Object 2", "my own"]
