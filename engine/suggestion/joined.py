"""Suggestion of frames by expected gain where mattes are bad, then by diversity (XMem++) for the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..memory.tokens import Tokens
from .account import ClipQuality
from .appearance import Appearance
from .ranking import least_gap, rank
from .selection import SelectionConfig, Suggestion, suggest

_BESIDE = 1  # frames; a frame this near to a keyframe is suggested only if there are no others


@torch.inference_mode()
def suggest_next(
    frames: Sequence[int],
    keys: Callable[[int], Tokens],
    weights: Mapping[int, Tensor],
    account: ClipQuality,
    *,
    chosen: Sequence[int],
    candidates: Collection[int],
    usable: Collection[int],
    config: SelectionConfig,
    step: Callable[[int, int], None],
) -> list[Suggestion]:
    """Select up to `config.count` of `candidates` among `frames`, best first; no two of them are neighbours.

    First come frames on which a keyframe would repair bad mattes, see `rank`; if there are fewer than asked for, then
    those of the candidates that XMem++ would choose next, if they are `usable`. The other arguments are those of
    `suggest`.
    """
    found: list[Suggestion] = []
    if account.quality:
        looks = Appearance.of(frames, keys, weights, step)
        found = rank(account, looks, chosen=chosen, candidates=candidates, count=config.count)
    gap = least_gap(len(frames))
    taken = [suggestion.frame for suggestion in found]
    free = [frame for frame in candidates if frame in usable and all(abs(frame - other) >= gap for other in taken)]
    apart = [frame for frame in free if all(abs(frame - other) > _BESIDE for other in chosen)]
    if len(found) < config.count:
        found += suggest(
            frames,
            keys,
            weights,
            chosen=[*chosen, *taken],
            usable=frozenset(apart or free),
            config=replace(config, count=config.count - len(found)),
            step=step,
            gap=gap,
        )
    return found
