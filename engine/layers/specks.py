"""Specks and newcomers: pieces of an object found away from all that it was, as in reflections and in things alike."""

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
_REACH = 8  # steps of two cells that belong to what was there, as far as there is something in between
_MOST = 0.7  # of its size on the keyframe: an object of which less is where it was may be anywhere


def without_specks(logits: Tensor, moved: Tensor) -> Tensor:
    """Logits (O, H, W), those of specks lowered; `moved` (O, 1, H / 2, W / 2) 0..1 is where the object was.

    What comes into sight is there again as soon as it is larger, or has grown together with the rest.
    """
    there, was = _there(logits), _was(moved)
    around = functional.avg_pool2d(there, _AROUND, 1, _AROUND // 2) * (_AROUND * _CELL) ** 2
    some = (there > 0).to(there)
    cells = functional.avg_pool2d(some, _AROUND, 1, _AROUND // 2) * _AROUND**2
    large = some * ((around >= _SMALL) | (cells > _FEW))
    small = (there > 0) & ~was & (functional.max_pool2d(large, _AROUND, 1, _AROUND // 2) == 0)
    specks = (there * small).sum((1, 2, 3), keepdim=True)
    small &= there.sum((1, 2, 3), keepdim=True) - specks > _BODY * specks
    return _lowered(logits, small, there, was)


def without_newcomers(logits: Tensor, moved: Tensor, whole: Tensor) -> Tensor:
    """Logits (O, H, W), lowered away from where the object was (see above) if that is more than is missing of it.

    `whole` (O,) is how many pixels it had on the keyframe that it is followed from; 0: none are known. So a part that
    was hidden may come out again, but another thing that looks the same may not come in.
    """
    there, was = _there(logits), _was(moved)
    some = (there > 0).to(there)
    reached = some * was
    for _ in range(_REACH):
        reached = some * functional.max_pool2d(reached, 5, 1, 2)
    away = some - reached
    near, far = ((there * part).sum((1, 2, 3)) * _CELL**2 for part in (reached, away))
    too_much = (whole > 0) & (near >= _MOST * whole) & (near + far > whole)
    return _lowered(logits, (away > 0) & too_much[:, None, None, None], there, was)


def _there(logits: Tensor) -> Tensor:
    """(O, 1, H / 8, W / 8): which part of each cell an object has."""
    return functional.avg_pool2d((logits > 0).to(logits)[:, None], _CELL)


def _was(moved: Tensor) -> Tensor:
    """(O, 1, H / 8, W / 8) bool: where it was, and beside that."""
    return functional.max_pool2d(functional.max_pool2d(moved, _CELL // STRIDE), 3, 1, 1) > _WAS


def _lowered(logits: Tensor, cells: Tensor, there: Tensor, was: Tensor) -> Tensor:
    """Logits (O, H, W) with nothing in some of the cells (O, 1, H / 8, W / 8) bool, nor of their soft rims."""
    cells = (functional.max_pool2d(cells.to(logits), 3, 1, 1) > 0) & ~was & (cells | (there == 0))
    gone = functional.interpolate(cells.to(logits), scale_factor=_CELL, mode="nearest")[:, 0] > 0
    return torch.where(gone, logits.clamp(max=NOWHERE), logits)
