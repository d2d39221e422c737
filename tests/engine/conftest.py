"""Fixtures of the engine's tests: the bundled network, a local web server, and a limit for files."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from engine.methods.registry import find_recipe
from engine.networks.keymatte import Keymatte
from tests.engine.server import Server


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """Yield a server that offers 300 000 random bytes."""
    monkeypatch.setenv("no_proxy", "*")
    running = Server(np.random.default_rng(7).bytes(300_000))
    yield running
    running.close()


@pytest.fixture
def file_limit() -> Iterator[Callable[[int | None], None]]:
    """Return a function that limits the size of files in bytes, as a full disk does; None: no limit."""
    resource = pytest.importorskip("resource", reason="Windows has no limit for the size of files")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def limit(size: int | None) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

    yield limit
    limit(None)


@pytest.fixture(scope="module")
def network() -> Keymatte:
    """Return Keymatte with its bundled weights, shared by all tests of a module, which leave it unchanged."""
    recipe = find_recipe("keymatte")
    return recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu"))
