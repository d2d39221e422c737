"""Movie files: random access to the pictures, with the same result as sequential decoding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from ..shared.errors import ClipUnreadable, FramesUnreadable
from .movie_decoder import MovieDecoder, checksum, has_time
from .movie_index import Progress, load_index

SUFFIXES = frozenset((".mp4", ".mov", ".m4v", ".qt", ".3gp", ".mkv", ".webm", ".avi", ".divx", ".xvid", ".mxf"))
SUFFIXES |= {".flv", ".wmv", ".mpg", ".mpeg", ".m2v", ".mts", ".m2ts", ".ts", ".vob", ".dv", ".mv", ".ogv", ".ogg"}
SUFFIXES |= {".gif", ".y4m"}
_BLOCK_BYTES = 96 * 2**20  # pixel cache for backward reading
_MAX_LEAD = 3  # keyframes that seeks may go farther back than needed; after that, movies are decoded from the start
_SOUGHT = -2  # position after a seek: the next picture tells by its time which it is


class Movie:
    """Reads pictures of a movie file by number, always with the same result as decoding from the start.

    A seek is used only if the times and content of the pictures after it are those of the index; else the movie is
    decoded from the start again.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int] | None = None,
        progress: Progress | None = None,
        *,
        upright: bool | None = None,
    ) -> None:
        """Open a movie of the expected `size` (H, W). `upright` says whether its rotation metadata is applied.

        With None it is, unless the size fits only without.

        `progress` is called while the movie is indexed, and may raise an error to stop that. Raises ClipUnreadable.
        """
        self._path = path
        self.index = load_index(path, progress)
        self._number_at = {int(time): number for number, time in enumerate(self.index.times)}
        # How many keyframes farther back seeks must go, as some containers seek by decoding time and end too late.
        # Times that do not always rise do not identify pictures, so such movies cannot seek.
        self._lead = 0 if self.index.rising == self.index.count else _MAX_LEAD
        self._starts = np.flatnonzero(self.index.keyframes)
        self._rotation = 0  # quarter turns, counter-clockwise
        self._position = -1  # the last decoded picture
        self._decoder = self._open()
        self.height, self.width = self._measure(size, upright)
        self._cached: dict[int, np.ndarray] = {}
        self._block_length = int(np.clip(_BLOCK_BYTES // (3 * self.height * self.width), 8, 96))

    @property
    def stream_note(self) -> str:
        """Return which of several video streams is used; empty if there is only one."""
        count = self._decoder.stream_count
        return "" if count < 2 else f"{self._path.name} has {count} video streams; the first is used, as in Blender"

    @property
    def fps(self) -> float | None:
        """Return the pictures per second, as guessed by FFmpeg; None if unknown."""
        return None if self.index.rate is None else float(self.index.rate)

    def read(self, picture: int) -> np.ndarray:
        """Read a picture: (H, W, 3) uint8 RGB. Raises FramesUnreadable if decoding fails."""
        if picture not in self._cached:
            first = picture if picture > self._position else max(0, picture - self._block_length + 1)
            self._cached = {}  # released first, so that two blocks are never in memory at once
            self._cached = self._decode(first, picture)
        return self._cached[picture].copy()

    def close(self) -> None:
        """Close the file and release cached pictures."""
        self._cached = {}
        self._decoder.close()

    def _open(self) -> MovieDecoder:
        return MovieDecoder(self._path, threads=self.index.sound)

    def _measure(self, size: tuple[int, int] | None, upright: bool | None) -> tuple[int, int]:
        """Decode the first picture to learn its size and rotation; return the size (H, W) of the pictures returned."""
        try:
            decoded = self._decoder.next()
        except av.FFmpegError as error:
            raise ClipUnreadable(f"movie {self._path.name} cannot be decoded ({error.strerror})") from error
        if decoded is None:
            raise ClipUnreadable(f"movie {self._path.name} has changed since it was indexed")
        _, frame = decoded
        self._decoded_size = frame.width, frame.height
        stored = frame.height, frame.width
        turns = round(frame.rotation / 90) % 4 if frame.rotation % 90 == 0 else 0
        turned = stored[::-1] if turns % 2 else stored
        if upright is None:
            upright = not (size and size != turned and size == stored)
        self._rotation = turns if upright else 0
        self._reopen()
        return turned if upright else stored

    def _reopen(self) -> None:
        if not self._path.is_file():
            raise FramesUnreadable(f"movie {self._path} no longer exists")
        self._decoder.close()
        self._decoder = self._open()
        self._position = -1

    # -- decoding ------------------------------------------------------------------------------------------------------
    def _decode(self, first: int, last: int) -> dict[int, np.ndarray]:
        """Decode the pictures from `first` to `last`, the fastest way first; a result counts only if verified."""
        for _ in self._positions_before(first):
            try:
                pictures = self._decode_verified(first, last)
            except av.FFmpegError:
                pictures = None
            if pictures is not None:
                return pictures
            self._position = self.index.count  # unknown
        raise FramesUnreadable(
            f"pictures {first} to {last} of movie {self._path.name} change each time they are decoded, "
            "or the file has changed"
        )

    def _positions_before(self, first: int) -> Iterator[None]:
        """Move to positions from which `first` can be decoded: the present one, keyframes, the start."""
        before = self._starts[self._starts <= first][::-1]
        nearest = int(before[0]) if len(before) else 0
        if self._position < first and (self._lead == _MAX_LEAD or nearest <= self._position + 1):
            yield
        while self._lead < _MAX_LEAD and self._lead < len(before) and before[self._lead] > 0:
            if self._seek(int(before[self._lead])):
                yield
            self._lead += 1
        try:
            self._reopen()
        except ClipUnreadable as error:
            raise FramesUnreadable(error.message) from error
        yield

    def _seek(self, start: int) -> bool:
        try:
            self._decoder.seek(int(self.index.times[start]))
        except av.FFmpegError:
            return False
        self._position = _SOUGHT
        return True

    def _decode_verified(self, first: int, last: int) -> dict[int, np.ndarray] | None:
        """Decode up to `last` and return pictures from `first` on; None if they differ from those of the index."""
        pictures: dict[int, np.ndarray] = {}
        while self._position < last:
            decoded = self._decoder.next()
            if decoded is None:
                return None
            time, frame = decoded
            number = self._position + 1
            if self._position == _SOUGHT:
                number = self._number_at.get(time, first + 1) if has_time(frame) else first + 1
                if number > first:
                    return None
            if number >= self.index.count or time != self.index.times[number]:
                return None
            self._position = number
            if number >= first:
                if checksum(frame) != self.index.checksums[number]:
                    return None
                pictures[number] = self._pixels(frame)
        return pictures

    def _pixels(self, frame: av.VideoFrame) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(self._decoder.rgb(frame, *self._decoded_size), self._rotation))
