"""Frames of image files: one frame for each file, or for each page of a single file of several."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..shared.errors import ClipUnreadable, FramesUnreadable, MixedSizes
from .exr import Window
from .pictures import PageReader, PictureHeader, picture_header, read_picture, rotation_is_ignored

_Headers = list[tuple[Path, PictureHeader]]  # of the files whose header can be read


class PictureSequence:
    """Reads the frames of image files, which must all have one size.

    height, width  in pixels
    frame_count    number of files, or of the pages of a single file
    note           which of the pictures or layers in the files are used; empty if there is no choice
    warning        about pictures in the files that are not used; empty if there are none
    """

    def __init__(self, files: list[Path], size: tuple[int, int] | None, frame_count: int | None) -> None:
        """Read the headers of all files; `size` (H, W) and `frame_count` are those of the clip, if known.

        An EXR image is as large as its display window, or as its data window if only this has the known size, as in
        Blender. The pages of a single file are its frames, unless the clip is known to have one frame.

        Raises ClipUnreadable, MixedSizes.
        """
        self.warning = self.note = ""
        self._files = files
        self._pages: PageReader | None = None
        headers = [(file, header) for file in files if (header := picture_header(file)) is not None]
        self._window = _window(headers, size)
        self.height, self.width = self._common_size(headers)
        self.frame_count = len(files)
        if len(files) == 1 and headers:
            self._open_pages(headers[0][1], frame_count)
        else:
            self._warn_of_pages(headers)
        layers = dict.fromkeys(header.layers for _, header in headers if header.layers)
        if layers:
            self.note = f"{headers[0][0].name} has {next(iter(layers))}."
        if len(layers) > 1:
            self.warning = f"The EXR images do not all have the same layers; {self.note}"

    @property
    def has_pages(self) -> bool:
        """Return whether the frames are the pages of a single file."""
        return self._pages is not None

    def read(self, frame: int) -> np.ndarray:
        """Read a frame: (H, W, 3) uint8 RGB. Raises FramesUnreadable."""
        name = self._files[0 if self._pages else frame].name
        pixels = self._pages.read(frame) if self._pages else read_picture(self._files[frame], window=self._window)
        height, width, _ = pixels.shape
        if (height, width) != (self.height, self.width):
            raise FramesUnreadable(f"image {name} is {width}x{height}, but the clip is {self.width}x{self.height}")
        return pixels

    def close(self) -> None:
        """Close the file."""
        if self._pages:
            self._pages.close()

    def explain_size(self) -> str:
        """Return a sentence on why the images may seem to have another size than they are given here, or nothing."""
        header = picture_header(self._files[0])
        if rotation_is_ignored(self._files[0]):
            return f"{self._files[0].name} carries an EXIF rotation, which is ignored, as in Blender"
        if header and header.data_window != header.size:
            (height, width), (data_height, data_width) = header.size, header.data_window
            return (
                f"{self._files[0].name} has a display window of {width}x{height} and a data window of "
                f"{data_width}x{data_height}, of which Blender shows the latter"
            )
        return ""

    def _open_pages(self, header: PictureHeader, frame_count: int | None) -> None:
        name, count = self._files[0].name, header.page_count
        if count == 1:
            return
        if len(header.pages) == 1:
            self.warning = f"{name} holds {count} pictures of different sizes, of which only the first is used."
        elif frame_count == 1:
            self.warning = (
                f"{name} holds {count} pictures, of which only the first is used, as in Blender. "
                "To use them all, save them as an image sequence, one file for each."
            )
        else:
            self._pages = PageReader(self._files[0], header.pages)
            self.frame_count = len(header.pages)
            self.note = f"{name} holds {count} pictures, which are frames 0 to {count - 1}."

    def _warn_of_pages(self, headers: _Headers) -> None:
        several = [(file, header.page_count) for file, header in headers if header.page_count > 1]
        if several:
            file, count = several[0]
            self.warning = (
                f"{len(several)} of the {len(self._files)} images hold several pictures, such as {file.name} "
                f"with {count}; of each, only the first is used."
            )

    def _common_size(self, headers: _Headers) -> tuple[int, int]:
        """Return the size (H, W) that all headers give, or that the first image has if none can be read."""
        if not headers:
            try:
                height, width, _ = read_picture(self._files[0]).shape  # format without header support
            except FramesUnreadable as error:
                raise ClipUnreadable(f"none of the {len(self._files)} images can be read: {error.message}") from error
            return height, width
        first, header = headers[0]
        height, width = _size(header, self._window)
        for file, other in headers:
            other_height, other_width = _size(other, self._window)
            if (other_height, other_width) != (height, width):
                message = f"{first.name} is {width}x{height}, but {file.name} is {other_width}x{other_height}"
                if self._window == "data" and header.size == other.size:
                    raise MixedSizes(
                        f"the data windows of the EXR images differ, and these are what Blender shows: {message}",
                        remedy="Save the images without cropping them to what they show.",
                    )
                raise MixedSizes(message)
        return height, width


def _size(header: PictureHeader, window: Window) -> tuple[int, int]:
    return header.size if window == "display" else header.data_window


def _window(headers: _Headers, size: tuple[int, int] | None) -> Window:
    """Return the window of EXR images to read: the data window if an image is as large as the clip only in this."""
    if size is None or any(header.size == size for _, header in headers):
        return "display"
    return "data" if any(header.data_window == size for _, header in headers) else "display"
