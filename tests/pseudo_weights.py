"""Pseudo-weights: numbers made from the official tensor names alone, the same on every computer."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def pseudo_weights(
    shapes: Mapping[str, tuple[int, ...]], *, seed: int, gains: Mapping[str, float]
) -> dict[str, Tensor]:
    """A state dict with these names and shapes; `gains` scale matrices by the longest prefix that fits."""
    return {name: _tensor(name, tuple(shape), seed, gains) for name, shape in shapes.items()}


def _tensor(name: str, shape: tuple[int, ...], seed: int, gains: Mapping[str, float]) -> Tensor:
    rng = np.random.default_rng(seed=[seed, zlib.crc32(name.encode())])
    leaf = name.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    if leaf == "running_mean":
        drawn = 0.1 * rng.standard_normal(shape)
    elif leaf == "running_var":
        drawn = rng.uniform(0.5, 1.5, shape)
    elif leaf.endswith("bias"):
        drawn = 0.02 * rng.standard_normal(shape)
    elif leaf.endswith("weight") and len(shape) > 1:
        gain = gains[max((prefix for prefix in gains if name.startswith(prefix)), key=len)]
        drawn = gain * np.sqrt(1 / np.prod(shape[1:])) * rng.standard_normal(shape)
    elif leaf.endswith("weight"):
        drawn = 1 + 0.1 * rng.standard_normal(shape)
    else:
        drawn = 0.1 * rng.standard_normal(shape)
    return torch.from_numpy(np.asarray(drawn)).float()
