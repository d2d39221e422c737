"""Merging of crops: what small objects have in their crops replaces what the whole frame shows, and all still share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crops import Crop

_LEAST = 1e-3  # share of a pixel by which others are scaled, at least

Planes = NDArray[np.float32]


@dataclass(frozen=True)
class CropResult:
    """What a crop shows of its objects on a frame."""

    objects: tuple[int, ...]
    shown: Planes  # (O, side, side) probabilities in pixels of the clip
    crop: Crop
    trust: float  # 0..1
    is_cut: bool  # whether the objects reach beyond the crop


def merge_crops(objects: Sequence[int], whole: Planes, results: Sequence[CropResult]) -> Planes:
    """Merge the crops of a frame into the probabilities of the `whole` frame (1 + O, H, W), background first.

    As far as a crop is trusted, its objects are nowhere else. What an object gives up goes to those that share the
    pixel, and what it gains they lose, in proportion. Where nothing changes, no bit does.
    """
    trusted = [one for one in results if one.trust > 0]
    if not trusted:
        return whole
    merged = whole.copy()
    followed = [(objects.index(number) + 1, one, row) for one in trusted for row, number in enumerate(one.objects)]
    for index, one, row in followed:
        _replace(merged[index], one, row)
    rows = [index for index, _, _ in followed]
    part = _changed(merged, whole, rows)
    if part is None:
        return whole
    _share(merged[:, *part], whole[:, *part], rows)
    return merged


def _replace(plane: Planes, one: CropResult, row: int) -> None:
    """Replace an object's probability (H, W) by that in its crop."""
    height, width = plane.shape
    part, trust = one.crop.part, np.float32(one.trust)
    before = plane[part].copy()
    if not one.is_cut:  # it is nowhere else
        plane *= 1 - trust
    weight = one.crop.weight((height, width))
    inside = one.shown[row] if trust == 1 else before + trust * (one.shown[row] - before)
    around = plane[part]
    plane[part] = np.where(weight == 1, inside, around + weight * (inside - around))


def _changed(merged: Planes, whole: Planes, rows: Sequence[int]) -> tuple[slice, slice] | None:
    """Return the smallest part of the frame outside of which no plane among `rows` has changed; None if none has."""
    changed = np.zeros(whole.shape[1:], bool)
    for index in rows:
        changed |= merged[index] != whole[index]
    down = np.flatnonzero(changed.any(axis=1))
    if not len(down):
        return None
    across = np.flatnonzero(changed[down[0] : down[-1] + 1].any(axis=0))
    return slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)


def _share(merged: Planes, whole: Planes, rows: Sequence[int]) -> None:
    """Make the sum of all planes 1 again where those in `rows` have changed."""
    others = [index for index in range(1, len(whole)) if index not in rows]
    before, after = whole[rows].sum(0), merged[rows].sum(0)
    over = np.maximum(after, 1)
    if (over > 1).any():
        merged[rows] /= over
        after = merged[rows].sum(0).clip(0, 1)
    changed = after != before
    left = (1 - after) / np.maximum(1 - before, _LEAST)
    for index in others:
        merged[index] = np.where(changed, np.minimum(merged[index] * left, 1 - after), merged[index])
    merged[0] = np.where(changed, (1 - merged[1:].sum(0)).clip(0, 1), merged[0])
