"""Attention over grid tokens: global, and local in a window around the same position.

Letters: G heads; C channels of one head; N = h w tokens of a frame, in row-major order; M memory tokens.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Grid = tuple[int, int]  # (h, w)

RADIUS = 7  # of the local window, in cells
SIDE = 2 * RADIUS + 1
_COLUMNS = 16  # query columns per pass on a CPU
_NEVER = -1e8  # score of a position outside the image


def heads_of(tokens: Tensor, heads: int) -> Tensor:
    """Split heads: (N, G C) -> (G, N, C)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(0, 1)


def joined_heads(tokens: Tensor) -> Tensor:
    """Join heads: (G, N, C) -> (N, G C)."""
    return tokens.transpose(0, 1).flatten(1)


def attend(query: Tensor, key: Tensor, value: Tensor, *, heads: int) -> Tensor:
    """Compute softmax(q k / sqrt(C)) v: (N, G C), (M, G C), (M, G CV) -> (N, G CV)."""
    query, key, value = (heads_of(each, heads)[None] for each in (query, key, value))
    channels, width = query.shape[-1], value.shape[-1]
    if channels < width:  # PyTorch's fast kernels require equal widths
        query, key = (functional.pad(each, (0, width - channels)) for each in (query, key))
    return joined_heads(functional.scaled_dot_product_attention(query, key, value, scale=channels**-0.5)[0])


def attention_weights(query: Tensor, key: Tensor, *, heads: int) -> Tensor:
    """Compute softmax(q k / sqrt(C)): (N, G C), (M, G C) -> (G, N, M)."""
    query, key = heads_of(query, heads), heads_of(key, heads)
    return (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)


def attend_near(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grid: Grid,
    *,
    heads: int,
    bias: Tensor,
    by_place: Tensor | None = None,
) -> Tensor:
    """Attend within a SIDE x SIDE window around each position: (N, G C), (N, G C), (N, G CV) -> (N, G CV).

    `bias` (G, N, SIDE^2) is added to the scores, by offset (dy, dx) in row-major order; `by_place` (G, CV, SIDE^2) is
    added to the values, by offset. Blocks of query columns are multiplied with whole row slices and masked outside each
    window, so that no window is copied.
    """
    w = grid[1]
    query, key, value = (heads_of(each, heads).unflatten(1, grid) for each in (query, key, value))  # (G, h, w, C)
    query = query / query.shape[-1] ** 0.5
    bias = bias.unflatten(2, (SIDE, SIDE)).unflatten(1, grid)  # (G, h, w, SIDE, SIDE)
    key, value = (functional.pad(each, (0, 0, 0, 0, RADIUS, RADIUS)) for each in (key, value))
    width = min(w, _COLUMNS if query.device.type == "cpu" else w)
    read = [
        _read_columns(query, key, value, bias, by_place, range(left, min(left + width, w)))
        for left in range(0, w, width)
    ]
    return joined_heads(torch.cat(read, 2).flatten(1, 2))


def _read_columns(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, by_place: Tensor | None, columns: range
) -> Tensor:
    """Compute `attend_near` for a range of columns: (G, h, width, CV); key and value rows are padded by RADIUS."""
    _, h, w, _ = query.shape
    reach = range(max(columns.start - RADIUS, 0), min(columns.stop + RADIUS, w))  # columns of key and value in reach
    query, bias = (each[:, :, columns.start : columns.stop] for each in (query, bias))
    key, value = (each[:, :, reach.start : reach.stop] for each in (key, value))
    scores = torch.stack([query @ key[:, y : y + h].transpose(2, 3) for y in range(SIDE)], 3)
    place = torch.arange(columns.start, columns.stop, device=query.device)
    other = torch.arange(reach.start, reach.stop, device=query.device)
    offset = other - place[:, None] + RADIUS  # (width, reach): 0 to SIDE - 1 inside the window
    row = torch.arange(h, device=query.device)[:, None] + torch.arange(SIDE, device=query.device) - RADIUS
    outside = (offset < 0) | (offset >= SIDE)
    missing = ((row < 0) | (row >= h))[:, None, :, None] | outside[None, :, None]  # (h, width, SIDE, reach)
    pick = offset.clamp(0, SIDE - 1)[:, None].expand(*scores.shape[:2], -1, SIDE, -1)
    # In float32: _NEVER is out of half precision's range.
    scores = (scores + bias.gather(-1, pick)).float().masked_fill(missing, _NEVER)
    weights = scores.flatten(3).softmax(-1).unflatten(3, (SIDE, -1)).to(value)
    read = sum(weights[:, :, :, y] @ value[:, y : y + h] for y in range(SIDE))
    if by_place is not None:
        window = place[:, None] + torch.arange(SIDE, device=query.device) - RADIUS  # (width, SIDE): window columns
        at = (window - reach.start).clamp(0, len(reach) - 1)
        seen = weights.gather(-1, at[:, None].expand(*weights.shape[:4], -1))
        seen = seen * ((window >= 0) & (window < w))[:, None].to(seen)
        read = read + seen.flatten(3) @ by_place.transpose(1, 2)[:, None]
    return read


def on_grid(tokens: Tensor, grid: Grid, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply a layer for maps (B, C, h, w) to tokens: (N, C) -> (N, C')."""
    return layer(tokens.T.unflatten(1, grid)[None])[0].flatten(1).T
