"""Frames encoded in batches, as on a GPU, give the same features as frames encoded one by one."""

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
    """Keymatte that records the sizes of its batches in `given`."""

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
def batched(monkeypatch) -> None:
    """Make the engine encode frames in batches, as on a GPU."""
    monkeypatch.setattr(encoding, "can_encode_ahead", lambda network, device: False)
    monkeypatch.setattr(encoding, "can_encode_batches", lambda network, device: True)


def pictures(count: int) -> np.ndarray:
    return films.moving_disc(count, height=HEIGHT, width=WIDTH).frames


def encoder(network: Keymatte, read: Callable[[int], np.ndarray | None]) -> FrameEncoder:
    framing = Framing.fit(HEIGHT, WIDTH, working_height=480, stride=network.stride)
    return FrameEncoder(network, framing, read, torch.device("cpu"))


def test_batched_encoding_equals_single_frames(network, batched, monkeypatch):
    shown = pictures(20)
    frame_encoder = encoder(network, lambda frame: None if frame == 6 else shown[frame])
    backwards = range(19, -1, -1)
    with frame_encoder.encode_all(backwards) as seen:
        batches = list(seen)
    assert network.given == [8, 8, 3]
    monkeypatch.setattr(encoding, "can_encode_batches", lambda network, device: False)
    with frame_encoder.encode_all(backwards) as seen:
        singles = list(seen)
    assert [frame for frame, _ in batches] == [frame for frame in backwards if frame != 6]
    assert batches[0][1].flow_from_previous is None
    for (frame, batch_view), (single_frame, single_view) in zip(batches, singles, strict=True):
        assert frame == single_frame
        assert torch.allclose(batch_view.query["key"], single_view.query["key"], atol=1e-4)
        assert torch.equal(batch_view.luma, single_view.luma)
        flow, single_flow = batch_view.flow_from_previous, single_view.flow_from_previous
        assert flow is None or torch.equal(flow.flow, single_flow.flow)
    for (_, before), (_, after) in zip(batches, batches[1:]):
        assert after.flow_from_previous.luma is before.luma  # the state of a frame recognizes its luma by identity


def test_larger_frames_are_encoded_in_smaller_batches(network, batched, monkeypatch):
    monkeypatch.setattr(encoding, "_MAX_BATCH_PIXELS", 3 * HEIGHT * WIDTH)
    shown = pictures(7)
    with encoder(network, lambda frame: shown[frame]).encode_all(range(7)) as seen:
        assert len(list(seen)) == 7
    assert network.given == [3, 3, 1]


def test_one_frame_is_encoded_however_large_it_is(network, batched, monkeypatch):
    monkeypatch.setattr(encoding, "_MAX_BATCH_PIXELS", 1)
    shown = pictures(2)
    with encoder(network, lambda frame: shown[frame]).encode_all(range(2)) as seen:
        assert len(list(seen)) == 2


def test_error_is_raised_after_all_earlier_frames(network, batched):
    shown = pictures(20)

    def read(frame: int) -> np.ndarray:
        if frame == 10:
            raise MemoryError("no more")
        return shown[frame]

    frames = []
    with pytest.raises(MemoryError, match="no more"), encoder(network, read).encode_all(range(20)) as seen:
        for frame, _ in seen:
            frames.append(frame)
    assert frames == list(range(10))


def test_closing_early_leaves_no_threads(network, batched):
    shown, before = pictures(20), threading.active_count()

    def first(encoder: FrameEncoder) -> Iterator[int]:
        with encoder.encode_all(range(20)) as seen:
            for frame, _ in seen:
                yield frame

    frames = first(encoder(network, lambda frame: shown[frame]))
    assert next(frames) == 0
    assert threading.active_count() > before
    frames.close()
    assert threading.active_count() == before
