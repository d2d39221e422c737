"""What is delivered from: the frames of a clip by their names, its pictures, and the mattes of its objects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..media import exr
from ..media.frames import FrameReader
from ..media.pictures import DECODER_ERRORS, is_picture
from ..shared.delivery import ExportJob
from ..shared.errors import ClipNotFound, ClipUnreadable, EngineError, FramesUnreadable, MatteUnreadable
from ..shared.folder_claim import read_marker
from ..shared.matte_folder import MatteFolder, number_in
from ..shared.names import divided
from .mattes import FinalMattes

_DIGITS = 6  # of a frame without a name of its own, as in matte folders


@dataclass(frozen=True)
class Frame:
    """Frame of the clip that is delivered."""

    index: int  # among those that are delivered, from 0
    media: int  # media frame
    number: int  # in the names of mattes
    stem: str  # of the names of its files


class Source:
    """The clip and its mattes.

    frames       those that are delivered
    mattes       their mattes
    title        name of the clip
    size         (H, W) of its pictures
    rate         pictures per second; None if unknown
    images       folder of the clip's images; None if it is a movie
    note         what the user should know of how the clip was found; empty if there is nothing
    """

    def __init__(self, job: ExportJob, reader: FrameReader | None) -> None:
        """Deliver from an open clip; without one, only from the mattes and what `job` says of the clip."""
        self._reader = reader
        self.size = job.clip.height, job.clip.width
        self.rate: float | None = job.clip.fps
        self.images: Path | None = None
        self.note = ""
        path = job.clip.path
        if reader is not None:
            self.title, self.size = reader.title, (reader.clip.height, reader.clip.width)
            self.rate = job.clip.fps or reader.fps
            if is_picture(reader.files[0]):
                self.images = reader.files[0].absolute().parent
            first = reader.numbers[0]
        else:
            self.title = path.parent.name if is_picture(path) else path.stem
            first = _first_number(job)
            self.note = f"{path} is not there: its mattes are delivered without it"
        self.title = job.title or self.title
        self.frames = tuple(self._frame(*one, first, _Numbering.of(path)) for one in enumerate(job.frames))
        self.mattes = FinalMattes(MatteFolder(job.folder), (frame.number for frame in self.frames))
        if not all(self.size):
            self.size = self._size_of_mattes(job)

    @classmethod
    def open(cls, job: ExportJob, progress: Callable[[int, int], None]) -> Source:
        """Open the clip. If it is gone, mattes can be delivered all the same, unless its pictures are needed.

        Raises ClipNotFound, ClipUnreadable, MixedSizes.
        """
        try:
            return cls(job, FrameReader.expect(job.clip, progress))
        except (ClipNotFound, ClipUnreadable):
            if job.needs_pictures or _is_there(job.clip.path):
                raise
            return cls(job, None)

    def _frame(self, index: int, media: int, first: int, numbering: _Numbering) -> Frame:
        """Return a frame, also one whose image has been deleted."""
        if self._reader is not None and media < self._reader.clip.frame_count:
            return Frame(index, media, self._reader.numbers[media], _stem(self._reader, media))
        return Frame(index, media, first + media, numbering.stem(first + media))

    def _size_of_mattes(self, job: ExportJob) -> tuple[int, int]:
        """Return the size (H, W) of the first matte that can be read; (0, 0) if there is none."""
        for one in job.objects:
            for number in sorted(self.mattes.numbers(one.object_id)):
                with suppress(MatteUnreadable):
                    if (alpha := self.mattes.alpha(one.object_id, number)) is not None:
                        return alpha.shape[0], alpha.shape[1]
        return 0, 0

    def close(self) -> None:
        """Close the clip."""
        if self._reader is not None:
            self._reader.close()

    def shown(self, numbers: list[int]) -> list[int]:
        """Return the numbers by which the user knows frames."""
        return self._reader.shown(numbers) if self._reader is not None else numbers

    def picture(self, frame: Frame) -> np.ndarray:
        """Read a picture, (H, W, 3) uint8 sRGB. Raises FramesUnreadable."""
        if self._reader is None or frame.media >= self._reader.clip.frame_count:
            raise FramesUnreadable(f"the clip has no frame {frame.number} any more")
        return self._reader.read(frame.media)

    def plate(self, frame: Frame) -> np.ndarray | None:
        """Read the scene-linear colours of an EXR image, (H, W, 3) float32; None of what has no more than 8 bits show.

        Raises FramesUnreadable.
        """
        path = self._file(frame)
        if path is None or path.suffix.lower() != ".exr":
            return None
        windows: tuple[exr.Window, ...] = ("display", "data")
        try:
            pictures = (exr.read_pixels(path, window) for window in windows)
            found = next((pixels for pixels in pictures if pixels.shape[:2] == self.size), None)
        except DECODER_ERRORS as error:
            raise FramesUnreadable(f"{path} cannot be read ({error})") from error
        return None if found is None else np.nan_to_num(found)

    def picture_stamp(self, frame: Frame) -> str:
        """Return what tells the picture of a frame from an earlier one of its name."""
        path = self._file(frame)
        try:
            status = path.stat() if path is not None else None
        except OSError:
            status = None
        return f"{frame.media} {status.st_size} {status.st_mtime_ns}" if status else ""

    def _file(self, frame: Frame) -> Path | None:
        if self._reader is None:
            return None
        files = self._reader.files
        if len(files) != self._reader.clip.frame_count:
            return files[0]
        return files[frame.media] if frame.media < len(files) else None


class FrameContent:
    """Picture and mattes of one frame, each read once. Where an object has no matte, its alpha is 0."""

    def __init__(self, source: Source, frame: Frame) -> None:
        self.source, self.frame = source, frame
        self._alphas: dict[int, np.ndarray] = {}

    def alpha(self, object_id: int) -> np.ndarray:
        """Return an object's alpha, (H, W) float32 of 0..1. Raises MatteUnreadable."""
        if object_id not in self._alphas:
            alpha = self.source.mattes.alpha(object_id, self.frame.number)
            if alpha is None:
                alpha = np.zeros(self.source.size, np.float32)
            if alpha.shape != self.source.size:
                (height, width), (other, wide) = self.source.size, alpha.shape
                path = self.source.mattes.path(object_id, self.frame.number)
                raise MatteUnreadable(f"matte {path} is {wide}x{other}, but the clip is {width}x{height}")
            self._alphas[object_id] = alpha
        return self._alphas[object_id]

    def stamp(self, object_id: int) -> str:
        """Return what tells the object's matte from others; empty if there is none. Raises MatteUnreadable."""
        return self.source.mattes.stamp(object_id, self.frame.number)

    @cached_property
    def picture(self) -> np.ndarray:
        """Return the picture, (H, W, 3) uint8 sRGB. Raises FramesUnreadable."""
        return self.source.picture(self.frame)


