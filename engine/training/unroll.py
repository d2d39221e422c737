"""One training clip through the network with memory as at inference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..adaptation.losses import FramePrediction
from ..layers.aggregate import joint_logits
from ..methods.memories import GATE, INTERVAL
from ..methods.own import KEYMATTE
from ..networks.keymatte import Keymatte
from .keyframe_augmentation import KeyframeAugmenter
from .mask_corruption import MaskCorruptor

_ALTERED = 0.75  # of the first frames from long before
_LEAST_PIXELS = 24  # an object smaller than this on every keyframe cannot be followed


@dataclass(frozen=True)
class Sample:
    """A clip and which of its frames the network is told."""

    images: Tensor  # (T, 3, H, W) 0..1
    labels: Tensor  # (T, H, W) long, 0 background, 1..O objects shown on a keyframe
    objects: int
    keyframes: tuple[int, ...]
    interval: int  # frames between memory entries; T or more: keyframes only
    start: int = 0  # the frame whose masks are followed first
    corrupted_masks: Tensor | None = None  # (O, H, W) what these are believed to be; None: the true ones

    def to(self, device: torch.device) -> Sample:
        """The same on `device`."""
        corrupted_masks = None if self.corrupted_masks is None else self.corrupted_masks.to(device)
        return replace(
            self, images=self.images.to(device), labels=self.labels.to(device), corrupted_masks=corrupted_masks
        )


def plan(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator, *, corrupt_prob: float = 0, far: bool = False
) -> Sample | None:
    """Choose keyframes for a clip (T, H, W, 3), (T, H, W) uint8; None if no object is visible on them.

    `corrupt_prob`: probability that the masks to be followed have errors, as after many frames. If `far`, the first
    frame is remembered as it would look long before, so that memory knows less than the masks of the second, which are
    followed then and have errors half as often.
    """
    count, start = len(images), int(far)
    if far and rng.random() < _ALTERED:
        image, label = KeyframeAugmenter(rng).augment(images[0], labels[0])
        images, labels = np.concatenate([image[None], images[1:]]), np.concatenate([label[None], labels[1:]])
    both = rng.random() < 0.35 and count > start + 2  # something is left to be found
    keyframes = (0, count - 1) if both else (0,)
    visible = [
        number
        for number in range(1, int(labels.max(initial=0)) + 1)
        if any((labels[frame] == number).sum() >= _LEAST_PIXELS for frame in keyframes)
    ]
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


def unroll(network: Keymatte, sample: Sample) -> list[FramePrediction]:
    """Predict every frame that is no keyframe.

    Masks that feed back into the network are detached: each step learns to live with the errors of the last.
    """
    every = network.encode_batch(sample.images)
    truth = torch.stack([sample.labels == number for number in range(1, sample.objects + 1)], 1).float()
    numbers = {**KEYMATTE.numbers({}), INTERVAL.name: sample.interval, GATE.name: 0}
    bank = KEYMATTE.bank(numbers, network, len(every))
    for frame in sorted(sample.keyframes, reverse=True):  # nearest last: intervals count from the first
        bank.write(
            network.memorize_permanent(frame, every[frame], truth[frame], among=len(sample.keyframes)).as_pinned()
        )
    start = sample.start
    state = network.update_state(
        start, every[start], truth[start] if sample.corrupted_masks is None else sample.corrupted_masks, None
    )
    shown = []
    for frame in range(start + 1, len(every)):
        if frame in sample.keyframes:
            continue
        found = network.decode(every[frame], bank.view(), state)
        # In bfloat16 what is all but sure would become wholly sure, and wrong ones would teach nothing.
        joint = joint_logits(found.logits.float().sigmoid())
        shown.append(FramePrediction(joint, found.quality, found.presence_logits, sample.labels[frame]))
        masks = joint.detach().softmax(0)[1:]
        if frame + 1 < len(every):
            if bank.wants(frame):
                entry, state = network.memorize(frame, every[frame], masks, state)
                bank.write(entry)
            state = network.update_state(frame, every[frame], masks, state)
    return shown
