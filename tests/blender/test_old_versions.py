"""A file saved by an earlier version opens with all its data, and work can continue from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bpy
import pytest

from tests.blender.studio import (
    HEIGHT,
    MODULE,
    WIDTH,
    Studio,
    add_spline,
    circle,
    compositor_tree,
    iou,
    mask_by_node,
    part,
    render,
    write_film,
)

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


def old_nodes(studio) -> list[str]:
    return [node.name for node in compositor_tree(studio.scene).nodes if node.get("keymatte")]


def alpha(studio, frame: int):
    studio.scene.render.resolution_x, studio.scene.render.resolution_y = WIDTH, HEIGHT
    studio.scene.render.resolution_percentage = 100
    studio.go(frame)
    return render(studio.scene, studio.folder / "out.png")[..., 3]


def test_nodes_are_not_doubled_and_replaced_by_the_group_only_on_request(opened):
    tree = compositor_tree(opened.scene)
    before, nodes = alpha(opened, 3), old_nodes(opened)
    assert len(nodes) >= 4 and before.max() == 1
    with pytest.raises(RuntimeError, match=r"nodes that an earlier version .* Click Replace Old Nodes"):
        opened.click("matte_to_compositor")
    assert old_nodes(opened) == nodes
    blur = tree.nodes.new("CompositorNodeBlur")
    (matte,) = [node for node in tree.nodes if node.name == "Keymatte matte 1"]
    tree.links.new(matte.outputs["Image"], blur.inputs[0])
    is_conversion = part("addon.node_trees").is_conversion  # put in by Blender 5 as it opens a file of Blender 4
    users = {node.name for node in tree.nodes if not is_conversion(node)} - set(nodes)
    opened.click("matte_to_compositor", replace=True)
    assert not old_nodes(opened)
    (group,) = [node for node in tree.nodes if node.type == "GROUP"]
    assert {node.name for node in tree.nodes} == users | {group.name}
    assert blur.inputs[0].links[0].from_socket == group.outputs["Ring Alpha"]
    assert abs(alpha(opened, 3) - before).max() < 1.5 / 255
    opened.click("matte_to_compositor")
    assert [node for node in tree.nodes if node.type == "GROUP"] == [group]


def test_an_old_node_that_takes_a_link_of_the_users_is_left_to_the_user(opened):
    tree = compositor_tree(opened.scene)
    invert = tree.nodes.new("CompositorNodeInvert")
    cut_out = tree.nodes["Keymatte cut out"]
    tree.links.new(tree.nodes["Keymatte matte 1"].outputs["Image"], invert.inputs["Color"])
    tree.links.new(invert.outputs[0], cut_out.inputs["Alpha"])
    before = alpha(opened, 3)
    opened.click("matte_to_compositor", replace=True)
    assert cut_out.inputs["Alpha"].links[0].from_node == invert
    assert cut_out.inputs["Image"].links[0].from_socket.name == "Plate"
    assert invert.inputs["Color"].links[0].from_socket.name == "Ring Alpha"
    assert abs(alpha(opened, 3) - before).max() < 1.5 / 255
    opened.click("matte_to_compositor")
    assert cut_out.inputs["Alpha"].links[0].from_node == invert


def contents(opened) -> dict[str, bytes]:
    """Return the bytes of the old mattes and label images, by their paths."""
    folder = opened.matte_folder
    paths = [*folder.root.glob("mattes/*/*.png"), *folder.root.glob("labels/*.png")]
    return {path.relative_to(folder.root).as_posix(): path.read_bytes() for path in paths}


def test_undo_run_brings_the_old_mattes_back(opened):
    before = contents(opened)
    assert len(before) == 24
    opened.propagate()
    assert opened.session.status.problem is None
    opened.click("matte_undo_run")
    assert contents(opened) == before


def test_mask_layers_are_made_again_from_the_old_mattes_and_layers_of_the_user_stay(opened):
    mask = opened.clip.matting.mask
    own = mask.layers.new(name="Mine")
    add_spline(own, circle(0.5, 0.5, 0.1))
    assert opened.click("matte_to_mask_layers", wait=True) == {"FINISHED"}
    assert opened.clip.matting.mask == mask
    assert sorted(layer.name for layer in mask.layers) == ["Box", "Mine", "Ring"]
    assert len(mask.layers["Mine"].splines) == 1
    drawn = mask_by_node(mask, 3, opened.folder)
    assert (drawn > 0.5).any() and opened.session.status.problem is None


def test_the_old_mattes_are_exported_and_refined(opened):
    assert opened.click("matte_export", directory="//for others/", wait=True) == {"FINISHED"}
    assert len(list((opened.folder / "for others").glob("*/*.png"))) == 16
    before = contents(opened)
    opened.clip.matting.objects[0].refinement.use = True
    assert opened.click("matte_refine", wait=True) == {"FINISHED"}
    assert len(list(opened.matte_folder.root.glob("refined/mattes/001/*.png"))) == 8
    assert contents(opened) == before


def test_the_file_is_the_same_after_saving_and_opening_it(opened):
    def seen() -> tuple:
        matting = opened.clip.matting
        return (
            [(item.object_id, item.name, item.show, tuple(item.colour)) for item in matting.objects],
            [(item.number, item.object_id, item.version, item.absent) for item in matting.keyframes],
            (matting.recipe, matting.opacity, matting.suggestion_count, matting.mask.name),
        )

    before, mattes = seen(), contents(opened)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert seen() == before and contents(opened) == mattes
    assert opened.clip.matting.saved_by and not part("addon.file_version").warning(opened.clip)


def stored_properties(rna, path: str) -> dict:
    """Return the type of each property, and the numbers of the choices, which .blend files and preferences store."""
    found = {}
    for prop in rna.properties:
        key = f"{path}.{prop.identifier}"
        if prop.type == "ENUM":
            found[key] = {item.identifier: item.value for item in prop.enum_items_static or prop.enum_items}
        elif prop.type == "POINTER" and prop.identifier != "rna_type":
            found[key] = f"POINTER {prop.fixed_type.identifier}"
        else:
            found[key] = prop.type
        if prop.type == "COLLECTION":
            found |= stored_properties(prop.fixed_type, key)
    return found


def test_every_property_that_is_stored_has_kept_its_name_its_type_and_the_numbers_of_its_choices(studio):
    old = json.loads((OLD / "properties.json").read_text(encoding="utf-8"))
    preferences = bpy.context.preferences.addons[MODULE].preferences
    now = stored_properties(bpy.types.MovieClip.bl_rna.properties["matting"].fixed_type, "clip")
    now |= stored_properties(preferences.bl_rna, "preferences")
    for key, stored in old.items():
        if isinstance(stored, dict):
            assert stored.items() <= now[key].items(), key
        else:
            assert now[key] == stored, key
