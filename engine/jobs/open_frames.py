"""The clip that jobs on single frames need: the last one is kept open, and its last frame in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..media.frames import FrameReader
from ..shared.errors import ClipNotFound
from ..shared.files import modified_ns
from ..shared.types import VideoClip


class Frames:
    """Keeps the last clip open, and its last frame in memory."""

    def __init__(self) -> None:
        self._reader: FrameReader | None = None
        self._clip: tuple[VideoClip, int] | None = None  # the open clip, and when its file was last modified
        self._frame: tuple[int, int] | None = None  # the frame in memory, and when its file was last modified
        self._pixels = np.zeros((0, 0, 3), np.uint8)

    def read(self, clip: VideoClip, frame: int, progress: Callable[[int, int], None]) -> NDArray[np.uint8]:
        """Read a media frame: (H, W, 3) uint8 RGB, not to be written to. `progress` is called while a movie is indexed.

        Raises ClipNotFound, ClipUnreadable, FramesUnreadable, MixedSizes.
        """
        reader = self.open(clip, frame, progress)
        file = reader.files[frame] if frame < len(reader.files) else reader.files[0]
        if self._frame != (frame, modified_ns(file)):
            self._frame = None
            self._pixels = reader.read(frame)
            self._frame = frame, modified_ns(file)
        return self._pixels

    def open(self, clip: VideoClip, frame: int, progress: Callable[[int, int], None]) -> FrameReader:
        """Open a clip that has a media frame, unless it is open; raises what `read` does."""
        state = clip, modified_ns(clip.path)
        if self._reader is None or self._clip != state:
            self.close()
            self._reader, self._clip = FrameReader.expect(clip, progress), state
        count = self._reader.clip.frame_count
        if not 0 <= frame < count:
            needed = f"{frame + 1} are needed" if frame >= 0 else f"frame {frame} is asked for"
            raise ClipNotFound(f"{clip.path} now has {count} frames, but {needed}")
        return self._reader

    def close(self) -> None:
        """Close the clip and release what is kept of it."""
        if self._reader:
            self._reader.close()
        self._reader = self._clip = self._frame = None
        self._pixels = np.zeros((0, 0, 3), np.uint8)
