"""Frames as a network sees them: several at once, as on a GPU, must be what they are one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from engine.inference import encoding
from engine.inference.encoding import FrameEncoder
from engine.inference.framing import Framing
from engine.methods.registry import find_recipe
from engine.networks.keymatte import Keymatte
from tests import films

HEIGHT, WIDTH = 96, 128


class Counting(Keymatte):
    """Notes how many frames it is given at once."""

    def encode_batch(self, images: torch.Tensor) -> list:
        self.given = [*getattr(self, "given", []), len(images)]
        return super().encode_batch(images)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    recipe = find_recipe("keymatte")
    return recipe.network(recipe.numbers({}), weights=None, device=torch.device("cpu")).state_dict()


@pytest.fixture
def network(weights) -> Counting:
    network = Counting()
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


@pytest.fixture
def together(monkeypatch) -> None:
    """As on a GPU."""
    monkeypatch.setattr(encoding, "can_encode_ahead", lambda network, device: False)
    monkeypatch.setattr(encoding, "can_encode_batches", lambda network, device: True)


def pictures(count: int) -> np.ndarray:
    return films.moving_disc(count, height=HEIGHT, width=WIDTH).frames


def encoder(network: Keymatte, read: Callable[[int], np.ndarray | None]) -> FrameEncoder:
    framing = Framing.fit(HEIGHT, WIDTH, working_height=480, stride=network.stride)
    return FrameEncoder(network, framing, read, torch.device("cpu"))


def test_frames_encoded_together_are_what_they_are_one_by_one(network, together, monkeypatch):
    shown = pictures(20)
    one_at_a_time = encoder(network, lambda frame: None if frame == 6 else shown[frame])
    backwards = range(19, -1, -1)
    with one_at_a_time.each(backwards) as seen:
        batches = list(seen)
    assert network.given == [8, 8, 3]
    monkeypatch.setattr(encoding, "can_encode_batches", lambda network, device: False)
    with one_at_a_time.each(backwards) as seen:
        singles = list(seen)
    assert [frame for frame, _ in batches] == [frame for frame in backwards if frame != 6]
    assert batches[0][1].flow_from_previous is None
    for (frame, one), (same, other) in zip(batches, singles, strict=True):
        assert frame == same
        assert torch.allclose(one.query["key"], other.query["key"], atol=1e-4)
        assert torch.equal(one.luma, other.luma)
        assert one.flow_from_previous is None or torch.equal(one.flow_from_previous.flow, other.flow_from_previous.flow)
    for (_, before), (_, one) in zip(batches, batches[1:]):
        assert one.flow_from_previous.luma is before.luma  # so that a state of that frame knows it for its own


def test_larger_frames_are_encoded_with_fewer_others(network, together, monkeypatch):
    monkeypatch.setattr(encoding, "_PIXELS", 3 * HEIGHT * WIDTH)
    shown = pictures(7)
    with encoder(network, lambda frame: shown[frame]).each(range(7)) as seen:
        assert len(list(seen)) == 7
    assert network.given == [3, 3, 1]


def test_one_frame_is_encoded_however_large_it_is(network, together, monkeypatch):
    monkeypatch.setattr(encoding, "_PIXELS", 1)
    shown = pictures(2)
    with encoder(network, lambda frame: shown[frame]).each(range(2)) as seen:
        assert len(list(seen)) == 2


def test_what_goes_wrong_is_raised_after_all_frames_before(network, together):
    shown = pictures(20)

    def read(frame: int) -> np.ndarray:
        if frame == 10:
            raise MemoryError("no more")
        return shown[frame]

    came = []
    with pytest.raises(MemoryError, match="no more"), encoder(network, read).each(range(20)) as seen:
        for frame, _ in seen:
            came.append(frame)
    assert came == list(range(10))


def test_left_early_it_leaves_no_threads(network, together):
    shown, before = pictures(20), threading.active_count()

    def first(encoder: FrameEncoder) -> Iterator[int]:
        with encoder.each(range(20)) as seen:
            for frame, _ in seen:
                yield frame

    frames = first(encoder(network, lambda frame: shown[frame]))
    assert next(frames) == 0
    assert threading.active_count() > before
    frames.close()
    assert threading.active_count() == before
