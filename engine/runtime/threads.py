"""Parallel work on one CPU: half of the threads per side, all threads for a side left alone."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch

Given = TypeVar("Given")
Found = TypeVar("Found")


class _Beside(threading.local):
    """Parallel worker of this thread, if any."""

    idles: Callable[[], bool] | None = None  # whether the other side is idle or waiting for this thread
    help: Callable[[Callable[[], None]], Future] | None = None  # submits a task to the other side, run when idle
    half = 1  # PyTorch threads of this side
    all = 1


_beside = _Beside()


class Prefetcher(Generic[Found]):
    """Iterator that computes the next item in a background thread while the current one is used."""

    def __init__(self, items: Iterator[Found], *, threads: int, all_threads: int) -> None:
        """Compute items with `threads` PyTorch threads; `all_threads` while awaited (see `use_all_threads`)."""
        self._items = items
        self._end = object()
        self._awaited = False
        self._helping: Future | None = None
        self._thread = ThreadPoolExecutor(1, "one-ahead", self._begin, (threads, all_threads))
        self._coming = self._thread.submit(next, items, self._end)

    def __iter__(self) -> Iterator[Found]:
        return self

    def __next__(self) -> Found:
        self._awaited = True
        item = self._coming.result()
        self._awaited = False
        if item is self._end:
            raise StopIteration
        self._coming = self._thread.submit(next, self._items, self._end)
        return item

    def help(self, task: Callable[[], None]) -> Future:
        """Submit a task to the background thread, run after the next item is computed."""
        self._helping = self._thread.submit(task)
        return self._helping

    @property
    def idle(self) -> bool:
        """Return whether the next item is ready and no submitted task is running."""
        return self._coming.done() and (self._helping is None or self._helping.done())

    def close(self) -> None:
        """Wait for the item being computed, and stop the thread."""
        self._thread.shutdown()

    def _begin(self, threads: int, all_threads: int) -> None:
        torch.set_num_threads(threads)
        _beside.idles, _beside.half, _beside.all = (lambda: self._awaited), threads, all_threads


def can_split_cpu(device: torch.device) -> bool:
    """Return whether the device is a CPU with at least two PyTorch threads."""
    return device.type == "cpu" and torch.get_num_threads() > 1


@contextmanager
def run_alongside(items: Iterator[Found], device: torch.device) -> Iterator[Iterator[Found]]:
    """Prefetch `items` on one half of the CPU threads, leaving the other half to the caller within the context.

    Without a CPU to split, `items` is returned unchanged.
    """
    if not can_split_cpu(device):
        yield items
        return
    every = torch.get_num_threads()
    ahead = Prefetcher(items, threads=every // 2, all_threads=every)
    before = _beside.idles, _beside.help, _beside.half, _beside.all
    _beside.idles, _beside.help = (lambda: ahead.idle), ahead.help
    _beside.half, _beside.all = every - every // 2, every
    torch.set_num_threads(_beside.half)
    try:
        yield ahead
    finally:
        _beside.idles, _beside.help, _beside.half, _beside.all = before
        ahead.close()
        torch.set_num_threads(every)


@contextmanager
def use_all_threads() -> Iterator[None]:
    """Use all CPU threads within the context if the other side is idle.

    Only for computations whose result is independent of the thread count, since idleness depends on timing.
    """
    alone = _beside.idles is not None and torch.get_num_threads() < _beside.all and _beside.idles()
    if alone:
        torch.set_num_threads(_beside.all)
    try:
        yield
    finally:
        if alone:
            torch.set_num_threads(_beside.half)


def map_shared(do: Callable[[Given], Found], items: Sequence[Given]) -> list[Found]:
    """Apply `do` to each item, sharing the items with the other side once idle; results in order.

    Only for computations whose result is independent of the thread and the thread count.
    """
    if _beside.help is None or len(items) < 2:
        return [do(item) for item in items]
    found: list[Found | None] = [None] * len(items)
    left = deque(enumerate(items))
    inferring, learning = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def take() -> None:
        with torch.inference_mode(inferring), torch.set_grad_enabled(learning):  # these modes are per thread
            while True:
                try:
                    index, item = left.popleft()
                except IndexError:
                    return
                found[index] = do(item)

    other = _beside.help(take)
    try:
        take()
    finally:
        left.clear()
        if not other.cancel():
            other.result()
    return found
