"""From what networks say of each object to what is at every pixel: the masks they go on with, and the mattes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ..layers.aggregate import aggregate
from .framing import Framing

_CLAMP = 1e-5  # of probabilities that several groups of identities are joined from
_LIKELY = 0.5
_UNUSED = -1e10  # logit of an identity that no object has


@dataclass(frozen=True)
class GroupPrediction:
    """What one group's network says of its objects."""

    objects: tuple[int, ...]  # all that it follows now; those met on this frame last
    known: int  # how many of them it was asked about
    prediction: Tensor | None  # as its network gives it; None: it was not asked


@dataclass(frozen=True)
class MergedMasks:
    """What is at every pixel."""

    masks: tuple[Tensor, ...]  # per group, (rows, H', W'), at working size: what its network goes on with
    probability: Mapping[int, Tensor]  # by object, (H, W) at the clip's size
    background: Tensor  # (H, W)

    def confidence(self, objects: Sequence[int]) -> float:
        """How sure it is of these objects, 0..1: the mean of the likeliest, where any is likely; 1 if none is."""
        best = torch.stack([self.probability[number] for number in objects]).amax(0)
        inside = best > _LIKELY
        return float(best[inside].mean()) if inside.any() else 1.0


class MaskMerger(Protocol):
    """How objects compete."""

    def merge(self, groups: Sequence[GroupPrediction], given: Mapping[int, Tensor]) -> MergedMasks:
        """`given` are a keyframe's masks by object, (H, W) 0 or 1 at the clip's size: they stand."""
        ...


class SoftMaskMerger:
    """Soft aggregation at working size (STM, XMem): each pixel is shared out by the odds of each object.

    What is given is kept, and nothing else lies on its pixels.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing

    def merge(self, groups: Sequence[GroupPrediction], given: Mapping[int, Tensor]) -> MergedMasks:
        asked = [group for group in groups if group.prediction is not None]
        found: dict[int, Tensor] = {}
        if asked:
            joint = aggregate(torch.cat([group.prediction for group in asked]))
            found = dict(
                zip((number for group in asked for number in group.objects[: group.known]), joint, strict=True)
            )
        if given:
            masks = self._framing.apply_masks(torch.stack(list(given.values())))
            taken = masks.sum(0) > 0.5
            found = {number: mask.masked_fill(taken, 0) for number, mask in found.items()}
            found.update(zip(given, masks, strict=True))
            found = dict(zip(found, aggregate(torch.stack(list(found.values()))), strict=True))
        restored = self._framing.restore(torch.stack(list(found.values())))
        return MergedMasks(
            tuple(torch.stack([found[number] for number in group.objects]) for group in groups),
            dict(zip(found, restored, strict=True)),
            (1 - restored.sum(0)).clamp(0, 1),
        )


class HardMaskMerger:
    """The likeliest identity of each pixel at the clip's size (AOT family); that is what the network goes on with."""

    def __init__(self, framing: Framing, *, align_corners: bool, every_identity: bool) -> None:
        """With `every_identity` those that no object has compete too, as in RMem's program."""
        self._framing = framing
        self._align_corners = align_corners
        self._every_identity = every_identity

    def merge(self, groups: Sequence[GroupPrediction], given: Mapping[int, Tensor]) -> MergedMasks:
        size = (self._framing.height, self._framing.width)
        asked = [group for group in groups if group.prediction is not None]
        labels: dict[int, Tensor] = {}
        probability: dict[int, Tensor] = {}
        background = None
        if asked:
            joint = self._joint([self._likelihood(group, size) for group in asked])  # (1 + identities, H, W)
            background, winner, at = joint[0], joint.argmax(0), 1
            rows = (len(joint) - 1) // len(asked)
            for group in asked:
                probability.update(zip(group.objects[: group.known], joint[at : at + rows], strict=False))
                own = (winner >= at) & (winner < at + rows)
                labels[id(group)] = torch.where(own, winner - at + 1, 0)
                at += rows
        masks = []
        for group in groups:
            label = labels.get(id(group))
            if label is None:
                label = torch.zeros(size, dtype=torch.long, device=next(iter(given.values())).device)
            masks.append(self._one_hot(_with_given(label, group.objects, given), len(group.objects)))
        met = {number for group in asked for number in group.objects[group.known :]}
        for number, mask in given.items():  # of an object met on this frame nothing was predicted
            probability.setdefault(number, torch.zeros_like(mask) if number in met else mask)
        if background is None:
            background = 1 - torch.stack(list(given.values())).amax(0)
        return MergedMasks(tuple(masks), probability, background)

    def _likelihood(self, group: GroupPrediction, size: tuple[int, int]) -> Tensor:
        """(11, H, W) probabilities of one group's identities."""
        logits = group.prediction
        if not self._every_identity:
            logits = logits.clone()
            logits[group.known + 1 :] = _UNUSED
        logits = functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=self._align_corners)
        return logits[0].softmax(0)

    @staticmethod
    def _joint(groups: list[Tensor]) -> Tensor:
        if len(groups) == 1:
            return groups[0]
        background = torch.stack([group[0] for group in groups]).prod(0, keepdim=True)
        joint = torch.cat([background, *(group[1:] for group in groups)])
        return torch.logit(joint.clamp(_CLAMP, 1 - _CLAMP)).softmax(0)

    def _one_hot(self, label: Tensor, objects: int) -> Tensor:
        """(H, W) identities -> (rows, H', W') 0 or 1 at working size."""
        size = (self._framing.work_height, self._framing.work_width)
        label = functional.interpolate(label[None, None].float(), size=size, mode="nearest")[0, 0]
        rows = 10 if self._every_identity else objects
        return torch.stack([label == row + 1 for row in range(rows)]).float()


def _with_given(label: Tensor, objects: Sequence[int], given: Mapping[int, Tensor]) -> Tensor:
    """Put a keyframe's masks into identities (H, W): a given object is where it is given, and nowhere else."""
    if not given:
        return label
    label = label.masked_fill(torch.stack(list(given.values())).amax(0) > 0, 0)
    for row, number in enumerate(objects, 1):
        if number in given:
            label = label.masked_fill(label == row, 0)
            label = label.masked_fill(given[number] > 0, row)
    return label
