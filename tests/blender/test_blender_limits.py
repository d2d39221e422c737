"""Frame numbers that Blender's nodes and scenes cannot hold: the render is right, or the work is refused at once."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, WORST_IOU, compositor_tree, part, picture, render
from tests.blender.test_compositor import our_nodes, propagated, union, warnings, write_matte

CAMERA = 1_100_331  # number of a picture of a camera that counts in millions
MAX_FRAME = 1_048_574


def agrees(studio, frames: dict[int, int]) -> None:
    """Check that the rendered alpha is the objects' mattes, per scene frame -> file number of `frames`."""
    for frame, number in frames.items():
        studio.go(frame)
        alpha = render(studio.scene, studio.folder / "out.png")[..., 3]
        assert np.abs(alpha - union(studio, number)).max() < 2.5 / 255, f"frame {frame}"


@pytest.mark.parametrize("first", [MAX_FRAME - FRAMES + 1, MAX_FRAME - 3, MAX_FRAME + 1, CAMERA, 20_261_129])
@pytest.mark.parametrize("offset", [0, 2])
def test_large_file_numbers_are_rendered_with_their_mattes(studio, first, offset):
    propagated(studio, first=first, start=11, offset=offset)
    studio.click("matte_to_compositor")
    agrees(studio, {11 - offset + media: first + media for media in (0, 3, FRAMES - 1)})


def test_colours_and_soft_edges_are_right_with_large_numbers(studio):
    propagated(studio, first=CAMERA)
    for number in range(CAMERA, CAMERA + FRAMES):
        write_matte(studio, number, np.full((HEIGHT, WIDTH), 0.5))
    studio.click("matte_to_compositor", which="ACTIVE")
    studio.go(2)
    made = render(studio.scene, studio.folder / "out.png")
    assert np.abs(made[..., 3] - 0.5).max() < 0.01
    assert np.abs(made[..., :3] - picture(1) / 255).max() < 4 / 255


def test_new_mattes_with_large_numbers_are_shown_after_running_again(studio):
    propagated(studio, first=CAMERA)
    studio.click("matte_to_compositor")
    agrees(studio, {2: CAMERA + 1})
    nodes = our_nodes(studio)
    for number in range(CAMERA, CAMERA + FRAMES):
        write_matte(studio, number, np.ones((HEIGHT, WIDTH)))
    studio.click("matte_to_compositor")
    studio.go(2)
    assert render(studio.scene, studio.folder / "out.png")[..., 3].min() == 1
    assert our_nodes(studio) == nodes
    assert len(bpy.data.movieclips) == 3, "the film, and the mattes of two objects"


def test_large_numbers_render_again_after_saving_elsewhere_and_opening(studio):
    propagated(studio, first=CAMERA)
    studio.click("matte_to_compositor")
    copy = studio.folder / "copy" / "copy.blend"
    copy.parent.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(copy))
    studio.go(FRAMES)
    studio.click("matte_keyframe_clear")  # the copy gets a folder of its own
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(copy))
    for clip in bpy.data.movieclips:
        path = Path(bpy.path.abspath(clip.filepath))
        assert path.is_file()
        assert (copy.parent in path.parents) == ("matte" in clip.name), path
    agrees(studio, {1: CAMERA, FRAMES: CAMERA + FRAMES - 1})


def test_gaps_between_mattes_with_large_numbers_are_told_and_empty(studio, capfd):
    propagated(studio, first=CAMERA)
    for object_id in (1, 2):
        studio.matte_folder.matte(object_id, CAMERA + 2).unlink()
    assert "frames without mattes are transparent: 3" in warnings(studio, capfd)
    studio.go(3)
    assert render(studio.scene, studio.folder / "out.png")[..., 3].max() == 0
    agrees(studio, {4: CAMERA + 3})


def test_layers_of_large_file_numbers_fit(studio):
    from tests.blender.test_mask_layers import agreement

    propagated(studio, first=CAMERA, start=5)
    studio.click("matte_to_mask_layers")
    assert min(agreement(studio, {5 + media: CAMERA + media for media in (0, 3, 7)}, 1)) >= WORST_IOU


def test_a_keyframe_on_a_frame_that_no_scene_renders_is_refused_at_once(studio):
    clip = studio.open_film(first=CAMERA, start=CAMERA)
    studio.click("matte_object_add")
    studio.scene.frame_current = CAMERA
    with pytest.raises(RuntimeError, match=rf"frame {CAMERA}, but .* {MAX_FRAME}\. Set the clip's Start Frame"):
        studio.click("matte_keyframe_from_mask", absent=True)
    assert not clip.matting.keyframes


@pytest.mark.parametrize("start", [MAX_FRAME - 3, -MAX_FRAME - 3])
@pytest.mark.parametrize("operator", ["matte_to_mask_layers", "matte_to_compositor"])
def test_results_partly_beyond_the_last_frame_are_refused_before_anything_changes(studio, start, operator):
    propagated(studio)
    studio.clip.frame_start = start
    with pytest.raises(RuntimeError, match="Set the clip's Start Frame"):
        studio.click(operator)
    assert not bpy.data.masks
    assert compositor_tree(studio.scene) is None


def test_jumping_to_a_frame_that_blender_replaces_is_told(studio):
    studio.open_marked(start=-3)
    studio.go(4)
    with pytest.raises(RuntimeError, match="Negative Frames"):
        studio.click("matte_keyframe_jump", to="PREVIOUS")
    studio.clip.matting.active_keyframe = 0
    assert studio.session.status.problem.code == "blender-limit"


def test_mask_of_a_clip_too_small_to_render_is_refused(studio):
    from tests.blender.studio import add_spline, circle
    from tests.png import write_png

    studio.open(write_png(studio.folder / "tiny_1.png", np.zeros((2, 2, 3))))
    studio.click("matte_object_add")
    studio.space.mask = bpy.data.masks.new("drawn")
    add_spline(studio.space.mask.layers.new(name="drawn"), circle(0.5, 0.5, 0.4))
    studio.go(1)
    with pytest.raises(RuntimeError, match="size of the mask in pixels would be 2, but Blender sets it to 4"):
        studio.click("matte_keyframe_from_mask")
    assert [scene.name for scene in bpy.data.scenes] == ["Scene"]
    assert [mask.name for mask in bpy.data.masks] == ["drawn"]
    assert part("addon.folders").existing_folder(studio.clip) is None
