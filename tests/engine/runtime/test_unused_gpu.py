"""Why the processor computes although there is a GPU: told for each way in which PyTorch and a machine do not fit."""

from __future__ import annotations

import pytest
import torch

from engine.runtime.unused_gpu import why_processor
from engine.shared.hardware import Gpu, Hardware, Maker

CPU = torch.device("cpu")


def machine(maker: Maker, driver: str = "", chip: str = "") -> Hardware:
    return Hardware("linux", "x86_64", Gpu(maker, f"{maker} card", driver, chip))


@pytest.mark.parametrize(
    ("cuda", "hip", "hardware", "words"),
    [
        (
            None,
            None,
            machine(Maker.NVIDIA, "580.1", "8.6"),
            "without CUDA: click Install Engine and choose NVIDIA",
        ),
        (None, None, machine(Maker.AMD, chip="gfx1100"), "without ROCm: click Install Engine and choose AMD"),
        ("13.0", None, machine(Maker.NVIDIA, "551.86", "8.6"), "CUDA 13.0 needs a newer driver than 551.86"),
        ("12.6", None, machine(Maker.NVIDIA, "470.1", "8.6"), "Update NVIDIA's driver to 525.60.13 or newer"),
        ("12.6", None, machine(Maker.NVIDIA, "551.86", "8.6"), "may be broken, or need a restart"),
        (None, None, machine(Maker.NVIDIA, "551.86", "3.5"), "is too old for PyTorch"),
        (None, None, machine(Maker.NVIDIA), "Install NVIDIA's own driver"),
    ],
)
def test_a_gpu_that_is_not_used_is_explained(monkeypatch, cuda, hip, hardware, words):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    assert words in why_processor(CPU, hardware)


@pytest.mark.parametrize("hardware", [Hardware("linux", "x86_64"), machine(Maker.INTEL)])
def test_nothing_is_said_without_a_gpu_that_pytorch_knows(hardware):
    assert why_processor(CPU, hardware) == ""


def test_nothing_is_said_where_a_gpu_computes():
    assert why_processor(torch.device("cuda"), machine(Maker.NVIDIA, "580.1", "8.6")) == ""
