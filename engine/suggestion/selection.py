"""Which frames to annotate next: XMem++'s selection by diversity (ICCV 2023, section 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..layers.affinity import similarity
from ..memory.tokens import Tokens

_PRESENT = 0.5  # a pixel that is more likely than this in an object counts as covered


@dataclass(frozen=True)
class SelectionConfig:
    """How frames are chosen."""

    count: int = 5  # frames to suggest, at most
    alpha: float = 0.5  # 0..1: what the masks have to say; 0: whole frames are compared, 1: their objects alone
    least_mask: float = 0.25  # percent of the frame that objects must cover, or there is nothing to correct


@dataclass(frozen=True)
class Suggestion:
    """A frame, and how unlike the frames chosen before it is."""

    frame: int
    score: float


def coverage(mask: Tensor) -> float:
    """Percent of pixels of (C, H, W), 0..1, that any of the C objects covers."""
    return 100 * float((mask.amax(0) > _PRESENT).float().mean())


def weigh(mask: Tensor, grid: tuple[int, int]) -> Tensor:
    """How much of any object lies in each cell, (h w,), from (C, H, W) 0..1; nearest pixel, as the authors have it."""
    weight = functional.interpolate(mask[None].float(), size=grid, mode="nearest")[0]
    return weight.amax(0).flatten()


def distance(chosen: Tokens, other: Tokens) -> float:
    """How unlike a frame is a chosen one: both hold key (CK, N), shrinkage (1, N) and selection (CK, N).

    The sum over cells i, j of max(0, S(chosen i read by other j) - S(other i read by chosen j)), over N^2; the second
    is not transposed.
    """
    there = similarity(chosen["key"], chosen["shrinkage"], other["key"], other["selection"]).T
    back = similarity(other["key"], other["shrinkage"], chosen["key"], chosen["selection"]).T
    return float((there - back).clamp(min=0).sum()) / there.numel()


@torch.inference_mode()
def suggest(
    frames: Sequence[int],
    keys: Callable[[int], Tokens],
    weights: Mapping[int, Tensor],
    *,
    chosen: Sequence[int],
    usable: frozenset[int],
    wish: SelectionConfig,
    step: Callable[[int, int], None],
) -> list[Suggestion]:
    """Up to `wish.count` of `frames`, the most wanted first; each is the one least like all chosen before it.

    `keys(frame)` gives key, shrinkage and selection; `weights` how much of objects lies in each cell, (N,);
    `usable` frames have enough of an object on them. `step(done, total)` is told of the progress and may stop it.
    """

    def composite(frame: int) -> Tokens:
        planes = keys(frame).planes
        weight = weights[frame].to(planes["key"])
        return Tokens({**planes, "key": planes["key"] * (wish.alpha * weight + (1 - wish.alpha))})

    taken = list(dict.fromkeys(chosen))
    candidates = [frame for frame in frames if frame in usable and frame not in taken]
    nearest = dict.fromkeys(candidates, float("inf"))
    total = len(candidates) * (len(taken) + max(min(wish.count, len(candidates)) - 1, 0))
    done = 0
    found: list[Suggestion] = []
    fresh = taken
    while nearest and len(found) < wish.count:
        for one in [composite(frame) for frame in fresh]:
            for frame in nearest:
                nearest[frame] = min(nearest[frame], distance(one, composite(frame)))
                done += 1
                step(min(done, total), total)
        best = max(nearest, key=nearest.__getitem__)  # the first of equals
        score = nearest.pop(best)
        if score <= 0:  # all that are left are the same as a chosen one
            break
        found.append(Suggestion(best, score))
        fresh = [best]
    return found
