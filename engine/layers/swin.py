"""Swin-B as a feature pyramid to stride 16 (Liu et al., ICCV 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .backbones import PyramidEncoder

_WINDOW = 7  # cells
_SHIFT = 3
_DEPTHS, _HEADS = (2, 2, 18), (4, 8, 16)
_WIDTH = 128
_OTHER_REGION = -100.0  # added to scores between cells that the cyclic shift brought into one window


class WindowAttention(nn.Module):
    """Multi-head attention within windows, with learned relative position bias."""

    offset: Tensor  # (49, 49) index into `bias`

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.mix = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros((2 * _WINDOW - 1) ** 2, heads))
        cells = torch.stack(torch.meshgrid(torch.arange(_WINDOW), torch.arange(_WINDOW), indexing="ij")).flatten(1)
        offset = cells[:, :, None] - cells[:, None] + _WINDOW - 1
        self.register_buffer("offset", offset[0] * (2 * _WINDOW - 1) + offset[1], persistent=False)

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """Attend within windows (B, 49, C) -> (B, 49, C); `mask` (B, 49, 49), if given, is added to the scores."""
        query, key, value = self.mix(windows).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self.bias[self.offset].permute(2, 0, 1)[None]  # (1, heads, 49, 49)
        if mask is not None:
            bias = bias + mask[:, None]
        readout = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias.expand(len(windows), -1, -1, -1)
        )
        return self.out(readout.transpose(1, 2).flatten(2))


class SwinBlock(nn.Module):
    """Swin block: window attention and MLP, both with pre-norm and a residual connection."""

    def __init__(self, width: int, heads: int, *, shift: int) -> None:
        super().__init__()
        self.shift = shift
        self.norm, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, image: Tensor) -> Tensor:
        """Transform a map (h, w, C) with sides of any length; same shape."""
        h, w, _ = image.shape
        normed = functional.pad(self.norm(image), (0, 0, 0, -w % _WINDOW, 0, -h % _WINDOW))
        tall, wide, _ = normed.shape
        mask = None
        if self.shift:
            normed = normed.roll((-self.shift, -self.shift), (0, 1))
            region = torch.zeros(tall, wide, device=image.device)
            cuts = (slice(0, -_WINDOW), slice(-_WINDOW, -self.shift), slice(-self.shift, None))
            for number, (rows, columns) in enumerate((rows, columns) for rows in cuts for columns in cuts):
                region[rows, columns] = number
            region = _partition(region[..., None])[..., 0]  # (B, 49)
            mask = torch.where(region[:, None] != region[:, :, None], _OTHER_REGION, 0.0)
        attended = self.attention(_partition(normed), mask)
        attended = attended.unflatten(0, (tall // _WINDOW, wide // _WINDOW)).unflatten(2, (_WINDOW, _WINDOW))
        attended = attended.transpose(1, 2).reshape(tall, wide, -1)
        if self.shift:
            attended = attended.roll((self.shift, self.shift), (0, 1))
        image = image + attended[:h, :w]
        return image + self.narrow(functional.gelu(self.widen(self.norm_mlp(image))))


class PatchMerging(nn.Module):
    """Patch merging: half the resolution, twice the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduce = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        """Merge 2 x 2 cells: (h, w, C) -> (h / 2, w / 2, 2 C), odd sides rounded up."""
        h, w, _ = image.shape
        image = functional.pad(image, (0, 0, 0, w % 2, 0, h % 2))
        corners = (image[0::2, 0::2], image[1::2, 0::2], image[0::2, 1::2], image[1::2, 1::2])
        return self.reduce(self.norm(torch.cat(corners, 2)))


class SwinBase(PyramidEncoder):
    """Swin-B without its last stage: maps at strides 4, 8 and 16."""

    channels = {4: _WIDTH, 8: 2 * _WIDTH, 16: 4 * _WIDTH}

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, _WIDTH, 4, stride=4)
        self.patch_norm = nn.LayerNorm(_WIDTH)
        widths = tuple(_WIDTH * 2**stage for stage in range(3))
        self.stages = nn.ModuleList(
            nn.Sequential(*(SwinBlock(width, heads, shift=_SHIFT if index % 2 else 0) for index in range(depth)))
            for width, depth, heads in zip(widths, _DEPTHS, _HEADS, strict=True)
        )
        self.merges = nn.ModuleList(PatchMerging(width) for width in widths[:2])
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """Encode a normalised image (1, 3, H, W), padded to multiples of 4 -> {stride: (1, C, H/stride, W/stride)}."""
        height, width = image.shape[-2:]
        image = self.patch(functional.pad(image, (0, -width % 4, 0, -height % 4)))
        tokens = self.patch_norm(image[0].permute(1, 2, 0))
        pyramid = {}
        for index, (stride, stage) in enumerate(zip(self.channels, self.stages, strict=True)):
            tokens = stage(tokens)
            pyramid[stride] = self.norms[index](tokens).permute(2, 0, 1)[None]
            if index < len(self.merges):
                tokens = self.merges[index](tokens)
        return pyramid


def _partition(image: Tensor) -> Tensor:
    """Split a map (h, w, C), with sides multiples of 7, into windows (B, 49, C)."""
    h, w, channels = image.shape
    image = image.reshape(h // _WINDOW, _WINDOW, w // _WINDOW, _WINDOW, channels)
    return image.transpose(1, 2).reshape(-1, _WINDOW**2, channels)
