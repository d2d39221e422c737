"""Clips whose start, offset, aspect or file is changed after keyframes, mattes, layers and nodes were made."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, WORST_IOU, iou, mask_by_node, part, picture, render, write_film
from tests.blender.test_compositor import group_nodes, our_nodes, union
from tests.png import write_png

MOVES = {"start": (7, 0), "offset": (1, 3), "both": (21, -2)}


def reload(studio) -> None:
    with studio.editor():
        bpy.ops.clip.reload()


def propagated(studio, **film) -> None:
    studio.open_marked(**film)
    studio.propagate()
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = WIDTH, HEIGHT


def alpha_error(studio, media: int) -> float:
    """Return how far the rendered alpha is from the mattes of a media frame, where Blender now shows it."""
    clips = part("addon.clips")
    studio.go(clips.scene_frame(studio.clip, media))
    alpha = render(studio.scene, studio.folder / "out.png")[..., 3]
    return float(np.abs(alpha - union(studio, clips.number(studio.clip, media))).max())


def layer_score(studio, media: int) -> float:
    """Return the IoU of the first object's layer and its matte, where Blender now shows a media frame."""
    clips, mask = part("addon.clips"), studio.clip.matting.mask
    for layer in mask.layers:
        layer.hide_render = layer.name != "Object 1"
    drawn = mask_by_node(mask, clips.scene_frame(studio.clip, media), studio.folder)
    for layer in mask.layers:
        layer.hide_render = False
    return iou(drawn, studio.matte(1, clips.number(studio.clip, media)))


def complaint(studio) -> str:
    """Return what the panel says about mask layers and nodes."""
    return part("ui.panels").outdated_results(studio.clip)


@pytest.mark.parametrize("offset", [3, -2])
def test_late_frames_stay_in_the_clip_after_a_reload(studio, offset):
    studio.open_film(first=1001, start=11, offset=offset)
    last = 11 - offset + FRAMES - 1
    studio.mark(last, media=FRAMES - 1)
    reload(studio)
    studio.mark(11 - offset, media=0)
    studio.mark(last - 1, media=FRAMES - 2)
    studio.propagate()
    assert part("addon.folders").results(studio.clip).numbers == tuple(range(1001, 1001 + FRAMES))
    assert [key.number for key in studio.clip.matting.keyframes] == [1001, 1001, 1007, 1008]
    studio.clip.frame_offset = 0
    studio.propagate()
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor")
    with pytest.raises(RuntimeError, match="which has frames 11 to 18"):
        studio.go(19)
        studio.click("matte_keyframe_from_mask", absent=True)


@pytest.mark.parametrize("start_and_offset", MOVES.values(), ids=MOVES.keys())
def test_nodes_follow_a_moved_clip_and_layers_are_told_and_made_to_fit_with_one_click(studio, start_and_offset):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor")
    studio.click("matte_update_results")
    assert complaint(studio) == ""
    nodes = our_nodes(studio)
    studio.clip.frame_start, studio.clip.frame_offset = start_and_offset
    assert complaint(studio) == "Mask layers were"
    assert alpha_error(studio, 4) < 1.5 / 255, "nodes follow without a click"
    assert layer_score(studio, 4) < 0.7
    studio.click("matte_update_results")
    assert complaint(studio) == ""
    for media in (0, 4, FRAMES - 1):
        assert alpha_error(studio, media) < 1.5 / 255
        assert layer_score(studio, media) >= 0.97
    assert our_nodes(studio) == nodes
    assert sorted(layer.name for layer in studio.clip.matting.mask.layers) == ["Object 1", "Object 2"]


