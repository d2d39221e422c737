"""Garbage and hold-out masks, marked on frames or drawn as Blender masks, take their alpha away from mattes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import HEIGHT, WIDTH, circle, mask_by_node, new_mask, part, truth


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_marked()


def mattes(studio, object_id: int, **properties) -> list[np.ndarray]:
    """Propagate, and return the object's mattes (H, W) 0..255 on all frames."""
    studio.propagate(**properties)
    return [np.rint(studio.matte(object_id, number) * 255).astype(int) for number in range(1, 9)]


def add_mask(studio, role: str):
    studio.click("matte_object_add", role=role)
    matting = studio.clip.matting
    return matting.objects[matting.active_object]


def mark(studio, object_id: int, frame: int, alpha: np.ndarray) -> None:
    part("addon.keyframes").set_keyframe(studio.clip, object_id, frame, alpha.astype(np.uint8))


def left_half(value: int = 255) -> np.ndarray:
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, : WIDTH // 2] = value
    return alpha


LEFT, RIGHT = np.s_[:, : WIDTH // 2], np.s_[:, WIDTH // 2 :]


# -- marked ------------------------------------------------------------------------------------------------------------
def test_a_garbage_mask_clears_all_mattes_inside_and_inverted_outside(studio):
    plain = mattes(studio, 1)
    garbage = add_mask(studio, "GARBAGE")
    mark(studio, garbage.object_id, 1, left_half())
    for before, after in zip(plain, mattes(studio, 1), strict=True):
        assert not after[LEFT].any()
        assert (after[RIGHT] == before[RIGHT]).all()
    garbage.invert = True
    for before, after in zip(plain, mattes(studio, 1), strict=True):
        assert (after[LEFT] == before[LEFT]).all()
        assert not after[RIGHT].any()


def test_soft_edges_of_a_mask_take_their_share(studio):
    before = mattes(studio, 1)[0]
    mark(studio, add_mask(studio, "GARBAGE").object_id, 1, left_half(204))
    after = mattes(studio, 1)[0]
    assert (after[LEFT] == np.rint(before[LEFT] * 0.2)).all()
    assert (after[LEFT] > 0).any()


def test_a_hold_out_mask_covers_the_objects_below_it_in_the_list(studio):
    plain = mattes(studio, 1), mattes(studio, 2)
    hold_out = add_mask(studio, "HOLDOUT")
    mark(studio, hold_out.object_id, 1, np.full((HEIGHT, WIDTH), 255))
    assert not any(np.any(mattes(studio, number)) for number in (1, 2))
    studio.click("matte_object_move", direction="DOWN")
    assert all((a == b).all() for a, b in zip(plain[0], mattes(studio, 1), strict=True))
    assert not np.any(mattes(studio, 2))
    studio.click("matte_object_move", direction="DOWN")
    assert all((a == b).all() for a, b in zip(plain[1], mattes(studio, 2), strict=True))


def test_keyframes_of_a_mask_hold_until_the_next_and_not_visible_ends_it(studio):
    garbage = add_mask(studio, "GARBAGE")
    mark(studio, garbage.object_id, 3, np.full((HEIGHT, WIDTH), 255))
    studio.go(6)
    studio.click("matte_keyframe_from_mask", absent=True)
    assert [bool(matte.any()) for matte in mattes(studio, 1)] == [number >= 6 for number in range(1, 9)]


def test_masks_are_no_keyframes_for_the_network_and_do_not_count_as_annotated_frames(studio):
    garbage = add_mask(studio, "GARBAGE")
    mark(studio, garbage.object_id, 4, left_half())
    files = part("addon.keyframes").keyframe_files(studio.clip)
    assert {(file.frame, file.objects) for file in files} == {(0, (1,)), (0, (2,))}
    studio.clip.matting.active_object = 0
    studio.click("matte_keyframes_clear")
    studio.clip.matting.active_object = 1
    studio.click("matte_keyframes_clear")
    with pytest.raises(RuntimeError, match="has no keyframes to propagate from"):
        studio.propagate()


def test_a_mask_over_an_objects_keyframe_is_no_overlap_of_keyframes(studio):
    garbage = add_mask(studio, "GARBAGE")
    mark(studio, garbage.object_id, 1, np.full((HEIGHT, WIDTH), 255))
    messages = part("addon.keyframes").overlap_messages
    assert messages(studio.clip, garbage.object_id, 1) == messages(studio.clip, 1, 1) == []


def test_label_images_agree_with_cut_mattes(studio):
    mark(studio, add_mask(studio, "GARBAGE").object_id, 1, left_half())
    studio.propagate()
    labels = part("addon.png").read(studio.matte_folder.labels(1)).values
    assert (labels[RIGHT] == truth(0)[RIGHT]).all()
    assert not labels[LEFT].any()


def test_a_removed_mask_has_no_effect_and_undo_brings_it_back(studio):
    plain = mattes(studio, 1)
    mark(studio, add_mask(studio, "GARBAGE").object_id, 1, left_half())
    bpy.ops.ed.undo_push(message="start")
    studio.click("matte_object_remove")
    bpy.ops.ed.undo_push(message="remove")
    assert all((a == b).all() for a, b in zip(plain, mattes(studio, 1), strict=True))
    bpy.ops.ed.undo()
    assert not any(matte[LEFT].any() for matte in mattes(studio, 1))


def test_a_mask_whose_image_is_gone_is_named(studio):
    garbage = add_mask(studio, "GARBAGE")
    mark(studio, garbage.object_id, 2, left_half())
    garbage.name = "rig"
    (studio.matte_folder.root / "keyframes" / "versions" / f"{studio.clip.matting.keyframes[-1].version}.png").unlink()
    with pytest.raises(RuntimeError, match="The image of rig on frame 2 is missing"):
        studio.propagate()


# -- Blender masks -----------------------------------------------------------------------------------------------------
def test_a_blender_mask_is_taken_with_its_soft_edges(studio):
    before = mattes(studio, 1)
    mask = new_mask(circle(0.3, 0.5, 0.15, clockwise=True))
    for point in mask.layers[0].splines[0].points:
        point.weight = 0.05  # of feather
    add_mask(studio, "GARBAGE").source_mask = mask
    left = 1 - np.rint(mask_by_node(mask, 1, studio.folder) * 255) / 255
    after = mattes(studio, 1)
    assert np.count_nonzero((left > 0.02) & (left < 0.98)) > 0
    assert np.abs(after[0] - before[0] * left).max() < 2.01  # the reference is rounded and dithered
    assert before[0][left == 0].any()
    assert not any(matte[left == 0].any() for matte in after)


def test_a_still_mask_is_rendered_once_and_an_animated_one_for_each_shape(studio):
    exclusions, scene = part("addon.exclusions"), studio.scene
    garbage = add_mask(studio, "GARBAGE")
    garbage.source_mask = mask = new_mask(circle(0.3, 0.5, 0.1))
    (still,) = exclusions.job_exclusions(studio.clip, range(8))
    assert [image.frame for image in still.images] == [0]
    spline = mask.layers[0].splines[0]
    studio.space.mode, studio.space.mask = "MASK", mask
    for frame, x in ((2, 0.3), (4, 0.7)):
        scene.frame_set(frame)
        for point, place in zip(spline.points, circle(x, 0.5, 0.1), strict=True):
            point.co, point.select = place, True
        with studio.editor():
            bpy.ops.mask.shape_key_insert()
    scene.frame_set(4)
    (moving,) = exclusions.job_exclusions(studio.clip, range(8))
    assert [image.frame for image in moving.images] == [0, 2, 3]
    png = part("addon.png")
    for image, frame in zip(moving.images, (1, 3, 4), strict=True):
        drawn = np.rint(mask_by_node(mask, frame, studio.folder) * 255)
        assert np.abs(png.read(image.path).values - drawn).max() <= 1


def test_a_mask_that_follows_a_track_is_rendered_on_every_frame(studio):
    mask = new_mask(circle(0.3, 0.5, 0.1))
    track = studio.clip.tracking.tracks.new(name="track", frame=1)
    for frame in range(1, 9):
        track.markers.insert_frame(frame, co=(0.3 + 0.03 * (frame - 1), 0.5))
    studio.follow(track, mask)
    add_mask(studio, "GARBAGE").source_mask = mask
    (moving,) = part("addon.exclusions").job_exclusions(studio.clip, range(2, 6))
    assert [image.frame for image in moving.images] == [2, 3, 4, 5]
    centres = [np.nonzero(part("addon.png").read(image.path).values)[1].mean() for image in moving.images]
    assert np.diff(centres) == pytest.approx([3.6] * 3, abs=0.6)  # 0.03 of 120 pixels


def test_rendering_for_a_run_keeps_edits_that_have_no_shape_key(studio):
    garbage = add_mask(studio, "GARBAGE")
    garbage.source_mask = mask = new_mask(circle(0.3, 0.5, 0.1))
    spline = mask.layers[0].splines[0]
    studio.space.mode, studio.space.mask = "MASK", mask
    studio.go(2)
    for point in spline.points:
        point.select = True
    with studio.editor():
        bpy.ops.mask.shape_key_insert()
    edited = circle(0.6, 0.4, 0.1)
    for point, place in zip(spline.points, edited, strict=True):
        point.co = place
    part("addon.exclusions").job_exclusions(studio.clip, range(8))
    assert np.array([point.co for point in spline.points]) == pytest.approx(edited, abs=1e-6)


def test_rendering_for_a_run_leaves_frame_points_and_scenes_as_they_were(studio):
    garbage = add_mask(studio, "GARBAGE")
    garbage.source_mask = mask = new_mask(circle(0.3, 0.5, 0.1))
    studio.go(5)
    points = [tuple(point.co) for point in mask.layers[0].splines[0].points]
    scenes, masks, trees = len(bpy.data.scenes), len(bpy.data.masks), len(bpy.data.node_groups)
    studio.propagate()
    assert studio.scene.frame_current == 5
    assert [tuple(point.co) for point in mask.layers[0].splines[0].points] == points
    assert (len(bpy.data.scenes), len(bpy.data.masks), len(bpy.data.node_groups)) == (scenes, masks, trees)


def test_a_mask_of_the_file_that_was_saved_and_reopened_still_applies(studio):
    garbage = add_mask(studio, "GARBAGE")
    mark(studio, garbage.object_id, 1, left_half())
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert not any(matte[LEFT].any() for matte in mattes(studio, 1))
