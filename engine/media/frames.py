"""Frame reader: reads media frames of a movie file or an image sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np

from ..shared.errors import ClipNotFound, ClipUnreadable
from ..shared.names import FrameNames, compiled_pattern, in_natural_order, is_pattern, numbered_sequence, numbers_of
from ..shared.types import VideoClip
from . import movies
from .picture_sequences import PictureSequence
from .pictures import is_picture


class FrameReader:
    """Reads the frames of an open clip in any order; a movie read backward is decoded in blocks of limited size.

    clip      path as given, size, number of media frames
    files     the movie, or the image of each media frame
    numbers   number of each media frame in its file name; the index for movies and unnumbered images
    fps       pictures per second of a movie; None for images
    counting  how the frames of a movie are counted, or which pictures and layers of image files are used, if any
    warning   what is wrong with the clip; empty if nothing is
    """

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        frame_count: int | None = None,
        upright: bool | None = None,
        progress: movies.Progress | None = None,
    ) -> FrameReader:
        """Open a movie, a folder of images, the first image of a numbered sequence, or a pattern of image names.

        `size` (H, W) is the clip's size if known. `upright` says whether a movie's rotation metadata is applied, as in
        Blender 5, or ignored, as in earlier versions; with None it is applied unless only the unrotated pictures have
        the `size`, which does not tell half a turn. EXR images are as large as their display window, or as their data
        window, which Blender shows, if only this has the `size`.

        The media frames of a movie are its pictures; with `fps`, media frame i is the picture shown i / fps seconds
        after the beginning, as in Blender, and the clip has `frame_count` frames, or as many as the movie is long.
        A movie is decoded once to find its pictures; `progress` is called meanwhile, and may raise an error to stop.

        As in Blender, media frame i of a sequence is the file numbered first + i, up to the first gap. A pattern has
        `####`, `%04d` or `*` in the name; like a folder, it may have gaps. The frames of a single TIFF, WebP, PNG or
        AVIF file of several pictures are these, but with a `frame_count` of 1 only the first, as Blender shows it.

        Raises ClipNotFound, ClipUnreadable, MixedSizes.
        """
        path = Path(path)
        try:
            is_folder, is_file = path.is_dir(), path.is_file()
        except OSError as error:  # such as a name that is too long
            raise ClipNotFound(f"footage not found: {path} ({error.strerror})") from error
        if is_folder:
            empty = f"folder {path} contains no images"
            return cls._of_images(path, _sorted(path, is_picture), empty, size, frame_count)
        if is_file:
            if is_picture(path):
                files, numbers = numbered_sequence(path)
                return cls._of_images(path, files, "", size, frame_count, numbers=numbers)
            return cls._of_movie(path, size, fps, frame_count, upright, progress)
        if is_pattern(path.name):
            pattern = compiled_pattern(path.name)
            files = _sorted(path.parent, lambda file: is_picture(file) and pattern.fullmatch(file.name) is not None)
            return cls._of_images(path, files, f"no image names match {path}", size, frame_count)
        if path.exists():
            raise ClipUnreadable(f"{path} is a device, a pipe or a socket, not a file", remedy="Choose a file.")
        raise ClipNotFound(f"footage not found: {path}")

    @classmethod
    def expect(cls, clip: VideoClip, progress: movies.Progress | None = None) -> FrameReader:
        """Open `clip` as Blender shows it. Raises ClipNotFound if its size has changed, and what `open` raises."""
        reader = cls.open(
            clip.path,
            size=(clip.height, clip.width),
            fps=clip.fps,
            frame_count=clip.frame_count,
            upright=clip.upright,
            progress=progress,
        )
        found = reader.clip
        if (found.height, found.width) != (clip.height, clip.width):
            reader.close()
            raise ClipNotFound(
                f"{clip.path} is now {found.width}x{found.height}, but was {clip.width}x{clip.height}",
                remedy="Reload the clip.",
            )
        reader.clip = replace(found, shown_from=clip.shown_from)
        return reader

    @classmethod
    def _of_images(
        cls,
        path: Path,
        files: list[Path],
        empty_message: str,
        size: tuple[int, int] | None,
        frame_count: int | None,
        *,
        numbers: tuple[int, ...] = (),
    ) -> FrameReader:
        if not files:
            raise ClipNotFound(empty_message, remedy="Choose a movie, or a folder with PNG, JPEG, TIFF or EXR images.")
        pictures = PictureSequence(files, size, frame_count)
        count = pictures.frame_count
        clip = VideoClip(path=path, height=pictures.height, width=pictures.width, frame_count=count)
        if pictures.has_pages:
            numbers = tuple(range(count))
        reader = cls(clip, files, numbers or numbers_of(files), None, pictures.read, pictures.close)
        reader.counting, reader.warning, reader.explain_size = pictures.note, pictures.warning, pictures.explain_size
        return reader

    @classmethod
    def _of_movie(
        cls,
        path: Path,
        size: tuple[int, int] | None,
        fps: float | None,
        frame_count: int | None,
        upright: bool | None,
        progress: movies.Progress | None,
    ) -> FrameReader:
        if path.suffix.lower() not in movies.SUFFIXES:
            raise ClipUnreadable(f"{path.name} is not an image or movie format that Keymatte can read")
        movie = movies.Movie(path, size, progress, upright=upright)
        by_time = None if fps is None else movie.index.at_rate(fps, frame_count)
        pictures = range(movie.index.count) if by_time is None else by_time.tolist()
        clip = VideoClip(path, movie.height, movie.width, frame_count=len(pictures), fps=fps, upright=upright)
        numbers = tuple(range(len(pictures)))
        reader = cls(clip, [path], numbers, movie.fps, lambda frame: movie.read(pictures[frame]), movie.close)
        reader.counting = "; ".join(filter(None, (movie.index.counting(path.name, by_time), movie.stream_note)))
        reader.warning = movie.index.warning(path.name, by_time)
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
        self.counting = ""  # how the frames are counted
        self.explain_size: Callable[[], str] = str  # why images may seem to have another size than the clip, if known
        self.warning = ""  # what is wrong with the clip
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

    @property
    def title(self) -> str:
        """Return the name of the clip: that of the images' folder, or of the movie without its suffix."""
        first = self.files[0]
        return first.absolute().parent.name if is_picture(first) else first.stem

    def shown(self, numbers: Iterable[int]) -> list[int]:
        """Return the numbers by which the user knows the frames with these file numbers: in Blender, scene frames."""
        start = self.clip.shown_from
        shift = 0 if start is None else start - self.numbers[0]
        return [number + shift for number in numbers]

    def shown_frames(self, frames: Iterable[int]) -> list[int]:
        """Return the numbers by which the user knows media frames."""
        return self.shown(self.numbers[frame] for frame in frames)

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
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a null character
        raise ClipNotFound(f"there is no folder {folder}") from error
    except OSError as error:
        raise ClipUnreadable(f"folder {folder} cannot be read ({error.strerror})") from error
