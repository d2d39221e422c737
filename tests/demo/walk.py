"""The workflow of an artist on the clip, operator by operator, in a headless Blender in a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
from bpy.types import Area, Mask, MovieClip

from engine.output.tracing import trace
from tests.demo import extension

KEYFRAMES_FROM_IMAGE = (0, 20)
KEYFRAME_FROM_MASK = 45
PICTURE_FRAME = 31  # far from every keyframe
_MIX_INPUTS = ("Factor_Float", "A_Color", "B_Color")  # identifiers: Mix node sockets share names


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zip", type=Path, required=True)
    parser.add_argument("--clip", type=Path, required=True, help="folder with frames/ and masks/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", required=True)
    options = parser.parse_args(arguments)

    extension.install(options.zip)
    bpy.context.preferences.addons[extension.MODULE].preferences.engine_python = sys.executable
    clip, area = open_clip(options.clip / "frames", options.out / "demo.blend")
    clip.matting.recipe = options.recipe
    with editor(area):
        mark(clip, options.clip / "masks")
        began = time.monotonic()
        bpy.ops.clip.matte_propagate(wait=True)
        seconds, figures = time.monotonic() - began, engine_figures()  # before another job takes their place
        bpy.ops.clip.matte_to_mask_layers()
        bpy.ops.clip.matte_to_compositor()
    relight()
    render(options.out / "composite.png")
    bpy.ops.wm.save_as_mainfile(filepath=str(options.out / "demo.blend"))
    run = {
        "blender": bpy.app.version_string,
        "seconds": seconds,
        "folder": bpy.path.abspath(clip.matting.folder),
        "keyframes": sorted((*KEYFRAMES_FROM_IMAGE, KEYFRAME_FROM_MASK)),
        "mask_layers": [layer.name for layer in clip.matting.mask.layers],
        **figures,
    }
    (options.out / "walk.json").write_text(json.dumps(run, indent=1), encoding="utf-8")
    extension.disable()


def open_clip(frames: Path, blend: Path) -> tuple[MovieClip, Area]:
    """Show the clip in a clip editor, set the scene to its size and length, and save. Returns clip and editor."""
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    first = min(frames.iterdir())
    clip = bpy.data.movieclips.load(str(first))
    clip.name = "chair"
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, clip.frame_duration
    scene.render.resolution_x, scene.render.resolution_y = clip.size
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Standard"  # shows the clip with its original colours
    area = max(bpy.context.window_manager.windows[0].screen.areas, key=lambda area: area.width * area.height)
    area.type = "CLIP_EDITOR"
    space = area.spaces.active
    space.clip, space.mode, space.show_region_ui = clip, "MASK", True
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), relative_remap=True)  # mattes are stored beside the saved file
    clip.filepath = bpy.path.relpath(clip.filepath)
    return clip, area


@contextmanager
def editor(area: Area) -> Iterator[None]:
    """Override the context as if the mouse were over the clip editor."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
        yield


def mark(clip: MovieClip, masks: Path) -> None:
    """Add one object, with two keyframes from mask images and one from a Blender mask."""
    scene, space = bpy.context.scene, bpy.context.space_data
    bpy.ops.clip.matte_object_add(name="reflection")
    for number in KEYFRAMES_FROM_IMAGE:
        scene.frame_set(number + 1)
        bpy.ops.clip.matte_keyframe_from_image(filepath=str(masks / f"frame_{number:06d}.png"))
    scene.frame_set(KEYFRAME_FROM_MASK + 1)
    space.mask = draw_mask("drawn", object_pixels(masks / f"frame_{KEYFRAME_FROM_MASK:06d}.png"))
    bpy.ops.clip.matte_keyframe_from_mask()
    print(f"{len(clip.matting.keyframes)} keyframes", flush=True)


def object_pixels(path: Path) -> np.ndarray:
    """Read a mask image of the clip with Blender: return (H, W) bool, true where the image is not black."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(height, width, 4)[::-1, :, :3].max(axis=2) > 0


def draw_mask(name: str, mask: np.ndarray) -> Mask:
    """Create a Blender mask that renders as `mask` (H, W) bool, with splines along the edges of its pixels."""
    height, width = mask.shape
    drawn = bpy.data.masks.new(name)
    layer = drawn.layers.new(name=name)
    layer.use_fill_holes = True
    for ring in trace(mask.astype(np.float32)):
        points = installed("addon.mask_space").MaskSpace(width, height).from_pixels(ring)
        spline = layer.splines.new()
        spline.use_cyclic = True
        spline.points.add(len(points) - 1)
        spline.points.foreach_set("handle_type", np.zeros(len(points), np.int32))  # FREE handles keep corners sharp
        for field in ("co", "handle_left", "handle_right"):
            spline.points.foreach_set(field, points.astype(np.float32).ravel())
    return drawn


def relight() -> None:
    """Add nodes after the clip's group that use the matte: the background becomes dark grey and the object glows."""
    tree = bpy.context.scene.compositing_node_group
    output = next(node for node in tree.nodes if node.bl_idname == "NodeGroupOutput")
    group = output.inputs[0].links[0].from_node
    dark, grey = (tree.nodes.new("CompositorNodeHueSat") for _ in range(2))
    lamp, over = tree.nodes.new("ShaderNodeMix"), tree.nodes.new("CompositorNodeAlphaOver")
    dark.inputs["Saturation"].default_value, dark.inputs["Value"].default_value = 0.0, 0.3
    grey.inputs["Saturation"].default_value = 0.0
    lamp.data_type, lamp.blend_type = "RGBA", "MULTIPLY"
    factor, colour, light = (next(put for put in lamp.inputs if put.identifier == name) for name in _MIX_INPUTS)
    factor.default_value, light.default_value = 1.0, (5.0, 1.9, 0.35, 1.0)
    tree.links.new(group.outputs["Plate"], dark.inputs["Image"])
    tree.links.new(group.outputs["Cut-Out"], grey.inputs["Image"])
    tree.links.new(grey.outputs["Image"], colour)
    tree.links.new(dark.outputs["Image"], over.inputs["Background"])
    tree.links.new(next(put for put in lamp.outputs if put.type == "RGBA"), over.inputs["Foreground"])
    tree.links.new(over.outputs["Image"], output.inputs[0])
    for place, node in enumerate((grey, lamp, over, output)):
        node.location = (600 + 220 * place, 0)
    dark.location = (820, -250)


def render(path: Path) -> None:
    """Render one frame with the compositor."""
    scene = bpy.context.scene
    scene.frame_set(PICTURE_FRAME + 1)
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    scene.render.filepath = "//render_"


def installed(name: str) -> ModuleType:
    """Return a module of the installed extension that Blender has loaded."""
    return sys.modules[f"{extension.MODULE}.{name}"]


def engine_figures() -> dict[str, float]:
    """Return the engine's figures of the run that has just ended: steps per second, and peak memory in bytes."""
    finished = installed("addon.session").session.status.finished
    return {"steps_per_second": finished.frames_per_second, "peak_memory": finished.peak_memory}


if __name__ == "__main__":
    main(sys.argv[1:])
    extension.end(0)
