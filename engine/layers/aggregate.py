"""Soft aggregation of per-object probabilities into one distribution with background."""

from __future__ import annotations

import torch
from torch import Tensor

_EPSILON = 1e-7  # keeps odds finite in float32


def joint_logits(probabilities: Tensor) -> Tensor:
    """Return the logits of soft aggregation (STM, ICCV 2019): (O, H, W) probabilities -> (O + 1, H, W).

    The background comes first; its probability is the product of 1 - p over the objects.
    """
    background = (1 - probabilities).prod(0, keepdim=True)
    return torch.logit(torch.cat([background, probabilities]), eps=_EPSILON)


def aggregate(probabilities: Tensor) -> Tensor:
    """Return the objects' probabilities after soft aggregation, (O, H, W); they sum to 1 with the background's."""
    return joint_logits(probabilities).softmax(0)[1:]
