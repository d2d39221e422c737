"""Published weights for tests: the bundled network's weights as a PyTorch file with a catalogue entry."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from engine.checkpoints.loading import BUNDLED
from engine.shared.catalogue import PublishedWeights

NAME = "Ours"


def row(address: str = "", *, sha256: str = "") -> PublishedWeights:
    """Return a catalogue entry for the weights file that `published` writes, with `address` as its download URL."""
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
    """Write the bundled weights as authors publish theirs, and return `path`.

    The file has PyTorch's older format, is nested, and its names begin with "module.". `change` may modify the tensors.
    """
    tensors = load_file(BUNDLED / "keymatte.safetensors")
    change(tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {"network": {f"module.{name}": tensor for name, tensor in tensors.items()}, "it": 110_000}
    torch.save(held, path, _use_new_zipfile_serialization=False)
    return path


def child_program(address: str) -> str:
    """Return a Python program that runs the engine's command line with the entry `row(address)` in its catalogue."""
    return (
        "import sys\n"
        "from engine.shared import catalogue\n"
        "from tests.engine.weights import row\n"
        f"catalogue.CATALOGUE += (row({address!r}),)\n"
        "from engine.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
