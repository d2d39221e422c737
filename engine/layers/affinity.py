"""Memory attention as pure functions: similarity of keys, top-k softmax, and reading of values.

Letters: CK, CV channels of keys and values; N memory tokens; Q query tokens; K selected tokens; O objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK = 8  # tokens per block of the blockwise top-k


def expand_keys(key: Tensor, shrinkage: Tensor) -> Tensor:
    """Expand memory keys (CK, N) and shrinkage (1, N) to the matrix (2 CK + 1, N) that `similarity` multiplies."""
    return torch.cat([key.square(), key, torch.ones_like(shrinkage)]) * (shrinkage / key.shape[0] ** 0.5)


def similarity(
    key: Tensor,
    shrinkage: Tensor,
    query: Tensor,
    selection: Tensor,
    *,
    memory: Tensor | None = None,
) -> Tensor:
    """Compute XMem's anisotropic L2 similarity (Q, N) of queries (CK, Q) to memory keys (CK, N) (ECCV 2022, eq. 2).

    S = -s_n * sum_c e_cq (a_cn - b_cq)^2 / sqrt(CK), with memory keys a, queries b, shrinkage s (1, N) of the memory
    and selection e (CK, Q) of the queries. It is computed as one matrix product, of half the length if all queries
    share one selection (CK, 1). `memory` is the cached result of `expand_keys(key, shrinkage)`, if there is one.
    """
    with torch.autocast(key.device.type, enabled=False):  # differences of large numbers: float32 only
        memory = expand_keys(key, shrinkage) if memory is None else memory
        constant = (selection * query.square()).sum(0, keepdim=True)  # (1, Q)
        expanded_query = [2 * query * selection, -constant]
        if selection.shape[1] < query.shape[1]:
            squares, linear = memory[: len(key)], memory[len(key) :]
            memory = torch.cat([linear, selection.T @ squares])
            expanded_query = [*expanded_query, constant.new_full(constant.shape, -1)]
        else:
            expanded_query = [-selection, *expanded_query]
        return torch.cat(expanded_query).T @ memory


def dot_similarity(key: Tensor, query: Tensor) -> Tensor:
    """Compute the scaled dot products (Q, N) of queries (CK, Q) with memory keys (CK, N), as STM does (ICCV 2019)."""
    with torch.autocast(key.device.type, enabled=False):  # scores reach hundreds, where half precision is coarse
        return (query.T / key.shape[0] ** 0.5) @ key


def gaussian_kernels(scores: Tensor, grid: tuple[int, int], *, sigma: float) -> Tensor:
    """Return the logarithm (Q, N) of a Gaussian around the query cell most similar to each memory token.

    Added to scores (Q, N) of a query of `grid` cells, it multiplies attention by the kernels of KMN (Seong et al., ECCV
    2020). `sigma` is the standard deviation in cells.
    """
    return -squared_distances(grid, like=scores)[:, scores.argmax(0)] / (2 * sigma**2)


def values_as_rows(value: Tensor) -> Tensor:
    """Transpose values (O, CV, N) to one contiguous row per token (N, O CV), from which `TopK.read` gathers faster."""
    return value.flatten(0, 1).T.contiguous()


@dataclass(frozen=True)
class TopK:
    """The K memory tokens that are most similar to each query, best first, with their weights."""

    index: Tensor  # (Q, K)
    weight: Tensor  # (Q, K) softmax over the K tokens
    best_score: Tensor  # (Q,)

    def read(self, value: Tensor, rows: Tensor | None = None) -> Tensor:
        """Read values (O, CV, N) of the memory: return their weighted sum for each query, (O, CV, Q).

        `rows` is the cached result of `values_as_rows(value)`, if there is one.
        """
        objects, channels, _ = value.shape
        rows = values_as_rows(value) if rows is None else rows
        readout = functional.embedding_bag(self.index, rows, per_sample_weights=self.weight, mode="sum")  # (Q, O CV)
        return readout.T.reshape(objects, channels, -1)


def select_top_k(scores: Tensor, *, top_k: int) -> TopK:
    """Select the `top_k` tokens of highest score for each query from scores (Q, N), and weight them by softmax."""
    if scores.device.type == "cpu" and scores.shape[1] >= _BLOCK * 2 * top_k and not scores.requires_grad:
        best, index = _blockwise_top_k(scores, top_k)
    else:
        best, index = scores.topk(min(top_k, scores.shape[1]), dim=1)
    return TopK(index, best.softmax(1), best[:, 0])


def _blockwise_top_k(scores: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Return values and indices (Q, K) of `scores.topk(top_k, dim=1)`, computed faster on a CPU.

    Tokens are divided into blocks. The top k tokens lie in the k blocks of highest maximum, or among the last tokens,
    which do not fill a block.
    """
    length = scores.shape[1] // _BLOCK
    blocks = scores[:, : length * _BLOCK].unflatten(1, (_BLOCK, length))  # tokens of a block are `length` apart
    best_blocks = blocks.amax(1).topk(top_k, dim=1, sorted=False).indices  # (Q, K)
    offsets = torch.arange(_BLOCK, device=scores.device)[:, None] * length
    index = (best_blocks[:, None] + offsets).flatten(1)
    rest = torch.arange(length * _BLOCK, scores.shape[1], device=scores.device)
    index = torch.cat([index, rest.expand(len(scores), -1)], 1)
    best, position = scores.gather(1, index).topk(top_k, dim=1)
    return best, index.gather(1, position)


def attention_mass(selected: TopK, count: int) -> Tensor:
    """Return the sum of the attention of all queries to each of `count` memory tokens: (count,)."""
    mass = selected.weight.new_zeros(count)
    return mass.index_add_(0, selected.index.flatten(), selected.weight.flatten())


def top_k_readout(scores: Tensor, value: Tensor, *, top_k: int) -> Tensor:
    """Read values (O, CV, N) with the top-k softmax of scores (Q, N) -> (O, CV, Q)."""
    return select_top_k(scores, top_k=top_k).read(value)


def squared_distances(grid: tuple[int, int], *, like: Tensor) -> Tensor:
    """Return the squared distances, in cells, between all pairs of cells of an (h, w) grid: (h w, h w)."""
    rows = torch.arange(grid[0], device=like.device, dtype=like.dtype)
    columns = torch.arange(grid[1], device=like.device, dtype=like.dtype)
    vertical = (rows[:, None] - rows).square()  # (h, h)
    horizontal = (columns[:, None] - columns).square()  # (w, w)
    pairs = vertical[:, None, :, None] + horizontal[None, :, None, :]  # (h, w, h, w)
    return pairs.reshape(grid[0] * grid[1], -1)
