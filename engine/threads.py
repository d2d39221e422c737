"""Two things side by side on one processor: half of its threads for either, and all for who is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch

Found = TypeVar("Found")


class _Beside(threading.local):
    """What goes on beside this thread, if anything."""

    idles: Callable[[], bool] | None = None  # whether it waits to be asked for more, or for this thread
    half = 1  # threads of this one
    all = 1


_beside = _Beside()


class OneAhead(Generic[Found]):
    """The same items, each of which is made in a thread of its own while the one before is used."""

    def __init__(self, items: Iterator[Found], *, threads: int, all_threads: int) -> None:
        """They are made with as many `threads` of PyTorch; with all where they are waited for, see `whole`."""
        self._items = items
        self._end = object()
        self._awaited = False
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

    @property
    def idle(self) -> bool:
        """Whether the item that comes next is there already."""
        return self._coming.done()

    def close(self) -> None:
        """Waits for the item that is being made."""
        self._thread.shutdown()

    def _begin(self, threads: int, all_threads: int) -> None:
        torch.set_num_threads(threads)
        _beside.idles, _beside.half, _beside.all = (lambda: self._awaited), threads, all_threads


def halved(device: torch.device) -> bool:
    """Whether there are two halves of a processor to do two things side by side on."""
    return device.type == "cpu" and torch.get_num_threads() > 1


@contextmanager
def beside(items: Iterator[Found], device: torch.device) -> Iterator[Iterator[Found]]:
    """Meanwhile the same items, made by one half of the processor while the other half does all the rest.

    Where there is nothing to halve they come as they are.
    """
    if not halved(device):
        yield items
        return
    every = torch.get_num_threads()
    ahead = OneAhead(items, threads=every // 2, all_threads=every)
    before = _beside.idles, _beside.half, _beside.all
    _beside.idles, _beside.half, _beside.all = (lambda: ahead.idle), every - every // 2, every
    torch.set_num_threads(_beside.half)
    try:
        yield ahead
    finally:
        _beside.idles, _beside.half, _beside.all = before
        ahead.close()
        torch.set_num_threads(every)


@contextmanager
def whole() -> Iterator[None]:
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
