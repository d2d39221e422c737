"""Overlay of the current frame's mattes in the clip editor, tinted in the objects' colours."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import bpy
import gpu
import numpy as np
from bpy.types import MovieClip, SpaceClipEditor
from gpu_extras.batch import batch_for_shader

from ..addon import clips, png
from ..addon.clip_view import ClipView
from ..addon.folders import existing_folder
from ..engine.shared.errors import EngineError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _CachedTexture:
    """Texture of the overlay, with the label image file and tints from which it was made."""

    path: Path
    mtime: int
    tints: tuple
    texture: gpu.types.GPUTexture | None


_handle: object | None = None
_cached: _CachedTexture | None = None


def show() -> None:
    """Add the draw handler of the overlay to clip editors. Does nothing in background mode."""
    global _handle
    if _handle is None and not bpy.app.background:
        _handle = SpaceClipEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")


def hide() -> None:
    """Remove the draw handler of the overlay and release its texture."""
    global _handle, _cached
    if _handle is not None:
        SpaceClipEditor.draw_handler_remove(_handle, "WINDOW")
    _handle = _cached = None


def tinted(labels: np.ndarray, tints: dict[int, tuple[float, float, float]], opacity: float) -> np.ndarray:
    """Convert object numbers (H, W) to RGBA colours (H, W, 4) float32, bottom row first as in textures."""
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
        texture = _texture(clip, space.clip_user.frame_current)  # the frame that the editor shows
        if texture is not None:
            _draw_over_clip(ClipView.of(space, bpy.context.region), texture)
    except (OSError, png.PngError, ValueError, EngineError) as error:
        _log.info("no overlay: %s", error)  # the file may just be being deleted; the next redraw tries again
        return


def _texture(clip: MovieClip, scene_frame: int) -> gpu.types.GPUTexture | None:
    """Return the tinted label image of a frame as a texture, or None if the frame has none.

    The texture is cached until the frame, its file, the colours or the opacity change.
    """
    global _cached
    folder = existing_folder(clip)
    if folder is None:
        return None
    path = folder.labels(clips.number(clip, clips.media_frame(clip, scene_frame)))
    if not path.is_file():
        return None
    matting = clip.matting
    tints = {item.object_id: tuple(item.colour) for item in matting.objects if item.show}
    source = (path, path.stat().st_mtime_ns, (*tints.items(), matting.opacity))
    if _cached is None or (_cached.path, _cached.mtime, _cached.tints) != source:
        pixels = tinted(png.read(path).values, tints, matting.opacity)
        height, width = pixels.shape[:2]
        buffer = gpu.types.Buffer("FLOAT", (height, width, 4), np.ascontiguousarray(pixels))
        texture = gpu.types.GPUTexture((width, height), format="RGBA8", data=buffer)
        _cached = _CachedTexture(*source, texture)
    return _cached.texture


def _draw_over_clip(view: ClipView, texture: gpu.types.GPUTexture) -> None:
    points, coordinates, triangles = view.mesh()
    shader = gpu.shader.from_builtin("IMAGE")
    batch = batch_for_shader(shader, "TRIS", {"pos": points, "texCoord": coordinates}, indices=triangles)
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_sampler("image", texture)
    batch.draw(shader)
    gpu.state.blend_set("NONE")
