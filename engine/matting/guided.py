"""Guided edges: the alpha of the band around an edge, from how the colours of the object and of what is behind differ.

Around each pixel, the sure pixels of the object and those of the background are two clouds of colours. Fisher's linear
discriminant says along which direction of colour these differ most, and how well it tells them apart; a pixel's alpha
is its place between their means on that direction, as a mixture of both. Where they hardly differ, the matte counts.
All of that varies slowly, so that it is computed at the size at which the network has looked, and applied at full size.
"""

from __future__ import annotations

import cv2
import numpy as np

from .bands import Band
from .linear import PAIRS, solved
from .reduced import Floats, Place, tiles

_RADIUS = 18  # pixels of the reduced picture
_NEARER = 10  # likewise, when colours are gathered from an alpha that is already good
_SURE = 0.2  # pixels of which alpha is this far from 0 or 1 begin to count as background or object, the more the nearer
_TRUST = 0.7  # standard deviation of the matte's alpha in the band, against which the colours count
_CHANCE = 1.0  # squared distance of the means, in standard deviations, that is found in textures by chance
_NOISE = 2e-4  # variance of a channel of colour 0..1 that is always there
_ENOUGH = 0.05  # share of the window from which on sure pixels are enough
_BLOCK = 256  # pixels of the reduced picture whose colours are gathered at once
_TILE = 256  # pixels of the full picture
_FEW = 1e-4


def guided(alpha: Floats, picture: np.ndarray, band: Band) -> Floats:
    """Return the alpha (H, W), found anew in the band from the picture (H, W, 3) uint8."""
    return found_by_colours(alpha, alpha, picture, band)[0]


def twice_guided(alpha: Floats, picture: np.ndarray, band: Band) -> tuple[Floats, Floats]:
    """Return the alpha, for which colours are gathered a second time from the guided alpha, nearer, and its share."""
    return found_by_colours(alpha, guided(alpha, picture, band), picture, band, _NEARER)


def found_by_colours(
    alpha: Floats, sure: Floats, picture: np.ndarray, band: Band, radius: int = _RADIUS
) -> tuple[Floats, Floats]:
    """Return the alpha (H, W), found anew in the band, and the share of it that is the matte's own.

    Colours are gathered in a window of `radius` pixels of the reduced picture around each pixel, from where `sure`
    (H, W), an alpha too, is near 0 and 1. The share is 1 where colours say nothing, and outside the band.
    """
    sizes = band.sizes
    small_alpha, small_picture = sizes.reduce(sure), sizes.reduce(picture)
    result, share = alpha.copy(), np.ones_like(alpha)
    touched = band.weight > 0
    for block in tiles(touched, round(_BLOCK * sizes.full[0] / sizes.small[0])):
        around = sizes.around(block, radius + 2)
        models = discriminants(small_picture[around].astype(np.float32) / 255, small_alpha[around], radius)
        origin = around[0].start, around[1].start
        for tile in tiles(touched[block], _TILE):
            place = _moved(tile, block)
            larger = sizes.enlarge(models, origin, place)
            colours = picture[place].astype(np.float32)
            found = (larger[..., :3] * colours).sum(-1) / 255 + larger[..., 3] + larger[..., 4] * alpha[place]
            result[place] += band.weight[place] * (np.clip(found, 0, 1) - result[place])
            share[place] = larger[..., 4]
    return result, share


def discriminants(colours: Floats, alpha: Floats, radius: int) -> Floats:
    """Return of what alpha is made at each pixel (h, w, 5): slopes of three channels, an offset, the matte's share.

    `colours` (h, w, 3) 0..1 and `alpha` (h, w) are those of the reduced picture.
    """
    front = _gathered(colours, np.clip((alpha - (1 - 2 * _SURE)) / _SURE, 0, 1), radius)
    behind = _gathered(colours, np.clip((2 * _SURE - alpha) / _SURE, 0, 1), radius)
    spread = [(one + other) / 2 for one, other in zip(front[2], behind[2])]
    spread[:3] = [values + np.float32(_NOISE) for values in spread[:3]]
    between = front[1] - behind[1]
    direction = solved(spread, between)
    apart = np.maximum((direction * between).sum(-1), 0)  # squared distance of the means, in standard deviations
    enough = np.clip(np.minimum(front[0], behind[0]) / _ENOUGH, 0, 1)
    prior = np.float32(1 / _TRUST**2)
    counts = np.maximum(apart - _CHANCE, 0) * enough
    share = 1 / (counts + prior)
    slopes = direction * (counts * share / np.maximum(apart, np.float32(_FEW)))[..., None]
    return np.dstack([slopes, -(slopes * behind[1]).sum(-1), prior * share]).astype(np.float32)


def _gathered(colours: Floats, weight: Floats, radius: int) -> tuple[Floats, Floats, list[Floats]]:
    """Return the share of the window, the mean (h, w, 3) and the six covariances of colours, by weights (h, w)."""

    def mean(values: Floats) -> Floats:
        side = 2 * radius + 1
        averaged: Floats = cv2.blur(values, (side, side), borderType=cv2.BORDER_REPLICATE)
        return averaged

    total = mean(weight)
    by = 1 / (total + np.float32(_FEW))
    weighted = colours * weight[..., None]
    centre = mean(weighted) * by[..., None]
    spread = [
        mean(weighted[..., one] * colours[..., other]) * by - centre[..., one] * centre[..., other]
        for one, other in PAIRS
    ]
    spread[:3] = [np.maximum(values, 0) for values in spread[:3]]
    return total, centre, spread


def _moved(tile: Place, block: Place) -> Place:
    """Return where a tile of a block is in the picture."""
    rows, columns = (slice(side.start + whole.start, side.stop + whole.start) for side, whole in zip(tile, block))
    return rows, columns
