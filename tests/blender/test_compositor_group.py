"""The group of a clip in the compositor: each of its outputs and inputs, by pixel, and its links and layout."""

from __future__ import annotations

from itertools import combinations

import bpy
import numpy as np
import pytest

from tests.blender.studio import (
    FRAMES,
    HEIGHT,
    WIDTH,
    WORST_IOU,
    compositor_tree,
    iou,
    mask_by_node,
    new_compositor,
    part,
    picture,
    render,
)
from tests.blender.test_compositor import group_nodes, propagated, union, write_matte
from tests.png import write_png


def shown(studio, output: str, frame: int = 102, **inputs: object) -> np.ndarray:
    """Set inputs of the group, and return the render (H, W, 4) of one of its outputs on a frame."""
    tree = compositor_tree(studio.scene)
    (group,) = group_nodes(studio)
    sockets = {socket.name.lower().replace("-", "_").replace(" ", "_"): socket for socket in group.inputs}
    for name, value in inputs.items():
        sockets[name].default_value = value
    target = part("addon.node_trees").output_of(tree)
    tree.links.new(group.outputs[output], target)
    studio.go(frame)
    return render(studio.scene, studio.folder / "out.png")


def level(studio, output: str, frame: int = 102, **inputs: object) -> np.ndarray:
    """Return an alpha output (H, W) 0..1 as it is inside the compositor, without the view's curve."""
    studio.scene.display_settings.display_device = "sRGB"
    encoded = shown(studio, output, frame, **inputs)[..., 0]
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def in_group(studio) -> None:
    """Open a film whose mattes are known and soft, and add its group to the compositor."""
    propagated(studio, first=1001, start=101, offset=2)
    x = np.mgrid[0:HEIGHT, 0:WIDTH][1] + 0.5
    for number in range(1001, 1001 + FRAMES):
        for object_id, edge in ((1, 40 + number - 1001), (2, 90)):
            alpha = np.clip((edge - x) / 4 + 0.5, 0, 1)  # 4 pixels wide
            alpha = alpha if object_id == 1 else np.where(x > 70, alpha, 0)
            write_png(studio.matte_folder.matte(object_id, number), np.rint(alpha * 255).astype(np.uint8))
    studio.click("matte_to_compositor")


def test_outputs_are_in_the_order_of_the_objects_after_those_of_all(studio):
    in_group(studio)
    (group,) = group_nodes(studio)
    assert group.node_tree.name == group.name == "Keymatte: shot_1001.png"
    names = ["Cut-Out", "Alpha", "Plate"]
    names += [f"Object {number} {kind}" for number in (1, 2) for kind in ("Alpha", "Cut-Out")]
    assert [socket.name for socket in group.outputs] == names


@pytest.mark.parametrize("frame", [99, 102, 98 + FRAMES])
def test_every_output_is_its_matte_or_the_plate_by_pixel(studio, frame):
    in_group(studio)
    number = 1001 + frame - 99
    plate = picture(number - 1001) / 255
    for object_id in (1, 2):
        matte = studio.matte(object_id, number)
        assert np.abs(level(studio, f"Object {object_id} Alpha", frame) - matte).max() < 3 / 255
        made = shown(studio, f"Object {object_id} Cut-Out", frame)
        assert np.abs(made[..., 3] - matte).max() < 1.5 / 255
        assert np.abs(made[..., :3] - plate)[matte > 0.5].max() < 4 / 255
    assert np.abs(level(studio, "Alpha", frame) - union(studio, number)).max() < 3 / 255
    assert np.abs(shown(studio, "Cut-Out", frame)[..., 3] - union(studio, number)).max() < 1.5 / 255
    made = shown(studio, "Plate", frame)
    assert np.abs(made[..., :3] - plate).max() < 1.5 / 255 and made[..., 3].min() == 1


