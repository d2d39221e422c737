"""The current frame's mattes over the clip, tinted in their objects' colours."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import bpy
import gpu
import numpy as np
from bpy.types import MovieClip, Region, SpaceClipEditor
from gpu_extras.batch import batch_for_shader

from ..addon import clips, png
from ..addon.folders import existing_folder
from ..engine.shared.errors import EngineError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Shown:
    """What the texture on the graphics card shows."""

    path: Path
    changed: int
    tints: tuple
    texture: gpu.types.GPUTexture | None


_handle: object | None = None
_shown: _Shown | None = None


def show() -> None:
    """Draw over every clip editor from now on; in background mode there is nothing to draw on."""
    global _handle
    if _handle is None and not bpy.app.background:
        _handle = SpaceClipEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def hide() -> None:
    """Draw no more."""
    global _handle, _shown
    if _handle is not None:
        SpaceClipEditor.draw_handler_remove(_handle, "WINDOW")
    _handle = _shown = None


def tinted(labels: np.ndarray, tints: dict[int, tuple[float, float, float]], opacity: float) -> np.ndarray:
    """Labels (H, W) of object numbers -> (H, W, 4) float32 colours, first row at the bottom as textures have it."""
    table = np.zeros((256, 4), np.float32)
    for number, colour in tints.items():
        table[number] = (*colour, opacity)
    return table[labels[::-1]]


def _draw() -> None:
    space = bpy.context.space_data
    clip = space.clip
    if clip is None or not clip.matting.show_overlay:
        return
    try:
        texture = _texture(clip, space.clip_user.frame_current)  # the frame of the picture beneath
    except (OSError, png.NotReadable, ValueError, EngineError) as error:
        _log.info("no overlay: %s", error)  # a file that is just being removed; the next redraw tries again
        return
    if texture is not None:
        _draw_over_clip(bpy.context.region, texture)


def _texture(clip: MovieClip, scene_frame: int) -> gpu.types.GPUTexture | None:
    """The tinted label image of the frame, on the graphics card; None if there is none. Kept until one of its parts
    changes."""
    global _shown
    folder = existing_folder(clip)
    if folder is None:
        return None
    path = folder.labels(clips.number(clip, clips.media_frame(clip, scene_frame)))
    if not path.is_file():
        return None
    matting = clip.matting
    tints = {item.object_id: tuple(item.colour) for item in matting.objects if item.show}
    wanted = (path, path.stat().st_mtime_ns, (*tints.items(), matting.opacity))
    if _shown is None or (_shown.path, _shown.changed, _shown.tints) != wanted:
        pixels = tinted(png.read(path).values, tints, matting.opacity)
        height, width = pixels.shape[:2]
        buffer = gpu.types.Buffer("FLOAT", (height, width, 4), np.ascontiguousarray(pixels))
        texture = gpu.types.GPUTexture((width, height), format="RGBA8", data=buffer)
        _shown = _Shown(*wanted, texture)
    return _shown.texture


def _draw_over_clip(region: Region, texture: gpu.types.GPUTexture) -> None:
    left, bottom = region.view2d.view_to_region(0.0, 0.0, clip=False)
    right, top = region.view2d.view_to_region(1.0, 1.0, clip=False)
    shader = gpu.shader.from_builtin("IMAGE")
    batch = batch_for_shader(
        shader,
        "TRI_FAN",
        {
            "pos": ((left, bottom), (right, bottom), (right, top), (left, top)),
            "texCoord": ((0, 0), (1, 0), (1, 1), (0, 1)),
        },
    )
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_sampler("image", texture)
    batch.draw(shader)
    gpu.state.blend_set("NONE")
