"""Data-blocks that Blender does not save with the file: they are refused from the first click."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, HEIGHT, WIDTH, compositor_tree, new_compositor, render, truth
from tests.blender.test_compositor import union
from tests.png import write_png

CHANGES = [
    ("matte_object_add", {}),
    ("matte_object_remove", {}),
    ("matte_keyframe_from_image", {"all_objects": True}),
    ("matte_keyframe_from_mask", {"absent": True}),
    ("matte_keyframe_clear", {}),
    ("matte_propagate", {"wait": True, "recipe": "colour"}),
    ("matte_suggest", {"wait": True}),
    ("matte_to_mask_layers", {}),
    ("matte_update_results", {}),
    ("matte_clear", {}),
]


def link(studio, kind: str = "movieclips") -> None:
    """Save the open file as a library, and link its data-blocks of a kind into a new file."""
    library = str(studio.folder / "lib.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    studio.new_file()
    with bpy.data.libraries.load(library, link=True) as (there, here):
        setattr(here, kind, getattr(there, kind))


def show_clip(studio) -> None:
    studio.area.type = "VIEW_3D"  # without a window, an editor is initialized only when its type changes
    studio.area.type = "CLIP_EDITOR"
    studio.space.clip = studio.clip


@pytest.fixture
def linked(studio):
    """Return the studio with a linked clip, whose objects have no mattes, in the clip editor."""
    studio.open_film().use_fake_user = True
    link(studio)
    show_clip(studio)
    return studio


@pytest.mark.parametrize(("operator", "properties"), CHANGES)
def test_every_change_to_a_linked_clip_is_refused_with_what_to_do(linked, operator, properties):
    labels = write_png(linked.folder / "labels.png", truth(0))
    linked.go(1)
    if operator == "matte_keyframe_from_image":
        properties = {**properties, "filepath": str(labels)}
    with pytest.raises(
        RuntimeError, match=r"is linked from lib\.blend: .* not be saved\. Make it local .* or open its"
    ):
        linked.click(operator, **properties)
    assert not linked.clip.matting.objects
    assert not (linked.folder / "keymatte").exists()


def test_a_library_override_is_refused(linked):
    override = linked.clip.override_create(remap_local_usages=True)
    linked.space.clip = override
    with pytest.raises(RuntimeError, match=r"is a library override: .* Make it local"):
        linked.click("matte_object_add")


def test_a_clip_that_was_made_local_keeps_everything(linked):
    clip = linked.clip.make_local()
    linked.space.clip = clip
    linked.go(1)
    path = write_png(linked.folder / "labels.png", truth(0))
    linked.click("matte_keyframe_from_image", filepath=str(path), all_objects=True)
    linked.propagate()
    linked.click("matte_to_compositor")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert len(linked.clip.matting.keyframes) == 2
    assert linked.matte_folder.matte(1, FRAMES).is_file()


def test_mattes_of_a_linked_clip_can_be_added_to_a_scene_of_this_file(studio):
    studio.open_marked()
    studio.propagate()
    studio.click("matte_to_mask_layers")
    link(studio)
    show_clip(studio)
    studio.click("matte_to_compositor")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = WIDTH, HEIGHT
    studio.go(4)
    assert np.abs(render(studio.scene, studio.folder / "out.png")[..., 3] - union(studio, 4)).max() < 1.5 / 255


def test_layers_are_not_written_to_a_linked_mask(studio):
    bpy.data.masks.new("shared")
    link(studio, "masks")
    studio.open_marked()
    studio.propagate()
    studio.clip.matting.mask = bpy.data.masks["shared"]
    with pytest.raises(RuntimeError, match=r"Mask shared is linked from lib\.blend, so changes .* Make it local"):
        studio.click("matte_to_mask_layers")
    assert not bpy.data.masks["shared"].layers


def test_nodes_are_not_added_to_a_linked_tree(studio):
    if bpy.app.version < (5, 0, 0):
        pytest.skip("before Blender 5, the tree belongs to the scene")
    new_compositor(studio.scene)
    compositor_tree(studio.scene).use_fake_user = True
    link(studio, "node_groups")
    studio.open_marked()
    studio.propagate()
    studio.scene.compositing_node_group = bpy.data.node_groups[0]
    with pytest.raises(RuntimeError, match=r"is linked from lib\.blend, so changes to it would not be saved"):
        studio.click("matte_to_compositor")
    assert len(bpy.data.node_groups[0].nodes) == 1


def test_objects_without_keyframes_are_saved_with_a_clip_that_nothing_shows(studio):
    studio.open_film()
    studio.click("matte_object_add", name="hero")
    studio.area.type = "VIEW_3D"
    studio.scene.active_clip = None
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert [item.name for item in studio.clip.matting.objects] == ["hero"]
