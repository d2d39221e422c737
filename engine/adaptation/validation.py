"""Validation of decoders by propagation over a shot's frames to held-out keyframes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..layers.aggregate import joint_logits
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent
from ..networks.keymatte import Keymatte, KeymatteFeatures, LastFrame
from .losses import iou

MOST_FRAMES = 12  # maximum number of frames propagated between two keyframes

Show = Callable[[int], Tensor | None]  # frame -> network input (1, 3, H, W); None: unreadable


@dataclass(frozen=True)
class AnnotatedFrame:
    """Keyframe at network size, with the masks of objects that share a memory."""

    frame: int
    image: Tensor  # (1, 3, H, W)
    masks: Tensor  # (O, H, W), summing to at most 1


def labels_of(masks: Tensor) -> Tensor:
    """Convert merged masks (O, H, W) to labels (H, W) long: 0 background, 1..O."""
    return torch.cat([1 - masks.sum(0, keepdim=True), masks]).argmax(0)


def frames_between(first: int, last: int) -> list[int]:
    """List frames strictly between two, from `first` to `last`: all, or `MOST_FRAMES` evenly spaced."""
    count = min(max(abs(last - first) - 1, 0), MOST_FRAMES)
    return [first + round((last - first) * (at + 1) / (count + 1)) for at in range(count)]


def steps_of(group: Sequence[AnnotatedFrame]) -> int:
    """Count the frames that `validate_by_propagation` processes."""
    return sum(len(frames_between(group[_before(at)].frame, one.frame)) + 1 for at, one in enumerate(group))


@torch.no_grad()
def validate_by_propagation(
    network: Keymatte, group: Sequence[AnnotatedFrame], decoders: Callable[[int], Sequence[nn.Module]], show: Show
) -> Iterator[list[list[float]] | None]:
    """Propagate to each held-out keyframe of a group of two or more from its predecessor, the first from the second.

    Memory holds all keyframes but the held-out one; no intermediate frame is memorized. `decoders(index)` returns the
    decoders to evaluate at that keyframe; each propagates its own masks. Yields None after each intermediate frame, and
    at the keyframe J in percent: a list per decoder, one value per object.
    """
    seen = [network.encode(one.image) for one in group]
    left = [network.memorize_permanent(at, seen[at], one.masks, among=len(group)) for at, one in enumerate(group)]
    for at, one in enumerate(group):
        start = _before(at)
        bank = MemoryBank([Permanent()], interval=1)
        for other in range(len(group)):
            if other != at:
                bank.write(left[other].as_pinned())
        walkers = decoders(at)
        _, state = network.memorize_keyframe(start, seen[start], group[start].masks, None)
        states = [state] * len(walkers)
        for frame in frames_between(group[start].frame, one.frame):
            image = show(frame)
            if image is not None:
                features = network.encode(image)
                for number, decoder in enumerate(walkers):
                    masks = _found(network, decoder, features, bank, states[number]).softmax(0)[1:]
                    states[number] = network.update_state(frame, features, masks, states[number])
            yield None
        scores = []
        for number, decoder in enumerate(walkers):
            labels = _found(network, decoder, seen[at], bank, states[number]).argmax(0)
            scores.append((100 * iou(labels, labels_of(one.masks), len(one.masks))).tolist())
        yield scores


def _found(
    network: Keymatte, decoder: nn.Module, features: KeymatteFeatures, bank: MemoryBank, state: LastFrame | None
) -> Tensor:
    """Compute joint logits (O + 1, H, W) as `Keymatte.segment` does, with the given decoder."""
    inputs = network.decoder_inputs(features, bank.view(), state)
    return joint_logits(network.filtered_logits(decoder(*inputs), inputs, state).sigmoid())


def _before(at: int) -> int:
    """Return the start keyframe of a propagation; always of another fold, since folds alternate."""
    return at - 1 if at else 1
