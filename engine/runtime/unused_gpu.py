"""Why the processor computes although there is a GPU, and what to do about it."""

from __future__ import annotations

import torch

from ..shared.hardware import Hardware, Maker, find_hardware, version_numbers
from ..shared.torch_builds import Choice, choose


def why_processor(device: torch.device, hardware: Hardware | None = None) -> str:
    """Return why the GPU of this machine is not used, with the next step; empty if it is used, or there is none."""
    if device.type != "cpu":
        return ""
    hardware = hardware or find_hardware()
    gpu = hardware.gpu
    if gpu is None or gpu.maker in (Maker.INTEL, Maker.APPLE):
        return ""
    best = choose(hardware)
    supports = torch.version.cuda if gpu.maker is Maker.NVIDIA else torch.version.hip
    if supports and best.advice:
        return _sentence(best)
    if not supports and best.build.key not in ("cpu", "standard"):
        kind = "CUDA" if gpu.maker is Maker.NVIDIA else "ROCm"
        return (
            f"{gpu.name} is not used, as PyTorch {torch.__version__} is built without {kind}: click Install Engine "
            f"and choose {best.build.label}"
        )
    if supports and _is_too_new(torch.version.cuda, best):
        return (
            f"{gpu.name} is not used: PyTorch with CUDA {torch.version.cuda} needs a newer driver than {gpu.driver}. "
            f"Update it, or click Install Engine and choose {best.build.label}"
        )
    if supports:
        return f"PyTorch {torch.__version__} cannot use {gpu.name}: its driver may be broken, or need a restart"
    return _sentence(best)


def _is_too_new(cuda: str | None, best: Choice) -> bool:
    """Return whether PyTorch has a newer CUDA than the build that suits this machine."""
    own = version_numbers(best.build.key)  # cu126: 126
    major, minor = (*version_numbers(cuda or ""), 0, 0)[:2]
    return bool(own) and best.build.key.startswith("cu") and 10 * major + minor > own[0]


def _sentence(choice: Choice) -> str:
    return f"{choice.reason}. {choice.advice}" if choice.advice else choice.reason
