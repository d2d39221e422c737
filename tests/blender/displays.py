"""How Blender shows a clip stabilised and undistorted: rendered by its sequencer, which does as the clip editor."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from tests.dots import grid_of_dots, picture_of_dots
from tests.png import write_png

from .studio import render

WIDTH, HEIGHT = 320, 240
DOTS = grid_of_dots(WIDTH, HEIGHT)


def write_dots(folder: Path, frames: int, *, width: int = WIDTH, height: int = HEIGHT) -> Path:
    """Write `frames` equal images of dots. Returns the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = picture_of_dots(width, height, grid_of_dots(width, height))
    for frame in range(1, frames + 1):
        write_png(folder / f"dots_{frame:04d}.png", picture)
    return folder / "dots_0001.png"


def shown(clip, frame: int, folder: Path, *, stabilized: bool = False, undistorted: bool = False) -> np.ndarray:
    """Render the clip on a scene frame as a clip editor shows it. Returns its brightness (H, W), 0..1."""
    scene = bpy.data.scenes.new("shown")
    width, height = clip.size
    scene.render.resolution_x, scene.render.resolution_y = width, height
    editor = scene.sequence_editor_create()
    strips = editor.strips if bpy.app.version >= (4, 4, 0) else editor.sequences
    strip = strips.new_clip("clip", clip, 1, clip.frame_start)
    strip.stabilize2d, strip.undistort = stabilized, undistorted
    scene.frame_set(frame)
    window = bpy.context.window_manager.windows[0]
    before, window.scene = window.scene, scene
    scene.frame_set(frame)
    try:
        return render(scene, folder / "shown.png")[..., 0]
    finally:
        window.scene = before
        bpy.data.scenes.remove(scene)
