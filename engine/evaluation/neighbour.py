"""Baseline that propagates labels by the similarity of image features, as papers on self-supervised learning do.

The labels of a cell are the weighted mean of the labels of its most similar cells. Keyframes are searched for these as
a whole, the last few frames only near the same position.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ..layers.affinity import squared_distances
from .baselines import KeyframeMasks, ReadImage

STRIDE = 16  # pixels; better than 8 on held-out composed films (J&F 54 to 48), and ten times as fast
_RECENT_FRAMES = 4
_MAX_DISTANCE = 6  # cells between a cell and those of recent frames that it reads
_TOP_K = 10
_TEMPERATURE = 0.07

Encode = Callable[[Tensor], Tensor]  # (1, 3, H', W') RGB 0..1 -> (1, C, H' / STRIDE, W' / STRIDE)


class FeatureBaseline:
    """Baseline that reads labels from keyframes and recent frames, by a top-k softmax over feature similarity."""

    def __init__(self, encode: Encode, read_image: ReadImage, keyframe_masks: KeyframeMasks) -> None:
        self._encode = encode
        self._read_image = read_image
        self._keyframes = [(self._features(frame)[0], self._cells(masks)) for frame, masks in keyframe_masks.items()]
        self._near: Tensor | None = None  # (N, N) pairs of cells within reach of each other

    @torch.inference_mode()
    def propagate(self, keyframe: int, frames: range) -> Iterator[Tensor]:
        recent: deque[tuple[Tensor, Tensor]] = deque(maxlen=_RECENT_FRAMES)
        for frame in frames:
            features, grid = self._features(frame)
            if self._near is None:
                self._near = squared_distances(grid, like=features) <= _MAX_DISTANCE**2
            labels = self._read(features, recent, self._near)
            recent.append((features, labels))
            cells = labels.T.unflatten(1, grid)[None]
            scaled = functional.interpolate(cells, scale_factor=STRIDE, mode="bilinear", align_corners=False)
            yield scaled[0, 1:].cpu()

    def _read(self, features: Tensor, recent: deque[tuple[Tensor, Tensor]], near: Tensor) -> Tensor:
        """Return the labels (N, 1 + O) of the cells that have `features` (N, C), read from keyframes and recent frames.

        `near` (N, N) says which cells of a recent frame each cell may read.
        """
        scores, labels = [], []
        for memory, anywhere in [*((frame, True) for frame in self._keyframes), *((frame, False) for frame in recent)]:
            scores_of_frame = features @ memory[0].T  # (N, N)
            if not anywhere:
                scores_of_frame = scores_of_frame.masked_fill(~near, -torch.inf)
            best, index = scores_of_frame.topk(min(_TOP_K, scores_of_frame.shape[1]), dim=1)
            scores.append(best)
            labels.append(memory[1][index])  # (N, K, 1 + O)
        best, index = torch.cat(scores, 1).topk(min(_TOP_K, scores[0].shape[1]), dim=1)
        candidates = torch.cat(labels, 1)
        chosen = candidates.gather(1, index[..., None].expand(-1, -1, candidates.shape[2]))
        return ((best / _TEMPERATURE).softmax(1)[..., None] * chosen).sum(1)

    @torch.inference_mode()
    def _features(self, frame: int) -> tuple[Tensor, tuple[int, int]]:
        """Encode a frame as unit-length features (N, C), and return the (h, w) of their grid."""
        features = self._encode(self._read_image(frame))
        return functional.normalize(features[0].flatten(1).T, dim=1), (features.shape[-2], features.shape[-1])

    @staticmethod
    def _cells(masks: Tensor) -> Tensor:
        """Convert masks (O, H', W') to labels (N, 1 + O) of cells, background first."""
        cells = functional.avg_pool2d(masks, STRIDE).flatten(1).T
        return torch.cat([(1 - cells.sum(1, keepdim=True)).clamp(min=0), cells], 1)
