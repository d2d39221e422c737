"""Choice of the frame to annotate first: the one that shows best what stands out on all others, by their keys alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..layers.affinity import similarity
from ..memory.tokens import Tokens
from ..shared.reasons import FIRST, OR_ELSE
from .appearance import Appearance
from .ranking import least_gap
from .selection import Suggestion

_MAX_FRAMES = 64  # compared with each candidate, and candidates; evenly spaced
_MAX_CELLS = 256  # of each frame; evenly spaced
_SOFTNESS = 2.0  # similarity -2 counts as a match of 1/e
_BORDER_CELLS = 4  # most similar cells of the border, by which a cell is known as background
_NEAR_CUT = 2  # frames
_CUT_RATIO = 3.0  # of a change to those around it
_CUT_LEAST = 0.5  # change in units of the clip's median distance


@torch.inference_mode()
def suggest_first(
    frames: Sequence[int],
    keys: Callable[[int], Tokens],
    grid: tuple[int, int],
    *,
    candidates: Sequence[int],
    count: int,
    step: Callable[[int, int], None],
) -> list[Suggestion]:
    """Select up to `count` of `candidates` to annotate first, best first; no two of them are neighbours.

    The best frame is the one in which the cells of all other frames find the most similar cells, where a cell counts by
    the square of how unlike it is to the border of its frame: so it is a medoid of what stands out. Black and blurred
    frames match others badly. Frames next to a cut are selected only if there are no others. `keys(frame)` returns key,
    shrinkage and selection of a grid (h, w) of cells; `step(done, total)` reports progress and may raise to stop.
    """
    if not candidates:
        return []
    near_cuts = _near_cuts(Appearance.of(frames, keys, {}, step))
    apart = [frame for frame in candidates if frame not in near_cuts] or list(candidates)
    tried = _spaced(apart)
    scores = dict(zip(tried, _matches(tried, _spaced(frames), keys, grid, step), strict=True))
    gap, found = least_gap(len(frames)), list[Suggestion]()
    while scores and len(found) < count:
        best = max(scores, key=scores.__getitem__)
        found.append(Suggestion(best, scores[best], reason=OR_ELSE if found else FIRST))
        scores = {frame: score for frame, score in scores.items() if abs(frame - best) >= gap}
    return found


def _matches(
    candidates: Sequence[int],
    frames: Sequence[int],
    keys: Callable[[int], Tokens],
    grid: tuple[int, int],
    step: Callable[[int, int], None],
) -> list[float]:
    """Return how well what stands out on `frames` is matched by each of the candidates, 0..1."""
    memory = [_sampled(keys(frame)) for frame in candidates]
    key, shrinkage = (torch.cat([tokens[name] for tokens in memory], 1) for name in ("key", "shrinkage"))
    total, weight = torch.zeros(len(candidates)), 0.0
    for done, frame in enumerate(frames, 1):
        tokens = keys(frame)
        query, salience = _sampled(tokens), _salience(tokens, grid).square()[:: _stride(len(tokens))]
        scores = similarity(key, shrinkage, query["key"], query["selection"])  # (Q, candidates x cells)
        best = scores.unflatten(1, (len(candidates), -1)).amax(2)
        if (whole := float(salience.sum())) > 0:
            total += (best / _SOFTNESS).exp().T @ salience / whole
            weight += 1
        step(done, len(frames))
    return [float(value) for value in total / max(weight, 1)]


def _salience(tokens: Tokens, grid: tuple[int, int]) -> Tensor:
    """Return how unlike each cell (N,) is to the cells at the border of the frame; at least 0."""
    border = torch.ones(grid, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    inside = border.flatten()
    scores = similarity(
        tokens["key"][:, inside], tokens["shrinkage"][:, inside], tokens["key"], tokens["selection"]
    )  # (N, border cells)
    return -scores.topk(min(_BORDER_CELLS, scores.shape[1]), 1).values.mean(1).clamp(max=0)


def _near_cuts(looks: Appearance) -> set[int]:
    """Return the frames within `_NEAR_CUT` frames of a cut, which is a change far greater than those around it."""
    count = len(looks.frames)
    changes = np.array([float(looks.distances(at, slice(at + 1, at + 2))[0]) for at in range(count - 1)])
    near: set[int] = set()
    for at in range(count - 1):
        if changes[at] >= max(_CUT_LEAST, _CUT_RATIO * _around(changes, at)):
            near.update(looks.frames[max(0, at + 1 - _NEAR_CUT) : at + 1 + _NEAR_CUT])
    return near


def _around(changes: NDArray[np.float64], at: int) -> float:
    """Return the greatest of the changes up to two frames before and after the one at index `at`."""
    others = np.concatenate([changes[max(0, at - 2) : at], changes[at + 1 : at + 3]])
    return float(others.max()) if others.size else 0.0


def _spaced(frames: Sequence[int]) -> list[int]:
    """Return at most `_MAX_FRAMES` of `frames`, evenly spaced."""
    step = -(-len(frames) // _MAX_FRAMES)
    return list(frames[::step])


def _sampled(tokens: Tokens) -> Tokens:
    """Return at most `_MAX_CELLS` of the cells, evenly spaced."""
    return Tokens({name: plane[:, :: _stride(len(tokens))] for name, plane in tokens.planes.items()})


def _stride(cells: int) -> int:
    return -(-cells // _MAX_CELLS)
