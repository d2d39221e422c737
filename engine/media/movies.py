"""Movie files: frame-accurate random access, with the same result as sequential decoding."""

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
_SHORT_RUN_UP, _LONG_RUN_UP = 2, 48  # frames decoded after a seek; the long one passes frames based on skipped ones
_MAX_FAILED_SEEKS = 3  # before seeking is given up for decoding from the start
_UNKNOWN_POSITION = 2**62

# Decoder warnings about frames skipped by a seek are irrelevant, as these frames are never returned.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

SLACK = 3  # frames that a container may report too many: its duration includes sound, which may outlast the video


class Movie:
    """Reads frames of a movie file by number, always with the same result as decoding from the start.

    A seek is used only if the timestamps and content after it match those seen before; else the movie is decoded from
    the start again.
    """

    def __init__(self, path: Path, size: tuple[int, int] | None = None) -> None:
        """Open a movie of the expected `size` (H, W); its rotation metadata is ignored if the size fits only then.

        Raises ClipUnreadable if no frame can be decoded.
        """
        self._path = path
        self._times: list[float] = []  # timestamp in milliseconds of each frame decoded so far, from the start
        self._checksums: list[int] = []  # checksum of each of these frames
        self._end: int | None = None  # first frame that cannot be decoded, if known
        self._seeks_left = _MAX_FAILED_SEEKS
        self._apply_rotation = True
        self._open()
        if size and size != self._reported_size() and size == self._reported_size()[::-1]:
            self._apply_rotation = False
            self._open()
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 10000 else None
        try:
            self._cached = self._decode(0, 0)
        except FramesUnreadable as error:
            raise ClipUnreadable(f"no frame of movie {path.name} can be decoded") from error
        self.height, self.width = self._cached[0].shape[:2]
        self._block_length = int(np.clip(_BLOCK_BYTES // self._cached[0].nbytes, 8, 96))
        self.frame_count = round(count) if 0 < count < 2**31 else self._count()

    def read(self, frame: int) -> np.ndarray:
        """Read a frame: (H, W, 3) uint8 RGB. Raises FramesUnreadable if decoding fails."""
        if frame not in self._cached:
            first = frame if frame > self._position else max(0, frame - self._block_length + 1)
            self._cached = {}  # released first, so that two blocks are never in memory at once
            self._cached = self._decode(first, frame)
        return self._cached[frame].copy()

    def close(self) -> None:
        """Close the file and release cached frames."""
        self._cached = {}
        self._capture.release()

    def _open(self) -> None:
        # absolute, as FFmpeg takes a relative name such as take:1.mp4 for an address
        self._capture = cv2.VideoCapture(str(self._path.absolute()), cv2.CAP_FFMPEG)
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, float(self._apply_rotation))
        self._position = -1  # last grabbed frame
        if not self._capture.isOpened():
            raise ClipUnreadable(f"movie {self._path.name} cannot be opened: it is damaged, truncated or not a movie")

    def _reported_size(self) -> tuple[int, int]:
        """Return the size (H, W) that the container reports."""
        capture = self._capture
        return round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), round(capture.get(cv2.CAP_PROP_FRAME_WIDTH))

    def _decode(self, first: int, last: int) -> dict[int, np.ndarray]:
        """Decode the frames from `first` to `last`, trying the fastest way first; a result counts only if verified."""
        if self._end is not None and last >= self._end:
            raise self._end_error(last)
        moves: tuple[Callable[[int], bool], ...]
        moves = (self._continue, partial(self._seek, _SHORT_RUN_UP), partial(self._seek, _LONG_RUN_UP), self._rewind)
        for move_to in moves:
            if move_to(first):
                frames = self._decode_verified(first, last)
                if frames is not None:
                    return frames
        raise FramesUnreadable(f"frames {first} to {last} of movie {self._path.name} change each time they are decoded")

    def _continue(self, first: int) -> bool:
        """Return whether decoding can go on to `first` from the current position.

        It can if the position is shortly before `first`, or if no later frame has been decoded yet.
        """
        return self._position < first and (
            first - self._position <= _LONG_RUN_UP or self._position + 1 == len(self._times)
        )

    def _seek(self, run_up: int, first: int) -> bool:
        """Seek to `run_up` frames before `first`; return whether the frame reached could be identified.

        If frames up to `first` have never been decoded, seek to `run_up` frames before the last decoded one.
        """
        # Beyond the last known frame, the position could not be identified.
        target = min(first, len(self._times)) - 1 - run_up
        if target < 0 or self._seeks_left == 0:
            return False
        self._position = _UNKNOWN_POSITION
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, target)
        if self._capture.grab():
            time = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            reached = int(np.searchsorted(self._times, time))
            if reached < min(first, len(self._times)) and self._times[reached] == time:
                self._position = reached
                return True
        return False

    def _rewind(self, first: int) -> bool:
        """Reopen the movie, so that decoding goes on from its start; always returns True."""
        if first > _LONG_RUN_UP:
            self._seeks_left = max(0, self._seeks_left - 1)
        if not self._path.is_file():
            raise FramesUnreadable(f"movie {self._path} no longer exists")
        self._capture.release()
        self._open()
        return True

    def _decode_verified(self, first: int, last: int) -> dict[int, np.ndarray] | None:
        """Decode up to `last` and return frames from `first` on; None if timestamps or content differ from before."""
        frames = {}
        while self._position < last:
            frame = self._position + 1
            known = frame < len(self._times)
            self._position = _UNKNOWN_POSITION  # until this frame is verified
            if not self._capture.grab():
                if known:
                    return None
                self._end = frame
                raise self._end_error(last)
            time = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            if known and time != self._times[frame]:
                return None
            if not known or frame >= first:
                pixels = self._pixels(frame)
                checksum = zlib.crc32(np.ascontiguousarray(pixels[::8, ::8]).data)
                if not known:
                    self._record(time, checksum)
                elif checksum != self._checksums[frame]:
                    return None
                if frame >= first:
                    frames[frame] = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            self._position = frame
        return frames

    def _pixels(self, frame: int) -> np.ndarray:
        ok, pixels = self._capture.retrieve()
        if not ok:
            raise FramesUnreadable(f"frame {frame} of movie {self._path.name} cannot be decoded")
        return pixels

    def _record(self, time: float, checksum: int) -> None:
        if self._times and time <= self._times[-1]:
            self._seeks_left = 0  # non-increasing timestamps do not identify frames
        self._times.append(time)
        self._checksums.append(checksum)

    def _count(self) -> int:
        """Count the frames by decoding all of them, for movies whose container does not give the number."""
        frame = 0
        try:
            while True:
                self._decode(frame, frame)
                frame += 1
        except FramesUnreadable:
            return frame

    def _end_error(self, frame: int) -> FramesUnreadable:
        name, end = self._path.name, self._end
        return FramesUnreadable(f"frame {frame} of movie {name} cannot be decoded: the movie ends at frame {end}")