def edge_of(alpha: np.ndarray) -> float:
    """Return where the first object's edge is in the middle row, in pixels from the left."""
    return float(alpha[HEIGHT // 2, :66].sum())


@pytest.mark.parametrize("pixels", [3.0, -3.0, 1.5, -0.25, 0.4])
def test_grow_moves_the_edge_by_fractions_of_a_pixel_and_keeps_it_soft(studio, pixels):
    if bpy.app.version < (4, 5, 0):
        pytest.skip("before Blender 4.5, the size of a Dilate/Erode node is no input")
    in_group(studio)
    before, after = (level(studio, "Object 1 Alpha", grow=grow) for grow in (0.0, pixels))
    assert edge_of(after) - edge_of(before) == pytest.approx(pixels, abs=0.05)
    soft = (after[HEIGHT // 2, :66] > 0.02) & (after[HEIGHT // 2, :66] < 0.98)
    assert 3 <= soft.sum() <= 6


def test_grow_in_whole_pixels_is_a_setting_of_the_groups_nodes_and_stays(studio):
    if bpy.app.version >= (4, 5, 0):
        pytest.skip("since Blender 4.5, the group has an input")
    in_group(studio)
    (group,) = group_nodes(studio)
    assert "Grow" not in group.inputs
    assert not part("addon.compositor_group").has_mask_copies(group.node_tree, None)
    before = level(studio, "Object 1 Alpha")
    group.node_tree.nodes["Keymatte grow 1"].distance = 3
    studio.click("matte_to_compositor")
    assert edge_of(level(studio, "Object 1 Alpha")) - edge_of(before) == pytest.approx(3, abs=0.05)


def test_feather_widens_the_edge_and_leaves_its_place(studio):
    in_group(studio)
    before, after = (level(studio, "Object 1 Alpha", feather=feather) for feather in (0.0, 10.0))
    assert edge_of(after) == pytest.approx(edge_of(before), abs=0.3)
    width = [((row > 0.02) & (row < 0.98)).sum() for row in (before[40, 10:66], after[40, 10:66])]
    assert width[0] <= 5 and 8 <= width[1] <= 22


def test_hold_out_is_taken_away_from_every_output(studio):
    in_group(studio)
    before = {name: level(studio, name) for name in ("Object 1 Alpha", "Object 2 Alpha", "Alpha")}
    for name, alpha in before.items():
        assert np.abs(level(studio, name, hold_out=0.75) - alpha * 0.25).max() < 3 / 255, name
    assert np.abs(shown(studio, "Cut-Out")[..., 3] - before["Alpha"] * 0.25).max() < 3 / 255


def test_objects_above_cut_those_below_as_far_as_the_input_says(studio):
    in_group(studio)
    for number in range(1001, 1001 + FRAMES):
        write_matte(studio, number, np.full((HEIGHT, WIDTH), 0.8))
    studio.click("matte_to_compositor")
    above = level(studio, "Object 1 Alpha", 102)
    for factor in (0.0, 0.5, 1.0):
        below = level(studio, "Object 2 Alpha", 102, cut_by_objects_above=factor)
        expected = 0.8 - factor * np.clip(0.8 + above - 1, 0, 1)
        assert np.abs(below - expected).max() < 4 / 255
    assert np.abs(level(studio, "Object 1 Alpha", 102) - above).max() == 0


def test_source_chooses_between_mattes_and_masks_for_every_output(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor", variant="MASK")
    for object_id in (1, 2):
        matte = studio.matte(object_id, 3)
        drawn = level(studio, f"Object {object_id} Alpha", 3)
        assert iou(drawn, matte) >= WORST_IOU, object_id
    mask = studio.clip.matting.mask
    assert np.abs(level(studio, "Alpha", 3) - mask_by_node(mask, 3, studio.folder)).max() < 3 / 255
    has_copies = part("addon.compositor_group").has_mask_copies
    (group,) = group_nodes(studio)
    assert has_copies(group.node_tree, mask)
    for layer in mask.layers:
        layer.hide_render = True  # the artist's change shows where masks are used
    studio.click("matte_to_compositor", variant="MASK")
    assert max(level(studio, name, 3).max() for name in ("Alpha", "Object 1 Alpha")) < 0.001
    studio.click("matte_to_compositor", variant="MATTE")
    assert np.abs(level(studio, "Alpha", 3) - union(studio, 3)).max() < 3 / 255


def test_masks_without_mattes_have_outputs_too(studio):
    propagated(studio)
    mattes = {object_id: studio.matte(object_id, 3) for object_id in (1, 2)}
    studio.click("matte_to_mask_layers")
    assert studio.click("matte_clear") == {"FINISHED"}
    studio.click("matte_to_compositor", variant="MASK")
    for object_id, matte in mattes.items():
        assert iou(level(studio, f"Object {object_id} Alpha", 3), matte) >= WORST_IOU


def links_of(studio, group) -> dict[str, str]:
    """Return which of the group's outputs each of the artist's nodes takes."""
    tree = compositor_tree(studio.scene)
    return {link.to_node.name: link.from_socket.name for link in tree.links if link.from_node == group}


def test_links_stay_when_objects_are_renamed_moved_added_and_removed(studio):
    in_group(studio)
    tree = compositor_tree(studio.scene)
    (group,) = group_nodes(studio)
    for name in ("Object 1 Alpha", "Object 2 Cut-Out", "Plate"):
        blur = tree.nodes.new("CompositorNodeBlur")
        blur.name = name
        tree.links.new(group.outputs[name], blur.inputs[0])
    group.inputs["Feather"].default_value = 7.0
    matting = studio.clip.matting
    matting.objects[0].name = "hero"
    matting.active_object = 0
    studio.click("matte_object_move", direction="DOWN")
    studio.go(99)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[5:15, 5:15] = 3
    path = write_png(studio.folder / "third.png", labels)
    studio.click("matte_object_add", name="third")
    studio.click("matte_keyframe_from_image", filepath=str(path))
    studio.propagate()
    studio.click("matte_to_compositor")
    links = links_of(studio, group)
    assert {name: links[name] for name in ("Object 1 Alpha", "Object 2 Cut-Out", "Plate")} == {
        "Object 1 Alpha": "hero Alpha",
        "Object 2 Cut-Out": "Object 2 Cut-Out",
        "Plate": "Plate",
    }
    names = [socket.name for socket in group.outputs if socket.name.endswith(" Alpha")]
    assert names == [f"{item.name} Alpha" for item in matting.objects]
    assert group.inputs["Feather"].default_value == 7.0
    matting.active_object = 0
    assert matting.objects[0].name == "Object 2"
    studio.click("matte_object_remove")
    studio.click("matte_to_compositor")
    assert "Object 2 Cut-Out" not in [socket.name for socket in group.outputs]
    links = links_of(studio, group)
    assert links["Object 1 Alpha"] == "hero Alpha" and links["Plate"] == "Plate"


def test_an_output_in_use_stays_while_its_object_has_no_mattes(studio):
    in_group(studio)
    tree = compositor_tree(studio.scene)
    (group,) = group_nodes(studio)
    blur = tree.nodes.new("CompositorNodeBlur")
    tree.links.new(group.outputs["Object 2 Alpha"], blur.inputs[0])
    for path in studio.matte_folder.matte_sequence(2).iterdir():
        path.unlink()
    studio.click("matte_to_compositor")
    assert blur.inputs[0].links[0].from_socket.name == "Object 2 Alpha"
    assert level(studio, "Object 2 Alpha").max() < 0.001


def test_names_follow_without_a_click(studio):
    in_group(studio)
    studio.clip.matting.objects[1].name = "coat"
    bpy.ops.wm.save_mainfile()
    (group,) = group_nodes(studio)
    assert [socket.name for socket in group.outputs][-2:] == ["coat Alpha", "coat Cut-Out"]


def test_the_scenes_size_and_colours_are_set_to_the_clips_with_a_click_each(studio):
    in_group(studio)
    settings, scene, clip = part("addon.scene_settings"), studio.scene, studio.clip
    scene.view_settings.view_transform, scene.view_settings.exposure = "AgX", 1.0
    assert settings.colour_change(scene) == "view transform AgX, exposure or gamma"
    studio.click("matte_scene_colours")
    assert settings.colour_change(scene) == ""
    clip.display_aspect = (2, 1)
    scene.render.resolution_x, scene.render.resolution_percentage = 64, 50
    assert not settings.suits(scene, clip)
    studio.click("matte_scene_size")
    render = scene.render
    assert (render.resolution_x, render.resolution_y, render.resolution_percentage) == (WIDTH, HEIGHT, 100)
    assert (render.pixel_aspect_x, render.pixel_aspect_y) == (2.0, 1.0)
    assert settings.suits(scene, clip)


def test_nodes_are_apart_inside_and_below_those_of_the_artist_outside(studio):
    tree, output = new_compositor(studio.scene)
    image = tree.nodes.new("CompositorNodeRGB")
    image.location = (-300, -500)
    tree.links.new(image.outputs[0], output.inputs[0])
    in_group(studio)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor", variant="MASK")
    (group,) = group_nodes(studio)
    assert group.location.x == -300 and group.location.y < -500 - image.height
    assert tuple(image.location) == (-300, -500)
    places = [(round(node.location.x), round(node.location.y)) for node in group.node_tree.nodes]
    assert len(set(places)) == len(places)
    near = [(a, b) for a, b in combinations(places, 2) if abs(a[0] - b[0]) < 200 and abs(a[1] - b[1]) < 50]
    assert not near
