"""Objects and keyframes, made and edited by operators."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import (
    HEIGHT,
    WIDTH,
    add_spline,
    box,
    circle,
    iou,
    mask_by_node,
    new_mask,
    part,
    read_image,
    ring,
)


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_film()
    studio.click("matte_object_add")


BLENDERS_OWN = {"Render Result", "Viewer Node"}


def from_mask(studio, mask, frame: int = 1) -> np.ndarray:
    studio.go(frame)
    studio.space.mask = mask
    studio.click("matte_keyframe_from_mask")
    return studio.keyframe_mask(number=frame)


# -- objects -----------------------------------------------------------------------------------------------------------
def test_objects_are_added_renamed_and_removed(studio):
    studio.click("matte_object_add", name="coat")
    objects = studio.clip.matting.objects
    assert [(item.object_id, item.name) for item in objects] == [(1, "Object 1"), (2, "coat")]
    objects[0].name = "hat"
    studio.clip.matting.active_object = 0
    studio.click("matte_object_remove")
    assert [(item.object_id, item.name) for item in objects] == [(2, "coat")]


def test_freed_object_number_is_reused_only_if_no_matte_has_it(studio):
    studio.click("matte_object_add")
    studio.mark(1, media=0)
    studio.propagate()
    studio.clip.matting.active_object = 1
    studio.click("matte_object_remove")
    studio.click("matte_object_add")
    assert studio.clip.matting.objects[-1].object_id == 3


def test_at_most_255_objects_can_be_added(studio):
    for _ in range(254):
        studio.click("matte_object_add")
    assert sorted(item.object_id for item in studio.clip.matting.objects) == list(range(1, 256))
    with pytest.raises(RuntimeError, match="255 objects"):
        studio.click("matte_object_add")


def test_removing_an_object_removes_its_keyframes_only(studio):
    studio.mark(1, media=0)
    studio.clip.matting.active_object = 0
    studio.click("matte_object_remove")
    assert [key.object_id for key in studio.clip.matting.keyframes] == [2]


# -- from masks --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("handles", ["FREE", "AUTO", "VECTOR", "ALIGNED"])
@pytest.mark.parametrize("clockwise", [False, True])
def test_keyframe_from_mask_is_what_the_mask_node_draws(studio, handles, clockwise):
    mask = new_mask(circle(0.4, 0.55, 0.2, 9, clockwise=clockwise), handles)
    taken = from_mask(studio, mask)
    drawn = mask_by_node(mask, 1, studio.folder)
    assert (taken == (drawn >= 0.5)).all()
    alpha = studio.keyframe_alpha()
    assert np.abs(alpha - drawn * 255).max() < 2.01, "8 bits of a render are dithered"
    assert clockwise == bool(np.count_nonzero((alpha > 2) & (alpha < 253))), "Blender draws these with a soft edge"


def test_keyframe_from_mask_has_feather_and_holes(studio):
    mask = new_mask(circle(0.5, 0.5, 0.2, 12, clockwise=True))
    for point in mask.layers[0].splines[0].points:
        point.weight = 0.05
    ring_layer = mask.layers.new(name="ring")
    ring_layer.use_fill_holes = True
    add_spline(ring_layer, circle(0.2, 0.3, 0.12, 24))
    add_spline(ring_layer, circle(0.2, 0.3, 0.05, 24, clockwise=True))
    taken, drawn = from_mask(studio, mask), mask_by_node(mask, 1, studio.folder)
    assert (taken == (drawn >= 0.5)).all()
    alpha = studio.keyframe_alpha()
    assert np.abs(alpha - drawn * 255).max() < 2.01, "the feather is kept; 8 bits of a render are dithered"
    assert np.count_nonzero((alpha > 5) & (alpha < 250)) > 300


def test_keyframe_from_mask_follows_a_track(studio):
    track = studio.clip.tracking.tracks.new(name="T", frame=1)
    for frame in range(1, 9):
        track.markers.insert_frame(frame, co=(0.2 + 0.05 * frame, 0.5))
    mask = new_mask(circle(0.25, 0.5, 0.1))
    studio.follow(track, mask)
    taken = from_mask(studio, mask, frame=7)
    assert abs(np.nonzero(taken)[1].mean() + 0.5 - WIDTH * (0.25 + 0.05 * 6)) < 0.6


def test_mask_edit_without_a_shape_key_is_used_and_not_lost(studio):
    mask = new_mask(circle(0.3, 0.5, 0.1, 24, clockwise=True), "FREE")
    spline = mask.layers[0].splines[0]
    spline.points[0].select = True
    studio.space.mode, studio.space.mask = "MASK", mask
    for frame, x in ((1, 0.3), (8, 0.7)):
        studio.go(frame)
        place(spline, circle(x, 0.5, 0.1, 24, clockwise=True))
        with studio.editor():
            assert bpy.ops.mask.shape_key_insert() == {"FINISHED"}
    studio.go(4)
    place(spline, circle(0.5, 0.7, 0.05, 24, clockwise=True))
    studio.click("matte_keyframe_from_mask")
    taken = studio.keyframe_mask(number=4)
    y, x = (places.mean() + 0.5 for places in np.nonzero(taken))
    assert abs(x - 0.5 * WIDTH) < 1
    assert abs(y - (HEIGHT / 2 - 0.2 * WIDTH)) < 1
    assert tuple(round(number, 4) for number in spline.points[0].co) == tuple(
        round(float(number), 4) for number in circle(0.5, 0.7, 0.05, 24, clockwise=True)[0]
    )


def place(spline, points: np.ndarray) -> None:
    for name in ("co", "handle_left", "handle_right"):
        spline.points.foreach_set(name, np.ascontiguousarray(points, np.float32).ravel())


def test_keyframe_from_mask_leaves_no_temporary_data(studio):
    kinds = ("scenes", "masks", "images", "node_groups")
    mask = new_mask(circle(0.5, 0.5, 0.2))
    before = {kind: set(getattr(bpy.data, kind).keys()) for kind in kinds}
    from_mask(studio, mask)
    after = {kind: set(getattr(bpy.data, kind).keys()) - BLENDERS_OWN for kind in kinds}
    assert after == {kind: names - BLENDERS_OWN for kind, names in before.items()}
    assert not list(studio.folder.rglob("*.part"))


def test_an_empty_mask_is_refused_but_an_object_can_be_absent(studio):
    studio.space.mask = new_mask(circle(3, 3, 0.1))
    studio.go(2)
    with pytest.raises(RuntimeError, match=r"mask is empty.*Not Visible"):
        studio.click("matte_keyframe_from_mask")
    assert len(studio.clip.matting.keyframes) == 0
    studio.click("matte_keyframe_from_mask", absent=True)
    (key,) = studio.clip.matting.keyframes
    assert (key.number, key.absent) == (2, True)
    assert not studio.keyframe_mask(number=2).any()


def test_missing_mask_missing_object_and_frame_outside_the_clip_are_refused(studio):
    studio.go(1)
    with pytest.raises(RuntimeError, match="No mask is selected"):
        studio.click("matte_keyframe_from_mask")
    studio.space.mask = new_mask(circle(0.5, 0.5, 0.2))
    studio.go(9)
    with pytest.raises(RuntimeError, match="Frame 9 is outside the clip, which has frames 1 to 8"):
        studio.click("matte_keyframe_from_mask")
    studio.go(1)
    studio.click("matte_object_remove")
    with pytest.raises(RuntimeError, match="Select an object"):
        studio.click("matte_keyframe_from_mask")


# -- the list ----------------------------------------------------------------------------------------------------------
def test_keyframes_are_listed_in_order_and_replaced_in_place(studio):
    for frame in (6, 1, 3):
        studio.mark(frame, media=frame - 1)
    studio.mark(3, media=2)
    keys = [(key.number, key.object_id) for key in studio.clip.matting.keyframes]
    assert keys == [(1, 1), (1, 2), (3, 1), (3, 2), (6, 1)]  # the box has left by frame 6


def test_a_cleared_keyframe_is_gone_for_the_next_run(studio):
    studio.mark(1, media=0, objects=1)
    studio.mark(3, media=2, objects=1)
    studio.click("matte_keyframe_clear")
    (file,) = part("addon.keyframes").keyframe_files(studio.clip)
    assert file.frame == 0
    assert not studio.matte_folder.keyframe(1, 3).exists()


def test_jumping_goes_from_keyframe_to_keyframe(studio):
    studio.mark(2, media=1, objects=1)
    studio.mark(6, media=5, objects=1)
    studio.go(1)
    visited = []
    for _ in range(3):
        studio.click("matte_keyframe_jump", to="NEXT")
        visited.append(studio.scene.frame_current)
    studio.click("matte_keyframe_jump", to="PREVIOUS")
    assert [*visited, studio.scene.frame_current] == [2, 6, 6, 2]


def test_undo_brings_back_the_keyframe_that_was_replaced(studio):
    bpy.ops.ed.undo_push(message="start")
    studio.import_keyframe(ring(0) * np.uint8(255))
    bpy.ops.ed.undo_push(message="ring")
    studio.import_keyframe(box(0) * np.uint8(255))
    bpy.ops.ed.undo_push(message="box")
    assert (studio.keyframe_mask() == box(0)).all()
    bpy.ops.ed.undo()
    assert (studio.keyframe_mask() == ring(0)).all()
    bpy.ops.ed.redo()
    assert (studio.keyframe_mask() == box(0)).all()
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    assert len(studio.clip.matting.keyframes) == 0
    assert part("addon.keyframes").keyframe_files(studio.clip) == ()


def test_after_undoing_the_first_keyframe_the_next_goes_to_the_same_folder(studio):
    bpy.ops.ed.undo_push(message="start")
    studio.import_keyframe(ring(0) * np.uint8(255))
    bpy.ops.ed.undo_push(message="ring")
    first = studio.matte_folder.root
    bpy.ops.ed.undo()
    assert studio.matte_folder is None
    studio.import_keyframe(ring(0) * np.uint8(255))
    assert studio.matte_folder.root == first


def test_keyframes_carry_file_numbers_so_moving_the_clip_in_time_keeps_them(studio):
    bpy.data.movieclips.remove(studio.clip)
    studio.open_film(first=1001, start=101, offset=2)
    studio.click("matte_object_add")
    studio.mark(103, media=4, objects=1)
    (key,) = studio.clip.matting.keyframes
    assert key.number == 1005
    studio.clip.frame_start = 1
    (file,) = part("addon.keyframes").keyframe_files(studio.clip)
    assert file.frame == 4
    assert read_image(file.labels).shape == (HEIGHT, WIDTH, 4)


# -- more than one object ----------------------------------------------------------------------------------------------
def test_from_the_mask_of_mattes_only_the_objects_own_layer_is_used(studio):
    studio.mark(1, media=0)
    studio.propagate()
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    for index, object_id in enumerate((1, 2)):
        studio.clip.matting.active_object = index
        studio.space.mask, studio.scene.frame_current = mask, 1
        studio.click("matte_keyframe_from_mask")
        other = {1: box, 2: ring}[object_id](0)
        own = {1: ring, 2: box}[object_id](0)
        assert not studio.keyframe_mask(object_id)[other].any()
        assert iou(studio.keyframe_mask(object_id), own) > 0.95
    assert [layer.hide_render for layer in mask.layers] == [False, False]
    studio.click("matte_object_add", name="new")
    with pytest.raises(RuntimeError, match=r"no layer of this object.*layer of its own"):
        studio.click("matte_keyframe_from_mask")
    add_spline(mask.layers.new(name="drawn for the new one"), circle(0.5, 0.3, 0.05))
    studio.click("matte_keyframe_from_mask")
    taken = studio.keyframe_mask(3)
    assert taken.any()
    assert not taken[ring(0) | box(0)].any()


def test_image_numbers_beyond_blenders_range_are_refused(studio):
    from tests.blender.studio import write_film

    bpy.data.movieclips.remove(studio.clip)
    studio.open(write_film(studio.folder / "stamped", first=1705312345678, frames=3))
    studio.click("matte_object_add")
    with pytest.raises(RuntimeError, match=r"1705312345678.*2147483647.*Rename the images"):
        studio.import_keyframe(ring(0) * np.uint8(255))
