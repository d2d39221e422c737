"""Mask merging: combines the predictions for all objects, so that masks do not overlap and probabilities sum to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ..layers.aggregate import aggregate
from .framing import Framing

_CLAMP = 1e-5  # limit of probabilities before the logits of several groups are joined
_MIN_PROBABILITY = 0.5
_UNUSED_IDENTITY_LOGIT = -1e10  # masks identities without an object


@dataclass(frozen=True)
class GroupPrediction:
    """Prediction of the network for the objects of one group."""

    objects: tuple[int, ...]  # all followed now; objects first annotated on this frame come last
    predicted_count: int  # how many of them the prediction covers
    prediction: Tensor | None  # as the network returns it; None: memory was not read


@dataclass(frozen=True)
class MergedMasks:
    """Masks and probabilities of all objects after merging."""

    masks: tuple[Tensor, ...]  # per group (rows, H', W') at working size, the input of its network
    probability: Mapping[int, Tensor]  # by object, (H, W) at the clip's size
    background: Tensor  # (H, W)

    def confidence(self, objects: Sequence[int]) -> float:
        """Return the mean probability over pixels where one of `objects` has more than 0.5; 1 without such pixels.

        The probability of a pixel is that of its likeliest object.
        """
        maximum = torch.stack([self.probability[number] for number in objects]).amax(0)
        inside = maximum > _MIN_PROBABILITY
        return float(maximum[inside].mean()) if inside.any() else 1.0


class MaskMerger(Protocol):
    """Strategy that decides which object gets a pixel claimed by several objects."""

    def merge(self, groups: Sequence[GroupPrediction], keyframe_masks: Mapping[int, Tensor]) -> MergedMasks:
        """Merge the predictions of all groups; objects in `keyframe_masks` get their keyframe mask instead.

        Keyframe masks are (H, W) 0 or 1 at the clip's size, by object.
        """
        ...


class SoftMaskMerger:
    """Soft aggregation at working size (STM, XMem): objects share each pixel in proportion to their odds.

    An object with a keyframe mask gets that mask instead, and the other objects lose the mask's pixels.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing

    def merge(self, groups: Sequence[GroupPrediction], keyframe_masks: Mapping[int, Tensor]) -> MergedMasks:
        predicted = [group for group in groups if group.prediction is not None]
        masks_by_object: dict[int, Tensor] = {}
        if predicted:
            joint = aggregate(torch.cat([group.prediction for group in predicted if group.prediction is not None]))
            numbers = (number for group in predicted for number in group.objects[: group.predicted_count])
            masks_by_object = dict(zip(numbers, joint, strict=True))
        if keyframe_masks:
            masks = self._framing.apply_masks(torch.stack(list(keyframe_masks.values())))
            annotated = masks.sum(0) > 0.5
            masks_by_object = {number: mask.masked_fill(annotated, 0) for number, mask in masks_by_object.items()}
            masks_by_object.update(zip(keyframe_masks, masks, strict=True))
            joint = aggregate(torch.stack(list(masks_by_object.values())))
            masks_by_object = dict(zip(masks_by_object, joint, strict=True))
        restored = self._framing.restore(torch.stack(list(masks_by_object.values())))
        return MergedMasks(
            tuple(torch.stack([masks_by_object[number] for number in group.objects]) for group in groups),
            dict(zip(masks_by_object, restored, strict=True)),
            (1 - restored.sum(0)).clamp(0, 1),
        )


class HardMaskMerger:
    """Argmax over identities (AOT's numbered places for objects) at the clip's size; yields one-hot masks."""

    def __init__(self, framing: Framing, *, align_corners: bool, every_identity: bool) -> None:
        """Set up merging; with `every_identity`, identities without an object take part too, as in RMem's code."""
        self._framing = framing
        self._align_corners = align_corners
        self._every_identity = every_identity

    def merge(self, groups: Sequence[GroupPrediction], keyframe_masks: Mapping[int, Tensor]) -> MergedMasks:
        size = (self._framing.height, self._framing.width)
        predicted = [group for group in groups if group.prediction is not None]
        labels: dict[int, Tensor] = {}
        probability: dict[int, Tensor] = {}
        background = None
        if predicted:
            # (1 + identities, H, W)
            joint = self._joint_probabilities([self._probabilities(group, size) for group in predicted])
            background, winner, row = joint[0], joint.argmax(0), 1
            rows = (len(joint) - 1) // len(predicted)
            for group in predicted:
                probability.update(zip(group.objects[: group.predicted_count], joint[row : row + rows], strict=False))
                in_group = (winner >= row) & (winner < row + rows)
                labels[id(group)] = torch.where(in_group, winner - row + 1, 0)
                row += rows
        masks = []
        for group in groups:
            label = labels.get(id(group))
            if label is None:
                label = torch.zeros(size, dtype=torch.long, device=next(iter(keyframe_masks.values())).device)
            masks.append(self._one_hot(_with_keyframe_masks(label, group.objects, keyframe_masks), len(group.objects)))
        new_objects = {number for group in predicted for number in group.objects[group.predicted_count :]}
        for number, mask in keyframe_masks.items():  # there is no prediction of an object first annotated here
            probability.setdefault(number, torch.zeros_like(mask) if number in new_objects else mask)
        if background is None:
            background = 1 - torch.stack(list(keyframe_masks.values())).amax(0)
        return MergedMasks(tuple(masks), probability, background)

    def _probabilities(self, group: GroupPrediction, size: tuple[int, int]) -> Tensor:
        """Return the probabilities (11, H, W) of the background and of each identity in one group."""
        logits = group.prediction
        assert logits is not None, "the caller passes predicted groups only"
        if not self._every_identity:
            logits = logits.clone()
            logits[group.predicted_count + 1 :] = _UNUSED_IDENTITY_LOGIT
        logits = functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=self._align_corners)
        return logits[0].softmax(0)

    @staticmethod
    def _joint_probabilities(groups: list[Tensor]) -> Tensor:
        """Join the probabilities (1 + identities, H, W) of several groups by one softmax with a common background."""
        if len(groups) == 1:
            return groups[0]
        background = torch.stack([group[0] for group in groups]).prod(0, keepdim=True)
        joint = torch.cat([background, *(group[1:] for group in groups)])
        return torch.logit(joint.clamp(_CLAMP, 1 - _CLAMP)).softmax(0)

    def _one_hot(self, label: Tensor, objects: int) -> Tensor:
        """Convert a map of identities (H, W) to one-hot masks (rows, H', W') at working size."""
        size = (self._framing.work_height, self._framing.work_width)
        label = functional.interpolate(label[None, None].float(), size=size, mode="nearest")[0, 0]
        rows = 10 if self._every_identity else objects
        return torch.stack([label == row + 1 for row in range(rows)]).float()


def _with_keyframe_masks(label: Tensor, objects: Sequence[int], keyframe_masks: Mapping[int, Tensor]) -> Tensor:
    """Return the map of identities (H, W), with objects in `keyframe_masks` replaced by their keyframe masks."""
    if not keyframe_masks:
        return label
    label = label.masked_fill(torch.stack(list(keyframe_masks.values())).amax(0) > 0, 0)
    for row, number in enumerate(objects, 1):
        if number in keyframe_masks:
            label = label.masked_fill(label == row, 0)
            label = label.masked_fill(keyframe_masks[number] > 0, row)
    return label
