"""Device and precision selection, memory measurement, and out-of-memory errors."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from ..shared.errors import BadSetting, DeviceMissing, OutOfMemory
from ..shared.types import PRECISIONS
from .unused_gpu import why_processor

NAMES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str) -> torch.device:
    """Return the device called `name`; 'auto' selects the fastest one available. Raises DeviceMissing."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if available["cuda"] else "mps" if available["mps"] else "cpu")
    if name not in available:
        raise DeviceMissing(f"there is no device {name!r}; choose from {', '.join(NAMES)}")
    if not available[name]:
        why = why_processor(torch.device("cpu"))
        message = f"this computer has no {name} device that PyTorch {torch.__version__} can use"
        raise DeviceMissing(f"{message}: {why}" if why else message)
    return torch.device(name)


def pick_precision(name: str, device: torch.device, *, supports_int8: bool = False) -> torch.dtype:
    """Return the dtype for convolutions; 'auto' selects the fastest one on the device. Raises BadSetting.

    `supports_int8` says whether the network can compute in 8-bit integers, which are used on CPUs only. On a CPU,
    'half' means bfloat16; it is not faster there, and serves comparisons.
    """
    if name not in PRECISIONS:
        raise BadSetting(f"there is no precision {name!r}; choose from {', '.join(PRECISIONS)}")
    supports_int8 = supports_int8 and device.type == "cpu"
    if name == "int8" and not supports_int8:
        raise BadSetting(
            "only Keymatte's own network can be computed in int8, and only on a CPU whose PyTorch has oneDNN",
            remedy="Choose the precision 'auto'.",
        )
    if supports_int8 and name in ("auto", "int8"):
        return torch.int8
    if name == "float32" or (name == "auto" and device.type != "cuda"):
        return torch.float32
    return torch.bfloat16 if device.type == "cpu" else torch.float16


def describe(device: torch.device) -> str:
    """Describe the device for display: its name and memory, or the CPU threads."""
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"{torch.cuda.get_device_name(device)}, {memory:.0f} GB"
    if device.type == "mps":
        return "Apple GPU (Metal)"
    return f"CPU, {torch.get_num_threads()} threads"


@contextmanager
def memory_errors() -> Iterator[None]:
    """Inside the `with` block, raise OutOfMemory instead of the out-of-memory errors of PyTorch and Python."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory("the device does not have enough memory for this clip") from error
    except RuntimeError as error:
        if "out of memory" in str(error):  # such as pinned memory
            raise OutOfMemory("the device does not have enough memory for this clip") from error
        if "alloc" in str(error) and "memory" in str(error):  # the CPU allocator has no error class of its own
            raise OutOfMemory("the computer does not have enough memory for this clip") from error
        raise


def memory_in_use(device: torch.device) -> int:
    """Return the bytes of GPU memory in use on CUDA, else the resident memory of this process; 0 if unknown."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    with suppress(OSError):
        match = re.search(r"^VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
        if match:
            return int(match[1]) * 1024
    return 0


def peak_memory() -> int:
    """Return the peak resident memory of this process in bytes; 0 on Windows, which lacks `resource`."""
    with suppress(OSError):  # Linux, where `resource` would include the parent process, such as Blender
        match = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
        if match:
            return int(match[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def use_threads(count: int) -> None:
    """Set the number of CPU threads of PyTorch. Raises BadSetting if it is below 1."""
    if count < 1:
        raise BadSetting(f"{count} threads are too few; at least 1 is needed")
    torch.set_num_threads(count)
