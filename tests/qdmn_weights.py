"""QDMN's weights for tests: pseudo-weights with the tensor names that its authors publish."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from engine.methods.registry import find_recipe
from engine.networks.qdmn import Qdmn
from tests.pseudo_weights import pseudo_weights, save_pseudo_checkpoint

GOLDEN = Path(__file__).parent / "parity" / "qdmn"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text(encoding="utf-8"))
SEED = 114


def save_checkpoint(path: Path) -> Path:
    """Write the checkpoint with which the golden numbers were made, and return `path`."""
    spec = MANIFEST["weights"]
    sums = {name: check["sum"] for name, check in spec["check"].items()}
    return save_pseudo_checkpoint(path, spec["shapes"], seed=SEED, gains=spec["gain"], sums=sums, tolerance=1e-3)


def published_tensors(*, only: str = "") -> dict[str, Tensor]:
    """Return the published tensors as zeros of the right shapes; those whose name begins with `only` as in the file."""
    shapes = {
        name: tuple(shape[0]) if shape and isinstance(shape[0], list) else tuple(shape)
        for name, shape in MANIFEST["weights"]["shapes"].items()
    }
    chosen = {name: shape for name, shape in shapes.items() if only and name.startswith(only)}
    zeros = {name: torch.zeros(shape) for name, shape in shapes.items()}
    return {**zeros, **pseudo_weights(chosen, seed=SEED, gains=MANIFEST["weights"]["gain"])}


def load(path: Path, recipe: str = "qdmn", **settings: str) -> Qdmn:
    """Return the network of a recipe with the weights at `path`."""
    method = find_recipe(recipe)
    return method.network(method.numbers(settings), weights=path, device=torch.device("cpu"))
