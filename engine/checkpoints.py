"""Weights files: found, read and loaded strictly; a missing, extra or misshapen tensor is named."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .errors import WeightsDamaged, WeightsMissing

BUNDLED = Path(__file__).parent / "weights"


def read(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file. Raises WeightsMissing, WeightsDamaged."""
    if not path.is_file():
        raise WeightsMissing(f"the weights file {path} is not there")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsDamaged(f"{path} is not a whole safetensors file ({error})") from error


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself: provenance, licence, score."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsDamaged(f"{path} is not a whole safetensors file ({error})") from error


def load(network: nn.Module, path: Path) -> None:
    """Fill `network` from `path`: every tensor of its, each of the right shape, finite, and none more."""
    tensors, expected = read(path), network.state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        which = f"lacks {missing[0]!r}" if missing else f"has a foreign tensor {extra[0]!r}"
        raise WeightsDamaged(
            f"{path} is no file of this network: it {which} ({len(missing)} missing, {len(extra)} too many)",
            remedy="Choose weights made for this recipe.",
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise WeightsDamaged(
                f"{path}: {name!r} is {tuple(tensor.shape)}, this network needs {tuple(expected[name].shape)}",
                remedy="Choose weights made for this recipe.",
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise WeightsDamaged(f"{path}: {name!r} holds values that are not numbers")
    network.load_state_dict({name: tensor.to(expected[name].dtype) for name, tensor in tensors.items()})
