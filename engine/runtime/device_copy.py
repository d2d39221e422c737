"""Copying of tensors from a GPU to main memory without making the GPU wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Tag = TypeVar("Tag")

_MAX_PINNED_BYTES = 64 << 20  # maximum per tensor: pinned memory is cached and cannot be swapped out


def copy_to_host(tensors: Iterable[tuple[Tag, Tensor]], *, delay: int = 0) -> Iterator[tuple[Tag, np.ndarray]]:
    """Copy tensors to main memory and yield them as numpy arrays, in order.

    Each array is yielded only after `delay` further tensors were requested, so that the GPU computes while it copies.
    If `tensors` raises an error, arrays still being copied are yielded first.
    """
    pending: deque[tuple[Tag, Tensor, torch.cuda.Event | None]] = deque()

    def oldest() -> tuple[Tag, np.ndarray]:
        tag, copy, copied = pending.popleft()
        if copied:
            copied.synchronize()
        return tag, copy.numpy()

    try:
        for tag, tensor in tensors:
            asynchronous = tensor.is_cuda and tensor.nbytes <= _MAX_PINNED_BYTES
            copy, copied = tensor.to("cpu", non_blocking=asynchronous), None
            if asynchronous:
                copied = torch.cuda.Event(blocking=True)
                copied.record(torch.cuda.current_stream(tensor.device))
            pending.append((tag, copy, copied))
            if len(pending) > delay:
                yield oldest()
    except Exception:
        while pending:
            yield oldest()
        raise
    while pending:
        yield oldest()
