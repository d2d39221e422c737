"""A network computed in less than float32 finds the same, nearly."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.inference import encoding
from engine.inference.framing import Framing
from engine.inference.mask_merging import SoftMaskMerger
from engine.inference.propagate import Matte, Propagator
from engine.inference.sweeps import group_by_keyframes, plan_sweeps
from engine.memory.bank import MemoryBank
from engine.memory.folded import Folded
from engine.memory.stores import Permanent
from engine.networks.network import Network
from engine.networks.precision import autocast
from engine.shared.types import Direction

CHAIR = Path(__file__).parents[2] / "clips" / "chair"
CPU = torch.device("cpu")
HEIGHT, WIDTH = 216, 384
FRAMES = 12


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    files = sorted((CHAIR / "frames").iterdir())[:FRAMES]
    return [np.array(Image.open(file).convert("RGB").resize((WIDTH, HEIGHT))) for file in files]


def mattes(network: Network, frames: list[np.ndarray], device: torch.device = CPU) -> Iterator[Matte]:
    first = Image.open(sorted((CHAIR / "masks").iterdir())[0]).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    groups = group_by_keyframes([(0, [1])], max_objects=None)
    framing = Framing.fit(HEIGHT, WIDTH, working_height=480, stride=network.stride)
    walk = Propagator(
        network,
        lambda: MemoryBank([Permanent(), Folded(network.modulate)], interval=5),
        framing=framing,
        merger=SoftMaskMerger(framing),
        read=lambda frame: frames[frame],
        truth={0: np.uint8(np.asarray(first) > 0)},
        groups=groups,
        device=device,
    )
    return walk.propagate(plan_sweeps(groups, range(len(frames)), Direction.FORWARD))


def same(found: Matte, truth: Matte) -> bool:
    mine, other = found.alpha[0] > 0.5, truth.alpha[0] > 0.5
    return (mine & other).sum() / (mine | other).sum() > 0.95


def test_as_on_a_gpu_in_half_precision_and_eight_frames_at_once_it_finds_the_same(network, frames, monkeypatch):
    see = network.encode_batch
    plain = list(mattes(network, frames))
    together = []
    monkeypatch.setattr(network, "encode_batch", lambda images: together.append(len(images)) or see(images))
    monkeypatch.setattr(encoding, "can_encode_ahead", lambda network, device: False)
    monkeypatch.setattr(encoding, "can_encode_batches", lambda network, device: hasattr(network, "encode_batch"))
    half = list(mattes(autocast(network, CPU, torch.bfloat16), frames))
    assert together == [1, 1, 8, 4]  # the keyframe as it is, enlarged, and all frames
    assert all(map(same, half, plain))
    assert {one.alpha.dtype for one in half} == {np.dtype(np.float32)}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here that PyTorch can use")
@pytest.mark.parametrize("half", [False, True])
def test_on_a_gpu_it_finds_the_same(network, frames, half: bool):
    device, plain = torch.device("cuda"), list(mattes(network, frames))
    other = copy.deepcopy(network).to(device)
    found = list(mattes(autocast(other, device, torch.float16) if half else other, frames, device))
    assert len(found) == len(plain)
    assert all(map(same, found, plain))


def test_what_a_network_has_beside_the_verbs_is_computed_in_half_too(network):
    half, image = autocast(network, CPU, torch.bfloat16), torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        (seen,) = half.encode_batch(image)
        assert seen.pyramid[4].dtype == torch.bfloat16
        assert seen.query["key"].dtype == torch.float32
        given = []
        handle = network.values.join.register_forward_hook(lambda module, inputs, output: given.append(output.dtype))
        half.memorize_permanent(0, seen, torch.ones(1, 64, 96), among=1)
        handle.remove()
    assert given == [torch.bfloat16] * 2  # as it is, and enlarged


def test_a_network_that_encodes_frames_one_by_one_still_does():
    class Plain:
        stride, max_objects = 16, None

    assert not hasattr(autocast(Plain(), CPU, torch.bfloat16), "encode_batch")
