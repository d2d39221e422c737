"""Maps on their way from where they are computed to main memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Tag = TypeVar("Tag")


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
            copy = map_.to("cpu", non_blocking=map_.is_cuda)  # of a GPU's into memory that it may write to by itself
            there = None
            if map_.is_cuda:
                there = torch.cuda.Event()
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
