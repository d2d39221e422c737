"""A file saved by an earlier version opens with all its data, and work can continue from there."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
import pytest

from tests.blender.studio import Studio, compositor_tree, iou, part, write_film

OLD = Path(__file__).parents[1] / "old" / "0.1.0"


@pytest.fixture
def opened(studio) -> Studio:
    """Open a copy of the file saved by the extension 0.1.0, with its film and matte folder."""
    film = write_film(studio.folder / "film")
    shutil.copytree(OLD / "keymatte", studio.folder / "keymatte")
    shutil.copyfile(OLD / "shot.blend", studio.folder / "shot.blend")
    bpy.ops.wm.open_mainfile(filepath=str(studio.folder / "shot.blend"))
    studio.area.type = "CLIP_EDITOR"
    studio.space.clip = studio.clip
    studio.clip.filepath = str(film)  # as the artist who has moved a shot does
    return studio


def test_objects_keyframes_and_settings_are_as_they_were(opened):
    matting = opened.clip.matting
    assert [(item.object_id, item.name, item.show) for item in matting.objects] == [
        (1, "Ring", True),
        (2, "Box", False),
    ]
    assert [(item.number, item.object_id) for item in matting.keyframes] == [(1, 1), (1, 2), (5, 1), (5, 2)]
    assert (matting.recipe, matting.suggestion_count, matting.show_overlay) == ("xmem", 3, False)
    assert matting.opacity == pytest.approx(0.25)
    assert opened.scene.frame_current == 3


def test_mattes_mask_layers_and_nodes_are_there(opened):
    assert opened.matte_folder.root == opened.folder / "keymatte" / "shot_0001.png"
    assert len(part("addon.folders").results(opened.clip).numbers) == 8
    assert opened.matte(1, 3).any()
    assert [layer.name for layer in opened.clip.matting.mask.layers] == ["Ring", "Box"]
    assert any(node.type == "IMAGE" for node in compositor_tree(opened.scene).nodes)


def test_propagate_goes_on_from_the_old_keyframes(opened):
    before, kept = opened.matte(1, 3), {path: path.read_bytes() for path in opened.folder.rglob("keyframes/**/*.png")}
    assert len(kept) == 8
    assert opened.propagate() == {"FINISHED"}
    assert opened.session.status.problem is None
    assert iou(opened.matte(1, 3), before) > 0.98
    assert {path: path.read_bytes() for path in kept} == kept
