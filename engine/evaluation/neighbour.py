"""A baseline: labels go from cell to cell by likeness of an image encoder's bare features, nothing learnt on top.

The usual protocol of label propagation: every keyframe is looked at wholly, the last few frames near the same place;
each cell takes the mean of the labels of the cells most like it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ..layers.affinity import squared_distances
from .baselines import Given, Look

STRIDE = 16  # pixels of a cell: on held-out composed films better than 8 (J&F 54 to 48), and ten times as fast
_RECENT = 4  # frames
_REACH = 6  # cells: how far a label may come from, from frame to frame
_TOP_K = 10
_TEMPERATURE = 0.07

Encode = Callable[[Tensor], Tensor]  # (1, 3, H', W') RGB 0..1 -> (1, C, H' / STRIDE, W' / STRIDE)


class Neighbour:
    """Top-k softmax affinity to keyframes and previous frames."""

    def __init__(self, encode: Encode, look: Look, given: Given) -> None:
        self._encode = encode
        self._look = look
        self._known = [(self._features(frame)[0], self._cells(masks)) for frame, masks in given.items()]
        self._near: Tensor | None = None

    @torch.inference_mode()
    def carry(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        recent: deque[tuple[Tensor, Tensor]] = deque(maxlen=_RECENT)
        for frame in frames:
            features, grid = self._features(frame)
            if self._near is None:
                self._near = squared_distances(grid, like=features) <= _REACH**2  # (N, N)
            labels = self._read(features, recent)
            recent.append((features, labels))
            cells = labels.T.unflatten(1, grid)[None]
            scale = functional.interpolate(cells, scale_factor=STRIDE, mode="bilinear", align_corners=False)
            yield scale[0, 1:].cpu()

    def _read(self, features: Tensor, recent: deque[tuple[Tensor, Tensor]]) -> Tensor:
        """Labels (N, 1 + O) of the cells with these features."""
        scores, labels = [], []
        for remembered, far in [*((one, True) for one in self._known), *((one, False) for one in recent)]:
            likeness = features @ remembered[0].T  # (N, N)
            if not far:
                likeness = likeness.masked_fill(~self._near, -torch.inf)
            best, index = likeness.topk(min(_TOP_K, likeness.shape[1]), dim=1)
            scores.append(best)
            labels.append(remembered[1][index])  # (N, K, 1 + O)
        best, index = torch.cat(scores, 1).topk(min(_TOP_K, scores[0].shape[1]), dim=1)
        every = torch.cat(labels, 1)
        chosen = every.gather(1, index[..., None].expand(-1, -1, every.shape[2]))
        return ((best / _TEMPERATURE).softmax(1)[..., None] * chosen).sum(1)

    @torch.inference_mode()
    def _features(self, frame: int) -> tuple[Tensor, tuple[int, int]]:
        """Features (N, C) of length 1, and the (h, w) of their cells."""
        features = self._encode(self._look(frame))
        return functional.normalize(features[0].flatten(1).T, dim=1), (features.shape[-2], features.shape[-1])

    @staticmethod
    def _cells(masks: Tensor) -> Tensor:
        """Masks (O, H', W') as labels (N, 1 + O) of cells, the background first."""
        cells = functional.avg_pool2d(masks, STRIDE).flatten(1).T
        return torch.cat([(1 - cells.sum(1, keepdim=True)).clamp(min=0), cells], 1)
