"""Augmentation of an image and its masks: affine, elastic, mirrored, photometric, blurred."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BENDS = 4  # control points of the elastic deformation along each side
_FOCUS = 9  # pixels: side of the blurring kernel


@dataclass(frozen=True)
class AugmentationRange:
    """Maximum strength of each augmentation."""

    shift: float  # maximum translation, relative to the frame's shorter side
    turn: float  # radians
    zoom: float  # logarithm of the scale
    bend: float  # maximum elastic displacement, relative to the shorter side
    apart: float  # maximum motion of objects against the background, relative to the shorter side
    light: float  # maximum log of gamma; half of it for log gain per channel
    mirrored: float  # probability of mirroring, 0..1


class Augmenter:
    """Makes augmented copies of images (1, 3, H, W) with masks (O, H, W); deterministic per seed."""

    def __init__(self, seed: int) -> None:
        self._dice = torch.Generator().manual_seed(seed)

    def copy(self, image: Tensor, masks: Tensor, reach: AugmentationRange) -> tuple[Tensor, Tensor]:
        """Return an augmented copy of image and masks within `reach`."""
        h, w = image.shape[-2:]
        places = self._places((h, w), masks, reach).to(image.device)
        image = functional.grid_sample(image, places, padding_mode="reflection", align_corners=False)
        masks = functional.grid_sample(masks[None], places, padding_mode="reflection", align_corners=False)[0]
        if self._uniform(()) < reach.mirrored:
            image, masks = image.flip(-1), masks.flip(-1)
        return self._developed(image, reach), masks

    def cell(self, lowest: int, highest: int) -> int:
        """Draw an integer from `lowest` to `highest`, inclusive."""
        return int(torch.randint(lowest, highest + 1, (), generator=self._dice))

    def _uniform(self, size: tuple[int, ...]) -> Tensor:
        return torch.rand(size, generator=self._dice)

    def _around(self, size: tuple[int, ...], reach: float) -> Tensor:
        return (2 * self._uniform(size) - 1) * reach

    def _places(self, size: tuple[int, int], masks: Tensor, reach: AugmentationRange) -> Tensor:
        """Build the sampling grid of the copy: (1, H, W, 2) x and y, -1..1."""
        h, w = size
        y, x = torch.meshgrid(torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2, indexing="ij")
        shorter = min(h, w)
        turn, zoom = self._around((), reach.turn), self._around((), reach.zoom).exp()
        cosine, sine = zoom * turn.cos(), zoom * turn.sin()
        at = torch.stack([cosine * x - sine * y, sine * x + cosine * y])  # pixels from the centre
        at += self._around((2, 1, 1), reach.shift * shorter)
        bends = self._around((1, 2, _BENDS, _BENDS), reach.bend * shorter)
        at += functional.interpolate(bends, size=size, mode="bicubic", align_corners=True)[0]
        if reach.apart and masks.any():
            at += self._around((2, 1, 1), reach.apart * shorter) * self._near(masks.sum(0).clamp(max=1).cpu())
        return torch.stack([at[0] * 2 / w, at[1] * 2 / h], -1)[None]

    @staticmethod
    def _near(mask: Tensor) -> Tensor:
        """Return a soft weight (H, W), 1 on objects, falling to 0 around: the zone deformed by object motion."""
        small = functional.adaptive_max_pool2d(mask[None, None], 24)
        soft = functional.avg_pool2d(small, 3, stride=1, padding=1)
        return functional.interpolate(soft, size=mask.shape, mode="bilinear", align_corners=False)[0, 0]

    def _developed(self, image: Tensor, reach: AugmentationRange) -> Tensor:
        """Apply random gamma and gain, and in some copies a Gaussian blur."""
        gamma, gain = self._around((1, 1, 1, 1), reach.light).exp(), self._around((1, 3, 1, 1), reach.light / 2).exp()
        image = (image.clamp(0, 1) ** gamma.to(image) * gain.to(image)).clamp(0, 1)
        width = float(self._uniform(()) * 4 - 2)  # no blur for negative widths
        if reach.light and width > 0.3:
            steps = torch.arange(_FOCUS) - _FOCUS // 2
            kernel = torch.exp(-0.5 * (steps / width).square())
            kernel = (kernel / kernel.sum()).to(image)
            padded = functional.pad(image, (_FOCUS // 2,) * 4, mode="replicate")
            padded = functional.conv2d(padded, kernel.reshape(1, 1, 1, -1).expand(3, 1, 1, -1), groups=3)
            image = functional.conv2d(padded, kernel.reshape(1, 1, -1, 1).expand(3, 1, -1, 1), groups=3)
        return image
