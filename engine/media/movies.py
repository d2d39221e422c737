"""Movie: frame-accurate random access to a movie file, equal to sequential decoding."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ..shared.errors import ClipUnreadable, FramesUnreadable

SUFFIXES = frozenset((".mp4", ".mov", ".m4v", ".qt", ".3gp", ".mkv", ".webm", ".avi", ".divx", ".xvid", ".mxf"))
SUFFIXES |= {".flv", ".wmv", ".mpg", ".mpeg", ".m2v", ".mts", ".m2ts", ".ts", ".vob", ".dv", ".mv", ".ogv", ".ogg"}
SUFFIXES |= {".gif", ".y4m"}
_BLOCK_BYTES = 96 * 2**20  # pixel cache for backward reading
_NEAR, _EARLY = 2, 48  # seek run-up in frames; the long one passes frames that depend on skipped ones
_PATIENCE = 3  # failed seeks before seeking is given up for decoding from the start
_NOWHERE = 2**62

# decoder warnings about frames skipped by a seek are irrelevant: these are never returned
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

SLACK = 3  # frames: a container's duration includes sound, which may outlast the video


class Movie:
    """Frames of one movie file.

    A seek is accepted only if timestamps and content match those of decoding from the start; otherwise the movie is
    decoded from the start again.
    """

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        """Open a movie; apply its rotation metadata unless only the unrotated frames have `size` (H, W).

        Raises ClipUnreadable if no frame can be decoded.
        """
        self._path = path
        self._times: list[float] = []  # timestamp in milliseconds of each frame decoded so far, from the start
        self._marks: list[int] = []  # checksum of each of these frames
        self._end: int | None = None  # first frame that cannot be decoded, if known
        self._patience = _PATIENCE
        self._upright = True
        self._open()
        if size and size != self._told_size() and size == self._told_size()[::-1]:
            self._upright = False
            self._open()
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 10000 else None
        try:
            self._kept = self._decode(0, 0)
        except FramesUnreadable as error:
            raise ClipUnreadable(f"no picture of movie {path.name} can be decoded") from error
        self.height, self.width = self._kept[0].shape[:2]
        self._block = int(np.clip(_BLOCK_BYTES // self._kept[0].nbytes, 8, 96))
        self.frame_count = round(count) if 0 < count < 2**31 else self._count()

    def read(self, frame: int) -> np.ndarray:
        """Read a frame: (H, W, 3) uint8 RGB. Raises FramesUnreadable if decoding fails."""
        if frame not in self._kept:
            first = frame if frame > self._at else max(0, frame - self._block + 1)
            self._kept = {}  # released first, so that two blocks are never in memory
            self._kept = self._decode(first, frame)
        return self._kept[frame].copy()

    def close(self) -> None:
        """Close the file and drop cached frames."""
        self._kept = {}
        self._capture.release()

    def _open(self) -> None:
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, float(self._upright))
        self._at = -1  # last grabbed frame
        if not self._capture.isOpened():
            raise ClipUnreadable(f"movie {self._path.name} cannot be opened: damaged, cut off, or no movie")

    def _told_size(self) -> tuple[int, int]:
        height, width = (self._capture.get(ask) for ask in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
        return round(height), round(width)

    def _decode(self, first: int, last: int) -> dict[int, np.ndarray]:
        """Decode frames first..last by the cheapest method whose result is verified."""
        if self._end is not None and last >= self._end:
            raise self._ends(last)
        ways: tuple[Callable[[int], bool], ...]
        ways = (self._go_on, partial(self._seek, _NEAR), partial(self._seek, _EARLY), self._rewind)
        for reach in ways:
            if reach(first):
                found = self._run(first, last)
                if found is not None:
                    return found
        raise FramesUnreadable(f"frames {first} to {last} of movie {self._path.name} are never twice the same")

    def _go_on(self, first: int) -> bool:
        """Continue from the current position, if shortly before `first` or at the last known frame."""
        return self._at < first and (first - self._at <= _EARLY or self._at + 1 == len(self._times))

    def _seek(self, run_up: int, first: int) -> bool:
        """Seek to `run_up` frames before `first` or the last known frame; return whether the position is identified."""
        # beyond the last known frame, the position could not be identified
        aim = min(first, len(self._times)) - 1 - run_up
        if aim < 0 or self._patience == 0:
            return False
        self._at = _NOWHERE
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, aim)
        if self._capture.grab():
            time = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            reached = int(np.searchsorted(self._times, time))
            if reached < min(first, len(self._times)) and self._times[reached] == time:
                self._at = reached
                return True
        return False

    def _rewind(self, first: int) -> bool:
        """Reopen the movie at its start."""
        if first > _EARLY:
            self._patience = max(0, self._patience - 1)
        if not self._path.is_file():
            raise FramesUnreadable(f"movie {self._path} is no longer there")
        self._capture.release()
        self._open()
        return True

    def _run(self, first: int, last: int) -> dict[int, np.ndarray] | None:
        """Decode on to frames first..last; None if timestamps or content differ from earlier decoding."""
        found = {}
        while self._at < last:
            frame = self._at + 1
            known = frame < len(self._times)
            self._at = _NOWHERE  # until this frame is verified
            if not self._capture.grab():
                if known:
                    return None
                self._end = frame
                raise self._ends(last)
            time = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            if known and time != self._times[frame]:
                return None
            if not known or frame >= first:
                pixels = self._pixels(frame)
                mark = zlib.crc32(np.ascontiguousarray(pixels[::8, ::8]))
                if not known:
                    self._note(time, mark)
                elif mark != self._marks[frame]:
                    return None
                if frame >= first:
                    found[frame] = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            self._at = frame
        return found

    def _pixels(self, frame: int) -> np.ndarray:
        ok, pixels = self._capture.retrieve()
        if not ok:
            raise FramesUnreadable(f"frame {frame} of movie {self._path.name} cannot be decoded")
        return pixels

    def _note(self, time: float, mark: int) -> None:
        if self._times and time <= self._times[-1]:
            self._patience = 0  # non-increasing timestamps do not identify frames
        self._times.append(time)
        self._marks.append(mark)

    def _count(self) -> int:
        """Count frames by decoding all, for containers without a frame count."""
        frame = 0
        try:
            while True:
                self._decode(frame, frame)
                frame += 1
        except FramesUnreadable:
            return frame

    def _ends(self, frame: int) -> FramesUnreadable:
        name, end = self._path.name, self._end
        return FramesUnreadable(f"frame {frame} of movie {name} cannot be decoded: its pictures end at {end}")
