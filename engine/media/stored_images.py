"""Reading of image files as stored: values, palette and alpha, without scaling or conversion."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from ..shared.mask_images import StoredImage, is_lossy, padded
from . import exr
from .av_pictures import is_deep_png, is_for_ffmpeg
from .picture_files import read_bytes, read_head
from .pictures import read_picture
from .pillow_pictures import deep_grey, open_image

_PNG = b"\x89PNG\r\n\x1a\n"


def read_stored(path: Path) -> StoredImage:
    """Read an image as stored. Raises one of `pictures.DECODER_ERRORS`."""
    head = read_head(path)
    if head.startswith(exr.MAGIC):
        return StoredImage(str(path), exr.read_pixels(path, "display"), 1)
    if is_for_ffmpeg(head) and not is_deep_png(head):  # Radiance HDR and DPX
        return StoredImage(str(path), read_picture(path), 255)
    with open_image(path) as image:
        bits = image.tag_v2.get(258, (8,)) if isinstance(image, TiffImageFile) else ()
        if image.mode in ("RGB", "RGBA", "LA") and (max(bits, default=8) > 8 or _png_depth(path) == 16):
            return _by_opencv(path)
        return _by_pillow(path, image)


def _by_pillow(path: Path, image: Image.Image) -> StoredImage:
    with path.open("rb") as file:
        lossy = is_lossy(file.read(64))
    name, alpha = str(path), _alpha(image)
    if image.mode in ("P", "PA"):
        colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return StoredImage(name, np.asarray(image.getchannel(0)), 255, padded(colours), alpha, lossy)
    if image.mode == "1":
        return StoredImage(name, np.asarray(image).astype(np.uint8), 1, None, alpha, lossy)
    if image.mode in ("L", "LA", "La"):
        grey, depth = np.asarray(image.getchannel(0)), _png_depth(path)
        white = {2: 3, 4: 15}.get(depth, 255) if image.mode == "L" else 255  # Pillow scales these depths to 8 bits
        return StoredImage(name, grey // (255 // white), white, None, alpha, lossy)
    if image.mode == "F":
        return StoredImage(name, np.asarray(image), 1)
    if image.mode == "I" or image.mode.startswith("I;"):
        values = deep_grey(image)
        return StoredImage(name, values, max(65535, int(values.max(initial=0))))
    return StoredImage(name, np.asarray(image.convert("RGB")), 255, None, alpha, lossy)


def _alpha(image: Image.Image) -> np.ndarray | None:
    """Return the alpha (H, W) float32 of an image with an alpha channel or transparent colours, or None."""
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        channel = image.getchannel(len(image.getbands()) - 1)
    elif "transparency" in image.info and image.mode in ("1", "L", "P", "RGB"):
        channel = image.convert("RGBA").getchannel("A")
    else:
        return None
    return np.asarray(channel, np.float32) / np.float32(255)


def _by_opencv(path: Path) -> StoredImage:
    stored = cv2.imdecode(np.frombuffer(read_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ValueError("unknown format")
    white = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(stored.dtype, 1)
    if stored.ndim == 2:
        return StoredImage(str(path), stored, white)
    alpha = stored[..., 3].astype(np.float32) / np.float32(white) if stored.shape[2] == 4 else None
    return StoredImage(str(path), stored[..., 2::-1], white, None, alpha)


def _png_depth(path: Path) -> int:
    """Return the bits of a channel of a PNG; 0 for other files."""
    with path.open("rb") as file:
        header = file.read(26)
    return header[24] if header.startswith(_PNG) and len(header) > 24 else 0
