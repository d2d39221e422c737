"""Soft aggregation of per-object probabilities into one distribution with background."""

from __future__ import annotations

import torch
from torch import Tensor

_EPSILON = 1e-7  # keeps odds finite in float32


def joint_logits(probabilities: Tensor) -> Tensor:
    """Apply soft aggregation (STM, ICCV 2019): (O, H, W) probabilities -> (O + 1, H, W) logits, background first."""
    background = (1 - probabilities).prod(0, keepdim=True)
    return torch.logit(torch.cat([background, probabilities]), eps=_EPSILON)


def aggregate(probabilities: Tensor) -> Tensor:
    """Normalise independent probabilities (O, H, W) -> (O, H, W) that sum to 1 with the background."""
    return joint_logits(probabilities).softmax(0)[1:]
