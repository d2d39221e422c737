"""Mask layers made of mattes, drawn by Blender and compared with the mattes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, MEAN_IOU, WORST_IOU, add_spline, circle, iou, mask_by_node, part


def propagated(studio, **film):
    studio.open_film(**film)
    studio.mark(studio.clip.frame_start - studio.clip.frame_offset, media=0)
    studio.propagate()


def agreement(studio, frames: dict[int, int], object_id: int) -> list[float]:
    """Return the IoU of the object's rendered mask layer and its matte, per scene frame -> file number of `frames`."""
    mask = studio.clip.matting.mask
    layer_name = part("addon.objects").find_object(studio.clip, object_id).mask_layer
    for layer in mask.layers:
        layer.hide_render = layer.name != layer_name
    scores = [
        iou(mask_by_node(mask, frame, studio.folder), studio.matte(object_id, number))
        for frame, number in frames.items()
    ]
    for layer in mask.layers:
        layer.hide_render = False
    return scores


def test_each_layer_matches_its_objects_matte_on_every_frame(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    frames = {frame: frame for frame in range(1, FRAMES + 1)}
    assert [layer.name for layer in studio.clip.matting.mask.layers] == ["Object 1", "Object 2"]
    for object_id in (1, 2):
        scores = agreement(studio, frames, object_id)
        assert min(scores) >= WORST_IOU and np.mean(scores) >= MEAN_IOU, (object_id, scores)


def test_painting_ends_when_the_splines_are_shown_so_that_a_drag_moves_their_points(studio):
    propagated(studio)
    studio.click("matte_paint_mode")
    assert part("addon.brush_settings").settings().use_paint
    studio.click("matte_to_mask_layers")
    assert studio.space.mode == "MASK" and not part("addon.brush_settings").settings().use_paint


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
    assert min(agreement(studio, frames, 1)) >= WORST_IOU
    assert min(agreement(studio, {90: 1001, 120: 1000 + FRAMES}, 1)) >= WORST_IOU


def test_negative_scene_frames_work(studio):
    propagated(studio, start=-3)
    studio.click("matte_to_mask_layers")
    assert min(agreement(studio, {media - 3: 1 + media for media in range(FRAMES)}, 1)) >= WORST_IOU


def test_point_count_is_the_same_on_all_frames_and_points_stay_apart(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    layer = studio.clip.matting.mask.layers["Object 2"]  # out of the picture at the end
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
    user_layer = mask.layers.new(name="my own")
    add_spline(user_layer, circle(0.1, 0.1, 0.05), "FREE")
    before = [tuple(point.co) for point in user_layer.splines[0].points]
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    assert sorted(layer.name for layer in mask.layers) == ["Object 1", "Object 2", "my own"]
    assert mask.layers["Object 1"].alpha == 0.5, "the user's setting on our layer stays"
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
    for layer in mask.layers:
        layer.hide_select = False
    studio.click("matte_to_mask_layers")
    for frame, x in ((1, 0.2), (8, 0.8)):
        studio.go(frame)
        places = np.array([point.co for point in studio.clip.matting.mask.layers["my own"].splines[0].points])
        assert abs(places[:, 0].mean() - x) < 0.01, f"frame {frame}"


def test_user_layer_with_an_objects_name_is_kept(studio):
    propagated(studio)
    studio.clip.matting.mask = bpy.data.masks.new("mine")
    add_spline(studio.clip.matting.mask.layers.new(name="Object 1"), circle(0.1, 0.1, 0.05), "FREE")
    studio.click("matte_to_mask_layers")
    layers = studio.clip.matting.mask.layers
    assert [layer.name for layer in layers] == ["Object 1", "Object 1.001", "Object 2"]
    assert len(layers["Object 1"].splines[0].points) == 16


def test_active_option_makes_only_the_active_objects_layer(studio):
    propagated(studio)
    studio.clip.matting.active_object = 1
    studio.click("matte_to_mask_layers", which="ACTIVE")
    assert [layer.name for layer in studio.clip.matting.mask.layers] == ["Object 2"]


def test_the_scene_is_restored_and_the_editor_shows_the_mask(studio):
    propagated(studio)
    studio.go(5)
    studio.space.mode, studio.space.mask = "TRACKING", bpy.data.masks.new("mine")
    scene = studio.scene
    studio.click("matte_to_mask_layers")
    assert (studio.scene, studio.scene.frame_current) == (scene, 5)
    assert (studio.area.type, studio.space.mode, studio.space.mask) == ("CLIP_EDITOR", "MASK", studio.clip.matting.mask)
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
    assert min(agreement(studio, {frame: frame for frame in range(1, FRAMES + 1)}, 1)) >= WORST_IOU


def test_without_mattes_the_operator_is_refused(studio):
    studio.open_film()
    studio.mark(1, media=0)
    with pytest.raises(RuntimeError, match=r"no mattes yet.*Propagate first"):
        studio.click("matte_to_mask_layers")


def test_mask_is_empty_on_frames_without_mattes_and_they_are_reported(studio, capfd):
    studio.open_film()
    studio.mark(3, media=2)
    studio.scene.use_preview_range = True
    studio.scene.frame_preview_start, studio.scene.frame_preview_end = 3, 5
    studio.click("matte_range", action="PREVIEW")
    studio.propagate(frames="RANGE")
    capfd.readouterr()
    studio.click("matte_to_mask_layers")
    assert "empty on frames without mattes: 1 to 2, 6 to 8" in capfd.readouterr().out
    mask = studio.clip.matting.mask
    for frame in (1, 2, 6, 8):
        assert mask_by_node(mask, frame, studio.folder).max() < 0.01, f"frame {frame}"
    assert min(agreement(studio, {frame: frame for frame in (3, 4, 5)}, 1)) >= WORST_IOU


def test_a_layer_that_the_user_renamed_is_replaced_under_the_users_name(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    mask.layers["Object 1"].name = "hero"
    for _ in range(2):
        studio.click("matte_to_mask_layers")
        assert sorted(layer.name for layer in mask.layers) == ["Object 2", "hero"]


def test_renamed_object_renames_its_layer(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.clip.matting.objects[0].name = "ring"
    studio.click("matte_to_mask_layers")
    assert sorted(layer.name for layer in studio.clip.matting.mask.layers) == ["Object 2", "ring"]


def test_user_layer_that_took_our_layers_name_stays(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    layers = studio.clip.matting.mask.layers
    layers["Object 1"].name = "hero"
    add_spline(layers.new(name="Object 1"), circle(0.1, 0.1, 0.05), "FREE")
    layers.remove(layers["Object 2"])
    add_spline(layers.new(name="Object 2"), circle(0.2, 0.1, 0.05), "FREE")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    studio.area.type = "VIEW_3D"  # without a window, an editor is initialized only when its type changes
    studio.area.type = "CLIP_EDITOR"
    studio.space.clip = studio.clip
    studio.click("matte_to_mask_layers")
    layers = studio.clip.matting.mask.layers
    assert sorted(layer.name for layer in layers) == ["Object 1", "Object 2", "Object 2.001", "hero"]
    assert [len(layers[name].splines[0].points) for name in ("Object 1", "Object 2")] == [16, 16]


def test_user_layer_with_copies_of_our_splines_stays(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    spline = add_spline(mask.layers.new(name="my own"), circle(0.1, 0.1, 0.05), "FREE")
    spline.points[0].parent.sub_parent = mask.layers["Object 1"].splines[0].points[0].parent.sub_parent
    studio.click("matte_to_mask_layers")
    assert sorted(layer.name for layer in mask.layers) == ["Object 1", "Object 2", "my own"]


def test_layers_are_made_in_a_file_opened_in_background_mode_and_where_splines_are_hidden(studio):
    studio.open_marked()
    studio.propagate()
    studio.space.show_mask_spline = False
    studio.click("matte_to_mask_layers")
    assert not studio.space.show_mask_spline
    count = len(studio.clip.matting.mask.layers)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    clip = studio.clip
    assert studio.click("matte_to_mask_layers") == {"FINISHED"}
    assert len(clip.matting.mask.layers) == count and studio.space.clip == clip
    assert studio.space.mode == "MASK" and studio.space.mask == clip.matting.mask
