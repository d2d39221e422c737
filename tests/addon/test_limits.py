"""Numbers that Blender would silently replace."""

from __future__ import annotations

import bpy
import pytest
from keymatte.addon import clips, limits
from keymatte.engine.shared.errors import BlenderLimit


def test_a_number_that_blender_keeps_is_set():
    limits.set_number(bpy.context.scene, "frame_end", 77, what="the end", remedy="")
    assert bpy.context.scene.frame_end == 77


def test_a_number_that_blender_replaces_is_told_with_both_numbers():
    with pytest.raises(BlenderLimit, match=r"the end would be 1100331, but Blender sets it to 1048574") as caught:
        limits.set_number(bpy.context.scene, "frame_end", 1_100_331, what="the end", remedy="Choose a smaller one.")
    assert caught.value.remedy == "Choose a smaller one."


@pytest.mark.parametrize("sign", [1, -1])
def test_the_last_frames_are_those_of_blenders_scenes(sign):
    bpy.context.scene.frame_set(sign * 2_000_000)
    assert bpy.context.scene.frame_current == sign * limits.MAX_FRAME
    bpy.context.scene.frame_set(1)
    limits.check_frames([0, sign * limits.MAX_FRAME])
    with pytest.raises(BlenderLimit, match=f"frame {sign * (limits.MAX_FRAME + 1)}, but"):
        limits.check_frames([0, sign * (limits.MAX_FRAME + 1)])


def test_negative_frames_need_blenders_preference():
    scene, edit = bpy.context.scene, bpy.context.preferences.edit
    try:
        edit.use_negative_frames = False
        with pytest.raises(BlenderLimit, match="would be -3, but Blender sets it to 0") as caught:
            clips.show(scene, -3)
        assert "Negative Frames" in caught.value.remedy
        edit.use_negative_frames = True
        clips.show(scene, -3)
        assert scene.frame_current == -3
    finally:
        edit.use_negative_frames = False
        scene.frame_set(1)
