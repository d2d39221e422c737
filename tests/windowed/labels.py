"""Finds labels of the interface on the screen by their look, so that scripts click what an artist would click.

Blender itself draws the text that is looked for (Blender 5.0 and later).
"""

from __future__ import annotations

from collections.abc import Generator
from functools import cache

import blf
import bpy
import imbuf
import numpy as np

from tests.windowed.driver import OUT, PAUSE, Steps, region_of, screen, xdotool

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels of the screen

_ALIKE = 0.8  # correlation of a text on the screen with the same text; other words stay below
_SPACE = (1, 5)  # pixels beside a label, in which the next word of a longer one would stand
_EVEN = 60.0  # grey values by which an empty background differs at most
_POINTS = 11.0  # size of the interface's text
_PATIENCE = 3  # turns of the wheel without effect, after which the end is reached


def region_box(area: bpy.types.Area, kind: str = "UI") -> Box:
    """Return where a region of an editor is on the screen."""
    region, height = region_of(area, kind), bpy.context.window_manager.windows[0].height
    return region.x, height - region.y - region.height, region.x + region.width, height - region.y


def find(text: str, box: Box) -> list[Box]:
    """Return where a text stands inside a box of the screen, from top to bottom."""
    left, top, right, bottom = box
    part = screen()[max(top, 0) : bottom, max(left, 0) : right].mean(axis=-1)
    mould = _mould(text)
    alike = _correlation(part, mould)
    found = []
    while alike.size and alike.max() > _ALIKE:
        y, x = (int(n) for n in np.unravel_index(alike.argmax(), alike.shape))
        alike[max(0, y - 6) : y + 6, max(0, x - 12) : x + 12] = -1
        if _stands_alone(part, y, x, mould.shape):
            found.append((left + x, top + y, left + x + mould.shape[1], top + y + mould.shape[0]))
    return sorted(found, key=lambda place: (place[1], place[0]))


def click_label(text: str, area: bpy.types.Area, *, nth: int = 0, kind: str = "UI") -> Steps:
    """Click a label in a region of an editor, scrolling to it if needed. Fails if it is not there."""
    yield from scroll_to(text, area, nth=nth, kind=kind)
    left, top, right, bottom = (yield from _at_rest(text, region_box(area, kind)))[nth]
    xdotool("mousemove", (left + right) // 2, (top + bottom) // 2)
    yield 2 * PAUSE
    xdotool("click", 1)
    yield 4 * PAUSE


def _at_rest(text: str, box: Box) -> Generator[float, None, list[Box]]:
    """Wait until a text does not move any longer, as while a region is scrolled, and return where it stands."""
    before: list[Box] = []
    while not before or (found := find(text, box)) != before:
        before = find(text, box)
        yield 3 * PAUSE
    return found


def scroll_to(text: str, area: bpy.types.Area, *, nth: int = 0, kind: str = "UI") -> Steps:
    """Turn the mouse wheel over a region until a label is in sight. Fails if it is not there."""
    box = region_box(area, kind)
    xdotool("mousemove", box[0] + 10, (box[1] + box[3]) // 2)
    yield PAUSE
    for button in (4, 5):  # first all the way up
        unchanged = 0
        while unchanged < _PATIENCE:
            if len(find(text, box)) > (nth if nth >= 0 else -nth - 1):
                return
            before = screen()[box[1] : box[3], box[0] : box[2]]
            xdotool("click", "--repeat", 3, button)
            yield 3 * PAUSE
            unchanged += bool((screen()[box[1] : box[3], box[0] : box[2]] == before).all())
    raise AssertionError(f"there is no {text!r} in the {kind} region: {_best(text, box):.2f} alike")


def _best(text: str, box: Box) -> float:
    left, top, right, bottom = box
    return float(_correlation(screen()[top:bottom, left:right].mean(axis=-1), _mould(text)).max())


@cache
def _mould(text: str) -> np.ndarray:
    """Return a text as Blender draws it in its interface, (H, W) 0..1, without margins."""
    blf.size(0, _POINTS * bpy.context.preferences.system.ui_scale)
    width, height = (int(size) for size in blf.dimensions(0, text))
    buffer = imbuf.new((width + 4, height + 8))
    with blf.bind_imbuf(0, buffer, display_name=""):
        blf.position(0, 2, 4, 0)
        blf.color(0, 1, 1, 1, 1)
        blf.draw_buffer(0, text)
    path = OUT / "label.png"
    imbuf.write(buffer, filepath=str(path))
    image = bpy.data.images.load(str(path))
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    drawn = values.reshape(image.size[1], image.size[0], 4)[::-1, :, 3]
    bpy.data.images.remove(image)
    path.unlink()
    rows, columns = np.nonzero(drawn > 0.2)
    return drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _stands_alone(picture: np.ndarray, y: int, x: int, shape: tuple[int, int]) -> bool:
    """Return whether no other word stands beside a text found at this place, so that it is the whole label."""
    height, width = shape
    beside = (x + width + _SPACE[0], x + width + _SPACE[1]), (x - _SPACE[1], x - _SPACE[0])
    return all(np.ptp(picture[y : y + height, max(a, 0) : max(b, 1)]) < _EVEN for a, b in beside)


def _correlation(picture: np.ndarray, mould: np.ndarray) -> np.ndarray:
    """Return the normalised correlation of a mould with a picture at each place at which it fits."""
    height, width = mould.shape
    if picture.shape[0] < height or picture.shape[1] < width:
        return np.zeros((0, 0))
    mould = mould - mould.mean()
    shape = [a + b for a, b in zip(picture.shape, mould.shape)]
    crossed = np.fft.irfft2(np.fft.rfft2(picture, shape) * np.fft.rfft2(mould[::-1, ::-1], shape), shape)
    crossed = crossed[height - 1 : picture.shape[0], width - 1 : picture.shape[1]]
    spread = _sums(picture**2, height, width) - _sums(picture, height, width) ** 2 / mould.size
    return crossed / np.sqrt(np.maximum(spread, 1.0) * (mould**2).sum())


def _sums(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the sum of the picture over a window at each place."""
    total = np.pad(picture.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return total[height:, width:] - total[:-height, width:] - total[height:, :-width] + total[:-height, :-width]
