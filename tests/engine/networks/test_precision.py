"""Networks in half precision find nearly the same masks."""

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
from engine.inference.mattes import Matte
from engine.inference.propagate import Propagator
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
    propagator = Propagator(
        network,
        lambda: MemoryBank([Permanent(), Folded(network.modulate)], interval=5),
        framing=framing,
        merger=SoftMaskMerger(framing),
        read=lambda frame: frames[frame],
        truth={0: np.uint8(np.asarray(first) > 0)},
        groups=groups,
        device=device,
    )
    return propagator.propagate(plan_sweeps(groups, range(len(frames)), Direction.FORWARD))


def alike(matte_a: Matte, matte_b: Matte) -> bool:
    mask_a, mask_b = matte_a.alpha[0] > 0.5, matte_b.alpha[0] > 0.5
    return (mask_a & mask_b).sum() / (mask_a | mask_b).sum() > 0.95


def test_half_precision_and_batches_as_on_a_gpu_find_nearly_the_same(network, frames, monkeypatch):
    encode_batch = network.encode_batch
    plain = list(mattes(network, frames))
    sizes = []
    monkeypatch.setattr(network, "encode_batch", lambda images: sizes.append(len(images)) or encode_batch(images))
    monkeypatch.setattr(encoding, "can_encode_ahead", lambda network, device: False)
    monkeypatch.setattr(encoding, "can_encode_batches", lambda network, device: hasattr(network, "encode_batch"))
    half = list(mattes(autocast(network, CPU, torch.bfloat16), frames))
    assert sizes == [1, 1, 8, 4]  # the keyframe, its enlarged copy, and all frames
    assert all(map(alike, half, plain))
    assert {matte.alpha.dtype for matte in half} == {np.dtype(np.float32)}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU")
@pytest.mark.parametrize("half", [False, True])
def test_a_gpu_finds_nearly_the_same(network, frames, half: bool):
    device, plain = torch.device("cuda"), list(mattes(network, frames))
    on_gpu = copy.deepcopy(network).to(device)
    found = list(mattes(autocast(on_gpu, device, torch.float16) if half else on_gpu, frames, device))
    assert len(found) == len(plain)
    assert all(map(alike, found, plain))


def test_capabilities_of_a_network_run_in_half_precision_too(network):
    half, image = autocast(network, CPU, torch.bfloat16), torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        (features,) = half.encode_batch(image)
        assert features.pyramid[4].dtype == torch.bfloat16
        assert features.query["key"].dtype == torch.float32
        types = []
        handle = network.values.join.register_forward_hook(lambda module, inputs, output: types.append(output.dtype))
        half.memorize_permanent(0, features, torch.ones(1, 64, 96), among=1)
        handle.remove()
    assert types == [torch.bfloat16] * 2  # the keyframe and its enlarged copy


def test_autocast_adds_no_capability_that_the_network_lacks():
    class Plain:
        stride, max_objects = 16, None

    assert not hasattr(autocast(Plain(), CPU, torch.bfloat16), "encode_batch")
