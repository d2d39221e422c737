"""Maps on their way from where they are computed to main memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Tag = TypeVar("Tag")

_PAGE_LOCKED = 64 << 20  # bytes of a map that a GPU may write to by itself: such memory is kept, and never swapped


def arriving(maps: Iterable[tuple[Tag, Tensor]], *, late: int = 0) -> Iterator[tuple[Tag, np.ndarray]]:
    """The same maps in main memory, each given out when `late` more have been asked for.

    So a GPU need not stand still while one is fetched. If asking goes wrong, those before it come first.
    """
    waiting: deque[tuple[Tag, Tensor, torch.cuda.Event | None]] = deque()

    def first() -> tuple[Tag, np.ndarray]:
        tag, copy, there = waiting.popleft()
        if there:
            there.synchronize()
        return tag, copy.numpy()

    try:
        for tag, map_ in maps:
            by_itself = map_.is_cuda and map_.nbytes <= _PAGE_LOCKED
            copy, there = map_.to("cpu", non_blocking=by_itself), None
            if by_itself:
                there = torch.cuda.Event(blocking=True)
                there.record(torch.cuda.current_stream(map_.device))
            waiting.append((tag, copy, there))
            if len(waiting) > late:
                yield first()
    except Exception:
        while waiting:
            yield first()
        raise
    while waiting:
        yield first()
