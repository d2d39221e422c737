"""Fixtures of the tests of methods: QDMN's weights, which take a while to make."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.networks.qdmn import Qdmn
from tests.qdmn_weights import load, save_checkpoint


@pytest.fixture(scope="session")
def qdmn_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the weights with which QDMN's golden numbers were made."""
    return save_checkpoint(tmp_path_factory.mktemp("qdmn") / "QDMN.pth")


@pytest.fixture(scope="session")
def qdmn(qdmn_weights: Path) -> Qdmn:
    """Return the network with these weights; tests change copies of it."""
    return load(qdmn_weights)
