"""Unrolling the network over a training clip, with memory as at inference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..adaptation.losses import FramePrediction
from ..layers.aggregate import joint_logits
from ..methods.options import GATE, INTERVAL
from ..methods.own import KEYMATTE
from ..networks.keymatte import Keymatte
from .keyframe_augmentation import KeyframeAugmenter
from .mask_corruption import MaskCorruptor

_AUGMENT_PROB = 0.75  # of keyframes from long before the other frames
_SECOND_KEYFRAME_PROB = 0.35
_MIN_PIXELS = 24  # of an object on some keyframe; a smaller one cannot be segmented


@dataclass(frozen=True)
class Sample:
    """Training clip of T frames with its keyframes, whose masks are given to the network."""

    images: Tensor  # (T, 3, H, W) 0..1
    labels: Tensor  # (T, H, W) long, 0 background, 1..O objects, each visible on a keyframe
    objects: int
    keyframes: tuple[int, ...]
    interval: int  # frames between memory entries; T or more: keyframes only
    start: int = 0  # frame before the first predicted one; its masks are the first previous masks
    corrupted_masks: Tensor | None = None  # (O, H, W) used instead of the true masks of `start`; None: the true ones

    def to(self, device: torch.device) -> Sample:
        """Return the sample with its tensors on `device`."""
        corrupted_masks = None if self.corrupted_masks is None else self.corrupted_masks.to(device)
        return replace(
            self, images=self.images.to(device), labels=self.labels.to(device), corrupted_masks=corrupted_masks
        )


def make_sample(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator, *, corrupt_prob: float = 0, far: bool = False
) -> Sample | None:
    """Make a sample of a clip, images (T, H, W, 3) and labels (T, H, W) uint8, with random keyframes.

    Returns None if no object is large enough on the keyframes. Prediction begins after the start frame:
    the first frame, or the second if `far`. `corrupt_prob` is the probability that the masks of the start frame get
    errors like those after many predicted frames; it is halved if `far`, so that these masks are usually more accurate
    than memory. If `far`, the first frame is usually augmented as if it were from long before the others.
    """
    count, start = len(images), int(far)
    if far and rng.random() < _AUGMENT_PROB:
        image, label = KeyframeAugmenter(rng).augment(images[0], labels[0])
        images, labels = np.concatenate([image[None], images[1:]]), np.concatenate([label[None], labels[1:]])
    both = rng.random() < _SECOND_KEYFRAME_PROB and count > start + 2  # at least one frame is left to predict
    keyframes = (0, count - 1) if both else (0,)
    visible = _visible_labels(labels, keyframes)
    if not visible:
        return None
    renumber = np.zeros(256, np.int64)
    renumber[visible] = np.arange(1, len(visible) + 1)
    numbered = renumber[labels]
    corrupted_masks = None
    if corrupt_prob and rng.random() < corrupt_prob / (1 + far):
        truth = np.stack([numbered[start] == number for number in range(1, len(visible) + 1)])
        corrupted_masks = torch.from_numpy(MaskCorruptor(rng).corrupt(truth.astype(np.float32)))
    return Sample(
        images=torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255,
        labels=torch.from_numpy(numbered),
        objects=len(visible),
        keyframes=keyframes,
        interval=int(rng.choice([1, 2, count])),
        start=start,
        corrupted_masks=corrupted_masks,
    )


def _visible_labels(labels: np.ndarray, keyframes: tuple[int, ...]) -> list[int]:
    """Return the labels that cover at least `_MIN_PIXELS` pixels on at least one keyframe."""
    return [
        number
        for number in range(1, int(labels.max(initial=0)) + 1)
        if any((labels[frame] == number).sum() >= _MIN_PIXELS for frame in keyframes)
    ]


def unroll(network: Keymatte, sample: Sample) -> list[FramePrediction]:
    """Predict every frame after `sample.start` that is not a keyframe, in order.

    Predicted masks are detached before they become the next frame's previous masks: training sees the errors of earlier
    predictions, but no gradients flow through them.
    """
    features = network.encode_batch(sample.images)
    truth = torch.stack([sample.labels == number for number in range(1, sample.objects + 1)], 1).float()
    numbers = {**KEYMATTE.numbers({}), INTERVAL.name: sample.interval, GATE.name: 0}
    bank = KEYMATTE.bank(numbers, network, len(features))
    for frame in sorted(sample.keyframes, reverse=True):  # frame 0 last: the bank counts its interval from there
        bank.write(
            network.memorize_permanent(frame, features[frame], truth[frame], among=len(sample.keyframes)).as_pinned()
        )
    start = sample.start
    state = network.update_state(
        start, features[start], truth[start] if sample.corrupted_masks is None else sample.corrupted_masks, None
    )
    predictions = []
    for frame in range(start + 1, len(features)):
        if frame in sample.keyframes:
            continue
        output = network.decode(features[frame], bank.view(), state)
        # In bfloat16 probabilities near 0 or 1 would become exactly 0 or 1, which have no gradient even where wrong.
        joint = joint_logits(output.logits.float().sigmoid())
        predictions.append(FramePrediction(joint, output.quality, output.presence_logits, sample.labels[frame]))
        masks = joint.detach().softmax(0)[1:]
        if frame + 1 < len(features):
            if bank.is_due(frame):
                entry, state = network.memorize(frame, features[frame], masks, state)
                bank.write(entry)
            state = network.update_state(frame, features[frame], masks, state)
    return predictions
