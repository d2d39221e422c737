"""Beside the computing: one thread fetches the frame that comes next, one writes what was found."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Found = TypeVar("Found")


class ReadAhead(Generic[Found]):
    """`read(frame)`, whose next frame is fetched meanwhile once frames are asked for one after another."""

    def __init__(self, read: Callable[[int], Found], count: int) -> None:
        """`read` is called from one thread only; there are frames 0 to `count` - 1."""
        self._read = read
        self._count = count
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._last: int | None = None
        self._next: tuple[int, Future[Found]] | None = None

    def read(self, frame: int) -> Found:
        """What `read` gives or raises."""
        if self._next is not None and self._next[0] == frame:
            coming = self._next[1]
        else:
            coming = self._thread.submit(self._read, frame)
        step = 0 if self._last is None else frame - self._last
        self._last, self._next = frame, None
        found = coming.result()
        if abs(step) == 1 and 0 <= frame + step < self._count:
            self._next = (frame + step, self._thread.submit(self._read, frame + step))
        return found

    def close(self) -> None:
        """Wait for what is being read."""
        self._thread.shutdown(cancel_futures=True)


class WriteBehind:
    """Does one thing after another while the next is computed; at most one waits, so nothing piles up.

    As a context it waits for the last, also after an error. What goes wrong is raised at the next call.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._pending: Future[None] | None = None

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._thread.shutdown()

    def do(self, task: Callable[[], None]) -> None:
        """Do `task` when what went before is done."""
        self.wait()
        self._pending = self._thread.submit(task)

    def wait(self) -> None:
        """Wait until all is done. Raises what went wrong."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()
