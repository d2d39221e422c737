"""Pictures of mattes over their clip: overlays and a contact sheet."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLOUR = np.array([255, 70, 200], np.float32)  # a colour that is not in the clip
MARK = (255, 200, 40)  # colour of the marks on keyframes
_COLUMNS, _TILE, _CAPTION = 4, 480, 30  # tiles per row; tile width and caption height in pixels
README_WIDTH, README_BYTES = 960, 150_000  # largest width and file size of a picture in README.md
_QUALITIES = range(90, 30, -5)  # JPEG qualities to try, best first


def overlay(frame: np.ndarray, alpha: np.ndarray, *, line: int) -> np.ndarray:
    """Return a frame (H, W, 3) uint8, tinted where its matte (H, W) 0..1 is.

    An outline `line` pixels wide is drawn just outside the matte.
    """
    share = 0.45 * alpha[..., None]
    tinted = (frame * (1 - share) + COLOUR * share).astype(np.uint8)
    inside = (alpha >= 0.5).astype(np.uint8)
    around = cv2.dilate(inside, np.ones((2 * line + 1, 2 * line + 1), np.uint8)) > inside
    tinted[around] = COLOUR
    return tinted


def read_pair(frame: Path, matte: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a frame (H, W, 3) uint8 RGB and its matte (H, W) 0..1."""
    with Image.open(frame) as image, Image.open(matte) as grey:
        return np.array(image.convert("RGB")), np.array(grey, np.float32) / 255


def write_overlays(frames: list[Path], mattes: list[Path], keyframes: list[int], folder: Path) -> None:
    """Write one overlay picture per frame, with the frame's number on it."""
    for number, (frame, matte) in enumerate(zip(frames, mattes, strict=True)):
        picture = Image.fromarray(overlay(*read_pair(frame, matte), line=1))
        _write_number(ImageDraw.Draw(picture), (10, picture.height - 26), number, keyframes)
        picture.save(folder / f"{number:06d}.png", compress_level=1)


def contact_sheet(frames: list[Path], mattes: list[Path], keyframes: list[int], *, count: int = 12) -> Image.Image:
    """Return a sheet of about `count` frames from the whole clip, on which keyframes are included and marked."""
    numbers = spread(len(frames), keyframes, count)
    first, _ = read_pair(frames[0], mattes[0])
    height = round(_TILE * first.shape[0] / first.shape[1])
    rows = -(-len(numbers) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _TILE, rows * (height + _CAPTION)), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for place, number in enumerate(numbers):
        left, top = place % _COLUMNS * _TILE, place // _COLUMNS * (height + _CAPTION)
        size = (_TILE, height)
        frame, alpha = (
            cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in read_pair(frames[number], mattes[number])
        )
        sheet.paste(Image.fromarray(overlay(frame, alpha, line=1)), (left, top))
        _write_number(draw, (left + 10, top + height + 5), number, keyframes)
        if number in keyframes:
            draw.rectangle((left, top, left + _TILE - 1, top + height - 1), outline=MARK, width=4)
    return sheet


def spread(length: int, keyframes: list[int], count: int) -> list[int]:
    """Return about `count` evenly spaced frame numbers that include all keyframes.

    Each keyframe replaces the number nearest to it.
    """
    numbers = set(np.linspace(0, length - 1, count).round().astype(int).tolist())
    for keyframe in keyframes:
        if keyframe not in numbers:
            numbers.remove(min(numbers - set(keyframes), key=lambda number: abs(number - keyframe)))
            numbers.add(keyframe)
    return sorted(numbers)


def write_for_readme(picture: Path, target: Path) -> None:
    """Write a copy of `picture` as a JPEG of at most README_WIDTH pixels across and README_BYTES bytes.

    Smaller pictures are not enlarged. Raises ValueError if no quality is small enough.
    """
    with Image.open(picture) as image:
        small = image.convert("RGB")
    if small.width > README_WIDTH:
        small = small.resize((README_WIDTH, round(small.height * README_WIDTH / small.width)), Image.Resampling.LANCZOS)
    for quality in _QUALITIES:
        encoded = BytesIO()
        small.save(encoded, "JPEG", quality=quality, optimize=True, progressive=True)
        if encoded.tell() <= README_BYTES:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(encoded.getvalue())
            return
    raise ValueError(f"{picture.name} does not fit into {README_BYTES} bytes")


def _write_number(draw: ImageDraw.ImageDraw, place: tuple[int, int], number: int, keyframes: list[int]) -> None:
    text, colour = (f"{number}  KEYFRAME", MARK) if number in keyframes else (str(number), (235, 235, 235))
    draw.text(place, text, fill=colour, font=ImageFont.load_default(size=17), stroke_width=2, stroke_fill=(0, 0, 0))
