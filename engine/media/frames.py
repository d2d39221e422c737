"""Frame reader: reads media frames of a movie file or an image sequence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np

from ..shared.errors import ClipNotFound, ClipUnreadable, FramesUnreadable, MixedSizes
from ..shared.types import VideoClip
from . import movies
from .names import FrameNames, compiled_pattern, in_natural_order, is_pattern, numbered_sequence, numbers_of
from .pictures import is_picture, picture_size, read_picture


class FrameReader:
    """Reads the frames of an open clip in any order; a movie read backward is decoded in blocks of limited size.

    clip     path as given, size, number of media frames
    files    the movie, or the image of each media frame
    numbers  number of each media frame in its file name; the index for movies and unnumbered images
    fps      frames per second; None for images
    """

    @classmethod
    def open(cls, path: Path | str, *, size: tuple[int, int] | None = None) -> FrameReader:
        """Open a movie, a folder of images, the first image of a numbered sequence, or a pattern of image names.

        `size` (H, W) is the clip's size if known. It decides whether a movie's rotation metadata is applied, as in
        Blender 5, or ignored, as in earlier versions; without `size` it is applied.

        As in Blender, media frame i of a sequence is the file numbered first + i, up to the first gap. A pattern has
        `####`, `%04d` or `*` in the name; like a folder, it may have gaps.

        Raises ClipNotFound, ClipUnreadable, MixedSizes.
        """
        path = Path(path)
        try:
            is_folder, is_file = path.is_dir(), path.is_file()
        except OSError as error:  # such as a name that is too long
            raise ClipNotFound(f"there is no clip at {path} ({error.strerror})") from error
        if is_folder:
            return cls._of_images(path, _sorted(path, is_picture), f"folder {path} contains no images")
        if is_file:
            if is_picture(path):
                files, numbers = numbered_sequence(path)
                return cls._of_images(path, files, "", numbers=numbers)
            return cls._of_movie(path, size)
        if is_pattern(path.name):
            pattern = compiled_pattern(path.name)
            files = _sorted(path.parent, lambda file: is_picture(file) and pattern.fullmatch(file.name) is not None)
            return cls._of_images(path, files, f"no image names match {path}")
        raise ClipNotFound(f"there is no clip at {path}")

    @classmethod
    def _of_images(
        cls, path: Path, files: list[Path], empty_message: str, *, numbers: tuple[int, ...] = ()
    ) -> FrameReader:
        if not files:
            raise ClipNotFound(empty_message, remedy="Choose a movie, or a folder with PNG, JPEG, TIFF or EXR images.")
        height, width = _common_size(files)

        def read(frame: int) -> np.ndarray:
            pixels = read_picture(files[frame])
            if pixels.shape[:2] != (height, width):
                raise FramesUnreadable(
                    f"image {files[frame].name} is {pixels.shape[1]}x{pixels.shape[0]}, "
                    f"but the clip is {width}x{height}"
                )
            return pixels

        clip = VideoClip(path=path, height=height, width=width, frame_count=len(files))
        return cls(clip, files, numbers or numbers_of(files), None, read, lambda: None)

    @classmethod
    def _of_movie(cls, path: Path, size: tuple[int, int] | None) -> FrameReader:
        if path.suffix.lower() not in movies.SUFFIXES:
            raise ClipUnreadable(f"{path.name} is not an image or movie format that Keymatte can read")
        movie = movies.Movie(path, size)
        clip = VideoClip(path=path, height=movie.height, width=movie.width, frame_count=movie.frame_count)
        reader = cls(clip, [path], tuple(range(movie.frame_count)), movie.fps, movie.read, movie.close)
        reader.slack = movies.SLACK
        return reader

    def __init__(
        self,
        clip: VideoClip,
        files: list[Path],
        numbers: tuple[int, ...],
        fps: float | None,
        read: Callable[[int], np.ndarray],
        close: Callable[[], None],
    ) -> None:
        self.slack = 0  # frames by which the clip may be shorter than reported
        self.clip = clip
        self.files = tuple(files)
        self.numbers = numbers
        self.fps = fps
        self._read = read
        self.close = close

    @property
    def names(self) -> FrameNames:
        """Return what names the frames, by which masks are matched to them."""
        return FrameNames(self.numbers, tuple(file.stem for file in self.files if is_picture(file)))

    def read(self, frame: int) -> np.ndarray:
        """Read a media frame, from 0: (H, W, 3) uint8 RGB. Raises FramesUnreadable, IndexError."""
        if not 0 <= frame < self.clip.frame_count:
            raise IndexError(f"frame {frame} of a clip with {self.clip.frame_count} frames")
        return self._read(frame)

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _sorted(folder: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    try:
        return in_natural_order(file for file in folder.iterdir() if wanted(file))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ClipNotFound(f"there is no folder {folder}") from error
    except OSError as error:
        raise ClipUnreadable(f"folder {folder} cannot be read ({error.strerror})") from error


def _common_size(files: list[Path]) -> tuple[int, int]:
    """Return the size (H, W) that all images have by their headers; images with a damaged header are not checked."""
    sizes = ((file, picture_size(file)) for file in files)
    readable = ((file, size) for file, size in sizes if size is not None)
    try:
        first, (height, width) = next(readable)
    except StopIteration:
        try:
            height, width = read_picture(files[0]).shape[:2]  # format without header support
            return height, width
        except FramesUnreadable as error:
            raise ClipUnreadable(f"none of the {len(files)} images can be read: {error.message}") from error
    for file, size in readable:
        if size != (height, width):
            raise MixedSizes(f"{first.name} is {width}x{height}, but {file.name} is {size[1]}x{size[0]}")
    return height, width
