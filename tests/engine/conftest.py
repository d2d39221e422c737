"""What tests of several modules begin with: our own network, and a web server on this computer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from engine.methods.registry import find_recipe
from engine.networks.keymatte import Keymatte
from tests.engine.server import Server


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """Offers 300 000 bytes of noise."""
    monkeypatch.setenv("no_proxy", "*")
    running = Server(np.random.default_rng(7).bytes(300_000))
    yield running
    running.close()


@pytest.fixture(scope="module")
def network() -> Keymatte:
    """Keymatte with the weights that come with it, for all tests of a module, none of which changes it."""
    recipe = find_recipe("keymatte")
    return recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
