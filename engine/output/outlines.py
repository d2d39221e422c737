"""OutlineTracer: traces the outlines of all objects from the mattes in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from ..shared.errors import EngineError
from ..shared.matte_folder import MatteFolder
from .contours import write_outlines
from .matte_files import read_existing

_MAX_SECONDS_AFTER_CANCEL = 2.0
_MAX_SECONDS_OF_FIRST = 0.2  # that the first pass over mattes without outlines may take then, for all objects
_MATTES_PER_REPORT = 20


class OutlineTracer:
    """Traces the outlines of all objects from the mattes in the folder, also those that earlier runs wrote."""

    def __init__(
        self,
        folder: MatteFolder,
        numbers: tuple[int, ...],
        objects: list[int],
        size: tuple[int, int],
        report: Callable[[int, int], None],
        keep: Callable[[Path], None] = lambda path: None,
    ) -> None:
        """Set up tracing; `size` is the clip's (H, W). `report(done, total)` reports progress, in mattes.

        `keep` is called with the path of each file before it is replaced or removed.
        """
        self._folder = folder
        self._numbers = numbers
        self._objects = objects
        self._size = size
        self._report = report
        self._keep = keep
        self._outdated: set[int] = set()

    def mark_outdated(self) -> None:
        """Note that mattes have changed, so that the outline files are outdated until they are traced again."""
        self._outdated = set(self._objects)

    def trace(self, check: Callable[[], None]) -> None:
        """Trace all objects; `check` is called before each matte and may raise to stop."""
        total = sum(2 * len(self._frames(number)) for number in self._objects)  # usually two passes, rarely three
        steps = count()

        def mattes(object_id: int) -> Iterator[tuple[int, np.ndarray]]:
            for frame in self._frames(object_id):
                check()
                if (done := next(steps)) % _MATTES_PER_REPORT == 0:
                    self._report(min(done, total), total)
                alpha = read_existing(self._folder.matte(object_id, self._numbers[frame]), self._size)
                if alpha is not None:
                    yield frame, alpha

        for object_id in self._objects:
            self._keep(self._folder.outlines(object_id))
            write_outlines(self._folder.outlines(object_id), partial(mattes, object_id))
            self._outdated.discard(object_id)

    def trace_briefly(self) -> None:
        """Trace for at most `_MAX_SECONDS_AFTER_CANCEL`, so that a cancelled run has outlines of what is there.

        Outline files that are outdated then are left as they are: their dates tell which mattes are newer. Objects
        without a file get one of their first mattes.
        """
        if not self._outdated:
            return
        end = time.monotonic() + _MAX_SECONDS_AFTER_CANCEL

        def check() -> None:
            if time.monotonic() > end:
                raise _TimeLimitExceeded

        with suppress(_TimeLimitExceeded, EngineError):
            self.trace(check)
        missing = [number for number in sorted(self._outdated) if not self._folder.outlines(number).is_file()]
        for object_id in missing:
            with suppress(EngineError):
                self._trace_first(object_id, _MAX_SECONDS_OF_FIRST / len(missing))

    def _trace_first(self, object_id: int, seconds: float) -> None:
        """Trace as many of an object's first mattes as a first pass reads in some seconds, one at least."""
        end = time.monotonic() + seconds
        first: list[int] = []  # frames of the first pass, to which the others keep

        def mattes() -> Iterator[tuple[int, np.ndarray]]:
            is_first = not first
            for frame in self._frames(object_id) if is_first else [*first]:
                alpha = read_existing(self._folder.matte(object_id, self._numbers[frame]), self._size)
                if alpha is not None:
                    yield frame, alpha
                    if is_first:
                        first.append(frame)
                if is_first and first and time.monotonic() > end:
                    return

        self._keep(self._folder.outlines(object_id))
        write_outlines(self._folder.outlines(object_id), mattes)

    def _frames(self, object_id: int) -> list[int]:
        """List the media frames for which the object has a matte file."""
        names = {path.name for path in self._folder.matte_sequence(object_id).glob("*.png")}
        return [
            frame for frame, number in enumerate(self._numbers) if self._folder.matte(object_id, number).name in names
        ]


class _TimeLimitExceeded(Exception):
    """Raised to stop tracing at its time limit."""
