"""Garbage masks, hold-out masks and absences: what is taken away from mattes before they are written."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..inference.sweeps import ObjectGroup
from ..media.label_images import read_coverage
from ..shared.errors import KeyframeUnreadable
from ..shared.types import Exclusion, ExclusionImage

_KEPT_IMAGES = 4  # in memory, as an image often serves many frames


class Exclusions:
    """Takes exclusions and absences away from mattes.

    Mattes of two sweeps may be fused later: what is taken from both is taken from their fusion, which is between them.
    """

    def __init__(self, exclusions: Sequence[Exclusion], groups: Sequence[ObjectGroup], size: tuple[int, int]) -> None:
        """Set up for clips of `size` (H, W); the absences are those of the `groups`."""
        self._exclusions = exclusions
        self._groups = groups
        self._read = lru_cache(maxsize=_KEPT_IMAGES)(lambda image: read_coverage(image.path, image.meaning, size=size))

    def cut(self, frame: int, objects: Sequence[int], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mattes `alpha` (O, H, W) of these objects on a frame without what is excluded there.

        Raises KeyframeUnreadable, KeyframeSizeMismatch and KeyframeNotLabels for images of exclusions.
        """
        absent = {number for group in self._groups for number in group.absent(frame)}
        wanted = [exclusion for exclusion in self._exclusions if exclusion.images]
        if not absent.intersection(objects) and not wanted:
            return alpha
        left = alpha.copy()
        for row, number in enumerate(objects):
            if number in absent:
                left[row] = 0
        for exclusion in wanted:
            rows = [row for row, number in enumerate(objects) if _covers(exclusion, number)]
            coverage = self._read(image_at(exclusion, frame))
            left[rows] *= coverage if exclusion.inverted else 1 - coverage
        return left


def image_at(exclusion: Exclusion, frame: int) -> ExclusionImage:
    """Return the image of an exclusion on a frame: that of the last frame not after it, or else the first."""
    frames = [image.frame for image in exclusion.images]
    return exclusion.images[max(0, bisect_right(frames, frame) - 1)]


def check_exclusions(exclusions: Sequence[Exclusion], size: tuple[int, int]) -> None:
    """Read the first image of each exclusion, so that a wrong one is refused before anything is computed.

    Raises KeyframeUnreadable, KeyframeSizeMismatch, KeyframeNotLabels.
    """
    for exclusion in exclusions:
        for image in exclusion.images[:1]:
            read_coverage(image.path, image.meaning, size=size)


def hash_exclusions(exclusions: Sequence[Exclusion]) -> str:
    """Return a hash of the exclusions and of their images' files. Raises KeyframeUnreadable."""
    digest = hashlib.sha256()
    for exclusion in exclusions:
        digest.update(f"{exclusion.objects} {exclusion.inverted}\n".encode())
        for image in exclusion.images:
            try:
                content = hashlib.sha256(image.path.read_bytes()).hexdigest()
            except OSError as error:
                raise KeyframeUnreadable(f"mask {image.path} cannot be read ({error.strerror})") from error
            digest.update(f"{image.frame} {image.meaning} {content}\n".encode())
    return digest.hexdigest()


def _covers(exclusion: Exclusion, number: int) -> bool:
    return exclusion.objects is None or number in exclusion.objects
