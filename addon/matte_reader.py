"""Threads that read the mattes to be drawn, ahead of the frame that is shown, into a cache of bounded size."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .matte_pictures import Picture, Stamp, Wanted, alpha_in, is_labels, picture, read, stamp

MAX_BYTES = 256 << 20  # of all pictures in the cache
_MAX_THREADS = 4
_MAX_CLOSING = 1.0  # seconds
_FORGET_VIEWER_AFTER = 2.0  # seconds without a request, as of an editor that was closed


@dataclass(frozen=True)
class _Entry:
    """Result of reading a file: None if it is missing, damaged, or of another size than the clip."""

    stamp: Stamp | None
    picture: Picture | None


@dataclass
class _Request:
    """What an editor shows now, and what it will probably show next."""

    now: Sequence[Wanted]
    ahead: Sequence[Wanted]
    unchecked: set[Wanted]  # those of `now` whose file has not been looked at since the request
    time: float = field(default_factory=time.monotonic)


class MatteReader:
    """Cache of pictures, filled by threads. All methods may be called from any thread, and return at once but `wait`.

    Files are looked at again with each request, so that a file written anew is read again.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._change = threading.Condition()
        self._requests: dict[int, _Request] = {}
        self._entries: OrderedDict[Wanted, _Entry] = OrderedDict()  # the least recently used first
        self._bytes = 0
        self._being_read: set[Wanted] = set()
        self._news = False
        self._threads: list[threading.Thread] = []
        self._end = threading.Event()  # of the threads that run now
        self._label_lock = threading.Lock()
        self._labels: tuple[Stamp | None, np.ndarray | None] = None, None  # the last read: its objects share it

    def request(self, viewer: int, now: Sequence[Wanted], ahead: Sequence[Wanted] = ()) -> None:
        """Ask for what an editor shows now, and, when that is done, for what it will show next, the nearest first."""
        with self._change:
            self._requests.pop(viewer, None)
            self._requests[viewer] = _Request(now, ahead, set(now))
            limit = time.monotonic() - _FORGET_VIEWER_AFTER
            for stale in [key for key, request in self._requests.items() if request.time < limit]:
                del self._requests[stale]
            if not self._threads:
                self._start_threads()
            self._change.notify_all()

    def wait(self, viewer: int, seconds: float, *, cached: bool = False) -> bool:
        """Wait until what the editor shows now is up to date. Returns whether it is so in time.

        With `cached`, whatever is in the cache is good enough.
        """

        def done() -> bool:
            request = self._requests.get(viewer)
            return request is None or not any(
                wanted in request.unchecked and not (cached and wanted in self._entries) for wanted in request.now
            )

        with self._change:
            return self._change.wait_for(done, seconds)

    def is_known(self, wanted: Wanted) -> bool:
        """Return whether the file of `wanted` has been read, or found to be missing."""
        with self._change:
            return wanted in self._entries

    def picture(self, wanted: Wanted) -> Picture | None:
        """Return a picture, or None if it has not been read or cannot be."""
        with self._change:
            entry = self._entries.get(wanted)
            if entry is None:
                return None
            self._entries.move_to_end(wanted)
            return entry.picture

    def take_news(self) -> bool:
        """Return whether a picture was read, or went, since the last call."""
        with self._change:
            news, self._news = self._news, False
            return news

    @property
    def is_working(self) -> bool:
        """Return whether something that an editor shows now is still to be read."""
        with self._change:
            return any(request.unchecked for request in self._requests.values())

    @property
    def bytes_held(self) -> int:
        """Return the bytes of all pictures in the cache."""
        with self._change:
            return self._bytes

    def forget(self, *, except_roots: Iterable[str] = ()) -> None:
        """Drop requests and pictures but those of these matte folders."""
        kept = set(except_roots)
        with self._change:
            for wanted in [wanted for wanted in self._entries if wanted.root not in kept]:
                self._drop(wanted)
            for viewer in [key for key, request in self._requests.items() if _roots(request) - kept]:
                del self._requests[viewer]
        with self._label_lock:
            self._labels = None, None

    def close(self) -> None:
        """End the threads and drop all pictures. The next request starts threads again."""
        with self._change:
            threads, self._threads = self._threads, []
            self._end.set()
            self._change.notify_all()
        for thread in threads:
            thread.join(_MAX_CLOSING)  # a file on a drive that does not answer must not keep Blender from closing
        self.forget()

    # -- threads -------------------------------------------------------------------------------------------------------
    def _start_threads(self) -> None:
        count = max(1, min(_MAX_THREADS, (os.cpu_count() or 2) - 1))
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(self._end,), name=f"Keymatte overlay {number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, end: threading.Event) -> None:
        while True:
            with self._change:
                job = self._next_job()
                while job is None and not end.is_set():
                    self._change.wait()
                    job = self._next_job()
                if job is None or end.is_set():
                    return
                wanted, unchecked = job
                self._being_read.add(wanted)
                known = self._entries.get(wanted)
                twin = self._entries.get(wanted._replace(kept=None))
            entry = self._read(wanted, known, twin)
            with self._change:
                self._being_read.discard(wanted)
                unchecked.discard(wanted)  # of the request that was answered: a later one is answered anew
                if entry is not known and not end.is_set():
                    self._store(wanted, entry)
                self._change.notify_all()

    def _next_job(self) -> tuple[Wanted, set[Wanted]] | None:
        """Return what to read next, and the set to remove it from: what is shown now comes first."""
        requests = [*reversed(self._requests.values())]
        for request in requests:
            for wanted in request.now:
                if wanted in request.unchecked and wanted not in self._being_read:
                    return wanted, request.unchecked
        # Reading further ahead would push out what was read ahead before.
        room = self._max_bytes // 2 - sum(_bytes_of(self._entries.get(key)) for one in requests for key in one.now)
        for request in requests:
            for wanted in request.ahead:
                entry = self._entries.get(wanted)
                if entry is None and room > 0 and wanted not in self._being_read:
                    return wanted, set()
                room -= _bytes_of(entry)
        return None

    def _read(self, wanted: Wanted, known: _Entry | None, twin: _Entry | None) -> _Entry:
        """Read a file, unless it is what was read before, or as `twin` of the folder's present state."""
        now = stamp(wanted)
        if known is not None and known.stamp == now:
            return known
        if now is None:
            return _Entry(None, None)
        if twin is not None and twin.stamp == now:
            return twin
        path = Path(now.path)
        values = self._read_labels(now) if is_labels(wanted, path) else read(path)
        alpha = None if values is None else alpha_in(wanted, path, values)
        return _Entry(now, None if alpha is None else picture(alpha, wanted.reduction))

    def _read_labels(self, now: Stamp) -> np.ndarray | None:
        with self._label_lock:
            if self._labels[0] != now:
                self._labels = now, read(Path(now.path))
            return self._labels[1]

    def _store(self, wanted: Wanted, entry: _Entry) -> None:
        shown = {wanted for request in self._requests.values() for wanted in request.now}
        self._drop(wanted)
        self._entries[wanted] = entry
        self._bytes += _bytes_of(entry)
        self._news |= wanted in shown
        # What is shown is kept even if it is larger than the cache: it would only be read again at once.
        for oldest in [key for key in self._entries if key not in shown]:
            if self._bytes <= self._max_bytes:
                break
            self._drop(oldest)

    def _drop(self, wanted: Wanted) -> None:
        self._bytes -= _bytes_of(self._entries.pop(wanted, None))


def _roots(request: _Request) -> set[str]:
    return {wanted.root for wanted in (*request.now, *request.ahead)}


def _bytes_of(entry: _Entry | None) -> int:
    """Return how many bytes of the cache an entry takes; those of missing files count little, but not nothing."""
    if entry is None:
        return 0
    return 1024 + (entry.picture.values.nbytes if entry.picture is not None else 0)
