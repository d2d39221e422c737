"""Index of a movie: every picture that can be decoded and its time, found by decoding the whole file once."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import platformdirs
from numpy.typing import NDArray

from ..shared.arrays import ArrayDamaged, read_npz
from ..shared.errors import BadSetting, ClipUnreadable
from ..shared.mask_images import counted
from .kept_files import keep
from .movie_decoder import CONVERT_REMEDY, MovieDecoder, checksum

_log = logging.getLogger(__name__)
_VERSION = 2  # of the index's content
_MAX_KEPT = 256  # index files; those used least recently are removed
_PROGRESS_STEP = 16  # pictures between two reports of progress
_MAX_UNSHOWN = 2  # pictures after the last one shown, as lengths in containers are rounded
_RATE_TOLERANCE = 1e-4  # relative; Blender keeps rates as float32
_MAX_FRAMES = 1_048_574  # of a clip counted by time, as in Blender

Progress = Callable[[int, int], None]  # called with the bytes of the movie decoded so far, and its size


@dataclass(frozen=True)
class MovieIndex:
    """What a movie's decoder gives, in the order in which the pictures are shown."""

    times: NDArray[np.int64]  # (N,) when each picture is shown, in units
    keyframes: NDArray[np.bool_]  # (N,) whether decoding can start at the picture
    checksums: NDArray[np.uint32]  # (N,) of the pictures, see `checksum`
    start: int  # time of the movie's beginning, in units
    end: int  # time at which the last picture ends, in units
    unit: Fraction  # seconds
    rate: Fraction | None  # pictures per second, as guessed by FFmpeg
    lost: int  # packets that could not be decoded
    promised: int  # pictures that the container promises, if the file lacks some of them; else 0
    scaled: int  # pictures of another size than the first, to which they are scaled
    corrupt: int  # pictures decoded from damaged data
    promised_end: int  # time at which the video ends by the container's header, in units; 0 if it does not say

    @property
    def count(self) -> int:
        """Return the number of pictures."""
        return len(self.times)

    @property
    def sound(self) -> bool:
        """Return whether the whole file could be decoded without errors."""
        return not self.lost and not self.corrupt

    @property
    def rising(self) -> int:
        """Return the number of pictures before time first stands still or jumps back; N if it never does."""
        falls = np.flatnonzero(np.diff(self.times) <= 0)
        return int(falls[0]) + 1 if len(falls) else self.count

    @property
    def _missing_end(self) -> bool:
        """Return whether the file ends well before the time that its header gives."""
        length = self.end - self.start
        return self.promised_end - self.end > max(length / 50, (_MAX_UNSHOWN + 1) * length / self.count)

    def at_rate(self, fps: float, frame_count: int | None = None) -> NDArray[np.int64]:
        """Return the picture shown on each frame, (frame_count,) int64, if frames are counted by time.

        Frame i is at i / fps seconds after the beginning, and shows the last picture that began by then, as in Blender.
        Pictures after a jump back in time are shown on no frame. `frame_count` None: up to the end of the last picture.
        Raises BadSetting if these are more frames than a clip can have.
        """
        guessed = self.rate is not None and abs(float(self.rate) - fps) <= _RATE_TOLERANCE * fps
        units_per_frame = float(1 / ((self.rate if guessed and self.rate else Fraction(fps)) * self.unit))
        rising = self.times[: self.rising]
        end = self.end if self.rising == self.count else int(rising[-1]) + round(units_per_frame)
        if frame_count is None:
            frame_count = max(1, round(min((end - self.start) / units_per_frame, 2**62)))
            if frame_count > _MAX_FRAMES:
                raise BadSetting(
                    f"at {fps:g} frames per second the movie would have {frame_count:.7g} frames; "
                    f"a clip has at most {_MAX_FRAMES}"
                )
        wanted = self.start + np.floor(np.arange(frame_count) * units_per_frame + 0.5).astype(np.int64)
        return np.maximum(np.searchsorted(rising, wanted, side="right") - 1, 0)

    def counting(self, name: str, frames: NDArray[np.int64] | None) -> str:
        """Return how the frames of the movie called `name` are counted: by picture, or by time as in `frames`."""
        if self.scaled:
            name = f"{name} changes its size, and {self.scaled} pictures are scaled to that of the first"
        if frames is not None:
            return f"{name}: {counted(len(frames), 'frame')} counted by time, of {counted(self.count, 'picture')}"
        by_time = self.at_rate(float(self.rate)) if self.rate else np.arange(self.count)
        if self.rate and not np.array_equal(by_time, np.arange(self.count)):
            return (
                f"{name}: {self.count} pictures at varying intervals, counted from 0; "
                f"add --fps {float(self.rate):.6g} to count frames by time, as Blender does"
            )
        return f"{name}: {counted(self.count, 'picture')}, counted from 0"

    def warning(self, name: str, frames: NDArray[np.int64] | None) -> str:
        """Return what is wrong with the movie called `name`, or with counting it by time; empty if nothing is."""
        if self.promised:
            return (
                f"Movie {name} is cut off: it should have {self.promised} pictures, but only {self.count} "
                "can be read. Copy or record it again."
            )
        if self.lost:
            parts = "1 part" if self.lost == 1 else f"{self.lost} parts"
            return (
                f"Movie {name} is damaged: {parts} of it cannot be decoded, and the {self.count} pictures that can be "
                "are counted without them. Copy or record it again."
            )
        if self.corrupt:
            return (
                f"Movie {name} is damaged: {self.corrupt} of its {counted(self.count, 'picture')} could be decoded "
                "only in part, and those after may be wrong too. Copy or record it again."
            )
        if self._missing_end:
            seconds, promised = (float((time - self.start) * self.unit) for time in (self.end, self.promised_end))
            return (
                f"Movie {name} is cut off: it should last {promised:.4g} s, but only the first {seconds:.4g} s, "
                f"{counted(self.count, 'picture')}, can be read. Copy or record it again."
            )
        shown = self.count if frames is None else int(frames.max()) + 1
        if self.count - shown > max(_MAX_UNSHOWN, self.count // 50):
            return (
                f"Movie {name} has {self.count} pictures, but by its times and its length only the first {shown} are "
                "shown, as in Blender. Convert it to another container or to images to work on all of them."
            )
        return ""


def load_index(path: Path, progress: Progress | None = None) -> MovieIndex:
    """Return the index of a movie, kept from an earlier call or made by decoding the movie.

    `progress` is called while the movie is decoded, and may raise an error to stop it. Raises ClipUnreadable.
    """
    kept = _kept_file(path)
    index = _read_kept(kept) if kept else None
    if index is None:
        index = _make_index(path, progress)
        if kept:
            _keep(kept, index)
    return index


def _make_index(path: Path, progress: Progress | None) -> MovieIndex:
    index = _decode_all(path, progress, threads=True)
    if index.sound:
        return index
    again = _decode_all(path, progress, threads=False)
    return replace(again, lost=max(index.lost, again.lost), corrupt=max(index.corrupt, again.corrupt))


def _decode_all(path: Path, progress: Progress | None, *, threads: bool) -> MovieIndex:
    """Decode the movie from first to last and return its index."""
    decoder = MovieDecoder(path, threads=threads)
    times, keyframes, checksums = [], [], []
    corrupt, last, scaled, size = 0, 0, 0, path.stat().st_size
    shape: tuple[int, int] | None = None  # of the first picture
    try:
        while (decoded := decoder.next()) is not None:
            time, frame = decoded
            times.append(time)
            keyframes.append(frame.key_frame)
            checksums.append(checksum(frame))
            corrupt += frame.is_corrupt
            last = frame.duration or 0
            shape = shape or (frame.width, frame.height)
            scaled += (frame.width, frame.height) != shape
            if progress and len(times) % _PROGRESS_STEP == 0:
                progress(min(decoder.position, size), size)
        if not times:
            raise ClipUnreadable(
                f"no picture of movie {path.name} can be decoded (codec {decoder.codec})",
                remedy=CONVERT_REMEDY,
            )
    except av.FFmpegError as error:
        raise ClipUnreadable(f"movie {path.name} cannot be decoded ({error.strerror})") from error
    finally:
        decoder.close()
    last = last or max(1, round(1 / (decoder.rate or 25) / decoder.unit))
    return MovieIndex(
        times=np.array(times, np.int64),
        keyframes=np.array(keyframes, bool),
        checksums=np.array(checksums, np.uint32),
        start=times[0] if decoder.start is None else decoder.start,
        end=times[-1] + last,
        unit=decoder.unit,
        rate=decoder.rate,
        lost=decoder.lost,
        promised=decoder.promised if decoder.packets < decoder.promised <= size else 0,  # a packet takes a byte or more
        scaled=scaled,
        corrupt=corrupt,
        promised_end=decoder.promised_end,
    )


# -- kept indexes ------------------------------------------------------------------------------------------------------
def _kept_file(path: Path) -> Path | None:
    """Return where the index of a movie is kept, by the movie's path, size and date; None if these are unknown."""
    try:
        status = path.stat()
        identity = [_VERSION, av.__version__, os.fsencode(path.absolute()), status.st_size, status.st_mtime_ns]
    except (OSError, ValueError):
        return None
    name = hashlib.sha256(repr(identity).encode()).hexdigest()[:32]
    return platformdirs.user_cache_path("keymatte", appauthor=False) / "movies" / f"{name}.npz"


def _keep(file: Path, index: MovieIndex) -> None:
    """Write an index to the user's cache folder, and remove old ones; a failure is no harm, and is only logged."""
    rate = index.rate or Fraction(0)
    numbers = [index.start, index.end, index.unit.numerator, index.unit.denominator, rate.numerator, rate.denominator]
    numbers += [index.lost, index.promised, index.scaled, index.corrupt, index.promised_end]
    arrays: dict[str, Any] = {
        "times": index.times,
        "keyframes": index.keyframes,
        "checksums": index.checksums,
        "numbers": np.array(numbers, np.int64),
    }
    keep(file, arrays, _log, at_most=_MAX_KEPT)


def _read_kept(file: Path) -> MovieIndex | None:
    if not file.is_file():
        return None
    try:
        arrays = read_npz(file, "times", "keyframes", "checksums", "numbers")
        times, keyframes, checksums = arrays["times"], arrays["keyframes"], arrays["checksums"]
        start, end, unit, units, rate, rates, *counts = (int(number) for number in arrays["numbers"])
        lost, promised, scaled, corrupt, promised_end = counts
        same_length = times.ndim == 1 and len(times) > 0 and times.shape == keyframes.shape == checksums.shape
        if not same_length or (times.dtype, keyframes.dtype, checksums.dtype) != (np.int64, np.bool_, np.uint32):
            return None
        per_second = Fraction(rate, rates) or None
        return MovieIndex(
            times=times,
            keyframes=keyframes,
            checksums=checksums,
            start=start,
            end=end,
            unit=Fraction(unit, units),
            rate=per_second,
            lost=lost,
            promised=promised,
            scaled=scaled,
            corrupt=corrupt,
            promised_end=promised_end,
        )
    except (ArrayDamaged, OSError, LookupError, ValueError, ArithmeticError) as error:
        _log.info("kept index %s is ignored: %s", file, error)
        return None
