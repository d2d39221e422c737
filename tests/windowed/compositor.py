"""The group of a clip in the node editor: nothing lies on anything, and the group follows the clip by itself.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.blender.studio import PALETTE, circle, compositor_tree, new_compositor, new_mask, read_image
from tests.png import write_png
from tests.windowed.clip_pixels import FRAMES, truth, write_film
from tests.windowed.driver import OUT, Steps, begin, over, part, report, run, screenshot, until

_ABOVE = (
    "CLIP_PT_matte_view",
    "CLIP_PT_matte_paint",
    "CLIP_PT_matte_propagate_options",
    "CLIP_PT_matte_propagate",
    "CLIP_PT_matte_keyframes",
)


def artist() -> Steps:
    """Add the group beside nodes of the artist, look at both trees, move the clip, and change a matte."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    clip, scene = area.spaces.active.clip, bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 640, 480
    for panel in _ABOVE:  # so that the results are in sight
        bpy.utils.unregister_class(getattr(bpy.types, panel))
    with over(area):
        labels = write_png(OUT / "labels.png", truth(0), PALETTE)
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(labels), all_objects=True)
    write_mattes(clip)
    tree = artists_tree(scene)
    with over(area):
        clip.matting.mask = new_mask(circle(0.5, 0.5, 0.2))
        bpy.ops.clip.matte_to_compositor("EXEC_DEFAULT", True, variant="MASK")
        bpy.ops.clip.matte_to_compositor("EXEC_DEFAULT", True, variant="MATTE")
    yield 1.0
    screenshot("1 panel")
    with over(area):
        bpy.ops.clip.matte_scene_size("EXEC_DEFAULT", True)
        bpy.ops.clip.matte_scene_colours("EXEC_DEFAULT", True)
    (group,) = [node for node in tree.nodes if node.type == "GROUP"]
    for name in ("ahead", "behind"):
        assert tree.nodes[name].location[:] in ((0.0, 0.0), (300.0, 0.0))

    clip.frame_start += 10
    matte = group.node_tree.nodes["Keymatte matte 1"]
    yield from until(lambda: matte.frame_start == 11)
    clip.frame_start -= 10
    yield from until(lambda: matte.frame_start == 1)
    clip.matting.objects[0].name = "hero"
    area.tag_redraw()
    yield from until(lambda: "hero Alpha" in group.outputs)
    report["follows"] = True

    yield from new_mattes_are_rendered(clip, tree, group)
    area.type = "NODE_EDITOR"
    area.ui_type = "CompositorNodeTree"
    space = area.spaces.active
    if bpy.app.version >= (5, 0, 0):
        space.node_tree = tree
    yield 1.5
    yield from framed(area)
    screenshot("2 scene")
    report["scene"] = overlaps(tree)
    space.path.append(group.node_tree, node=group)
    yield 1.5
    yield from framed(area)
    screenshot("3 group")
    report["group"] = overlaps(group.node_tree)
    assert not report["scene"] and not report["group"], report


def new_mattes_are_rendered(clip: bpy.types.MovieClip, tree, group) -> Steps:
    """Render a matte, let a run replace it, and render again without a click."""
    target = part("addon.node_trees").output_of(tree)
    kept = target.links[0].from_socket
    tree.links.new(group.outputs["Alpha"], target)
    before = rendered_mean("before")
    write_mattes(clip, full=True)
    yield from until(lambda: not part("addon.compositor").unfit(clip))
    after = rendered_mean("after")
    assert before < 0.5 and after > 0.98, (before, after)
    tree.links.new(kept, target)


def rendered_mean(name: str) -> float:
    """Render the current frame, and return the mean of its red channel."""
    scene = bpy.context.scene
    scene.render.filepath = str(OUT / f"render {name}.png")
    bpy.ops.render.render(write_still=True)
    return float(read_image(Path(scene.render.filepath))[..., 0].mean())


def framed(area: bpy.types.Area) -> Steps:
    """Show all nodes of the editor's tree."""
    with over(area):
        bpy.ops.node.view_all()
    yield 2.0


def overlaps(tree) -> list[str]:
    """Return which nodes lie on each other, as they are drawn."""
    scale = bpy.context.preferences.system.ui_scale
    rectangles = []
    for node in tree.nodes:
        (x, y), (width, height) = node.location, node.dimensions / scale
        top = y + 0.5 * height - 10 if node.hide else y  # a collapsed node is drawn around the height of its title
        rectangles.append((node.name, x, x + width, top - height, top))
    pairs = combinations(rectangles, 2)
    return [f"{a[0]} / {b[0]}" for a, b in pairs if a[1] < b[2] and b[1] < a[2] and a[3] < b[4] and b[3] < a[4]]


def artists_tree(scene):
    """Give the scene a compositor with nodes of the artist."""
    tree, output = new_compositor(scene)
    for name, x in (("ahead", 0.0), ("behind", 300.0)):
        node = tree.nodes.new("CompositorNodeBlur")
        node.name, node.location = name, (x, 0.0)
    output.location = (600.0, 0.0)
    tree.links.new(tree.nodes["ahead"].outputs[0], tree.nodes["behind"].inputs[0])
    tree.links.new(tree.nodes["behind"].outputs[0], output.inputs[0])
    return compositor_tree(scene)


def write_mattes(clip: bpy.types.MovieClip, *, full: bool = False) -> None:
    """Write mattes of both objects, as a run does; if `full`, ones that cover the whole frame."""
    folder = part("addon.folders").existing_folder(clip)
    files = part("engine.shared.written_files").WrittenFiles(folder)
    for number in range(1, FRAMES + 1):
        image = write_png(OUT / "labels.png", truth(number - 1), PALETTE)
        files.write(folder.labels(number), image.read_bytes())
        for object_id in (1, 2):
            matte = write_png(OUT / "matte.png", (((truth(number - 1) == object_id) | full) * 255).astype(np.uint8))
            files.write(folder.matte(object_id, number), matte.read_bytes())
    files.close()


run(artist())
