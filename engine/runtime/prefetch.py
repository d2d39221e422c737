"""Background input and output: reads frames ahead of the computation and writes results behind it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Result = TypeVar("Result")


class ReadAhead(Generic[Result]):
    """Frame reader that prefetches the next frame of a sequential access, forward or backward."""

    def __init__(self, read: Callable[[int], Result], count: int) -> None:
        """Wrap `read`, called from a single background thread, for frames 0 to `count` - 1."""
        self._read = read
        self._count = count
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._last: int | None = None
        self._next: tuple[int, Future[Result]] | None = None

    def read(self, frame: int) -> Result:
        """Return or raise the result of the wrapped `read(frame)`; prefetch the next frame."""
        if self._next is not None and self._next[0] == frame:
            future = self._next[1]
        else:
            future = self._thread.submit(self._read, frame)
        step = 0 if self._last is None else frame - self._last
        self._last, self._next = frame, None
        result = future.result()
        if abs(step) == 1 and 0 <= frame + step < self._count:
            self._next = (frame + step, self._thread.submit(self._read, frame + step))
        return result

    def close(self) -> None:
        """Cancel queued reads and wait for the current one."""
        self._thread.shutdown(cancel_futures=True)


class WriteBehind:
    """Runs tasks in order on a background thread; at most one task is pending.

    Leaving the context waits for the last task, also after an error. A task's error is raised by the next call.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._pending: Future[None] | None = None

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.wait()
        finally:
            self._thread.shutdown()

    def submit(self, task: Callable[[], None]) -> None:
        """Wait for the previous task, then submit `task`. Raises the previous task's error."""
        self.wait()
        self._pending = self._thread.submit(task)

    def wait(self) -> None:
        """Wait for the pending task. Raises its error."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()
