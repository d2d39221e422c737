"""Suppresses spurious components of a mask, such as reflections and look-alikes away from the object."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .keymatte_decoder import NOWHERE
from .motion import STRIDE

_CELL = 8  # pixels: side of an analysis cell
_AROUND = 5  # cells: side of the neighbourhood of an isolated component
_SMALL = 64  # pixels: an isolated component has fewer in the neighbourhood
_MAX_CELLS = 4  # cells that an isolated component may touch there; thin structures touch more
_WAS = 0.3  # minimum moved-mask probability of a cell occupied before
_BODY = 4  # minimum ratio of remaining object area to small components, else nothing is dropped
_REACH = 8  # growth steps of two cells from the moved mask over connected object cells
_MAX_PRESENT = 0.7  # of the unoccluded area: with less near the moved mask, the object may be anywhere
_NEARLY_COMPLETE = 0.85  # of the unoccluded area: with more near the moved mask, no part is left to reappear
_MIN_AREA = 256  # pixels: objects below have an unknown unoccluded area
_RIM = 20  # pixels: image border including padding; objects there may continue outside
_ONE = 0.97  # of the area: minimum share of a one-piece object in its largest component


def suppress_spurious_components(logits: Tensor, moved: Tensor, unoccluded_area: Tensor) -> Tensor:
    """Lower the logits (O, H, W) of components that cannot be part of their object.

    `moved` (O, 1, H / 2, W / 2) 0..1 is the previous mask moved by optical flow. Dropped are isolated components below
    `_SMALL` pixels, and components away from the moved mask whose area exceeds what the object could have regained
    from occlusion; `unoccluded_area` (O,) is its area in pixels when nothing hides it, 0 if unknown.
    """
    there = functional.avg_pool2d((logits > 0).to(logits)[:, None], _CELL)  # (O, 1, h, w): part of each cell
    was = functional.max_pool2d(functional.max_pool2d(moved, _CELL // STRIDE), 3, 1, 1) > _WAS
    strays = _specks(there, was)
    strays |= _implausible_components(there * ~strays, was, unoccluded_area)
    if strays.device.type == "cpu" and not strays.any():  # on a GPU the check would cost a synchronisation
        return logits
    # Include the soft borders.
    strays = (functional.max_pool2d(strays.to(logits), 3, 1, 1) > 0) & ~was & (strays | (there == 0))
    gone = functional.interpolate(strays.to(logits), scale_factor=_CELL, mode="nearest")[:, 0] > 0
    return torch.where(gone, logits.clamp(max=NOWHERE), logits)


def unoccluded_area(masks: Tensor) -> Tensor:
    """Measure each object's area (O,) in masks (O, H, W), in pixels; 0 where part of the object may be hidden.

    That is assumed of objects at the image border, in several components, or below `_MIN_AREA` pixels.
    """
    shown = masks > 0.5
    there = functional.avg_pool2d(shown.float()[:, None], _CELL)
    fullest = torch.zeros_like(there).flatten(1).scatter_(1, there.flatten(1).argmax(1, keepdim=True), 1.0)
    of_one = there * _grow(fullest.view_as(there), there, steps=sum(there.shape[2:]) // 2)
    size = shown.sum((1, 2)).float()
    inside = shown[:, _RIM:-_RIM, _RIM:-_RIM].sum((1, 2)) == size
    known = (size >= _MIN_AREA) & inside & (of_one.sum((1, 2, 3)) * _CELL**2 >= _ONE * size)
    return torch.where(known, size, 0)


def _grow(start: Tensor, there: Tensor, *, steps: int) -> Tensor:
    """Grow `start` over connected cells that hold some of the object: (O, 1, h, w) 0 or 1."""
    some = (there > 0).to(there)
    reached = some * start
    for _ in range(steps):
        reached = some * functional.max_pool2d(reached, 5, 1, 2)
    return reached


def _specks(there: Tensor, was: Tensor) -> Tensor:
    """Find the cells of small isolated components: (O, 1, h, w) bool."""
    around = functional.avg_pool2d(there, _AROUND, 1, _AROUND // 2) * (_AROUND * _CELL) ** 2
    some = (there > 0).to(there)
    cells = functional.avg_pool2d(some, _AROUND, 1, _AROUND // 2) * _AROUND**2
    large = some * ((around >= _SMALL) | (cells > _MAX_CELLS))
    small = (there > 0) & ~was & (functional.max_pool2d(large, _AROUND, 1, _AROUND // 2) == 0)
    specks = (there * small).sum((1, 2, 3), keepdim=True)
    return small & (there.sum((1, 2, 3), keepdim=True) - specks > _BODY * specks)


def _implausible_components(there: Tensor, was: Tensor, unoccluded_area: Tensor) -> Tensor:
    """Find components whose area exceeds what the object could have regained from occlusion: (O, 1, h, w) bool."""
    reached = _grow(was.to(there), there, steps=_REACH) > 0
    near, far = ((there * part).sum((1, 2, 3)) * _CELL**2 for part in (reached, ~reached))
    # If the object is nearly complete, any distant component may be another object that enters.
    more = (
        (near >= _MAX_PRESENT * unoccluded_area)
        & ((near > _NEARLY_COMPLETE * unoccluded_area) | (near + far > unoccluded_area))
        & (unoccluded_area > 0)
    )
    return (there > 0) & ~reached & more[:, None, None, None]
