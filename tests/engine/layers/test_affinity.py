"""Similarity, top-k readout and soft aggregation, compared with their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from engine.layers.affinity import select_top_k, similarity, squared_distances, top_k_readout
from engine.layers.aggregate import aggregate


def test_similarity_is_the_negative_weighted_squared_distance():
    torch.manual_seed(0)
    key, shrinkage, query, selection = torch.randn(4, 6), torch.rand(1, 6) + 1, torch.randn(4, 5), torch.rand(4, 5)
    scores = similarity(key, shrinkage, query, selection)
    for q in range(5):
        for n in range(6):
            expected = sum(selection[c, q] * (key[c, n] - query[c, q]) ** 2 for c in range(4))
            assert scores[q, n].item() == pytest.approx(-(shrinkage[0, n] * expected).item() / 2, abs=1e-5)


def test_one_selection_for_all_queries_equals_the_same_for_each():
    torch.manual_seed(1)
    key, shrinkage, query, selection = torch.randn(8, 30), torch.rand(1, 30) + 1, torch.randn(8, 7), torch.rand(8, 1)
    per_query = similarity(key, shrinkage, query, selection.expand(-1, 7))
    assert torch.allclose(similarity(key, shrinkage, query, selection), per_query, atol=1e-5)


@pytest.mark.parametrize("tokens", [200, 807, 4000])  # too few for blocks; blocks and a rest; blocks only
def test_blockwise_top_k_equals_topk(tokens: int):
    torch.manual_seed(2)
    scores = torch.randn(50, tokens).cumsum(1)  # the best tokens of a query are neighbours
    scores[0] = torch.linspace(-1, 1, tokens)  # the best are the last, some of them in the rest
    best, index = scores.topk(30, dim=1)
    selected = select_top_k(scores, top_k=30)
    assert torch.equal(selected.index, index)
    assert torch.equal(selected.weight, best.softmax(1))
    assert torch.equal(selected.best_score, scores.amax(1))


def test_readout_uses_only_the_top_k_tokens():
    scores = torch.tensor([[0.0, 2.0, 1.0, -5.0]])
    value = torch.tensor([[[10.0, 20.0, 30.0, 1e6]], [[1.0, 2.0, 3.0, 1e6]]])
    read = top_k_readout(scores, value, top_k=2)
    high, low = math.exp(2) / (math.exp(2) + math.exp(1)), math.exp(1) / (math.exp(2) + math.exp(1))
    assert read[:, 0, 0].tolist() == pytest.approx([20 * high + 30 * low, 2 * high + 3 * low])


def test_a_memory_of_fewer_than_k_tokens_is_read_completely():
    value = torch.tensor([[[1.0, 3.0]]])
    assert top_k_readout(torch.zeros(1, 2), value, top_k=30).item() == pytest.approx(2)


def test_gradients_of_the_readout_reach_scores_and_values():
    scores, value = torch.randn(3, 8, requires_grad=True), torch.randn(2, 4, 8, requires_grad=True)
    top_k_readout(scores, value, top_k=3).sum().backward()
    assert scores.grad.abs().sum() > 0
    assert value.grad.abs().sum() > 0


def test_squared_distances_between_grid_cells():
    distances = squared_distances((2, 3), like=torch.zeros(1))
    assert distances[0].tolist() == [0, 1, 4, 1, 2, 5]
    assert torch.equal(distances, distances.T)


def test_aggregated_probabilities_sum_to_one_with_the_background_and_keep_their_order():
    joint = aggregate(torch.tensor([[[0.9]], [[0.6]], [[0.01]]]))
    assert joint.sum().item() < 1
    assert joint[0] > joint[1] > joint[2]
    assert aggregate(torch.zeros(2, 1, 1)).sum().item() < 1e-6
    assert aggregate(torch.tensor([[[1.0]]])).item() > 0.999
