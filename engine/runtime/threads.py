"""Two threads that share the CPU: each uses half of PyTorch's threads, or all of them while the other is idle."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class _ParallelWork(threading.local):
    """What a thread knows of the other thread that runs in parallel with it, if there is one ("the other side")."""

    is_other_idle: Callable[[], bool] | None = None  # whether the other side is idle or waiting for this thread
    # submits a task to the other side, run when that is idle
    submit: Callable[[Callable[[], None]], Future[None]] | None = None
    own_threads = 1  # PyTorch threads of this side
    all_threads = 1


_parallel = _ParallelWork()


class _End:
    """Marks the end of an iterator."""


class Prefetcher(Generic[Result]):
    """Iterator that computes the next item in a background thread while the current one is used."""

    def __init__(self, items: Iterator[Result], *, threads: int, all_threads: int) -> None:
        """Start a background thread that computes the items with `threads` PyTorch threads.

        Within `use_all_threads` it may use `all_threads` instead.
        """
        self._items = items
        self._end = _End()
        self._awaited = False
        self._submitted: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "prefetch", self._begin, (threads, all_threads))
        self._next = self._thread.submit(next, items, self._end)

    def __iter__(self) -> Iterator[Result]:
        return self

    def __next__(self) -> Result:
        self._awaited = True
        item = self._next.result()
        self._awaited = False
        if isinstance(item, _End):
            raise StopIteration
        self._next = self._thread.submit(next, self._items, self._end)
        return item

    def submit(self, task: Callable[[], None]) -> Future[None]:
        """Queue a task for the background thread, to run after the next item is computed."""
        self._submitted = self._thread.submit(task)
        return self._submitted

    @property
    def idle(self) -> bool:
        """Return whether the background thread has nothing to do: the next item is ready, and no task is running."""
        return self._next.done() and (self._submitted is None or self._submitted.done())

    def close(self) -> None:
        """Wait for the item being computed, and stop the thread."""
        self._thread.shutdown()

    def _begin(self, threads: int, all_threads: int) -> None:
        """Set the numbers of threads, in the background thread itself."""
        torch.set_num_threads(threads)
        _parallel.is_other_idle = lambda: self._awaited
        _parallel.own_threads, _parallel.all_threads = threads, all_threads


def can_split_cpu(device: torch.device) -> bool:
    """Return whether the device is a CPU with at least two PyTorch threads."""
    return device.type == "cpu" and torch.get_num_threads() > 1


@contextmanager
def run_alongside(items: Iterator[Result], device: torch.device) -> Iterator[Iterator[Result]]:
    """Compute `items` ahead in a background thread; each side gets half of the CPU threads until the `with` block ends.

    Returns `items` unchanged if the device is not a CPU with at least two threads.
    """
    if not can_split_cpu(device):
        yield items
        return
    all_threads = torch.get_num_threads()
    prefetcher = Prefetcher(items, threads=all_threads // 2, all_threads=all_threads)
    before = _parallel.is_other_idle, _parallel.submit, _parallel.own_threads, _parallel.all_threads
    _parallel.is_other_idle, _parallel.submit = (lambda: prefetcher.idle), prefetcher.submit
    _parallel.own_threads, _parallel.all_threads = all_threads - all_threads // 2, all_threads
    torch.set_num_threads(_parallel.own_threads)
    try:
        yield prefetcher
    finally:
        _parallel.is_other_idle, _parallel.submit, _parallel.own_threads, _parallel.all_threads = before
        prefetcher.close()
        torch.set_num_threads(all_threads)


@contextmanager
def use_all_threads() -> Iterator[None]:
    """Use all CPU threads inside the `with` block, if the other thread is idle when the block begins.

    Only for computations with the same result on any number of threads, since idleness depends on timing.
    """
    is_other_idle = _parallel.is_other_idle
    other_idle = is_other_idle is not None and torch.get_num_threads() < _parallel.all_threads and is_other_idle()
    if other_idle:
        torch.set_num_threads(_parallel.all_threads)
    try:
        yield
    finally:
        if other_idle:
            torch.set_num_threads(_parallel.own_threads)


def map_shared(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return the results of `function` for all items, in order; the other thread computes some of them if it is idle.

    Only for computations with the same result in any thread and on any number of threads.
    """
    if _parallel.submit is None or len(items) < 2:
        return [function(item) for item in items]
    results: dict[int, Result] = {}  # by index
    queue = deque(enumerate(items))
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def work() -> None:
        with torch.inference_mode(inference), torch.set_grad_enabled(gradients):  # these modes are per thread
            while True:
                try:
                    index, item = queue.popleft()
                except IndexError:
                    return
                results[index] = function(item)

    other = _parallel.submit(work)
    try:
        work()
    finally:
        queue.clear()
        if not other.cancel():
            other.result()
    return [results[index] for index in range(len(items))]
