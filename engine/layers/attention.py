"""Attention over tokens on a grid: everywhere, and in a window around the same place.

Letters: G heads, C channels of one head, N = h w tokens of a frame, row by row; M tokens of a memory.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Grid = tuple[int, int]  # (h, w)

RADIUS = 7  # of the window, in cells
SIDE = 2 * RADIUS + 1
_NEVER = -1e8  # likeness of a place outside the picture


def heads_of(tokens: Tensor, heads: int) -> Tensor:
    """(N, G C) -> (G, N, C)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(0, 1)


def joined_heads(tokens: Tensor) -> Tensor:
    """(G, N, C) -> (N, G C)."""
    return tokens.transpose(0, 1).flatten(1)


def attend(query: Tensor, key: Tensor, value: Tensor, *, heads: int) -> Tensor:
    """softmax(q k / sqrt(C)) v: (N, G C), (M, G C), (M, G CV) -> (N, G CV)."""
    split = (heads_of(each, heads)[None] for each in (query, key, value))
    return joined_heads(functional.scaled_dot_product_attention(*split)[0])


def attention_weights(query: Tensor, key: Tensor, *, heads: int) -> Tensor:
    """softmax(q k / sqrt(C)): (N, G C), (M, G C) -> (G, N, M)."""
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
    """As `attend`, of one frame by another, each place by the window around it: (N, G C), (N, G C), (N, G CV).

    `bias` (G, N, SIDE^2) is added to the likeness, by offset (dy, dx), row by row; `by_place` (G, CV, SIDE^2) is read
    beside the value, by offset. The window's rows are read as whole rows of the picture, of which the places outside
    the window count for nothing: matrix products of slices, and nothing is copied per window.
    """
    h, w = grid
    query, key, value = (heads_of(each, heads).unflatten(1, grid) for each in (query, key, value))  # (G, h, w, C)
    query = query / query.shape[-1] ** 0.5
    rows = functional.pad(key, (0, 0, 0, 0, RADIUS, RADIUS))  # (G, h + 2 RADIUS, w, C)
    scores = torch.stack([query @ rows[:, y : y + h].transpose(2, 3) for y in range(SIDE)], 3)  # (G, h, w, SIDE, w)
    columns = torch.arange(w, device=query.device)
    offset = columns - columns[:, None] + RADIUS  # (w, w): of a key's column from a query's
    outside = (offset < 0) | (offset >= SIDE)
    there = torch.arange(h, device=query.device)[:, None] + torch.arange(SIDE, device=query.device) - RADIUS
    missing = ((there < 0) | (there >= h))[:, None, :, None] | outside[None, :, None]  # (h, w, SIDE, w)
    pick = offset.clamp(0, SIDE - 1)[:, None].expand(heads, h, w, SIDE, w)
    scores = scores + bias.unflatten(2, (SIDE, SIDE)).unflatten(1, grid).gather(-1, pick)
    weights = scores.masked_fill(missing, _NEVER).flatten(3).softmax(-1).unflatten(3, (SIDE, w))
    rows = functional.pad(value, (0, 0, 0, 0, RADIUS, RADIUS))
    read = sum(weights[:, :, :, y] @ rows[:, y : y + h] for y in range(SIDE))  # (G, h, w, CV)
    if by_place is not None:
        window = columns[:, None] + torch.arange(SIDE, device=query.device) - RADIUS  # (w, SIDE): columns of a window
        seen = weights.gather(-1, window.clamp(0, w - 1)[:, None].expand(heads, h, w, SIDE, SIDE))
        seen = seen * ((window >= 0) & (window < w))[:, None].to(seen)
        read = read + seen.flatten(3) @ by_place.transpose(1, 2)[:, None]
    return joined_heads(read.flatten(1, 2))


def on_grid(tokens: Tensor, grid: Grid, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply a layer for maps to tokens (N, C) -> (N, C')."""
    return layer(tokens.T.unflatten(1, grid)[None])[0].flatten(1).T
