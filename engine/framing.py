"""Framing: a frame fitted to the working size and padded to the stride, and the exact way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Framing:
    """How a clip's frames (height, width) lie in the network's frames. All lengths in pixels."""

    height: int
    width: int
    work_height: int  # after scaling, before padding
    work_width: int
    top: int  # padding
    left: int
    bottom: int
    right: int

    @classmethod
    def fit(cls, height: int, width: int, *, working_height: int, stride: int) -> Framing:
        """Scale so that the shorter side is at most `working_height`, and pad both sides to multiples of `stride`."""
        scale = min(working_height / min(height, width), 1.0)
        work_height, work_width = max(round(height * scale), 1), max(round(width * scale), 1)
        below, beside = -work_height % stride, -work_width % stride
        return cls(
            height=height,
            width=width,
            work_height=work_height,
            work_width=work_width,
            top=below // 2,
            left=beside // 2,
            bottom=below - below // 2,
            right=beside - beside // 2,
        )

    def apply(self, pixels: np.ndarray, device: torch.device) -> Tensor:
        """(H, W, 3) uint8 -> (1, 3, H', W') float32 0..1; the edge is repeated into the padding."""
        image = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)[None].float() / 255
        return self._pad(self._scale(image), mode="replicate")

    def apply_masks(self, masks: Tensor) -> Tensor:
        """(O, H, W) 0..1 -> (O, H', W') 0..1; nothing is in the padding."""
        return self._pad(self._scale(masks[None]), mode="constant")[0]

    def restore(self, masks: Tensor) -> Tensor:
        """(O, H', W') -> (O, H, W)."""
        inner = masks[:, self.top : self.top + self.work_height, self.left : self.left + self.work_width]
        if inner.shape[1:] == (self.height, self.width):
            return inner
        return functional.interpolate(
            inner[None], size=(self.height, self.width), mode="bilinear", align_corners=False
        )[0]

    def _scale(self, image: Tensor) -> Tensor:
        size = (self.work_height, self.work_width)
        if image.shape[-2:] == size:
            return image
        return functional.interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True)

    def _pad(self, image: Tensor, *, mode: str) -> Tensor:
        return functional.pad(image, (self.left, self.right, self.top, self.bottom), mode=mode)
