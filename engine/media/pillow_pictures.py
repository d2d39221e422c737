"""Images that Pillow opens: pages, sizes, and pixels as 8-bit RGB; TIFF of more than 8 bits is decoded by OpenCV."""

from __future__ import annotations

import io
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import AvifImagePlugin, GifImagePlugin, Image, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from . import tiff_tags
from .picture_files import check_file, check_size

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF", "JPEG2000", "BMP", "SGI", "PPM", "DDS", "PSD", "GIF", "TGA")
_SEVERAL_PAGES = (
    TiffImagePlugin.TiffImageFile,
    PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
    AvifImagePlugin.AvifImageFile,
    GifImagePlugin.GifImageFile,
)
_SUBFILE_TYPE, _BITS, _PHOTOMETRIC = 254, 258, 262  # TIFF tags
_WHITE_IS_ZERO = 0
_UNSIGNED = 1  # sample format

Image.MAX_IMAGE_PIXELS = None  # `check_size` is stricter, and Pillow would warn of large images that are in order


def open_image(source: Path | bytes) -> Image.Image:
    """Open an image file, or the content of one, of a usable size and a format for images; its pixels are not read.

    Raises PictureNotUsable, UnidentifiedImageError, and the errors of Pillow.
    """
    if isinstance(source, Path):
        check_file(source)
    image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS)
    try:
        check_size(image.height, image.width)
    except ValueError:
        image.close()
        raise
    return image


def stored_size(image: Image.Image) -> tuple[int, int]:
    """Return the size (H, W) of the current page as it is stored; Pillow gives that of TIFF as it would be turned."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.tag_v2[tiff_tags.HEIGHT], image.tag_v2[tiff_tags.WIDTH]
    return image.height, image.width


def page_numbers(image: Image.Image) -> tuple[tuple[int, ...], int]:
    """Return the pages of an open image that are as large as the first, and the number of all its pages.

    If some pages have other sizes, only the first page counts. Smaller copies of a page, as in TIFF, are no pages.
    """
    if not isinstance(image, _SEVERAL_PAGES) or image.n_frames == 1:
        return (0,), 1
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return tuple(range(image.n_frames)), image.n_frames
    sizes = {}
    for page in range(image.n_frames):
        image.seek(page)
        if page == 0 or not image.tag_v2.get(_SUBFILE_TYPE, 0) & 1:
            sizes[page] = stored_size(image)
    image.seek(0)
    return (tuple(sizes) if len(set(sizes.values())) == 1 else (0,)), len(sizes)


def has_rotation(image: Image.Image) -> bool:
    """Return whether the EXIF data of an open image asks to show it on its side."""
    return image.getexif().get(tiff_tags.ORIENTATION, 1) in (5, 6, 7, 8)


def rgb(image: Image.Image, data: bytes) -> np.ndarray:
    """Return the pixels (H, W, 3) uint8 of the current page, without alpha. `data` is the content of the file."""
    check_size(image.height, image.width)
    bits = 16
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = max(image.tag_v2.get(_BITS, (1,)))
        if bits > 8 and image.mode not in ("I;16", "I;16B", "F"):
            return deep_tiff(data, image.tell())
    if image.mode == "F":  # Blender takes float TIFF for sRGB
        return _grey(to_8_bits(np.asarray(image), 1.0))
    if image.mode.startswith("I"):
        return _grey(to_8_bits(deep_grey(image), 2.0**bits - 1))
    if "transparency" in image.info:
        return np.array(image.convert("RGBA").convert("RGB"))  # directly, Pillow warns of palettes with transparency
    return np.array(image.convert("RGB"))  # drops alpha without blending


def deep_grey(image: Image.Image) -> np.ndarray:
    """Return the values (H, W) of a grey image of 16 or 32 bits, in which 0 is black.

    In TIFF, 0 may be white; Pillow inverts such images only up to 8 bits.
    """
    values = np.asarray(image)
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and values.dtype.kind == "u":
        return np.iinfo(values.dtype).max - values
    return values


def deep_tiff(data: bytes, page: int) -> np.ndarray:
    """Decode a page of a TIFF file with OpenCV: (H, W, 3) uint8, without alpha. Raises ValueError, cv2.error."""
    directory = next(islice(tiff_tags.directories(data), page, None), None)
    if directory is None:
        raise ValueError("the page is missing")
    check_size(directory.value(tiff_tags.HEIGHT, 0), directory.value(tiff_tags.WIDTH, 0))
    encoded = np.frombuffer(data, np.uint8)
    _, pages = cv2.imdecodemulti(encoded, cv2.IMREAD_UNCHANGED, range=(page, page + 1))
    if not pages:
        raise ValueError("unknown format")
    stored: np.ndarray = pages[0]
    if stored.dtype == np.int32 and directory.value(tiff_tags.SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED:
        stored = stored.view(np.uint32)
    white = 2.0 ** (8 * stored.itemsize - (stored.dtype.kind == "i")) - 1 if stored.dtype.kind in "iu" else 1.0
    pixels = to_8_bits(stored, white)
    return _grey(pixels) if pixels.ndim == 2 else np.ascontiguousarray(pixels[:, :, 2::-1])


def to_8_bits(values: np.ndarray, white: float) -> np.ndarray:
    """Scale values, of which `white` is the largest, to uint8 by rounding; others are clipped, and NaN is black."""
    if values.dtype == np.uint8 and white == 255:
        return values
    precise = values.astype(np.float64 if values.dtype.itemsize > 2 else np.float32)
    scaled = np.nan_to_num(precise).clip(0, white) * (255 / white)
    return np.rint(scaled).astype(np.uint8)


def _grey(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[:, :, None], 3, axis=2)
