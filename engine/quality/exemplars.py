"""Exemplars: how each object and its surroundings look on its keyframes, by the network's own keys."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

_MAX_OBJECT, _MAX_AROUND = 256, 512  # cells that are kept of an object and of what is not the object
_INSIDE, _OUTSIDE = 0.5, 0.02  # coverage of a cell from which it counts as the object's, up to which as not its
_FEWEST = 3  # cells of an object too small to fill any


class Exemplars:
    """Normalised keys (n, CK) of cells on keyframes, for each object: the object's own, and those of all else."""

    def __init__(self) -> None:
        self._own: dict[int, Tensor] = {}
        self._around: dict[int, Tensor] = {}

    def state_dict(self) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Return all exemplars."""
        return dict(self._own), dict(self._around)

    def load_state_dict(self, state: tuple[dict[int, Tensor], dict[int, Tensor]]) -> None:
        """Restore what `state_dict` returned."""
        self._own, self._around = dict(state[0]), dict(state[1])

    def __contains__(self, object_id: int) -> bool:
        return object_id in self._own

    def add(self, key: Tensor, coverage: Mapping[int, Tensor]) -> None:
        """Add a keyframe: keys (CK, N), and the fraction of each cell (N,) that each annotated object covers."""
        rows = functional.normalize(key.float(), dim=0).T  # (N, CK)
        for object_id, covered in coverage.items():
            if not float(covered.amax()) > 0:  # absent on this keyframe
                continue
            own = covered >= _INSIDE
            if int(own.sum()) < _FEWEST:
                own = torch.zeros_like(own).index_fill_(0, covered.topk(min(_FEWEST, len(covered))).indices, True)
                own &= covered > 0
            self._own[object_id] = _merged(self._own.get(object_id), rows[own], _MAX_OBJECT)
            self._around[object_id] = _merged(self._around.get(object_id), rows[covered <= _OUTSIDE], _MAX_AROUND)

    def likeness(self, object_id: int, key: Tensor) -> tuple[Tensor, Tensor]:
        """Compare the keys (CK, N) of a frame with an object's exemplars by cosine similarity.

        Returns, for each cell (N,), the similarity to the most similar cell of the object, and how much that exceeds
        the similarity to the most similar other cell of the keyframes.
        """
        columns = functional.normalize(key.float(), dim=0)
        own = (self._own[object_id] @ columns).amax(0)
        around = self._around[object_id]
        return own, own - (around @ columns).amax(0) if len(around) else own


def _merged(known: Tensor | None, new: Tensor, limit: int) -> Tensor:
    """Return both sets of rows, thinned evenly to at most `limit` rows."""
    rows = new if known is None else torch.cat([known, new])
    if len(rows) <= limit:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, limit, device=rows.device).round().long()]
