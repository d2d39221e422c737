"""Compositor nodes of mattes and masks, rendered and compared with the mattes."""

from __future__ import annotations

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
    picture,
    render,
    write_film,
)
from tests.png import write_png


def propagated(studio, **film):
    studio.open_film(**film)
    studio.mark(studio.clip.frame_start - studio.clip.frame_offset, media=0)
    studio.propagate()
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = WIDTH, HEIGHT
    studio.scene.render.resolution_percentage = 100


def render_frame(studio, frame: int) -> np.ndarray:
    studio.go(frame)
    return render(studio.scene, studio.folder / "out.png")


def group_nodes(studio) -> list:
    """Return the nodes of clips' groups in the scene's compositor."""
    nodes = compositor_tree(studio.scene).nodes
    return [node for node in nodes if node.type == "GROUP" and node.node_tree.get("keymatte")]


def our_nodes(studio) -> list[str]:
    """Return the names of clips' groups in the scene's compositor and of the nodes inside them."""
    groups = group_nodes(studio)
    return sorted([*(node.name for node in groups), *(node.name for group in groups for node in group.node_tree.nodes)])


def union(studio, number: int) -> np.ndarray:
    return np.clip(studio.matte(1, number) + studio.matte(2, number), 0, 1)


@pytest.mark.parametrize("offset", [0, 2, -3])
@pytest.mark.parametrize("first", [0, 1001])
def test_the_render_is_the_clip_cut_out_by_the_mattes_on_every_frame(studio, first, offset):
    propagated(studio, first=first, start=101, offset=offset)
    studio.click("matte_to_compositor")
    for media in (0, 3, FRAMES - 1):
        made = render_frame(studio, 101 - offset + media)
        matte = union(studio, first + media)
        assert np.abs(made[..., 3] - matte).max() < 1.5 / 255, f"alpha of frame {media}"
        inside = matte == 1
        assert np.abs(made[..., :3] - picture(media) / 255)[inside].max() < 2.5 / 255, f"colours of frame {media}"


def test_soft_edges_keep_the_colour_of_the_clip(studio):
    propagated(studio)
    soft = np.full((HEIGHT, WIDTH), 0.5)
    for number in range(1, FRAMES + 1):
        write_matte(studio, number, soft)
    studio.click("matte_to_compositor", which="ACTIVE")
    made = render_frame(studio, 2)
    assert np.abs(made[..., 3] - 0.5).max() < 0.01
    assert np.abs(made[..., :3] - picture(1) / 255).max() < 4 / 255


def write_matte(studio, number: int, alpha: np.ndarray) -> None:
    path = studio.matte_folder.matte(2, number)  # the object marked last is the active one
    write_png(path, np.rint(alpha * 255).astype(np.uint8))


def test_movie_with_mattes_numbered_from_0_is_in_sync(studio):
    from tests.blender.test_propagate import write_movie

    write_movie(studio, studio.folder / "film.mp4")
    studio.open(studio.folder / "film.mp4", start=1)
    studio.mark(1, media=0)
    studio.propagate()
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = WIDTH, HEIGHT
    studio.click("matte_to_compositor")
    for frame in (1, 2, studio.clip.frame_duration):
        made = render_frame(studio, frame)
        assert np.abs(made[..., 3] - union(studio, frame - 1)).max() < 1.5 / 255, f"frame {frame}"


def test_the_masks_variant_agrees_with_the_mattes(studio):
    propagated(studio, first=1001, start=101, offset=2)
    with pytest.raises(RuntimeError, match=r"no mask layers.*first"):
        studio.click("matte_to_compositor", variant="MASK")
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor", variant="MASK")
    for media in (0, 4, FRAMES - 1):
        made = render_frame(studio, 99 + media)
        drawn = mask_by_node(studio.clip.matting.mask, 99 + media, studio.folder)
        assert np.abs(made[..., 3] - drawn).max() < 3 / 255, "Blender dithers both"
        assert iou(made[..., 3], union(studio, 1001 + media)) >= WORST_IOU
    assert len(np.unique(made[..., 3])) > 2, "its edges are not smooth"


def test_running_again_updates_our_nodes_and_adds_none(studio):
    propagated(studio)
    studio.click("matte_to_compositor")
    first = our_nodes(studio)
    images = len(bpy.data.images)
    studio.click("matte_to_compositor")
    assert our_nodes(studio) == first
    assert len(bpy.data.images) == images
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor", variant="MASK")
    studio.click("matte_to_compositor")
    both = our_nodes(studio)
    assert set(first) < set(both)
    masks = len(bpy.data.masks)
    for variant in ("MASK", "MATTE"):
        studio.click("matte_to_compositor", variant=variant)
        assert our_nodes(studio) == both
    assert (len(bpy.data.images), len(bpy.data.masks)) == (images, masks)
    assert len([tree for tree in bpy.data.node_groups if tree.get("keymatte")]) == 1


@pytest.mark.parametrize("clicks", [0, 1])
def test_new_mattes_are_shown_by_themselves_and_after_running_again(studio, clicks):
    propagated(studio)
    studio.click("matte_to_compositor")
    render_frame(studio, 2)
    for number in range(1, FRAMES + 1):
        write_matte(studio, number, np.ones((HEIGHT, WIDTH)))
    for _ in range(clicks):
        studio.click("matte_to_compositor")
    assert render_frame(studio, 2)[..., 3].min() == 1


def test_the_users_nodes_and_links_stay(studio):
    propagated(studio)
    _, output = user_tree(studio.scene)
    studio.click("matte_to_compositor")
    assert output.inputs[0].links[0].from_node.name == "mine"
    (group,) = group_nodes(studio)
    assert not any(socket.is_linked for socket in group.outputs)
    assert np.allclose(render_frame(studio, 2)[0, 0, :3], (1, 0, 0), atol=0.01)


