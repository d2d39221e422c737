"""Framing: a frame fitted to the working size and padded to the stride, and the exact way back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class FramingStyle:
    """How a method fits frames; published ones as their authors' programs do it."""

    smooth: bool = True  # filter what is made smaller, and masks become soft; else bare bilinear, and nearest masks
    truncate: bool = False  # the longer side is rounded down, not to the nearest
    border: tuple[float, float, float] | None = None  # RGB 0..1 of the padding; None: the edge is repeated
    enlarge: bool = False  # smaller clips are scaled up to the working height
    fitted: int = 0  # sides are stretched to the nearest multiples of this, and nothing is padded (AOT); 0: padded
    centred: bool = False  # stretched to one pixel more: cells lie on pixels 0, 16, 32, ...


_LONGEST = 1.3 * 800 / 480  # of the working height: the longest side that AOT's program lets be
OUR_STYLE = FramingStyle()


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
    style: FramingStyle = OUR_STYLE

    @classmethod
    def fit(
        cls, height: int, width: int, *, working_height: int, stride: int, style: FramingStyle = OUR_STYLE
    ) -> Framing:
        """Scale so that the shorter side is at most `working_height`, and pad both sides to multiples of `stride`.

        A style that stretches limits the longer side instead, as AOT's program does: 1040 for a height of 480.
        """
        if style.fitted:
            return cls._stretched(height, width, working_height, style)
        shorter = min(height, width)
        if working_height < shorter or style.enlarge:
            sides = (side * working_height / shorter for side in (height, width))
            work_height, work_width = (max(int(side) if style.truncate else round(side), 1) for side in sides)
        else:
            work_height, work_width = height, width
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
            style=style,
        )

    @classmethod
    def _stretched(cls, height: int, width: int, working_height: int, style: FramingStyle) -> Framing:
        limit = working_height * _LONGEST
        scale = min(limit / max(height, width), 1.0)
        step, more = style.fitted, int(style.centred)
        tall, wide = (max(round((int(side * scale) - more) / step), 1) * step + more for side in (height, width))
        return cls(height, width, tall, wide, top=0, left=0, bottom=0, right=0, style=style)

    def apply(self, pixels: np.ndarray, device: torch.device) -> Tensor:
        """(H, W, 3) uint8 -> (1, 3, H', W') float32 0..1."""
        if self.style.fitted:
            return self._apply_stretched(pixels, device)
        if self.style.smooth:
            return self._apply_smoothly(pixels, device)
        image = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)[None].float() / 255
        image = self._scale(image)
        if self.style.border is None:
            return functional.pad(image, self._padding(), mode="replicate")
        size = [length + self._added(axis) for axis, length in enumerate(image.shape[-2:])]
        # Not by adding: the border must be exactly what the network takes for nothing.
        canvas = torch.stack([torch.full(size, value, device=device) for value in self.style.border])[None]
        canvas[..., self.top : self.top + self.work_height, self.left : self.left + self.work_width] = image
        return canvas

    def _apply_smoothly(self, pixels: np.ndarray, device: torch.device) -> Tensor:
        """Scaled and padded as bytes, which takes an eighth of the time."""
        image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]
        scaled = np.ascontiguousarray(self._scale(image)[0].permute(1, 2, 0).numpy())
        padding = self.top, self.bottom, self.left, self.right
        padded = cv2.copyMakeBorder(scaled, *padding, cv2.BORDER_REPLICATE)
        return torch.from_numpy(padded).to(device).permute(2, 0, 1)[None].float() / 255

    def _apply_stretched(self, pixels: np.ndarray, device: torch.device) -> Tensor:
        """As AOT's program resizes: bicubic on floats, which may leave 0..1 a little."""
        image = np.ascontiguousarray(pixels, np.float32)
        if image.shape[:2] != (self.work_height, self.work_width):
            image = cv2.resize(image, (self.work_width, self.work_height), interpolation=cv2.INTER_CUBIC)
        return torch.from_numpy(image).to(device).permute(2, 0, 1)[None] / 255

    def apply_masks(self, masks: Tensor) -> Tensor:
        """(O, H, W) 0..1 -> (O, H', W') 0..1; nothing is in the padding."""
        if self.style.smooth:
            masks = self._scale(masks[None])[0]
        elif masks.shape[1:] != (self.work_height, self.work_width):
            masks = functional.interpolate(masks[None], size=(self.work_height, self.work_width), mode="nearest")[0]
        return functional.pad(masks, self._padding())

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
        return functional.interpolate(
            image, size=size, mode="bilinear", align_corners=False, antialias=self.style.smooth
        )

    def _padding(self) -> tuple[int, int, int, int]:
        return (self.left, self.right, self.top, self.bottom)

    def _added(self, axis: int) -> int:
        return (self.top + self.bottom, self.left + self.right)[axis]