@dataclass(frozen=True)
class _Numbering:
    """How the images of a sequence are named, as told by the name of the first."""

    head: str = ""
    digits: int = _DIGITS
    tail: str = ""

    @classmethod
    def of(cls, first: Path) -> _Numbering:
        """Return how images are named that begin with `first`; by numbers alone if it is no image."""
        if not is_picture(first) or number_in(first.stem) is None:
            return cls()
        (parts,) = divided([first.stem])
        before = "".join(text + digits for text, digits in zip(parts.texts, parts.digits[:-1]))
        return cls(before + parts.texts[-2], len(parts.digits[-1]), parts.texts[-1])

    def stem(self, number: int) -> str:
        return f"{self.head}{number:0{self.digits}d}{self.tail}"


def _stem(reader: FrameReader, media: int) -> str:
    """Return the name of a frame's image without its suffix, or its number if it has no image of its own."""
    stems = reader.names.stems
    return stems[media] if len(stems) == reader.clip.frame_count else f"{reader.numbers[media]:0{_DIGITS}d}"


def _is_there(path: Path) -> bool:
    """Return whether there is a clip at a path, or images of a pattern."""
    try:
        FrameReader.open(path).close()
    except (ClipNotFound, ClipUnreadable):
        return path.exists()
    except EngineError:
        return True
    return True


def _first_number(job: ExportJob) -> int:
    """Return the number of the clip's first frame, as its matte folder or its first image says."""
    recorded = read_marker(MatteFolder(job.folder)).get("first_number")
    if isinstance(recorded, int):
        return recorded
    return (number_in(job.clip.path.stem) or 0) if is_picture(job.clip.path) else 0
