"""A row of published weights for tests: our own network's, as if somebody had published them as a PyTorch file."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from engine.checkpoints.loading import BUNDLED
from engine.shared.catalogue import PublishedWeights

NAME = "Ours"


def row(address: str = "", *, sha256: str = "") -> PublishedWeights:
    """What the catalogue would say of them."""
    return PublishedWeights(
        name=NAME,
        recipes=("keymatte",),
        method="Keymatte, as a test publishes it",
        file_name="Ours.pth",
        licence="GPL-3.0-or-later",
        size=(BUNDLED / "keymatte.safetensors").stat().st_size,
        page="https://example.org/ours",
        address=address,
        sha256=sha256,
        note="For tests",
    )


def published(path: Path, change=lambda tensors: None) -> Path:
    """The file as their authors would have saved it: in the older format, wrapped, from several GPUs."""
    tensors = load_file(BUNDLED / "keymatte.safetensors")
    change(tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {"network": {f"module.{name}": tensor for name, tensor in tensors.items()}, "it": 110_000}
    torch.save(held, path, _use_new_zipfile_serialization=False)
    return path


def child_program(address: str) -> str:
    """Python that runs the engine's command line with this row in its catalogue."""
    return (
        "import sys\n"
        "from engine.shared import catalogue\n"
        "from tests.engine.weights import row\n"
        f"catalogue.CATALOGUE += (row({address!r}),)\n"
        "from engine.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
