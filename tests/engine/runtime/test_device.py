"""Memory errors become OutOfMemory, and the number of threads can be set."""

from __future__ import annotations

import pytest
import torch

from engine.runtime.device import memory_errors, use_threads
from engine.shared.errors import BadSetting, OutOfMemory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),  # as page-locked memory is refused
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory"),
    ],
)
def test_memory_errors_become_out_of_memory(error: Exception):
    with pytest.raises(OutOfMemory, match="not have enough memory"), memory_errors():
        raise error


def test_other_errors_are_unchanged():
    with pytest.raises(RuntimeError, match="shapes"), memory_errors():
        raise RuntimeError("shapes do not fit")


def test_the_number_of_threads_can_be_chosen():
    before = torch.get_num_threads()
    try:
        use_threads(1)
        assert torch.get_num_threads() == 1
        with pytest.raises(BadSetting, match="0 threads"):
            use_threads(0)
    finally:
        torch.set_num_threads(before)
