"""Rendering of a planned scene with Cycles: pictures, and label images made from coverage passes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import cv2
import numpy as np

from .blender_scene import LABEL_ALPHA, LABELS_RGB, build_scene, linear
from .description import Scene

QUALITY = 92  # of the JPEG pictures
_MIN_COVERAGE = 0.5  # of a pixel by an object, for the pixel to get its label


class SceneRenderer:
    """Scene built in Blender, to be rendered into `folder`; it replaces the scene of an earlier renderer."""

    def __init__(self, scene: Scene, *, width: int, height: int, folder: Path) -> None:
        self.folder = folder
        with silenced_stdout():
            build_scene(scene)
            _configure(width, height, shutter=scene.camera.shutter)
            view_settings = bpy.context.scene.view_settings
            view_settings.view_transform = "Filmic" if scene.filmic else "Standard"
            _add_coverage_output(folder)

    def render(self, frames: range, *, samples: int, percent: int = 100) -> tuple[list[Path], np.ndarray]:
        """Render frames at `percent` of the size; return the paths of the pictures, and the labels (T, H, W) uint8."""
        scene = bpy.context.scene
        scene.cycles.samples = samples
        scene.cycles.use_denoising = samples > 2
        scene.render.resolution_percentage = percent
        scene.frame_start, scene.frame_end, scene.frame_step = frames.start, frames.stop - 1, frames.step
        for path in self.folder.glob("cover_*"):
            path.unlink()
        scene.render.filepath = str(self.folder / "frames" / "frame_######")
        with silenced_stdout():
            bpy.ops.render.render(animation=True)
        pictures = [self.folder / "frames" / f"frame_{frame:06d}.jpg" for frame in frames]
        return pictures, np.stack([_labels(self.folder, frame) for frame in frames])

    def change_exposure(self, stops: float) -> None:
        """Raise the exposure by `stops`; a negative number lowers it."""
        bpy.context.scene.view_settings.exposure += stops


def _configure(width: int, height: int, *, shutter: float) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.use_persistent_data = True
    scene.render.use_motion_blur = shutter > 0
    if shutter:
        scene.render.motion_blur_shutter, scene.render.motion_blur_position = shutter, "CENTER"
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
    for name, kind in ((LABELS_RGB, "COLOR"), (LABEL_ALPHA, "VALUE")):
        aov = layer.aovs.add()
        aov.name, aov.type = name, kind


def _add_coverage_output(folder: Path) -> None:
    """Add a compositor output that writes the label passes of each frame as PNG images into `folder`."""
    scene = bpy.context.scene
    tree = bpy.data.node_groups.new("coverage", "CompositorNodeTree")
    scene.compositing_node_group = tree
    layers, out = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    out.directory, out.file_name = str(folder), "cover_"
    out.format.media_type, out.format.file_format, out.format.color_mode = "IMAGE", "PNG", "RGB"
    out.format.compression = 15
    out.format.color_management = "OVERRIDE"  # coverage must not depend on the exposure and view transform
    out.format.view_settings.view_transform = "Standard"
    for name, kind in ((LABELS_RGB, "RGBA"), (LABEL_ALPHA, "FLOAT")):
        item = out.file_output_items.new(kind, name)
        item.save_as_render = True
        tree.links.new(layers.outputs[name], out.inputs[name])


def _labels(folder: Path, frame: int) -> np.ndarray:
    """Compute the labels (H, W) uint8 of one frame from its coverage images.

    A pixel gets the label of the object that covers at least half of it, or 0.
    """
    first_three, last = (cv2.imread(str(_coverage_file(folder, name, frame))) for name in (LABELS_RGB, LABEL_ALPHA))
    coverage = np.dstack([first_three[..., ::-1], last[..., :1]]) / 255.0
    coverage = linear(coverage)  # the passes are written as sRGB
    labels = np.where(coverage.max(axis=2) >= _MIN_COVERAGE - 0.01, 1 + coverage.argmax(axis=2), 0)
    return labels.astype(np.uint8)


def _coverage_file(folder: Path, name: str, frame: int) -> Path:
    return next(iter(folder.glob(f"cover_*{name}*{frame:04d}.png")))


@contextmanager
def silenced_stdout() -> Iterator[None]:
    """Discard, inside a `with` block, what Blender writes to the standard output of the process."""
    sys.stdout.flush()
    stdout = os.dup(1)
    with Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
