"""Walks over a shot's own frames to keyframes that are not told: how well decoders carry masks as far as they must."""

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

MOST_FRAMES = 12  # of a walk, of those between two keyframes

Show = Callable[[int], Tensor | None]  # frame -> image (1, 3, H, W) as the network sees it; None: it is missing


@dataclass(frozen=True)
class AnnotatedFrame:
    """A keyframe of objects that share a memory, as the network sees it."""

    frame: int
    image: Tensor  # (1, 3, H, W)
    masks: Tensor  # (O, H, W) joint


def labels_of(masks: Tensor) -> Tensor:
    """Masks (O, H, W) joint -> (H, W) long: 0 background, 1..O."""
    return torch.cat([1 - masks.sum(0, keepdim=True), masks]).argmax(0)


def frames_between(first: int, last: int) -> list[int]:
    """Frame numbers strictly between two, from `first` towards `last`: all, or `MOST_FRAMES` evenly spread."""
    count = min(max(abs(last - first) - 1, 0), MOST_FRAMES)
    return [first + round((last - first) * (at + 1) / (count + 1)) for at in range(count)]


def steps_of(group: Sequence[AnnotatedFrame]) -> int:
    """How many frames `validate_by_propagation` walks over."""
    return sum(len(frames_between(group[_before(at)].frame, one.frame)) + 1 for at, one in enumerate(group))


@torch.no_grad()
def validate_by_propagation(
    network: Keymatte, group: Sequence[AnnotatedFrame], decoders: Callable[[int], Sequence[nn.Module]], show: Show
) -> Iterator[list[list[float]] | None]:
    """Walk to each keyframe of a group of two or more from the one before it, the first from the second.

    All but the one that is walked to are remembered. `decoders` of the keyframe's place in the group walk side by
    side: what one finds on a frame it goes on with on the next; nothing of it is remembered. After each frame None, or
    at the keyframe J of each decoder there, in percent, object by object. `network` is of Keymatte's kind.
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
    """Joint logits (O + 1, H, W) of a frame, as `Keymatte.segment` finds them, by a decoder of any weights."""
    inputs = network.decoder_inputs(features, bank.view(), state)
    return joint_logits(network.filtered_logits(decoder(*inputs), inputs, state).sigmoid())


def _before(at: int) -> int:
    """The keyframe from which one is walked to: both are never of the same fold, as folds take turns."""
    return at - 1 if at else 1
