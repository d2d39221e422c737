"""Picks the device to compute on, and turns its lack of memory into an error a user can act on."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from ..shared.errors import BadSetting, DeviceMissing, OutOfMemory
from ..shared.types import PRECISIONS

NAMES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str) -> torch.device:
    """The device called `name`; 'auto' takes the fastest there is. Raises DeviceMissing."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if there["cuda"] else "mps" if there["mps"] else "cpu")
    if name not in there:
        raise DeviceMissing(f"no device is called {name!r}; there are {', '.join(NAMES)}")
    if not there[name]:
        raise DeviceMissing(f"this computer has no {name} device that PyTorch {torch.__version__} can use")
    return torch.device(name)


def pick_precision(name: str, device: torch.device, *, whole: bool = False) -> torch.dtype:
    """The type that convolutions compute in; 'auto' takes the one by which the device gains.

    `whole`: whether the network can be computed in whole numbers of 8 bits, which is for processors. Raises BadSetting.
    A processor gains nothing by 'half': there it means bfloat16, and is for comparing.
    """
    if name not in PRECISIONS:
        raise BadSetting(f"no precision is called {name!r}; there are {', '.join(PRECISIONS)}")
    whole = whole and device.type == "cpu"
    if name == "int8" and not whole:
        raise BadSetting(
            "only Keymatte's own network can be computed in int8, and only on a processor whose PyTorch has oneDNN",
            remedy="Choose the precision 'auto'.",
        )
    if whole and name in ("auto", "int8"):
        return torch.int8
    if name == "float32" or (name == "auto" and device.type != "cuda"):
        return torch.float32
    return torch.bfloat16 if device.type == "cpu" else torch.float16


def describe(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"{torch.cuda.get_device_name(device)}, {memory:.0f} GB"
    if device.type == "mps":
        return "Apple GPU (Metal)"
    return f"CPU, {torch.get_num_threads()} threads"


@contextmanager
def memory_errors() -> Iterator[None]:
    """Inside, a device or computer that is out of memory raises OutOfMemory."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory("the device has not enough memory for this clip") from error
    except RuntimeError as error:
        if "out of memory" in str(error):  # such as memory that a GPU writes to
            raise OutOfMemory("the device has not enough memory for this clip") from error
        if "alloc" in str(error) and "memory" in str(error):  # the CPU allocator raises no class of its own
            raise OutOfMemory("the computer has not enough memory for this clip") from error
        raise


def memory_now(device: torch.device) -> int:
    """Bytes held now: of the GPU's memory on one, else of main memory; 0 where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    with suppress(OSError):
        told = re.search(r"^VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
        if told:
            return int(told[1]) * 1024
    return 0


def peak_memory() -> int:
    """The most bytes of main memory this process has held; 0 on Windows, which has no `resource` module."""
    with suppress(OSError):  # Linux; there `resource` would count the program that started us, such as Blender
        told = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
        if told:
            return int(told[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def use_threads(count: int) -> None:
    """Compute on the processor with `count` threads. Raises BadSetting if that is none."""
    if count < 1:
        raise BadSetting(f"{count} threads are too few: at least 1 is needed")
    torch.set_num_threads(count)
