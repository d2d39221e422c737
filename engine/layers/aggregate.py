"""Per-object probabilities -> one joint distribution with background."""

from __future__ import annotations

import torch
from torch import Tensor

_EPSILON = 1e-7  # keeps odds finite in float32


def joint_logits(probabilities: Tensor) -> Tensor:
    """Soft aggregation (STM, ICCV 2019): (O, H, W) -> (O + 1, H, W) logits, background first."""
    background = (1 - probabilities).prod(0, keepdim=True)
    return torch.logit(torch.cat([background, probabilities]), eps=_EPSILON)


def aggregate(probabilities: Tensor) -> Tensor:
    """(O, H, W) of objects judged one by one -> (O, H, W) that with the background sum to 1."""
    return joint_logits(probabilities).softmax(0)[1:]
