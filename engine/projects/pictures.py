"""Results as XMem++'s program saves them: masks in the colours of the user's, and the clip with the masks over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ..delivery.record import Origin
from ..delivery.target import claimed_target
from ..media.frames import FrameReader
from ..media.label_images import read_labels
from ..shared.matte_folder import MatteFolder
from .writer import Writer

FOLDERS = ("masks", "overlay")
_STRENGTH = 0.5  # of the masks over the clip
Progress = Callable[[str, int, int], None]  # takes the stage in words, the steps done, and all steps


def save_pictures(
    out: Path,
    reader: FrameReader,
    folder: MatteFolder,
    colours: Mapping[int, tuple[int, int, int]],
    progress: Progress = lambda _text, _done, _total: None,
) -> list[str]:
    """Write `out/masks` and `out/overlay` of all frames with a label image, named as the clip's frames.

    Files that are up to date are left. Return the names of those that are kept since they are not ours, or were edited.
    Raises KeyframeUnreadable, FramesUnreadable, FolderTaken, FolderInUse, FolderNotWritable, DiskFull.
    """
    palette = np.zeros((256, 3), np.uint8)
    for id_, colour in colours.items():
        palette[id_] = colour
    images = reader.files[0].parent
    with claimed_target(out, [out / name for name in FOLDERS], mattes=folder.root, images=images) as record:
        writer = Writer(out, record, Origin("pictures", mattes=str(folder.root.absolute())))
        for frame, number in enumerate(reader.numbers):
            progress("Saving masks and overlays", frame, reader.clip.frame_count)
            path = folder.labels(number)
            if not path.is_file():
                continue
            status, name = path.stat(), f"{_stem(reader, frame)}.png"
            inputs = [status.st_size, status.st_mtime_ns, sorted(colours.items())]
            writer.picture(out / "masks" / name, inputs, partial(_coloured, palette, path))
            writer.picture(out / "overlay" / name, inputs, partial(_over, palette, path, partial(reader.read, frame)))
    return writer.kept


def _coloured(palette: np.ndarray, labels: Path) -> np.ndarray:
    """Return a label image in the objects' colours."""
    return palette[read_labels(labels)]


def _over(palette: np.ndarray, labels: Path, read: Callable[[], np.ndarray]) -> np.ndarray:
    """Return a frame with the masks of a label image over it."""
    ids, picture = read_labels(labels), read()
    tinted = picture + (palette[ids] - picture.astype(np.float32)) * np.float32(_STRENGTH)
    return np.where(ids[..., None] > 0, np.rint(tinted), picture).astype(np.uint8)


def _stem(reader: FrameReader, frame: int) -> str:
    """Return the name of a frame's image without its suffix; of a movie, as XMem++'s program numbers its frames."""
    stems = reader.names.stems
    return stems[frame] if len(stems) == reader.clip.frame_count else f"frame_{frame:06d}"