def user_tree(scene):
    """Give the scene a compositor tree of the user, which renders red. Returns the tree and its output node."""
    tree, output = new_compositor(scene)
    node = tree.nodes.new("CompositorNodeRGB")
    node.name = "mine"
    node.outputs[0].default_value = (1, 0, 0, 1)
    tree.links.new(node.outputs[0], output.inputs[0])
    return tree, output


def test_a_group_that_the_user_has_changed_is_kept_and_shows_the_mattes_of_now(studio, capfd):
    propagated(studio)
    studio.click("matte_to_compositor", which="ACTIVE")
    (group,) = group_nodes(studio)
    tree = group.node_tree
    blur = tree.nodes.new("CompositorNodeBlur")
    mine = tree.nodes["Keymatte cut out 2"]
    tree.links.new(tree.nodes["Keymatte matte 2"].outputs[0], blur.inputs[0])
    tree.links.new(blur.outputs[0], mine.inputs["Alpha"])
    for number in range(1, FRAMES + 1):
        write_matte(studio, number, np.ones((HEIGHT, WIDTH)))
    said = warnings(studio, capfd, which="ACTIVE")
    assert f"group '{tree.name}' is kept as you have changed it" in said
    assert mine.inputs["Alpha"].links[0].from_node == blur
    assert render_frame(studio, 2)[..., 3].min() > 0.99
    studio.click("matte_to_compositor", which="ACTIVE", fresh=True)
    theirs, ours = sorted(all_groups(studio), key=lambda node: node.node_tree != tree)
    assert theirs.node_tree == tree and mine.inputs["Alpha"].links[0].from_node == blur
    assert ours.node_tree.name != tree.name and "Blur" not in ours.node_tree.nodes
    assert "is kept" not in warnings(studio, capfd)
    assert len(all_groups(studio)) == 2


def all_groups(studio) -> list:
    return [node for node in compositor_tree(studio.scene).nodes if node.type == "GROUP"]


def test_two_clips_have_nodes_of_their_own(studio):
    propagated(studio)
    studio.click("matte_to_compositor")
    count = len(our_nodes(studio))
    first = studio.clip

    second = studio.open(write_film(studio.folder / "second"))
    with studio.editor():
        bpy.ops.clip.matte_object_add()
    studio.go(1)
    path = studio.folder / "labels 0.png"
    studio.click("matte_keyframe_from_image", filepath=str(path), all_objects=True)
    studio.click("matte_propagate", recipe="colour", wait=True)
    studio.click("matte_to_compositor")
    assert len(our_nodes(studio)) == 2 * count
    assert first.matting.folder != second.matting.folder


def warnings(studio, capfd, operator: str = "matte_to_compositor", **properties) -> str:
    """Call an operator and return the warnings that it reports."""
    capfd.readouterr()
    assert studio.click(operator, **properties) == {"FINISHED"}
    lines = capfd.readouterr().out.splitlines()
    return "\n".join(line for line in lines if line.startswith("Warning"))


def test_render_size_other_than_the_clips_is_warned_of(studio, capfd):
    propagated(studio)
    assert warnings(studio, capfd) == ""
    studio.scene.render.resolution_x = 64
    assert "the render size is not the clip's, 120x80: click Set Scene Size" in warnings(studio, capfd)


@pytest.mark.parametrize("operator", ["matte_to_compositor", "matte_to_mask_layers"])
def test_only_objects_without_mattes_are_left_out(studio, capfd, operator):
    propagated(studio)
    studio.click("matte_object_add", name="new")
    assert "skipped (no keyframe or no mattes): new" in warnings(studio, capfd, operator)
    studio.go(1)
    studio.click("matte_keyframe_from_mask", absent=True)
    assert "skipped (no keyframe or no mattes): new" in warnings(studio, capfd, operator)
    with pytest.raises(RuntimeError, match="Propagate first"):
        studio.click(operator, which="ACTIVE")


@pytest.mark.parametrize("operator", ["matte_to_compositor", "matte_to_mask_layers"])
def test_mattes_of_an_object_whose_keyframes_were_cleared_are_left_out(studio, capfd, operator):
    propagated(studio)
    studio.click("matte_keyframe_clear")
    assert "skipped (no keyframe or no mattes): Object 2" in warnings(studio, capfd, operator)
    if operator == "matte_to_compositor":
        assert "Keymatte matte 2" not in our_nodes(studio)
        assert np.abs(render_frame(studio, 2)[..., 3] - studio.matte(1, 2)).max() < 1.5 / 255
    else:
        assert [layer.name for layer in studio.clip.matting.mask.layers] == ["Object 1"]
    studio.clip.matting.active_object = 0
    studio.go(1)
    studio.click("matte_keyframe_clear")
    with pytest.raises(RuntimeError, match="No object has a keyframe"):
        studio.click(operator)


def test_frames_without_mattes_are_warned_of(studio, capfd):
    propagated(studio, first=1001, start=101)
    for number in (1002, 1003, 1006):
        studio.matte_folder.matte(2, number).unlink()
    assert "frames without mattes use those of other frames: 102 to 103, 106" in warnings(studio, capfd)


def test_without_mattes_the_operator_is_refused(studio):
    studio.open_film()
    studio.mark(1, media=0)
    with pytest.raises(RuntimeError, match=r"no mattes of object 1.*Propagate first"):
        studio.click("matte_to_compositor")


def test_everything_renders_again_after_saving_and_opening(studio):
    propagated(studio)
    studio.click("matte_to_compositor")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    made = render_frame(studio, 4)
    assert np.abs(made[..., 3] - union(studio, 4)).max() < 1.5 / 255
