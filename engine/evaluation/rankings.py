"""Rankings that the simulation compares: each chooses the frame of the next keyframe."""

from __future__ import annotations

import numpy as np

from ..suggestion.account import ClipQuality, read_account
from ..suggestion.joined import suggest_next
from ..suggestion.selection import SelectionConfig, suggest
from .simulation import ChooseFrame, Scores, Situation

_GOOD, _WIDTH = 0.9, 0.03  # J&F that an artist leaves as it is with a probability of 1/2, and how sharp that limit is


def ours(situation: Situation) -> int | None:
    """Return the frame of the greatest expected gain, by the quality that the mattes come with."""
    return _joined(situation, read_account(situation.folder, situation.clip.numbers))


def oracle(situation: Situation) -> int | None:
    """Return the frame of the greatest expected gain, by a quality that knows the true masks."""
    return _joined(situation, true_quality(situation.scores))


def xmempp(situation: Situation) -> int | None:
    """Return the frame that XMem++ suggests."""
    weights, covered = situation.masks
    config = SelectionConfig(count=1)
    found = suggest(
        situation.scores.frames,
        situation.keys.read,
        weights,
        chosen=situation.given,
        usable=frozenset(frame for frame, share in covered.items() if share >= config.min_mask),
        config=config,
        step=_ignore,
    )
    return found[0].frame if found else None


def uniform(situation: Situation) -> int | None:
    """Return the frame that is farthest from all keyframes in time; the first among ties."""
    return max(
        situation.candidates, key=lambda frame: min(abs(frame - other) for other in situation.given), default=None
    )


def worst(situation: Situation) -> int | None:
    """Return the frame with the lowest true J&F, which no ranking can know."""
    return min(situation.candidates, key=situation.scores.on, default=None)


RANKINGS: dict[str, ChooseFrame] = {
    "ours": ours,
    "oracle": oracle,
    "xmem++": xmempp,
    "uniform": uniform,
    "worst": worst,
}


def true_quality(scores: Scores) -> ClipQuality:
    """Return the probability that an artist leaves a matte as it is, if it depends on J&F alone."""
    chances = 1 / (1 + np.exp((_GOOD - scores.values) / _WIDTH))
    return ClipQuality(
        {
            frame: {id_: float(chances[row, place]) for row, id_ in enumerate(scores.objects)}
            for place, frame in enumerate(scores.frames)
        }
    )


def _joined(situation: Situation, account: ClipQuality) -> int | None:
    weights, covered = situation.masks
    config = SelectionConfig(count=1)
    found = suggest_next(
        list(situation.span),
        situation.keys.read,
        weights,
        account,
        chosen=situation.given,
        candidates=situation.candidates,
        usable=[frame for frame, share in covered.items() if share >= config.min_mask],
        config=config,
        step=_ignore,
    )
    return found[0].frame if found else None


def _ignore(done: int, total: int) -> None:
    """Report no progress."""
