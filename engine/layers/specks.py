"""Specks: small pieces of an object found away from all that it was, as in reflections and in things alike."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .compact import NOWHERE
from .motion import STRIDE

_CELL = 8  # pixels: side of the squares that are judged
_AROUND = 5  # cells: side of the square that a speck stands alone in
_SMALL = 64  # pixels, more than it has there
_FEW = 4  # cells that it has some of there at most: what is as thin as a wire has some of more
_WAS = 0.3  # how likely the object was in a cell for it to have been there
_BODY = 4  # times as large as all its specks an object must be, or they may be the object


def without_specks(logits: Tensor, moved: Tensor) -> Tensor:
    """Logits (O, H, W), those of specks lowered; `moved` (O, 1, H / 2, W / 2) 0..1 is where the object was.

    What comes into sight is there again as soon as it is larger, or has grown together with the rest.
    """
    there = functional.avg_pool2d((logits > 0).to(moved)[:, None], _CELL)  # (O, 1, h, w): part of each cell
    around = functional.avg_pool2d(there, _AROUND, 1, _AROUND // 2) * (_AROUND * _CELL) ** 2
    was = functional.max_pool2d(functional.max_pool2d(moved, _CELL // STRIDE), 3, 1, 1) > _WAS
    some = (there > 0).to(there)
    cells = functional.avg_pool2d(some, _AROUND, 1, _AROUND // 2) * _AROUND**2
    large = some * ((around >= _SMALL) | (cells > _FEW))
    small = (there > 0) & ~was & (functional.max_pool2d(large, _AROUND, 1, _AROUND // 2) == 0)
    specks = (there * small).sum((1, 2, 3), keepdim=True)
    small &= there.sum((1, 2, 3), keepdim=True) - specks > _BODY * specks
    # With their soft rims.
    small = (functional.max_pool2d(small.to(logits), 3, 1, 1) > 0) & ~was & (small | (there == 0))
    specks = functional.interpolate(small.to(logits), scale_factor=_CELL, mode="nearest")[:, 0] > 0
    return torch.where(specks, logits.clamp(max=NOWHERE), logits)
