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

MAX_FRAMES = 12  # maximum number of frames propagated between two keyframes

ReadImage = Callable[[int], Tensor | None]  # frame -> network input (1, 3, H, W); None: unreadable


@dataclass(frozen=True)
class AnnotatedFrame:
    """Keyframe scaled to the network's input size, with the masks of one group of objects."""

    frame: int
    image: Tensor  # (1, 3, H, W)
    masks: Tensor  # (O, H, W), summing to at most 1


def labels_from_masks(masks: Tensor) -> Tensor:
    """Convert merged masks (O, H, W) to labels (H, W) long: 0 background, 1..O."""
    return torch.cat([1 - masks.sum(0, keepdim=True), masks]).argmax(0)


def frames_between(first: int, last: int) -> list[int]:
    """List the frames strictly between two keyframes in order; at most `MAX_FRAMES` of them, evenly spaced."""
    count = min(max(abs(last - first) - 1, 0), MAX_FRAMES)
    return [first + round((last - first) * (at + 1) / (count + 1)) for at in range(count)]


def validation_step_count(group: Sequence[AnnotatedFrame]) -> int:
    """Return how many values `validate_by_propagation` yields for a group."""
    return sum(
        len(frames_between(group[_start_of(index)].frame, target.frame)) + 1 for index, target in enumerate(group)
    )


@torch.no_grad()
def validate_by_propagation(
    network: Keymatte,
    group: Sequence[AnnotatedFrame],
    decoders: Callable[[int], Sequence[nn.Module]],
    read_image: ReadImage,
) -> Iterator[list[list[float]] | None]:
    """Hold out each keyframe of a group of two or more in turn, and score decoders by propagating masks to it.

    Propagation starts from the previous keyframe of the group; to the first keyframe it runs backward from the second.
    Memory holds all keyframes except the held-out one; no intermediate frame is memorized. `decoders(index)` returns
    the decoders to score on keyframe `index`; each propagates its own masks.

    Yields None after each intermediate frame. After each held-out keyframe it yields the scores, J in percent: a list
    per decoder with one value per object.
    """
    encoded = [network.encode(keyframe.image) for keyframe in group]
    entries = [
        network.memorize_permanent(index, encoded[index], keyframe.masks, among=len(group))
        for index, keyframe in enumerate(group)
    ]
    for index, target in enumerate(group):
        start = _start_of(index)
        bank = MemoryBank([Permanent()], interval=1)
        for other in range(len(group)):
            if other != index:
                bank.write(entries[other].as_pinned())
        evaluated = decoders(index)
        _, state = network.memorize_keyframe(start, encoded[start], group[start].masks, None)
        states = [state] * len(evaluated)
        for frame in frames_between(group[start].frame, target.frame):
            image = read_image(frame)
            if image is not None:
                features = network.encode(image)
                for number, decoder in enumerate(evaluated):
                    masks = _joint_logits(network, decoder, features, bank, states[number]).softmax(0)[1:]
                    states[number] = network.update_state(frame, features, masks, states[number])
            yield None
        scores = []
        for number, decoder in enumerate(evaluated):
            labels = _joint_logits(network, decoder, encoded[index], bank, states[number]).argmax(0)
            scores.append((100 * iou(labels, labels_from_masks(target.masks), len(target.masks))).tolist())
        yield scores


def _joint_logits(
    network: Keymatte, decoder: nn.Module, features: KeymatteFeatures, bank: MemoryBank, state: LastFrame
) -> Tensor:
    """Compute joint logits (O + 1, H, W) as `Keymatte.segment` does, but with the given decoder."""
    inputs = network.decoder_inputs(features, bank.view(), state)
    return joint_logits(network.filtered_logits(decoder(*inputs), inputs, state).sigmoid())


def _start_of(index: int) -> int:
    """Return the index of the keyframe where propagation to keyframe `index` starts: a neighbour, in the other fold."""
    return index - 1 if index else 1
