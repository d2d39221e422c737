"""Cut-outs: an object's colours with its alpha, straight or premultiplied, and objects tinted over the clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def foreground_colours(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return an object's own colours of a picture (H, W, 3), in which those of soft edges are mixed with what is
    behind it.
    """
    return picture


def cutout(picture: np.ndarray, alpha: np.ndarray, *, premultiplied: bool) -> np.ndarray:
    """Return colours and alpha (H, W, 4) float32 of a picture (H, W, 3) float32 and an alpha (H, W).

    Straight colours are black where the alpha is 0, so that nothing of the clip is left there.
    """
    colours = foreground_colours(picture, alpha)
    shown = alpha if premultiplied else alpha > 0
    made = np.empty((*alpha.shape, 4), np.float32)
    np.multiply(colours, shown[:, :, None], out=made[..., :3])
    made[..., 3] = alpha
    return made


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
