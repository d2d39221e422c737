"""What training minimises: bootstrapped cross-entropy and dice."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def bootstrapped_cross_entropy(logits: Tensor, labels: Tensor, *, share: float) -> Tensor:
    """Mean of the hardest `share` (0..1] of pixels: logits (O + 1, H, W), labels (H, W) long -> scalar."""
    losses = functional.cross_entropy(logits[None], labels[None], reduction="none").flatten()
    if share >= 1:
        return losses.mean()
    return losses.topk(max(int(losses.numel() * share), 1)).values.mean()


def dice(probabilities: Tensor, truth: Tensor) -> Tensor:
    """1 - dice coefficient, mean over objects: (O, H, W), (O, H, W) -> scalar."""
    overlap = (probabilities * truth).sum((1, 2))
    total = probabilities.sum((1, 2)) + truth.sum((1, 2))
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


def clip_loss(logits: list[Tensor], labels: Tensor, *, share: float) -> Tensor:
    """Mean loss over predicted frames: logits (O + 1, H, W) each, labels (T, H, W) long."""
    losses = []
    for frame_logits, frame_labels in zip(logits, labels, strict=True):
        objects = range(1, frame_logits.shape[0])
        truth = torch.stack([frame_labels == number for number in objects]).to(frame_logits)
        losses.append(
            bootstrapped_cross_entropy(frame_logits, frame_labels, share=share)
            + dice(frame_logits.softmax(0)[1:], truth)
        )
    return torch.stack(losses).mean()
