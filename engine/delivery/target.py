"""Target of a delivery: a folder that is neither the clip's nor inside the matte folder, used by one job at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..shared.errors import FolderTaken
from ..shared.files import writing_error
from ..shared.folder_lock import locked
from .record import DeliveryRecord


@contextmanager
def claimed_target(
    out: Path, folders: Iterable[Path], *, mattes: Path, images: Path | None
) -> Iterator[DeliveryRecord]:
    """Create the folder `out`, and hold its lock during the `with` block; yields the record of what is in it.

    `folders` are those to which files will be written, `mattes` is the matte folder, and `images` that of the clip's
    images. Raises FolderTaken, FolderInUse, FolderNotWritable, DiskFull.
    """
    try:
        _refuse([out, *folders], mattes, images)
        if out.exists() and not out.is_dir():
            raise FolderTaken(f"{out} is a file, not a folder")
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise writing_error(out, error) from error
    with locked(out):
        yield DeliveryRecord(out)


def _refuse(folders: Iterable[Path], mattes: Path, images: Path | None) -> None:
    """Raise FolderTaken if a folder is one in which other programs would take the files for something else."""
    for folder in folders:
        place = folder.resolve()
        if place.is_relative_to(mattes.resolve()):
            raise FolderTaken(f"{folder} is inside the matte folder, where Keymatte keeps its own files")
        if images is not None and place == images.resolve():
            raise FolderTaken(f"{folder} is the folder of the clip's images, of which exported files would become part")
