"""QualityAssessment: QDMN's estimate of how good an object's mask is, from the features of image and mask."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from .convolution import Conv

_GRID = 24  # cells to which maps of any size are resized
_WIDTH = 256
_HIDDEN = 1024


class QualityAssessment(nn.Module):
    """QDMN's quality assessment module (Liu et al., ECCV 2022): convolutions on a small grid, and two linear layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        convs = [Conv(channels if not index else _WIDTH, _WIDTH, 3, activation="relu") for index in range(3)]
        self.convs = nn.Sequential(*convs, Conv(_WIDTH, _WIDTH, 3, stride=2, activation="relu"))
        self.hidden = nn.Linear(_WIDTH * (_GRID // 2) ** 2, _HIDDEN)
        self.score = nn.Linear(_HIDDEN, 1)
        nn.init.ones_(self.score.bias)  # from 0, the last ReLU could keep the scores of an untrained network at 0

    def forward(self, features: Tensor) -> Tensor:
        """Score the masks encoded in features (O, C, h, w): (O,), trained to be their IoU; it may exceed 1."""
        features = functional.interpolate(features, size=(_GRID, _GRID), mode="bilinear", align_corners=False)
        hidden = functional.relu(self.hidden(self.convs(features).flatten(1)))
        return functional.relu(self.score(hidden))[:, 0]
