"""Suppression of spurious mask components, such as reflections and look-alikes away from the object."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .keymatte_decoder import ABSENT_LOGIT
from .motion import STRIDE

_CELL = 8  # pixels: side of an analysis cell
_NEIGHBOURHOOD = 5  # cells: side of the neighbourhood in which a component is isolated
_SMALL = 64  # pixels: an isolated component has fewer in the neighbourhood
_MAX_CELLS = 4  # cells that an isolated component may touch there; thin structures touch more
_OCCUPIED = 0.3  # minimum probability of the warped mask in a cell where the object was before
_MIN_BODY_RATIO = 4  # of the object's other area to that of its isolated components, else nothing is dropped
_REACH = 8  # growth steps of two cells from the warped mask over connected object cells
_MIN_PRESENT = 0.7  # of the unoccluded area: with less near the warped mask, the object may be anywhere
_NEARLY_COMPLETE = 0.85  # of the unoccluded area: with more near the warped mask, no part is left to reappear
_MIN_AREA = 256  # pixels: objects below have an unknown unoccluded area
_RIM = 20  # pixels: image border including padding; objects there may continue outside
_MIN_CONNECTED = 0.97  # of an object's area: minimum in its largest component, else part of it may be occluded


def suppress_spurious_components(logits: Tensor, warped: Tensor, unoccluded_area: Tensor) -> Tensor:
    """Lower the logits (O, H, W) of mask components that cannot be part of their object.

    Two kinds are suppressed: isolated components below `_SMALL` pixels; and components away from the warped previous
    mask whose area is more than the object can have regained from occlusion. `warped` (O, 1, H / 2, W / 2) 0..1 is the
    previous mask warped by optical flow; `unoccluded_area` (O,) is the object's area in pixels when nothing occludes
    it, 0 if unknown.
    """
    coverage = functional.avg_pool2d((logits > 0).to(logits)[:, None], _CELL)  # (O, 1, h, w): of each cell, 0..1
    occupied = functional.max_pool2d(functional.max_pool2d(warped, _CELL // STRIDE), 3, 1, 1) > _OCCUPIED
    spurious = _isolated_components(coverage, occupied)
    spurious |= _implausible_components(coverage * ~spurious, occupied, unoccluded_area)
    if spurious.device.type == "cpu" and not spurious.any():  # on a GPU the check would cost a synchronisation
        return logits
    # Include the soft borders.
    spurious = (functional.max_pool2d(spurious.to(logits), 3, 1, 1) > 0) & ~occupied & (spurious | (coverage == 0))
    dropped = functional.interpolate(spurious.to(logits), scale_factor=_CELL, mode="nearest")[:, 0] > 0
    return torch.where(dropped, logits.clamp(max=ABSENT_LOGIT), logits)


def unoccluded_area(masks: Tensor) -> Tensor:
    """Measure the area (O,) in pixels of each object in masks (O, H, W); 0 if part of the object may be occluded.

    That is assumed of objects that reach the image border, have several components, or are below `_MIN_AREA` pixels.
    """
    binary = masks > 0.5
    coverage = functional.avg_pool2d(binary.float()[:, None], _CELL)
    fullest = torch.zeros_like(coverage).flatten(1).scatter_(1, coverage.flatten(1).argmax(1, keepdim=True), 1.0)
    connected = coverage * _grow(fullest.view_as(coverage), coverage, steps=sum(coverage.shape[2:]) // 2)
    area = binary.sum((1, 2)).float()
    inside = binary[:, _RIM:-_RIM, _RIM:-_RIM].sum((1, 2)) == area
    known = (area >= _MIN_AREA) & inside & (connected.sum((1, 2, 3)) * _CELL**2 >= _MIN_CONNECTED * area)
    return torch.where(known, area, 0)


def _grow(start: Tensor, coverage: Tensor, *, steps: int) -> Tensor:
    """Grow the cells `start` step by step to connected cells that the object touches: (O, 1, h, w) 0 or 1."""
    touched = (coverage > 0).to(coverage)
    reached = touched * start
    for _ in range(steps):
        reached = touched * functional.max_pool2d(reached, 5, 1, 2)
    return reached


def _isolated_components(coverage: Tensor, occupied: Tensor) -> Tensor:
    """Find the cells of small components far from the rest of their object: (O, 1, h, w) bool."""
    padding = _NEIGHBOURHOOD // 2
    area = functional.avg_pool2d(coverage, _NEIGHBOURHOOD, 1, padding) * (_NEIGHBOURHOOD * _CELL) ** 2
    touched = (coverage > 0).to(coverage)
    cells = functional.avg_pool2d(touched, _NEIGHBOURHOOD, 1, padding) * _NEIGHBOURHOOD**2
    large = touched * ((area >= _SMALL) | (cells > _MAX_CELLS))
    small = (coverage > 0) & ~occupied & (functional.max_pool2d(large, _NEIGHBOURHOOD, 1, padding) == 0)
    isolated = (coverage * small).sum((1, 2, 3), keepdim=True)
    return small & (coverage.sum((1, 2, 3), keepdim=True) - isolated > _MIN_BODY_RATIO * isolated)


def _implausible_components(coverage: Tensor, occupied: Tensor, unoccluded_area: Tensor) -> Tensor:
    """Find the cells of distant components too large to be a part of the object that reappears: (O, 1, h, w) bool."""
    reached = _grow(occupied.to(coverage), coverage, steps=_REACH) > 0
    near, far = ((coverage * part).sum((1, 2, 3)) * _CELL**2 for part in (reached, ~reached))
    # If the object is nearly complete, any distant component may be another object that enters.
    exceeds = (
        (near >= _MIN_PRESENT * unoccluded_area)
        & ((near > _NEARLY_COMPLETE * unoccluded_area) | (near + far > unoccluded_area))
        & (unoccluded_area > 0)
    )
    return (coverage > 0) & ~reached & exceeds[:, None, None, None]
