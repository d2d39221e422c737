"""Attention in a window equals what its definition says, place by place."""

from __future__ import annotations

import pytest
import torch

from engine.layers import attention
from engine.layers.attention import RADIUS, SIDE, attend, attend_near, attention_weights, heads_of, joined_heads


def by_definition(query, key, value, grid, *, heads, bias, by_place):
    """Every place by itself, every offset by itself."""
    h, w = grid
    query, key, value = (heads_of(each, heads) for each in (query, key, value))
    read = torch.zeros(heads, h * w, value.shape[-1])
    for y in range(h):
        for x in range(w):
            scores, told = [], []
            for dy in range(-RADIUS, RADIUS + 1):
                for dx in range(-RADIUS, RADIUS + 1):
                    if 0 <= y + dy < h and 0 <= x + dx < w:
                        at = (dy + RADIUS) * SIDE + dx + RADIUS
                        there = (y + dy) * w + x + dx
                        likeness = (query[:, y * w + x] * key[:, there]).sum(1) / query.shape[-1] ** 0.5
                        scores.append(likeness + bias[:, y * w + x, at])
                        told.append(value[:, there] + (0 if by_place is None else by_place[:, :, at]))
            weights = torch.stack(scores, 1).softmax(1)
            read[:, y * w + x] = (weights[..., None] * torch.stack(told, 1)).sum(1)
    return joined_heads(read)


@pytest.mark.parametrize("grid", [(3, 4), (9, 20), (17, 5)])
@pytest.mark.parametrize("columns", [4, 16])
@pytest.mark.parametrize("placed", [True, False])
def test_a_window_reads_what_it_should(grid, columns, placed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attention, "_COLUMNS", columns)
    torch.manual_seed(1)
    count, heads = grid[0] * grid[1], 2
    query, key, value = torch.randn(count, 8), torch.randn(count, 8), torch.randn(count, 12)
    bias = torch.randn(heads, count, SIDE**2)
    by_place = torch.randn(heads, 6, SIDE**2) if placed else None
    found = attend_near(query, key, value, grid, heads=heads, bias=bias, by_place=by_place)
    expected = by_definition(query, key, value, grid, heads=heads, bias=bias, by_place=by_place)
    assert torch.allclose(found, expected, atol=1e-5)


def test_attention_is_its_weights_times_the_values():
    query, key, value = torch.randn(5, 8), torch.randn(7, 8), torch.randn(7, 12)
    weights = attention_weights(query, key, heads=2)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 5))
    read = joined_heads(weights @ heads_of(value, 2))
    assert torch.allclose(attend(query, key, value, heads=2), read, atol=1e-5)


def test_a_window_is_read_in_half_precision_as_well():
    torch.manual_seed(2)
    query, key, value, bias = (torch.randn(60, 8), torch.randn(60, 8), torch.randn(60, 12), torch.randn(1, 60, SIDE**2))
    unoccluded_area = attend_near(query, key, value, (6, 10), heads=1, bias=bias)
    half = attend_near(query.half(), key.half(), value.half(), (6, 10), heads=1, bias=bias.half())
    assert torch.allclose(half.float(), unoccluded_area, atol=0.02)
