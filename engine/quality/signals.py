"""Signals: what each matte of a sweep says of its own quality, measured as soon as the frame is segmented."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..layers.motion import optical_flow, warp
from ..shared.quality import GIVEN
from .exemplars import Exemplars

HEAD = "head"  # signal: the network's own estimate of the mask's IoU
LEAP = "leap"  # signal: by how much an object has jumped since its keyframe
Signals = dict[str, float]  # name -> value; a signal that cannot be measured is left out
_VISIBLE = 0.5  # highest probability of an object that is seen at all
_TOUCHED = 0.1  # coverage of a cell from which on it counts as touched by the object
_RING = 3  # cells: side of the dilation that keeps an object's own rim out of the search for its look-alikes
_MIN_FLOW_SIDE = 12  # pixels: the method finds no flow in thumbs with smaller sides
_MEMORY = 0.8  # of the drift: what is left of a change one frame later


@dataclass
class _Track:
    """What is remembered of one object from frame to frame in a sweep."""

    mask: Tensor  # (h, w) probability on the previous frame, at the size of the thumbs
    area: float  # pixels of it, on the keyframe passed last
    place: tuple[float, float, float] | None = None  # row, column and pixels, on the frame that showed it last
    drift: float = 0.0  # recent changes that motion does not explain, each counting less from frame to frame
    leap: float = 0.0  # longest jump since then, in sides of the object
    worst: float = 1.0  # smallest overlap with the warped previous mask since then
    head: float = 1.0  # lowest estimate of the network itself since then


@dataclass
class SweepSignals:
    """Measures the signals of one sweep, frame by frame."""

    exemplars: Exemplars
    tracks: dict[int, _Track] = field(default_factory=dict)
    thumb: Tensor | None = None  # of the previous frame

    def measure(
        self,
        thumb: Tensor,
        key: Tensor,
        grid: tuple[int, int],
        probability: Mapping[int, Tensor],
        masks: Mapping[int, Tensor],
        *,
        annotated: Sequence[int],
        estimates: Mapping[int, float],
    ) -> dict[int, Signals]:
        """Measure the signals of all objects on a frame; those of objects `annotated` on it say just that.

        `thumb` (h, w) uint8 is the frame's, `key` (CK, N) its keys on a `grid`; `probability` (H, W) holds the objects'
        masks at the clip's size and `masks` (H', W') those at the working size; `estimates` are the network's own
        estimates of their IoU, if it makes any.
        """
        size = (thumb.shape[0], thumb.shape[1])
        small = {number: _resized(mask, size) for number, mask in probability.items()}
        previous = self.thumb if max(size) >= _MIN_FLOW_SIDE else None
        flow = None if previous is None or previous.shape != thumb.shape else optical_flow(thumb, previous)
        coverage = {number: functional.adaptive_avg_pool2d(masks[number][None].float(), grid)[0] for number in masks}
        others = torch.stack(list(coverage.values())).sum(0) if coverage else None
        found: dict[int, Signals] = {}
        for number, mask in small.items():
            if number in annotated:
                self.tracks[number] = _Track(mask, float(mask.sum()), _place(mask))
                found[number] = {GIVEN: 1.0}
                continue
            signals = _shape_signals(mask)
            signals |= self._motion_signals(number, mask, flow)
            if number in coverage and number in self.exemplars and others is not None:
                signals |= _looks_signals(self.exemplars, number, key, coverage[number], others - coverage[number])
            signals |= self.estimate_signals(number, estimates.get(number))
            found[number] = signals
        self.thumb = thumb
        return found

    def _motion_signals(self, number: int, mask: Tensor, flow: Tensor | None) -> Signals:
        """Compare a mask (h, w) with the object's previous one, warped by the optical flow; update the track."""
        track = self.tracks.get(number)
        if track is None or flow is None or track.mask.shape != mask.shape:
            self.tracks[number] = _Track(mask, float(mask.sum()), _place(mask))
            return {}
        warped = warp(track.mask[None], flow)[0]
        union = float(torch.maximum(mask, warped).sum())
        overlap = float(torch.minimum(mask, warped).sum()) / union if union > 1 else 1.0
        area, before = float(mask.sum()), float(warped.sum())
        signals = {"warp": overlap, "grow": abs(math.log((area + 4) / (before + 4)))}
        place = _place(warped) or _moved(track.place, flow)
        if (here := _place(mask)) and place:
            signals["jump"] = min(math.dist(here[:2], place[:2]) / math.sqrt(max(here[2], place[2])), 8.0)
        track.place = here or place
        track.drift = _MEMORY * track.drift + 1 - overlap
        track.worst = min(track.worst, overlap)
        track.mask = mask
        track.leap = max(track.leap, signals.get("jump", 0.0))
        signals |= {"drift": track.drift, "worst": track.worst, LEAP: track.leap}
        signals["size"] = abs(math.log((area + 4) / (track.area + 4)))
        return signals

    def estimate_signals(self, number: int, estimate: float | None) -> Signals:
        """Return the network's own estimate, and the lowest since the keyframe."""
        track = self.tracks.get(number)
        if estimate is None or track is None:
            return {}
        track.head = min(track.head, estimate)
        return {HEAD: estimate, "head_worst": track.head}


