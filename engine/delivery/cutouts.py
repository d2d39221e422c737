"""Cut-outs: an object's own colours with its alpha, straight or premultiplied, and objects tinted over the clip."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..matting.refine import foreground

_MARGIN = 32  # pixels around an object whose colours tell what is behind it


def own_colours(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return an object's own colours, (H, W, 3) float32 of 0..1 as encoded, of a picture (H, W, 3) uint8.

    Inside they are the picture's; in soft edges they lack those of the background, which are mixed in there.
    """
    encoded = picture.astype(np.float32) / np.float32(255)
    return np.where((alpha >= 1)[:, :, None], encoded, foreground(picture, alpha))


def cutout(picture: np.ndarray, alpha: np.ndarray, *, premultiplied: bool, bleed: int = 0) -> np.ndarray:
    """Return colours as encoded and alpha (H, W, 4) float32 of a picture (H, W, 3) uint8 and an alpha (H, W).

    Straight colours go on for `bleed` pixels beyond the alpha, so that lossy compression does not darken its edge.
    """
    made = np.zeros((*alpha.shape, 4), np.float32)
    if (place := _around(alpha)) is not None:
        colours = own_colours(picture[place], alpha[place])
        _fill(made[place], colours, alpha[place], premultiplied=premultiplied, bleed=bleed)
    return made


def linear_cutout(
    picture: np.ndarray, plate: np.ndarray | None, alpha: np.ndarray, *, premultiplied: bool
) -> np.ndarray:
    """Return scene-linear colours and alpha (H, W, 4) float32 of a picture (H, W, 3) uint8.

    `plate` has the scene-linear colours of the clip itself, (H, W, 3) float32, if they have more range than the
    picture; they are used wherever the object's own colours are those of the picture.
    """
    made = np.zeros((*alpha.shape, 4), np.float32)
    if (place := _around(alpha)) is not None:
        encoded = own_colours(picture[place], alpha[place])
        colours = linear_of(encoded)
        if plate is not None:
            same = (encoded == picture[place] / np.float32(255)).all(axis=2, keepdims=True)
            colours = np.where(same | (alpha[place] >= 1)[:, :, None], plate[place], colours)
        _fill(made[place], colours, alpha[place], premultiplied=premultiplied)
    return made


def linear_of(encoded: np.ndarray) -> np.ndarray:
    """Decode sRGB of 0..1 to scene-linear float32."""
    made = ((encoded + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(encoded <= 0.04045, encoded / np.float32(12.92), made).astype(np.float32)


def _fill(made: np.ndarray, colours: np.ndarray, alpha: np.ndarray, *, premultiplied: bool, bleed: int = 0) -> None:
    """Write colours (H, W, 3) and alpha (H, W) to a cut-out (H, W, 4). Straight colours are black beyond `bleed`."""
    shown = alpha if premultiplied else (alpha > 0).astype(np.uint8)
    if bleed and not premultiplied:
        shown = cv2.dilate(shown, np.ones((2 * bleed + 1, 2 * bleed + 1), np.uint8))
    np.multiply(colours, shown[:, :, None], out=made[..., :3])
    made[..., 3] = alpha


def _around(alpha: np.ndarray) -> tuple[slice, slice] | None:
    """Return the rows and columns of an object with what is around it; None if there is nothing."""
    rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    top, left = (max(0, int(found[0]) - _MARGIN) for found in (rows, columns))
    bottom, right = (int(found[-1]) + 1 + _MARGIN for found in (rows, columns))
    return slice(top, bottom), slice(left, right)


def union(alphas: Sequence[np.ndarray]) -> np.ndarray:
    """Return the alpha (H, W) of all objects together: the sum of theirs, which compete for pixels, but at most 1."""
    total = alphas[0]
    for alpha in alphas[1:]:
        total = total + alpha
    return np.minimum(total, np.float32(1))


def tinted(
    picture: np.ndarray, alphas: Sequence[np.ndarray], colours: Sequence[tuple[int, int, int]], strength: float = 0.5
) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 with each object tinted in its colour; the first is in front."""
    made = picture.astype(np.float32)
    for alpha, colour in reversed([*zip(alphas, colours, strict=True)]):
        share = (alpha * np.float32(strength))[:, :, None]
        made += (np.array(colour, np.float32) - made) * share
    return np.rint(made).astype(np.uint8)
