"""Renders a planned scene with Cycles: pictures, and label images from what is rendered beside them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import cv2
import numpy as np

from .building import FOURTH, OURS, build, linear
from .plans import Scene

QUALITY = 92  # of the JPEG pictures
_GREY = 0.5  # coverage from which a pixel is an object's


class Set:
    """A scene that is built and can be rendered."""

    def __init__(self, scene: Scene, *, width: int, height: int, folder: Path) -> None:
        self.folder = folder
        with silence():
            build(scene)
            _configure(width, height, blurred=scene.view.shutter)
            view = bpy.context.scene.view_settings
            view.view_transform = "Filmic" if scene.contrasty else "Standard"
            self._covers = _beside(folder)

    def render(self, frames: range, *, samples: int, percent: int = 100) -> tuple[list[Path], np.ndarray]:
        """Pictures of these frames, and their labels (T, H, W) uint8."""
        scene = bpy.context.scene
        scene.cycles.samples = samples
        scene.cycles.use_denoising = samples > 2
        scene.render.resolution_percentage = percent
        scene.frame_start, scene.frame_end, scene.frame_step = frames.start, frames.stop - 1, frames.step
        for old in self.folder.glob("cover_*"):
            old.unlink()
        scene.render.filepath = str(self.folder / "frames" / "frame_######")
        with silence():
            bpy.ops.render.render(animation=True)
        pictures = [self.folder / "frames" / f"frame_{frame:06d}.jpg" for frame in frames]
        return pictures, np.stack([_labels(self.folder, frame) for frame in frames])

    def expose(self, stops: float) -> None:
        """Brighter or darker, by stops more than it was."""
        bpy.context.scene.view_settings.exposure += stops


def _configure(width: int, height: int, *, blurred: float) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.use_persistent_data = True
    scene.render.use_motion_blur = blurred > 0
    if blurred:
        scene.render.motion_blur_shutter, scene.render.motion_blur_position = blurred, "CENTER"
    settings = scene.render.image_settings
    settings.file_format, settings.quality = "JPEG", QUALITY
    cycles = scene.cycles
    cycles.device, cycles.seed, cycles.use_animated_seed = "CPU", 0, True
    cycles.use_adaptive_sampling = False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 1, 1, 1
    cycles.transparent_max_bounces, cycles.caustics_reflective, cycles.caustics_refractive = 6, False, False
    cycles.sample_clamp_indirect, cycles.sample_clamp_direct, cycles.blur_glossy = 3.0, 12.0, 1.0
    cycles.use_light_tree = False
    cycles.denoiser, cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB_ALBEDO_NORMAL"
    cycles.denoising_quality, cycles.denoising_prefilter = "FAST", "FAST"
    layer = scene.view_layers[0]
    for name, kind in ((OURS, "COLOR"), (FOURTH, "VALUE")):
        aov = layer.aovs.add()
        aov.name, aov.type = name, kind


def _beside(folder: Path) -> None:
    """Have the coverage of each object written as pictures beside the frames."""
    scene = bpy.context.scene
    tree = bpy.data.node_groups.new("covers", "CompositorNodeTree")
    scene.compositing_node_group = tree
    layers, out = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    out.directory, out.file_name = str(folder), "cover_"
    out.format.media_type, out.format.file_format, out.format.color_mode = "IMAGE", "PNG", "RGB"
    out.format.compression = 15
    out.format.color_management = "OVERRIDE"  # coverage has nothing to do with the picture's exposure and curve
    out.format.view_settings.view_transform = "Standard"
    for name, kind in ((OURS, "RGBA"), (FOURTH, "FLOAT")):
        item = out.file_output_items.new(kind, name)
        item.save_as_render = True
        tree.links.new(layers.outputs[name], out.inputs[name])


def _labels(folder: Path, frame: int) -> np.ndarray:
    """(H, W) uint8 of one frame: the object that covers at least half of a pixel."""
    ours, fourth = (cv2.imread(str(_one(folder, name, frame))) for name in (OURS, FOURTH))
    covers = np.dstack([ours[..., ::-1], fourth[..., :1]]) / 255.0
    covers = linear(covers)  # they were written as sRGB
    return np.uint8(np.where(covers.max(axis=2) >= _GREY - 0.01, 1 + covers.argmax(axis=2), 0))


def _one(folder: Path, name: str, frame: int) -> Path:
    return next(iter(folder.glob(f"cover_*{name}*{frame:04d}.png")))


@contextmanager
def silence() -> Iterator[None]:
    """Blender talks on the standard output, which is not ours to fill."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
