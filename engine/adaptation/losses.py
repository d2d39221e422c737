"""Losses: bootstrapped cross-entropy, edge, dice, IoU estimate and presence terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BAND = 2  # half-width of the edge band, in pixels
_EDGE_WEIGHT = 0.25
_QUALITY_WEIGHT = 0.1
_PRESENCE_WEIGHT = 0.1


@dataclass(frozen=True)
class FramePrediction:
    """Prediction on one frame, with the ground truth."""

    logits: Tensor  # (O + 1, H, W), background first
    quality: Tensor  # (O,) logits of the estimated IoU
    presence_logits: Tensor  # (O, h, w) logits of object presence per cell
    labels: Tensor  # (H, W) long, ground truth


def bootstrapped_mean(losses: Tensor, *, share: float) -> Tensor:
    """Average the highest pixel losses (H, W) to a scalar; `share`, above 0 up to 1, is the fraction of pixels used."""
    losses = losses.flatten()
    if share >= 1:
        return losses.mean()
    return losses.topk(max(int(losses.numel() * share), 1)).values.mean()


def outline_band(labels: Tensor) -> Tensor:
    """Mark pixels at most `_BAND` pixels away from a pixel with another label: labels (H, W) long -> (H, W) 0 or 1."""
    side = 2 * _BAND + 1
    as_map = labels[None, None].float()
    highest = functional.max_pool2d(as_map, side, stride=1, padding=_BAND)
    lowest = -functional.max_pool2d(-as_map, side, stride=1, padding=_BAND)
    return (highest != lowest)[0, 0].float()


def dice(probabilities: Tensor, truth: Tensor) -> Tensor:
    """Compute the dice loss of predicted and true masks (O, H, W), averaged over objects to a scalar."""
    overlap = (probabilities * truth).sum((1, 2))
    total = probabilities.sum((1, 2)) + truth.sum((1, 2))
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


def iou(labels_found: Tensor, labels: Tensor, objects: int) -> Tensor:
    """Compute the IoU (O,) of each object between predicted and true labels (H, W) long; 1 if absent from both."""
    numbers = torch.arange(1, objects + 1, device=labels.device)[:, None, None]
    predicted, truth = labels_found == numbers, labels == numbers
    union = (predicted | truth).sum((1, 2))
    return torch.where(union > 0, (predicted & truth).sum((1, 2)) / union.clamp(min=1), 1.0)


def frame_loss(prediction: FramePrediction, *, share: float) -> Tensor:
    """Compute the training loss (a scalar) of one frame as the sum of all terms; `share`: see `bootstrapped_mean`."""
    logits, labels = prediction.logits, prediction.labels
    objects = logits.shape[0] - 1
    truth = torch.stack([labels == number for number in range(1, objects + 1)]).to(logits)
    pixels = functional.cross_entropy(logits[None], labels[None], reduction="none")[0]
    band = outline_band(labels)
    edge_loss = (pixels * band).sum() / (band.sum() + 1)
    ious = iou(logits.max(0).indices, labels, objects)
    quality_loss = functional.binary_cross_entropy_with_logits(prediction.quality, ious)
    presence = functional.max_pool2d(truth, labels.shape[-1] // prediction.presence_logits.shape[-1])
    presence_loss = functional.binary_cross_entropy_with_logits(prediction.presence_logits, presence)
    return (
        bootstrapped_mean(pixels, share=share)
        + dice(logits.softmax(0)[1:], truth)
        + _EDGE_WEIGHT * edge_loss
        + _QUALITY_WEIGHT * quality_loss
        + _PRESENCE_WEIGHT * presence_loss
    )


def clip_loss(predictions: Sequence[FramePrediction], *, share: float) -> Tensor:
    """Average `frame_loss` over the predicted frames of a clip to a scalar."""
    return torch.stack([frame_loss(prediction, share=share) for prediction in predictions]).mean()
