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
_MOST = 0.7  # of its size: an object of which less is where it was may be anywhere
_NEARLY = 0.85  # of its size: an object of which more is where it was has no part left to come into sight
_LEAST = 256  # pixels: of an object that shows less it is not known how large it is
_RIM = 20  # pixels around a picture, padding among them: what goes there goes on outside
_ONE = 0.97  # of its size: so much of what is of one piece hangs together


def without_strays(logits: Tensor, moved: Tensor, whole: Tensor) -> Tensor:
    """Logits (O, H, W), those of specks and newcomers lowered; `moved` (O, 1, H / 2, W / 2) 0..1 is where it was.

    Specks are small: what comes into sight is there again as soon as it is larger, or has grown together with the rest.
    Newcomers are more than is missing of an object; `whole` (O,) is how many pixels it has when it is all there, 0:
    nobody knows.
    """
    there = functional.avg_pool2d((logits > 0).to(logits)[:, None], _CELL)  # (O, 1, h, w): part of each cell
    was = functional.max_pool2d(functional.max_pool2d(moved, _CELL // STRIDE), 3, 1, 1) > _WAS
    strays = _specks(there, was)
    strays |= _newcomers(there * ~strays, was, whole)
    if strays.device.type == "cpu" and not strays.any():  # elsewhere to ask takes longer
        return logits
    # With their soft rims.
    strays = (functional.max_pool2d(strays.to(logits), 3, 1, 1) > 0) & ~was & (strays | (there == 0))
    gone = functional.interpolate(strays.to(logits), scale_factor=_CELL, mode="nearest")[:, 0] > 0
    return torch.where(gone, logits.clamp(max=NOWHERE), logits)


def size_when_whole(masks: Tensor) -> Tensor:
    """(O,) pixels of the objects that given masks (O, H, W) show: 0 of those that may go on where they do not show.

    These are the ones at the picture's border, in several pieces as if something stood in front, or hardly there.
    """
    shown = masks > 0.5
    there = functional.avg_pool2d(shown.float()[:, None], _CELL)
    fullest = torch.zeros_like(there).flatten(1).scatter_(1, there.flatten(1).argmax(1, keepdim=True), 1.0)
    of_one = there * _reached(fullest.view_as(there), there, steps=sum(there.shape[2:]) // 2)
    size = shown.sum((1, 2)).float()
    inside = shown[:, _RIM:-_RIM, _RIM:-_RIM].sum((1, 2)) == size
    known = (size >= _LEAST) & inside & (of_one.sum((1, 2, 3)) * _CELL**2 >= _ONE * size)
    return torch.where(known, size, 0)


def _reached(start: Tensor, there: Tensor, *, steps: int) -> Tensor:
    """(O, 1, h, w) 0 or 1: cells with something of an object that hang together with those that it starts from."""
    some = (there > 0).to(there)
    reached = some * start
    for _ in range(steps):
        reached = some * functional.max_pool2d(reached, 5, 1, 2)
    return reached


def _specks(there: Tensor, was: Tensor) -> Tensor:
    """(O, 1, h, w) bool: cells of small pieces that stand alone."""
    around = functional.avg_pool2d(there, _AROUND, 1, _AROUND // 2) * (_AROUND * _CELL) ** 2
    some = (there > 0).to(there)
    cells = functional.avg_pool2d(some, _AROUND, 1, _AROUND // 2) * _AROUND**2
    large = some * ((around >= _SMALL) | (cells > _FEW))
    small = (there > 0) & ~was & (functional.max_pool2d(large, _AROUND, 1, _AROUND // 2) == 0)
    specks = (there * small).sum((1, 2, 3), keepdim=True)
    return small & (there.sum((1, 2, 3), keepdim=True) - specks > _BODY * specks)


def _newcomers(there: Tensor, was: Tensor, whole: Tensor) -> Tensor:
    """(O, 1, h, w) bool: cells away from where an object was, if there is more in them than may have been hidden."""
    reached = _reached(was.to(there), there, steps=_REACH) > 0
    near, far = ((there * part).sum((1, 2, 3)) * _CELL**2 for part in (reached, ~reached))
    # Where hardly anything is missing, what fits in may be the first of another that walks in.
    more = (near >= _MOST * whole) & ((near > _NEARLY * whole) | (near + far > whole)) & (whole > 0)
    return (there > 0) & ~reached & more[:, None, None, None]
