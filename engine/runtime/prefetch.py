"""Reading and writing in background threads: frames are read ahead of computation, results are written behind it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Result = TypeVar("Result")


class ReadAhead(Generic[Result]):
    """Reads frames, and prefetches the next one if the last two were adjacent, forward or backward."""

    def __init__(self, read: Callable[[int], Result], count: int) -> None:
        """Wrap the function `read`, which is called in one background thread with frames from 0 to `count` - 1."""
        self._read = read
        self._count = count
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._last: int | None = None
        self._next: tuple[int, Future[Result]] | None = None

    def read(self, frame: int) -> Result:
        """Return what the wrapped function returns for `frame`, or raise its error; then prefetch the next frame."""
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
        """Cancel reads that have not begun, and wait for the current one."""
        self._thread.shutdown(cancel_futures=True)


class WriteBehind:
    """Runs tasks one after another in a background thread; at most one task is pending.

    An error of a task is raised by the next `submit` or `wait`. The end of the `with` block waits for the last task,
    but raises its error only if no other error is raised.
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
        """Wait for the pending task, if any. Raises its error."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()
