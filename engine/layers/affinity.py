"""Memory attention as pure functions: similarity, top-k softmax, readout.

Letters: CK, CV channels of keys and values; N memory tokens; Q query tokens; O objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK = 8  # tokens per block of the blockwise top-k


def expanded(key: Tensor, shrinkage: Tensor) -> Tensor:
    """Expand memory keys for the matrix product in `similarity`: (CK, N), (1, N) -> (2 CK + 1, N)."""
    return torch.cat([key.square(), key, torch.ones_like(shrinkage)]) * (shrinkage / key.shape[0] ** 0.5)


def similarity(
    key: Tensor,
    shrinkage: Tensor,
    query: Tensor,
    selection: Tensor,
    *,
    memory: Tensor | None = None,
) -> Tensor:
    """Anisotropic L2 similarity (XMem, ECCV 2022, eq. 2): memory (CK, N), (1, N); query (CK, Q), (CK, Q) -> (Q, N).

    S = -s_n * sum_c e_cq (a_cn - b_cq)^2 / sqrt(CK), expanded into one matrix product; a product of half the length if
    all places share one selection, (CK, 1). `memory` is the cached result of `expanded(key, shrinkage)`, if available.
    """
    with torch.autocast(key.device.type, enabled=False):  # differences of large numbers: float32 only
        memory = expanded(key, shrinkage) if memory is None else memory
        constant = (selection * query.square()).sum(0, keepdim=True)  # (1, Q)
        asked = [2 * query * selection, -constant]
        if selection.shape[1] < query.shape[1]:
            squares, others = memory[: len(key)], memory[len(key) :]
            memory = torch.cat([others, selection.T @ squares])
            asked = [*asked, constant.new_full(constant.shape, -1)]
        else:
            asked = [-selection, *asked]
        return torch.cat(asked).T @ memory


def as_rows(value: Tensor) -> Tensor:
    """Transpose values (O, CV, N) -> (N, O CV): one contiguous row per token, for fast gathering."""
    return value.flatten(0, 1).T.contiguous()


@dataclass(frozen=True)
class Chosen:
    """Top-k tokens of each query and their softmax weights: both (Q, K), best first."""

    index: Tensor
    weight: Tensor
    nearest: Tensor  # (Q,) score of the best token

    def read(self, value: Tensor, rows: Tensor | None = None) -> Tensor:
        """Sum weighted values (O, CV, N) -> (O, CV, Q); `rows` is the cached `as_rows(value)`, if available."""
        objects, channels, _ = value.shape
        rows = as_rows(value) if rows is None else rows
        read = functional.embedding_bag(self.index, rows, per_sample_weights=self.weight, mode="sum")  # (Q, O CV)
        return read.T.reshape(objects, channels, -1)


def read_top_k(scores: Tensor, *, top_k: int) -> Chosen:
    """Apply softmax to the `top_k` best tokens of each query; scores (Q, N)."""
    if scores.device.type == "cpu" and scores.shape[1] >= _BLOCK * 2 * top_k and not scores.requires_grad:
        best, index = _best_of_blocks(scores, top_k)
    else:
        best, index = scores.topk(min(top_k, scores.shape[1]), dim=1)
    return Chosen(index, best.softmax(1), best[:, 0])


def _best_of_blocks(scores: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Compute `topk` faster on a CPU: the top k tokens lie in the k blocks of highest maximum."""
    length = scores.shape[1] // _BLOCK
    blocks = scores[:, : length * _BLOCK].unflatten(1, (_BLOCK, length))  # tokens of a block are `length` apart
    chosen = blocks.amax(1).topk(top_k, dim=1, sorted=False).indices  # (Q, K)
    places = torch.arange(_BLOCK, device=scores.device)[:, None] * length
    index = (chosen[:, None] + places).flatten(1)
    rest = torch.arange(length * _BLOCK, scores.shape[1], device=scores.device)
    index = torch.cat([index, rest.expand(len(scores), -1)], 1)
    best, which = scores.gather(1, index).topk(top_k, dim=1)
    return best, index.gather(1, which)


def received(chosen: Chosen, count: int) -> Tensor:
    """Sum the attention that each of `count` tokens received from all queries: (N,)."""
    mass = chosen.weight.new_zeros(count)
    return mass.index_add_(0, chosen.index.flatten(), chosen.weight.flatten())


def top_k_readout(scores: Tensor, value: Tensor, *, top_k: int) -> Tensor:
    """Read values with top-k softmax weights: scores (Q, N), value (O, CV, N) -> (O, CV, Q)."""
    return read_top_k(scores, top_k=top_k).read(value)


def squared_distances(grid: tuple[int, int], *, like: Tensor) -> Tensor:
    """Compute squared distances, in cells, between all pairs of cells of an (h, w) grid: (h w, h w)."""
    rows = torch.arange(grid[0], device=like.device, dtype=like.dtype)
    columns = torch.arange(grid[1], device=like.device, dtype=like.dtype)
    vertical = (rows[:, None] - rows).square()  # (h, h)
    horizontal = (columns[:, None] - columns).square()  # (w, w)
    pairs = vertical[:, None, :, None] + horizontal[None, :, None, :]  # (h, w, h, w)
    return pairs.reshape(grid[0] * grid[1], -1)
