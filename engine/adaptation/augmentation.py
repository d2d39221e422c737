"""Augmentation of an image and its masks: affine and elastic deformation, mirroring, colour changes and blur."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_CONTROL_POINTS = 4  # control points of the elastic deformation along each side
_BLUR_SIZE = 9  # pixels: side of the blurring kernel


@dataclass(frozen=True)
class AugmentationRange:
    """Maximum strength of each augmentation."""

    shift: float  # maximum translation, relative to the frame's shorter side
    rotation: float  # maximum angle, radians
    zoom: float  # maximum log of the scale
    elastic: float  # maximum elastic displacement, relative to the shorter side
    object_shift: float  # maximum shift of objects against the background, relative to the shorter side
    photometric: float  # maximum log of gamma; half of it for log gain per channel
    flip_probability: float  # probability of mirroring, 0..1


class Augmenter:
    """Makes randomly augmented copies of images (1, 3, H, W) and their masks (O, H, W); reproducible by the seed."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def copy(self, image: Tensor, masks: Tensor, limits: AugmentationRange) -> tuple[Tensor, Tensor]:
        """Return an augmented copy of image and masks, with random changes within `limits`."""
        h, w = image.shape[-2:]
        grid = self._sampling_grid((h, w), masks, limits).to(image.device)
        image = functional.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
        masks = functional.grid_sample(masks[None], grid, padding_mode="reflection", align_corners=False)[0]
        if self._uniform(()) < limits.flip_probability:
            image, masks = image.flip(-1), masks.flip(-1)
        return self._change_light(image, limits), masks

    def random_integer(self, lowest: int, highest: int) -> int:
        """Return a random integer from `lowest` to `highest`, inclusive."""
        return int(torch.randint(lowest, highest + 1, (), generator=self._generator))

    def _uniform(self, size: tuple[int, ...]) -> Tensor:
        return torch.rand(size, generator=self._generator)

    def _symmetric(self, size: tuple[int, ...], limit: float) -> Tensor:
        return (2 * self._uniform(size) - 1) * limit

    def _sampling_grid(self, size: tuple[int, int], masks: Tensor, limits: AugmentationRange) -> Tensor:
        """Build a random grid (1, H, W, 2) of x and y in -1..1, at which `grid_sample` reads the image and masks."""
        h, w = size
        y, x = torch.meshgrid(torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2, indexing="ij")
        shorter = min(h, w)
        rotation, zoom = self._symmetric((), limits.rotation), self._symmetric((), limits.zoom).exp()
        cosine, sine = zoom * rotation.cos(), zoom * rotation.sin()
        positions = torch.stack([cosine * x - sine * y, sine * x + cosine * y])  # pixels from the centre
        positions += self._symmetric((2, 1, 1), limits.shift * shorter)
        displacements = self._symmetric((1, 2, _CONTROL_POINTS, _CONTROL_POINTS), limits.elastic * shorter)
        positions += functional.interpolate(displacements, size=size, mode="bicubic", align_corners=True)[0]
        if limits.object_shift and masks.any():
            shift = self._symmetric((2, 1, 1), limits.object_shift * shorter)
            positions += shift * self._object_zone(masks.sum(0).clamp(max=1).cpu())
        return torch.stack([positions[0] * 2 / w, positions[1] * 2 / h], -1)[None]

    @staticmethod
    def _object_zone(mask: Tensor) -> Tensor:
        """Return weights (H, W) by which pixels follow a shift of the objects: 1 on objects, falling to 0 nearby."""
        small = functional.adaptive_max_pool2d(mask[None, None], 24)
        soft = functional.avg_pool2d(small, 3, stride=1, padding=1)
        return functional.interpolate(soft, size=mask.shape, mode="bilinear", align_corners=False)[0, 0]

    def _change_light(self, image: Tensor, limits: AugmentationRange) -> Tensor:
        """Apply a random gamma and a random gain per channel, and on some calls a Gaussian blur."""
        gamma = self._symmetric((1, 1, 1, 1), limits.photometric).exp()
        gain = self._symmetric((1, 3, 1, 1), limits.photometric / 2).exp()
        image = (image.clamp(0, 1) ** gamma.to(image) * gain.to(image)).clamp(0, 1)
        width = float(self._uniform(()) * 4 - 2)  # no blur for negative widths
        if limits.photometric and width > 0.3:
            steps = torch.arange(_BLUR_SIZE) - _BLUR_SIZE // 2
            kernel = torch.exp(-0.5 * (steps / width).square())
            kernel = (kernel / kernel.sum()).to(image)
            padded = functional.pad(image, (_BLUR_SIZE // 2,) * 4, mode="replicate")
            padded = functional.conv2d(padded, kernel.reshape(1, 1, 1, -1).expand(3, 1, 1, -1), groups=3)
            image = functional.conv2d(padded, kernel.reshape(1, 1, -1, 1).expand(3, 1, -1, 1), groups=3)
        return image