def test_a_clip_that_was_moved_back_is_not_complained_about(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor", variant="MASK")
    studio.clip.frame_start = 5
    assert complaint(studio) == "Mask layers were"
    studio.clip.frame_start = 1
    assert complaint(studio) == ""


def test_the_complaint_is_there_after_saving_and_opening(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor")
    studio.clip.frame_start = 5
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert complaint(studio) == "Mask layers were"


def test_another_aspect_is_told_and_made_to_fit(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor", variant="MASK")
    nodes = our_nodes(studio)
    studio.clip.display_aspect = (2, 1)
    assert complaint(studio) == "Mask layers were"
    studio.click("matte_update_results")
    assert complaint(studio) == ""
    studio.go(4)
    assert iou(render(studio.scene, studio.folder / "out.png")[..., 3], union(studio, 4)) > WORST_IOU
    studio.clip.display_aspect = (1, 1)
    studio.click("matte_update_results")
    assert our_nodes(studio) == nodes
    studio.go(4)
    assert iou(render(studio.scene, studio.folder / "out.png")[..., 3], union(studio, 4)) > 0.97


def test_nodes_in_every_scene_follow(studio):
    propagated(studio)
    first = studio.scene
    studio.click("matte_to_compositor")
    second = bpy.data.scenes.new("second")
    window = bpy.context.window_manager.windows[0]
    window.scene = second
    second.render.resolution_x, second.render.resolution_y = WIDTH, HEIGHT
    studio.click("matte_to_compositor", which="ACTIVE")
    assert len(group_nodes(studio)) == 1
    assert len([tree for tree in bpy.data.node_groups if tree.get("keymatte")]) == 1
    studio.clip.frame_start = 9
    assert complaint(studio) == ""
    studio.go(9 + 3)
    alpha = render(second, studio.folder / "out.png")[..., 3]
    assert np.abs(alpha - studio.matte(2, 4)).max() < 1.5 / 255
    window.scene = first
    assert alpha_error(studio, 3) < 1.5 / 255


def test_nodes_have_followed_in_a_saved_file(studio):
    propagated(studio)
    studio.click("matte_to_compositor")
    studio.clip.frame_start = 5
    bpy.ops.wm.save_mainfile()
    (group,) = group_nodes(studio)
    assert group.node_tree.nodes["Keymatte matte 1"].frame_start == 5


def test_a_layer_that_the_user_removed_is_neither_complained_about_for_long_nor_made_again(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    mask = studio.clip.matting.mask
    mask.layers.remove(mask.layers["Object 2"])
    studio.clip.frame_start = 5
    studio.click("matte_update_results")
    assert [layer.name for layer in mask.layers] == ["Object 1"]
    assert complaint(studio) == ""
    assert layer_score(studio, 3) >= 0.97


def test_a_new_clip_file_with_fewer_frames_is_told(studio):
    studio.open_film()
    studio.mark(8, media=7)
    shorter = write_film(studio.folder / "shorter", frames=5)
    studio.clip.filepath = str(shorter)
    reload(studio)
    with pytest.raises(RuntimeError, match=r"frame 8 is outside the clip, which has 5 frames\. Clear this keyframe"):
        studio.propagate()


def test_images_numbered_anew_are_followed_by_layers(studio):
    propagated(studio, first=1)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor")
    folder = studio.folder / "film"
    studio.clip.filepath = str(folder / "shot_0003.png")
    reload(studio)
    assert complaint(studio) == "Mask layers were"
    studio.click("matte_update_results")
    assert complaint(studio) == ""
    assert alpha_error(studio, 2) < 1.5 / 255
    assert layer_score(studio, 2) >= 0.97


def test_scene_and_clip_of_different_frame_rates_agree_by_frame(studio):
    from tests.blender.test_propagate import write_movie

    write_movie(studio, studio.folder / "film.mp4")
    clip = studio.open(studio.folder / "film.mp4", start=1)
    studio.scene.render.fps = int(clip.fps) * 2
    studio.mark(1, media=0)
    studio.propagate()
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = WIDTH, HEIGHT
    studio.click("matte_to_compositor")
    for media in (0, 3, 7):
        assert alpha_error(studio, media) < 1.5 / 255


def test_late_frames_are_suggested_after_a_reload(studio):
    studio.open_marked(first=1001, start=11, offset=3)
    reload(studio)
    assert studio.clip.frame_duration == FRAMES - 3, "Blender counts from the offset on"
    suggested = part("engine.shared.protocol").Suggested("job", (FRAMES - 1,), (1.0,), (1,), ("unlike",))
    assert part("addon.suggestions").store(studio.clip.session_uid, suggested).text == "1 frame suggested"
    assert [item.number for item in studio.clip.matting.suggestions] == [1000 + FRAMES]


def test_a_job_tells_of_frames_by_the_scenes_numbers(studio):
    """The film is cut after its fourth frame, numbered from 1001, and shown from frame 98 on."""
    first = write_film(studio.folder / "film", first=1001)
    for frame in range(4, FRAMES):
        write_png(studio.folder / "film" / f"shot_{1001 + frame}.png", 255 - picture(frame))
    studio.open(first, start=100, offset=2)
    studio.mark(98, media=0)
    studio.propagate()
    cut = "The film is cut at frame 102, and keyframes count only in their own shot. Mattes are empty on frames 102"
    assert studio.session.status.note.startswith(f"{cut} to 105: no keyframe of objects 1, 2. ")
    folder = studio.matte_folder
    folder.matte(1, 1003).write_bytes(folder.matte(1, 1002).read_bytes())
    folder.labels(1004).write_bytes(folder.labels(1002).read_bytes())
    studio.propagate()
    assert "Nothing to redo: every matte on 8 frames is up to date" in studio.session.status.note
    studio.propagate(everything=True)
    note = studio.session.status.note
    assert "1 matte that was edited by hand was kept (object 1, frame 100)" in note
    assert "Label images that were edited by hand were kept (frame 101)" in note
    studio.clip.frame_start += 10
    (studio.folder / "film" / "shot_1002.png").write_bytes(b"damaged")
    studio.scene.use_preview_range, studio.scene.frame_preview_start, studio.scene.frame_preview_end = True, 108, 110
    studio.click("matte_range", action="PREVIEW")
    studio.propagate(frames="RANGE", everything=True)
    assert "1 frame could not be read (109)" in studio.session.status.warning
    assert "Mattes of earlier runs were left as they are on frames 109, 111 to 115." in studio.session.status.note


def test_names_of_clip_and_objects_can_be_changed(studio):
    propagated(studio)
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor")
    nodes = our_nodes(studio)
    studio.clip.name, studio.clip.matting.objects[0].name = "plate", "hero"
    studio.propagate()
    studio.click("matte_to_mask_layers")
    studio.click("matte_to_compositor")
    assert our_nodes(studio) == nodes
    assert sorted(layer.name for layer in studio.clip.matting.mask.layers) == ["Object 2", "hero"]
    assert len(list((studio.folder / "keymatte").iterdir())) == 1