def _resized(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Average a mask (H, W) down to `size`, in main memory."""
    if tuple(mask.shape) != size:
        mask = functional.interpolate(mask[None, None], size=size, mode="area")[0, 0]
    return mask.float().cpu()


def _place(mask: Tensor) -> tuple[float, float, float] | None:
    """Return the centre (row, column) and the pixels of a mask (h, w); None if it is as good as empty."""
    total = float(mask.sum())
    if total <= 1:
        return None
    rows, columns = torch.arange(mask.shape[0]), torch.arange(mask.shape[1])
    return float((mask.sum(1) * rows).sum()) / total, float((mask.sum(0) * columns).sum()) / total, total


def _moved(place: tuple[float, float, float] | None, flow: Tensor) -> tuple[float, float, float] | None:
    """Return where a hidden object would be now if it had moved as most of the picture has."""
    if place is None:
        return None
    across, down = flow.flatten(1).median(1).values.tolist()
    return place[0] - down, place[1] - across, place[2]


def _shape_signals(mask: Tensor) -> Signals:
    """Measure one mask (h, w) 0..1: how sure it is, how soft its edge, and into how many pieces it falls."""
    inside = mask > _VISIBLE
    pixels = int(inside.sum())
    if not pixels:
        return {"lost": 1.0}
    hard = inside.numpy().astype(np.uint8)
    rim = max(int((hard - cv2.erode(hard, np.ones((3, 3), np.uint8))).sum()), 1)
    unsure = torch.minimum(mask, 1 - mask)
    count, _, stats, _ = cv2.connectedComponentsWithStats(hard, connectivity=8)
    largest = int(stats[1:, cv2.CC_STAT_AREA].max()) if count > 1 else pixels
    return {
        "lost": 0.0,
        "sure": float(mask[inside].mean()),
        "soft": float(unsure.sum()) / rim,
        "pieces": 1 - largest / pixels,
    }


def _looks_signals(exemplars: Exemplars, number: int, key: Tensor, covered: Tensor, others: Tensor) -> Signals:
    """Compare the looks of an object, and of the best place elsewhere, with those of its keyframes.

    `covered` (h, w) is the fraction of each cell that the object covers, `others` that of all other objects.
    """
    weight, total = covered.flatten(), float(covered.sum())
    if total <= 0:
        return {}
    own, margin = exemplars.likeness(number, key)
    signals = {"looks": float((own * weight).sum()) / total, "margin": float((margin * weight).sum()) / total}
    around = functional.max_pool2d(covered[None], _RING, 1, _RING // 2)[0]
    elsewhere = margin[((around < _TOUCHED) & (others < _VISIBLE)).flatten()]
    if len(elsewhere):  # the best place of the same area
        best = elsewhere.topk(min(max(round(total), 1), len(elsewhere))).values
        signals["twin"] = float(best.mean()) - signals["margin"]
    return signals
