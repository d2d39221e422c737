"""The band around a matte's edge: the pixels whose alpha is found anew."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .reduced import Floats, Reduced

TILE = 512  # pixels: only tiles that the band touches are computed
_SURE = 0.03  # an alpha less than this from 0 or 1 is as good as that
_REACH = 1.5  # pixels of the reduced matte on each side of the edge that are found anew
_LEAST = 2.0  # pixels of the full matte, likewise
_FADE = 0.5  # of the band's width: where what is found anew fades out


@dataclass(frozen=True)
class Band:
    """Band around the edge of a matte."""

    weight: Floats  # (H, W): 1 in the band, 0 far from it, and between these where it fades out
    sizes: Reduced  # of the matte, and of the network's picture

    @classmethod
    def around(cls, alpha: Floats, scale: float, width: float = 0.0) -> Band:
        """Return the band around the edge of an alpha (H, W).

        `scale` says how many times smaller the network's picture was, and `width` how far the band reaches, in
        pixels (0: as `scale` asks for, from all that is soft, such as motion blur).
        """
        sizes = Reduced.by((alpha.shape[0], alpha.shape[1]), scale)
        unsure = ((alpha > _SURE) & (alpha < 1 - _SURE)).astype(np.uint8)
        crossing: np.ndarray = cv2.morphologyEx(
            (alpha >= 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
        )
        seeds: np.ndarray = crossing if width else unsure | crossing
        if not seeds.any():
            return cls(np.zeros(alpha.shape, np.float32), sizes)
        reach = np.float32(width or max(_REACH * scale, _LEAST))
        distance = cv2.distanceTransform(1 - seeds, cv2.DIST_L2, cv2.DIST_MASK_5)
        weight = np.clip((reach - distance) / (_FADE * reach) + 1, 0, 1).astype(np.float32)
        return cls(weight, sizes)
