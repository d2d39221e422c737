"""Random weights seeded by the official tensor names, the same on every computer."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


def pseudo_weights(
    shapes: Mapping[str, tuple[int, ...]], *, seed: int, gains: Mapping[str, float]
) -> dict[str, Tensor]:
    """Return a state dict of random tensors with the given names and shapes.

    A weight of two or more dimensions is scaled by the gain whose key is the longest prefix of its name.
    """
    return {name: _tensor(name, tuple(shape), seed, gains) for name, shape in shapes.items()}


def save_pseudo_checkpoint(
    path: Path,
    shapes: Mapping[str, Sequence[Any]],
    *,
    seed: int,
    gains: Mapping[str, float],
    sums: Mapping[str, float],
    tolerance: float,
    wrapped: bool = False,
) -> Path:
    """Write pseudo-weights as the authors save their checkpoints, and return `path`.

    `sums` maps names of tensors to the sums that they must have, within `tolerance`. Integer tensors are zero; their
    items in `shapes` are pairs (shape, type). If `wrapped`, the state dict is an entry of the checkpoint, and its names
    begin with "module.", as after distributed training.
    """
    integers = {name for name, shape in shapes.items() if len(shape) == 2 and isinstance(shape[0], list)}
    floats = {name: tuple(shape) for name, shape in shapes.items() if name not in integers}
    state = pseudo_weights(floats, seed=seed, gains=gains)
    for name, expected in sums.items():
        assert abs(float(state[name].double().sum()) - expected) <= tolerance, name
    state.update({name: torch.zeros(shapes[name][0], dtype=torch.int64) for name in shapes if name in integers})
    content = {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}} if wrapped else state
    torch.save(content, path)
    return path


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
