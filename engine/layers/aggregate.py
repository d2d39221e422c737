"""Soft aggregation of per-object probabilities, and the input of encoders that take an image and its masks."""

from __future__ import annotations

import torch
from torch import Tensor

_EPSILON = 1e-7  # keeps odds finite in float32


def joint_logits(probabilities: Tensor) -> Tensor:
    """Return the logits (O + 1, H, W) of soft aggregation (STM, ICCV 2019) of object probabilities (O, H, W).

    The background comes first; before normalisation its probability is the product of 1 - p over all objects.
    """
    background = (1 - probabilities).prod(0, keepdim=True)
    return torch.logit(torch.cat([background, probabilities]), eps=_EPSILON)


def aggregate(probabilities: Tensor) -> Tensor:
    """Return object probabilities (O, H, W) after soft aggregation; with the background's they sum to 1."""
    return joint_logits(probabilities).softmax(0)[1:]


def image_with_masks(image: Tensor, masks: Tensor) -> Tensor:
    """Stack an image (1, 3, H, W), the mask of each object and the sum of the other masks (O, H, W): (O, 5, H, W)."""
    others = masks.sum(0, keepdim=True) - masks if len(masks) > 1 else torch.zeros_like(masks)
    return torch.cat([image.expand(len(masks), -1, -1, -1), masks[:, None], others[:, None]], 1)
