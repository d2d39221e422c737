"""A web server on this computer, for whatever is fetched."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.engine.server import Server


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """Offers 300 000 bytes of noise."""
    monkeypatch.setenv("no_proxy", "*")
    running = Server(np.random.default_rng(7).bytes(300_000))
    yield running
    running.close()
