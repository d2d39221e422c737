"""Selection of frames to annotate, by diversity (XMem++, ICCV 2023, section 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..layers.affinity import similarity
from ..memory.tokens import Tokens
from ..shared.reasons import UNLIKE

_PRESENT = 0.5  # minimum object probability of a covered pixel


@dataclass(frozen=True)
class SelectionConfig:
    """Settings of the frame selection."""

    count: int = 5  # maximum number of suggestions
    alpha: float = 0.5  # 0..1, weight of the masks; 0: compare whole frames, 1: compare objects only
    min_mask: float = 0.25  # minimum object coverage of a frame, in percent


@dataclass(frozen=True)
class Suggestion:
    """A suggested frame, and why it is suggested."""

    frame: int
    score: float  # XMem++: distance to the nearest of the frames chosen before
    object_id: int = 0  # the object that needs a keyframe most; 0: none in particular
    reason: str = UNLIKE  # key of `shared.reasons`


def coverage(mask: Tensor) -> float:
    """Return the percentage of pixels that any object covers in masks (C, H, W) 0..1."""
    return 100 * float((mask.amax(0) > _PRESENT).float().mean())


def object_weights(mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """Resample masks (C, H, W) 0..1 to the grid: the highest mask value in each cell, (h w,).

    The nearest pixel is taken for each cell, as in the code of XMem++.
    """
    weight = functional.interpolate(mask[None].float(), size=grid, mode="nearest")[0]
    return weight.amax(0).flatten()


def distance(chosen: Tokens, other: Tokens) -> float:
    """Compute how much the frame `other` differs from the frame `chosen`, by their keys.

    Tokens hold key (CK, N), shrinkage (1, N) and selection (CK, N). The distance is the sum over cells i, j of max(0,
    S(chosen i read by other j) - S(other i read by chosen j)), divided by N^2, where S is `similarity`. As in XMem++,
    the second term is not transposed.
    """
    forward = similarity(chosen["key"], chosen["shrinkage"], other["key"], other["selection"]).T
    backward = similarity(other["key"], other["shrinkage"], chosen["key"], chosen["selection"]).T
    return float((forward - backward).clamp(min=0).sum()) / forward.numel()


@torch.inference_mode()
def suggest(
    frames: Sequence[int],
    keys: Callable[[int], Tokens],
    weights: Mapping[int, Tensor],
    *,
    chosen: Sequence[int],
    usable: frozenset[int],
    config: SelectionConfig,
    step: Callable[[int, int], None],
    gap: int = 1,
) -> list[Suggestion]:
    """Select up to `config.count` of `frames`, one by one: each time the frame farthest from all frames chosen so far.

    `chosen` are the frames annotated already. `keys(frame)` returns key, shrinkage and selection; `weights` holds the
    object weight of each cell, (N,). Only `usable` frames, which show enough of an object, are selected, at least `gap`
    frames apart. `step(done, total)` reports progress and may raise to stop.
    """

    def composite(frame: int) -> Tokens:
        planes = keys(frame).planes
        weight = weights[frame].to(planes["key"])
        return Tokens({**planes, "key": planes["key"] * (config.alpha * weight + (1 - config.alpha))})

    chosen_frames = list(dict.fromkeys(chosen))
    candidates = [frame for frame in frames if frame in usable and frame not in chosen_frames]
    distances = dict.fromkeys(candidates, float("inf"))
    total = len(candidates) * (len(chosen_frames) + max(min(config.count, len(candidates)) - 1, 0))
    done = 0
    found: list[Suggestion] = []
    new_frames = chosen_frames
    while distances and len(found) < config.count:
        for reference in [composite(frame) for frame in new_frames]:
            for frame in distances:
                distances[frame] = min(distances[frame], distance(reference, composite(frame)))
                done += 1
                step(min(done, total), total)
        best = max(distances, key=distances.__getitem__)  # first frame among ties
        score = distances.pop(best)
        if score <= 0:  # remaining frames equal a chosen one
            break
        found.append(Suggestion(best, score))
        distances = {frame: value for frame, value in distances.items() if abs(frame - best) >= gap}
        new_frames = [best]
    return found
