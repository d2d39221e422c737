"""Importer: frames and masks of other tools become a project of numbered PNG images of one size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ..delivery.record import Origin
from ..delivery.target import claimed_target
from ..media.frames import FrameReader
from ..media.label_images import encode_labels, read_objects
from ..shared.errors import BadSetting, KeyframeSizeMismatch
from ..shared.mask_images import Masks
from .placed_masks import PlacedMask, object_colours, placed_masks
from .writer import Writer

PROJECT = "keymatte-project.json"
Progress = Callable[[str, int, int], None]  # takes the stage in words, the steps done, and all steps


@dataclass
class Imported:
    """What a project has now."""

    frames: int = 0
    masks: int = 0
    objects: int = 0
    size: tuple[int, int] = (0, 0)  # (H, W)
    kept: list[str] = field(default_factory=list)  # files that are not ours, or were edited, by name


def import_project(
    out: Path,
    frames: Path | None = None,
    masks: Path | None = None,
    *,
    height: int | None = None,
    kind: Masks = Masks.AUTO,
    progress: Progress = lambda _text, _done, _total: None,
) -> Imported:
    """Write a clip's frames to `out/frames`, and masks as object numbers to `out/masks`, named by the frame's position.

    Frames are made smaller by area, as XMem++'s importer does, if their shorter side has more than `height` pixels;
    masks by nearest neighbour. Files that are up to date are left; those that others made, or that were edited, are
    kept and told. Without `frames`, the project's stay as they are.
    Raises BadSetting, ClipNotFound, ClipUnreadable, NoKeyframes, KeyframeOutsideClip, KeyframeSizeMismatch and others
    of reading, FolderTaken, FolderInUse, FolderNotWritable, DiskFull.
    """
    if height is not None and height < 1:
        raise BadSetting(f"a height of {height} pixels is too small")
    with FrameReader.open(out / "frames" if frames is None else frames) as reader:
        clip = reader.clip
        size = scaled((clip.height, clip.width), height)
        found = placed_masks(masks, clip.frame_count, kind=kind) if masks is not None else ()
        images = None if frames is None else reader.files[0].parent
        with claimed_target(out, [out / "frames", out / "masks"], mattes=out / "mattes", images=images) as record:
            writer = _Project(out, record, Origin("project", clip="project"))
            for frame in range(clip.frame_count if frames is not None else 0):
                progress("Importing frames", frame, clip.frame_count)
                writer.frame(reader, frame, size)
            for count, mask in enumerate(found):
                progress("Importing masks", count, len(found))
                writer.mask(mask, size)
            colours = object_colours(found)
            if found or not (out / PROJECT).is_file():
                writer.about(clip.frame_count, size, colours)
    return Imported(clip.frame_count, len(found), len(colours), size, writer.kept)


def scaled(size: tuple[int, int], height: int | None) -> tuple[int, int]:
    """Return the size (H, W) whose shorter side has at most `height` pixels, rounded down as by XMem++'s importer."""
    shorter = min(size)
    if height is None or shorter <= height:
        return size
    return size[0] * height // shorter, size[1] * height // shorter


class _Project(Writer):
    """Writer of a project's frames and masks."""

    def frame(self, reader: FrameReader, frame: int, size: tuple[int, int]) -> None:
        """Write a frame of the clip."""
        source = reader.files[frame] if len(reader.files) == reader.clip.frame_count else reader.files[0]

        def make() -> np.ndarray:
            return _resized(reader.read(frame), size, cv2.INTER_AREA)

        self.picture(self._out / "frames" / _name(frame), [*_stamp(source), frame, size], make)

    def mask(self, mask: PlacedMask, size: tuple[int, int]) -> None:
        """Write a mask as object numbers. Raises KeyframeSizeMismatch if it has another shape than the frames."""
        labels = read_objects(mask.file, mask.meaning).labels
        height, width = labels.shape
        if scaled((height, width), min(size)) != size:
            raise KeyframeSizeMismatch(
                f"mask {mask.file.name} is {width}x{height}, which does not fit frames of {size[1]}x{size[0]}",
                remedy="Save it at the size of the clip.",
            )

        def make(part: Path) -> None:
            part.write_bytes(encode_labels(_resized(labels, size, cv2.INTER_NEAREST)))

        self.write(self._out / "masks" / _name(mask.frame), [*_stamp(mask.file), mask.meaning, size], make)

    def about(self, frames: int, size: tuple[int, int], colours: dict[int, tuple[int, int, int]]) -> None:
        """Write what the project has: its size, and the objects with the colours that their masks had."""
        objects = {str(id_): f"#{red:02x}{green:02x}{blue:02x}" for id_, (red, green, blue) in colours.items()}
        told = {"frames": frames, "height": size[0], "width": size[1], "objects": objects}
        text = json.dumps(told, indent=1) + "\n"

        def make(part: Path) -> None:
            part.write_text(text, encoding="utf-8")

        self.write(self._out / PROJECT, [text], make)


def _name(frame: int) -> str:
    return f"frame_{frame:06d}.png"


def _stamp(file: Path) -> Iterator[object]:
    """Yield what tells whether a file has changed."""
    status = file.stat()
    yield from (str(file.absolute()), status.st_size, status.st_mtime_ns)


def _resized(image: np.ndarray, size: tuple[int, int], how: int) -> np.ndarray:
    return image if image.shape[:2] == size else cv2.resize(image, size[::-1], interpolation=how)
