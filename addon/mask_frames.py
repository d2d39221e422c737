"""Images of an animated Blender mask on many frames, rendered once for each shape that it takes."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np
from bpy.types import Mask, MovieClip, Window

from . import mask_render, mask_space
from .folders import matte_folder
from .keyframes import image_path, store_image
from .mask_keys import scratch_scene

_MAX_KNOWN = 4096  # shapes whose images are remembered

_known: dict[tuple[str, str], str] = {}  # folder of the clip's images and shape of the mask -> hash of the image


def image_hashes(clip: MovieClip, mask: Mask, frames: Sequence[int], window: Window) -> list[str]:
    """Render the mask on these scene frames, and return the hash of each image stored in the clip's folder.

    Frames on which the mask has the same shape share an image, which later calls use again; if the mask follows tracks,
    each frame is rendered. The mouse pointer shows the progress.
    Raises ClipUnreadable, BlenderLimit, DiskFull, FolderNotWritable.
    """
    space, follows_tracks = mask_space.of_clip(clip), mask_render.follows_tracks(mask)
    folder = matte_folder(clip).root
    manager = bpy.context.window_manager
    hashes = []
    manager.progress_begin(0, len(frames))
    try:
        with mask_render.points_kept(mask), mask_render.settings_kept(mask), scratch_scene(window) as scene:
            for done, frame in enumerate(frames):
                scene.frame_set(frame)
                evaluated = mask.evaluated_get(window.view_layer.depsgraph)
                shape = str(folder), f"{space} {mask_render.shape_hash(evaluated)}"
                known = None if follows_tracks else _known.get(shape)
                if known is None or not image_path(clip, known).is_file():
                    mask_render.take_over(evaluated, mask)
                    alpha = np.rint(mask_render.rasterise(mask, scene, space) * 255).astype(np.uint8)
                    known = _known[shape] = store_image(clip, alpha)
                hashes.append(known)
                manager.progress_update(done)
    finally:
        manager.progress_end()
    for shape in [*_known][:-_MAX_KNOWN]:
        del _known[shape]
    return hashes
