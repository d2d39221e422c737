"""Attention over the tokens of a grid: to all tokens, or to those in a window around the same position.

Letters: G heads; C channels of one head; N = h w tokens of a frame, in row-major order; M memory tokens.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Grid = tuple[int, int]  # (h, w)

RADIUS = 7  # of the local window, in cells, as in AOT
SIDE = 2 * RADIUS + 1
_COLUMNS = 16  # query columns per pass on a CPU
_MASKED_SCORE = -1e8  # of a position outside the image or the window


def split_heads(tokens: Tensor, heads: int) -> Tensor:
    """Split the channels of tokens into heads: (N, G C) -> (G, N, C)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(0, 1)


def merge_heads(tokens: Tensor) -> Tensor:
    """Concatenate the heads of each token: (G, N, C) -> (N, G C)."""
    return tokens.transpose(0, 1).flatten(1)


def attend(query: Tensor, key: Tensor, value: Tensor, *, heads: int) -> Tensor:
    """Compute multi-head attention softmax(q k / sqrt(C)) v: (N, G C), (M, G C), (M, G CV) -> (N, G CV)."""
    query, key, value = (split_heads(tokens, heads)[None] for tokens in (query, key, value))
    channels, width = query.shape[-1], value.shape[-1]
    if channels < width:  # PyTorch's fast kernels require equal widths
        query, key = (functional.pad(tokens, (0, width - channels)) for tokens in (query, key))
    return merge_heads(functional.scaled_dot_product_attention(query, key, value, scale=channels**-0.5)[0])


def attention_weights(query: Tensor, key: Tensor, *, heads: int) -> Tensor:
    """Compute the weights softmax(q k / sqrt(C)) of multi-head attention: (N, G C), (M, G C) -> (G, N, M)."""
    query, key = split_heads(query, heads), split_heads(key, heads)
    return (query @ key.transpose(1, 2) / query.shape[-1] ** 0.5).softmax(-1)


def attend_locally(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grid: Grid,
    *,
    heads: int,
    bias: Tensor,
    value_bias: Tensor | None = None,
) -> Tensor:
    """Attend from each cell to the SIDE x SIDE cells around it: (N, G C), (N, G C), (N, G CV) -> (N, G CV).

    This is AOT's short-term attention (NeurIPS 2021). `bias` (G, N, SIDE^2) is added to the scores and `value_bias`
    (G, CV, SIDE^2) to the values, both by offset (dy, dx) in row-major order. Blocks of query columns are multiplied
    with whole row slices and masked outside each window, so that no window is copied.
    """
    w = grid[1]
    query, key, value = (split_heads(tokens, heads).unflatten(1, grid) for tokens in (query, key, value))
    query = query / query.shape[-1] ** 0.5  # (G, h, w, C)
    bias = bias.unflatten(2, (SIDE, SIDE)).unflatten(1, grid)  # (G, h, w, SIDE, SIDE)
    key, value = (functional.pad(maps, (0, 0, 0, 0, RADIUS, RADIUS)) for maps in (key, value))
    width = min(w, _COLUMNS if query.device.type == "cpu" else w)
    columns = [
        _attend_columns(query, key, value, bias, value_bias, range(left, min(left + width, w)))
        for left in range(0, w, width)
    ]
    return merge_heads(torch.cat(columns, 2).flatten(1, 2))


def _attend_columns(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor, value_bias: Tensor | None, columns: range
) -> Tensor:
    """Compute `attend_locally` for the queries in `columns`: (G, h, width, CV).

    `key` and `value` are padded by RADIUS rows above and below.
    """
    _, h, w, _ = query.shape
    reach = range(max(columns.start - RADIUS, 0), min(columns.stop + RADIUS, w))  # columns of key and value in reach
    query, bias = (maps[:, :, columns.start : columns.stop] for maps in (query, bias))
    key, value = (maps[:, :, reach.start : reach.stop] for maps in (key, value))
    scores = torch.stack([query @ key[:, y : y + h].transpose(2, 3) for y in range(SIDE)], 3)
    query_column = torch.arange(columns.start, columns.stop, device=query.device)
    key_column = torch.arange(reach.start, reach.stop, device=query.device)
    offset = key_column - query_column[:, None] + RADIUS  # (width, reach): 0 to SIDE - 1 inside the window
    row = torch.arange(h, device=query.device)[:, None] + torch.arange(SIDE, device=query.device) - RADIUS
    outside = (offset < 0) | (offset >= SIDE)
    missing = ((row < 0) | (row >= h))[:, None, :, None] | outside[None, :, None]  # (h, width, SIDE, reach)
    pick = offset.clamp(0, SIDE - 1)[:, None].expand(*scores.shape[:2], -1, SIDE, -1)
    # In float32, since _MASKED_SCORE is out of half precision's range.
    scores = (scores + bias.gather(-1, pick)).float().masked_fill(missing, _MASKED_SCORE)
    weights = scores.flatten(3).softmax(-1).unflatten(3, (SIDE, -1)).to(value)
    readout = sum(weights[:, :, :, y] @ value[:, y : y + h] for y in range(SIDE))
    if value_bias is not None:
        window = query_column[:, None] + torch.arange(SIDE, device=query.device) - RADIUS  # (width, SIDE)
        index = (window - reach.start).clamp(0, len(reach) - 1)
        by_offset = weights.gather(-1, index[:, None].expand(*weights.shape[:4], -1))
        by_offset = by_offset * ((window >= 0) & (window < w))[:, None].to(by_offset)
        readout = readout + by_offset.flatten(3) @ value_bias.transpose(1, 2)[:, None]
    return readout


def apply_on_grid(tokens: Tensor, grid: Grid, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `layer`, a function of maps (B, C, h, w), to the tokens of one frame: (N, C) -> (N, C')."""
    return layer(tokens.T.unflatten(1, grid)[None])[0].flatten(1).T
