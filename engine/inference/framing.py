"""Framing: scales frames to the working size, pads them to multiples of the stride, and scales masks back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class FramingStyle:
    """How a method scales and pads frames; published methods do as their authors' code does."""

    smooth: bool = True  # antialias when scaling down, masks too, which become soft; else bilinear, and nearest masks
    bicubic: bool = False  # scale frames bicubically, where `smooth` does not antialias; else bilinearly
    truncate: bool = False  # round sides down, not to the nearest
    border: tuple[float, float, float] | None = None  # RGB 0..1 of the padding; None: repeat the edge
    enlarge: bool = False  # scale smaller clips up to the working height
    fitted: int = 0  # stretch sides to the nearest multiples of this, without padding (AOT); 0: pad
    min_object: float = 0  # side in pixels that objects get by enlarging small clips; 0: small clips stay as they are
    centred: bool = False  # stretch to one pixel more, so that cells are centred on pixels 0, 16, 32, ...


_MIN_ENLARGEMENT = 1.25  # less is not worth the loss of sharpness
_MAX_SIDE_RATIO = 1.3 * 800 / 480  # longest side per working height in AOT's code
DEFAULT_STYLE = FramingStyle()


@dataclass(frozen=True)
class Framing:
    """Size and padding of a clip's frames in the network's input; all lengths in pixels."""

    height: int
    width: int
    work_height: int  # after scaling, before padding
    work_width: int
    top: int  # padding
    left: int
    bottom: int
    right: int
    style: FramingStyle = DEFAULT_STYLE

    @classmethod
    def fit(
        cls, height: int, width: int, *, working_height: int, stride: int, style: FramingStyle = DEFAULT_STYLE
    ) -> Framing:
        """Plan the scaling of frames of `height` and `width`: shorter side at most `working_height`, then padding.

        Both sides are padded to multiples of `stride`. A style that stretches limits the longer side instead, as AOT's
        code does: to 1040 for a working height of 480.
        """
        if style.fitted:
            return cls._fit_stretched(height, width, working_height, style)
        shorter = min(height, width)
        if working_height < shorter or style.enlarge:
            sides = (side * working_height / shorter for side in (height, width))
            work_height, work_width = (max(int(side) if style.truncate else round(side), 1) for side in sides)
        else:
            work_height, work_width = height, width
        rows_added, columns_added = -work_height % stride, -work_width % stride
        return cls(
            height=height,
            width=width,
            work_height=work_height,
            work_width=work_width,
            top=rows_added // 2,
            left=columns_added // 2,
            bottom=rows_added - rows_added // 2,
            right=columns_added - columns_added // 2,
            style=style,
        )

    def enlarged_for(self, side: float, *, working_height: int, stride: int) -> Framing:
        """Return a framing with frames enlarged for an object of this side, in pixels of the clip.

        Only smaller clips are enlarged, at most to the working height, and only if the style asks for it.
        """
        shorter = min(self.height, self.width)
        scale = min(self.style.min_object / side, working_height / shorter)
        if shorter >= working_height or scale < _MIN_ENLARGEMENT:
            return self
        style = replace(self.style, enlarge=True)
        height = round(shorter * scale)
        return self.fit(self.height, self.width, working_height=height, stride=stride, style=style)

    @classmethod
    def _fit_stretched(cls, height: int, width: int, working_height: int, style: FramingStyle) -> Framing:
        limit = working_height * _MAX_SIDE_RATIO
        scale = min(limit / max(height, width), 1.0)
        step, extra = style.fitted, int(style.centred)
        sides = (int(side * scale) - extra for side in (height, width))
        work_height, work_width = (max(round(side / step), 1) * step + extra for side in sides)
        return cls(height, width, work_height, work_width, top=0, left=0, bottom=0, right=0, style=style)

    def apply(self, pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
        """Convert a frame (H, W, 3) uint8 to the network's input (1, 3, H', W') float32 0..1."""
        if self.style.fitted:
            return self._apply_stretched(pixels, device)
        if self.style.smooth:
            return self._apply_antialiased(pixels, device)
        image = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)[None].float() / 255
        image = self._scale(image)
        if self.style.border is None:
            return functional.pad(image, self._padding(), mode="replicate")
        size = [length + self._total_padding(axis) for axis, length in enumerate(image.shape[-2:])]
        # The border has exactly this value, which the network's normalisation maps to zero.
        canvas = torch.stack([torch.full(size, value, device=device) for value in self.style.border])[None]
        canvas[..., self.top : self.top + self.work_height, self.left : self.left + self.work_width] = image
        return canvas

    def _apply_antialiased(self, pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
        """Scale and pad a frame as bytes, which takes an eighth of the time that floats would take."""
        image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None]
        scaled = np.ascontiguousarray(self._scale(image)[0].permute(1, 2, 0).numpy())
        padding = self.top, self.bottom, self.left, self.right
        padded = cv2.copyMakeBorder(scaled, *padding, cv2.BORDER_REPLICATE)
        return torch.from_numpy(padded).to(device).permute(2, 0, 1)[None].float() / 255

    def _apply_stretched(self, pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
        """Resize a frame as AOT's code does: bicubic, on floats, with values that may slightly exceed 0..1."""
        image = np.ascontiguousarray(pixels, np.float32)
        size = (self.work_width, self.work_height)
        resized = image if image.shape[1::-1] == size else cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
        return torch.from_numpy(resized).to(device).permute(2, 0, 1)[None] / 255

    def apply_masks(self, masks: Tensor) -> Tensor:
        """Scale and pad masks (O, H, W) 0..1 like frames -> (O, H', W') 0..1; 0 in the padding."""
        if self.style.smooth:
            masks = self._scale(masks[None])[0]
        elif masks.shape[1:] != (self.work_height, self.work_width):
            masks = functional.interpolate(masks[None], size=(self.work_height, self.work_width), mode="nearest")[0]
        return functional.pad(masks, self._padding())

    def restore(self, masks: Tensor) -> Tensor:
        """Crop and scale masks (O, H', W') back to the clip's size (O, H, W)."""
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
        mode = "bicubic" if self.style.bicubic else "bilinear"
        return functional.interpolate(image, size=size, mode=mode, align_corners=False, antialias=self.style.smooth)

    def _padding(self) -> tuple[int, int, int, int]:
        return (self.left, self.right, self.top, self.bottom)

    def _total_padding(self, axis: int) -> int:
        return (self.top + self.bottom, self.left + self.right)[axis]
