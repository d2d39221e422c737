"""Two things side by side on one processor: half of its threads for either, and all for who is left alone."""

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
    """What goes on beside this thread, if anything."""

    idles: Callable[[], bool] | None = None  # whether it waits to be asked for more, or for this thread
    help: Callable[[Callable[[], None]], Future] | None = None  # has it do something as soon as it would wait
    half = 1  # threads of this one
    all = 1


_beside = _Beside()


class Prefetcher(Generic[Found]):
    """The same items, each of which is made in a thread of its own while the one before is used."""

    def __init__(self, items: Iterator[Found], *, threads: int, all_threads: int) -> None:
        """Make items with `threads` of PyTorch; with `all_threads` while they are waited for, see `use_all_threads`."""
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
        """Have the thread of the items do this too, once the item that comes next is there."""
        self._helping = self._thread.submit(task)
        return self._helping

    @property
    def idle(self) -> bool:
        """Whether the item that comes next is there already, and nothing else to be done."""
        return self._coming.done() and (self._helping is None or self._helping.done())

    def close(self) -> None:
        """Waits for the item that is being made."""
        self._thread.shutdown()

    def _begin(self, threads: int, all_threads: int) -> None:
        torch.set_num_threads(threads)
        _beside.idles, _beside.half, _beside.all = (lambda: self._awaited), threads, all_threads


def can_split_cpu(device: torch.device) -> bool:
    """Whether there are two halves of a processor to do two things side by side on."""
    return device.type == "cpu" and torch.get_num_threads() > 1


@contextmanager
def run_alongside(items: Iterator[Found], device: torch.device) -> Iterator[Iterator[Found]]:
    """Meanwhile the same items, made by one half of the processor while the other half does all the rest.

    Where there is nothing to halve they come as they are.
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
    """Meanwhile this thread has all of the processor, if what goes on beside it has to wait.

    For what is found the same however many threads find it: when the other is ready is a matter of chance.
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
    """What `do` finds for each item. Of several some are left to what goes on beside this thread, once that waits.

    For what is found the same whoever does it, and however many threads.
    """
    if _beside.help is None or len(items) < 2:
        return [do(item) for item in items]
    found: list[Found | None] = [None] * len(items)
    left = deque(enumerate(items))
    inferring, learning = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def take() -> None:
        with torch.inference_mode(inferring), torch.set_grad_enabled(learning):  # each thread has its own
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
