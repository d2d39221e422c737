"""Local and global attention, compared with their definitions."""

from __future__ import annotations

import pytest
import torch

from engine.layers import attention
from engine.layers.attention import RADIUS, SIDE, attend, attend_locally, attention_weights, merge_heads, split_heads


def by_definition(query, key, value, grid, *, heads, bias, value_bias):
    """Return what `attend_locally` should return, computed with loops over the cells and their neighbours."""
    h, w = grid
    query, key, value = (split_heads(tokens, heads) for tokens in (query, key, value))
    readout = torch.zeros(heads, h * w, value.shape[-1])
    for y in range(h):
        for x in range(w):
            scores, values = [], []
            for dy in range(-RADIUS, RADIUS + 1):
                for dx in range(-RADIUS, RADIUS + 1):
                    if 0 <= y + dy < h and 0 <= x + dx < w:
                        offset = (dy + RADIUS) * SIDE + dx + RADIUS
                        neighbour = (y + dy) * w + x + dx
                        product = (query[:, y * w + x] * key[:, neighbour]).sum(1) / query.shape[-1] ** 0.5
                        scores.append(product + bias[:, y * w + x, offset])
                        values.append(value[:, neighbour] + (0 if value_bias is None else value_bias[:, :, offset]))
            weights = torch.stack(scores, 1).softmax(1)
            readout[:, y * w + x] = (weights[..., None] * torch.stack(values, 1)).sum(1)
    return merge_heads(readout)


@pytest.mark.parametrize("grid", [(3, 4), (9, 20), (17, 5)])
@pytest.mark.parametrize("columns", [4, 16])
@pytest.mark.parametrize("with_value_bias", [True, False])
def test_local_attention_equals_its_definition(grid, columns, with_value_bias, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attention, "_COLUMNS", columns)
    torch.manual_seed(1)
    count, heads = grid[0] * grid[1], 2
    query, key, value = torch.randn(count, 8), torch.randn(count, 8), torch.randn(count, 12)
    bias = torch.randn(heads, count, SIDE**2)
    value_bias = torch.randn(heads, 6, SIDE**2) if with_value_bias else None
    found = attend_locally(query, key, value, grid, heads=heads, bias=bias, value_bias=value_bias)
    expected = by_definition(query, key, value, grid, heads=heads, bias=bias, value_bias=value_bias)
    assert torch.allclose(found, expected, atol=1e-5)


def test_attention_equals_its_weights_times_the_values():
    query, key, value = torch.randn(5, 8), torch.randn(7, 8), torch.randn(7, 12)
    weights = attention_weights(query, key, heads=2)
    assert torch.allclose(weights.sum(-1), torch.ones(2, 5))
    expected = merge_heads(weights @ split_heads(value, 2))
    assert torch.allclose(attend(query, key, value, heads=2), expected, atol=1e-5)


def test_local_attention_works_in_half_precision():
    torch.manual_seed(2)
    query, key, value, bias = (torch.randn(60, 8), torch.randn(60, 8), torch.randn(60, 12), torch.randn(1, 60, SIDE**2))
    full = attend_locally(query, key, value, (6, 10), heads=1, bias=bias)
    half = attend_locally(query.half(), key.half(), value.half(), (6, 10), heads=1, bias=bias.half())
    assert torch.allclose(half.float(), full, atol=0.02)
