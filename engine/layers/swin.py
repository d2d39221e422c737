"""Swin-B as a feature pyramid to stride 16 (Liu et al., ICCV 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_WINDOW = 7  # cells
_SHIFT = 3
_DEPTHS, _HEADS = (2, 2, 18), (4, 8, 16)
_WIDTH = 128
_OTHER_REGION = -100.0  # score offset between cells of different regions after the cyclic shift


class WindowAttention(nn.Module):
    """Window attention with learned relative position bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.mix = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros((2 * _WINDOW - 1) ** 2, heads))
        place = torch.stack(torch.meshgrid(torch.arange(_WINDOW), torch.arange(_WINDOW), indexing="ij")).flatten(1)
        offset = place[:, :, None] - place[:, None] + _WINDOW - 1
        self.register_buffer("offset", offset[0] * (2 * _WINDOW - 1) + offset[1], persistent=False)

    def forward(self, windows: Tensor, apart: Tensor | None) -> Tensor:
        """Attend within windows (B, 49, C), with score mask `apart` (B, 49, 49) if given -> (B, 49, C)."""
        query, key, value = self.mix(windows).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self.bias[self.offset].permute(2, 0, 1)[None]  # (1, heads, 49, 49)
        if apart is not None:
            bias = bias + apart[:, None]
        read = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias.expand(len(windows), -1, -1, -1)
        )
        return self.out(read.transpose(1, 2).flatten(2))


class SwinBlock(nn.Module):
    """Swin block: pre-norm window attention and MLP, both residual."""

    def __init__(self, width: int, heads: int, *, shift: int) -> None:
        super().__init__()
        self.shift = shift
        self.norm, self.norm_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, image: Tensor) -> Tensor:
        """Transform (h, w, C); same shape."""
        h, w, _ = image.shape
        normed = functional.pad(self.norm(image), (0, 0, 0, -w % _WINDOW, 0, -h % _WINDOW))
        tall, wide, _ = normed.shape
        apart = None
        if self.shift:
            normed = normed.roll((-self.shift, -self.shift), (0, 1))
            region = torch.zeros(tall, wide, device=image.device)
            cuts = (slice(0, -_WINDOW), slice(-_WINDOW, -self.shift), slice(-self.shift, None))
            for number, (rows, columns) in enumerate((rows, columns) for rows in cuts for columns in cuts):
                region[rows, columns] = number
            region = _windows(region[..., None])[..., 0]  # (B, 49)
            apart = torch.where(region[:, None] != region[:, :, None], _OTHER_REGION, 0.0)
        read = self.attention(_windows(normed), apart)
        read = read.unflatten(0, (tall // _WINDOW, wide // _WINDOW)).unflatten(2, (_WINDOW, _WINDOW))
        read = read.transpose(1, 2).reshape(tall, wide, -1)
        if self.shift:
            read = read.roll((self.shift, self.shift), (0, 1))
        image = image + read[:h, :w]
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


class SwinBase(nn.Module):
    """Swin-B without its last stage; output {4, 8, 16} -> (1, C, H / stride, W / stride)."""

    channels = {4: _WIDTH, 8: 2 * _WIDTH, 16: 4 * _WIDTH}

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, _WIDTH, 4, stride=4)
        self.patch_norm = nn.LayerNorm(_WIDTH)
        widths = tuple(_WIDTH * 2**stage for stage in range(3))
        self.stages = nn.ModuleList(
            nn.ModuleList(SwinBlock(width, heads, shift=_SHIFT if index % 2 else 0) for index in range(depth))
            for width, depth, heads in zip(widths, _DEPTHS, _HEADS, strict=True)
        )
        self.merges = nn.ModuleList(PatchMerging(width) for width in widths[:2])
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)

    def forward(self, image: Tensor) -> dict[int, Tensor]:
        """Encode normalised (1, 3, H, W); sides are padded to multiples of 4."""
        height, width = image.shape[-2:]
        image = self.patch(functional.pad(image, (0, -width % 4, 0, -height % 4)))
        tokens = self.patch_norm(image[0].permute(1, 2, 0))
        pyramid = {}
        for index, (stride, stage) in enumerate(zip(self.channels, self.stages, strict=True)):
            for block in stage:
                tokens = block(tokens)
            pyramid[stride] = self.norms[index](tokens).permute(2, 0, 1)[None]
            if index < len(self.merges):
                tokens = self.merges[index](tokens)
        return pyramid


def _windows(image: Tensor) -> Tensor:
    """Partition (h, w, C), sides multiples of the window, into windows (B, 49, C)."""
    h, w, channels = image.shape
    image = image.reshape(h // _WINDOW, _WINDOW, w // _WINDOW, _WINDOW, channels)
    return image.transpose(1, 2).reshape(-1, _WINDOW**2, channels)
