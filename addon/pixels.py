"""Reading of image files in any format that Blender supports, as NumPy arrays."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from ..engine.shared.errors import ImageUnreadable


def read_with_blender(path: Path) -> np.ndarray:
    """Return the raw values of an image, (H, W, 4) float32, top row first. Raises ImageUnreadable."""
    try:
        image = bpy.data.images.load(str(path))
    except RuntimeError as error:
        raise ImageUnreadable(f"{path} cannot be read as an image") from error
    try:
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        if not (width and height):
            raise ImageUnreadable(f"{path} cannot be read as an image")
        values = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(values)
        return values.reshape(height, width, 4)[::-1].copy()
    finally:
        bpy.data.images.remove(image)
