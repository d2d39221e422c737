"""Identity of the program: other versions of it may compute other mattes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import torch


@lru_cache(maxsize=1)
def hash_program() -> str:
    """Return a hash of the engine's source files and of PyTorch's version."""
    digest = hashlib.sha256(torch.__version__.encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
