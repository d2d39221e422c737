"""Places of a reduced picture in the full one: enlarges parts of it so that tiles join without seams."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Floats = np.ndarray  # float32
Place = tuple[slice, slice]  # rows and columns, with start and stop


@dataclass(frozen=True)
class Reduced:
    """Sizes (height, width) of a picture and of its reduced copy."""

    full: tuple[int, int]
    small: tuple[int, int]

    @classmethod
    def by(cls, full: tuple[int, int], scale: float) -> Reduced:
        """Reduce a picture by `scale` >= 1."""
        height, width = (max(round(length / max(scale, 1.0)), 1) for length in full)
        return cls(full, (height, width))

    def reduce(self, values: np.ndarray) -> np.ndarray:
        """Return the averages of a picture (H, W) or (H, W, C) at the reduced size."""
        if self.full == self.small:
            return values
        smaller: np.ndarray = cv2.resize(values, self.small[::-1], interpolation=cv2.INTER_AREA)
        return smaller

    def around(self, place: Place, margin: int) -> Place:
        """Return the part of the reduced picture that lies at `place` of the full one, and `margin` pixels around."""
        sides = []
        for side, full, small in zip(place, self.full, self.small):
            start, stop = int(side.start * small / full), int(np.ceil(side.stop * small / full))
            sides.append(slice(max(start - margin, 0), min(stop + margin, small)))
        return sides[0], sides[1]

    def enlarge(self, values: Floats, origin: tuple[int, int], place: Place) -> Floats:
        """Enlarge linearly to the part `place` of the full picture.

        `values` (h, w) or (h, w, C) are of the reduced picture from the pixel `origin` (row, column) on.
        """
        down, right = (small / full for full, small in zip(self.full, self.small))
        # The centre of the full picture's pixel x lies at (x + 0.5) * right - 0.5 in the reduced one.
        matrix = np.array(
            [
                [right, 0, (place[1].start + 0.5) * right - 0.5 - origin[1]],
                [0, down, (place[0].start + 0.5) * down - 0.5 - origin[0]],
            ]
        )
        size = place[1].stop - place[1].start, place[0].stop - place[0].start
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        larger: Floats = cv2.warpAffine(values, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return larger


def tiles(touched: np.ndarray, side: int) -> list[Place]:
    """Return the tiles of a picture, of at most `side` pixels, that `touched` (H, W) has pixels in."""
    height, width = touched.shape
    places = (
        (slice(top, min(top + side, height)), slice(left, min(left + side, width)))
        for top in range(0, height, side)
        for left in range(0, width, side)
    )
    return [place for place in places if touched[place].any()]


def widened(place: Place, margin: int, size: tuple[int, int]) -> Place:
    """Return the place with `margin` pixels around, within a picture of `size`."""
    rows, columns = (
        slice(max(side.start - margin, 0), min(side.stop + margin, length)) for side, length in zip(place, size)
    )
    return rows, columns


def within(place: Place, outer: Place) -> Place:
    """Return where `place` lies in the part `outer` of the picture."""
    rows, columns = (slice(side.start - around.start, side.stop - around.start) for side, around in zip(place, outer))
    return rows, columns
