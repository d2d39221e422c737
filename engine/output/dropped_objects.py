"""Removal of the results of objects that a clip no longer has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..shared.files import is_link, writing_error
from ..shared.matte_folder import MatteFolder
from ..shared.written_files import WrittenFiles

IsLocked = Callable[[int, int], bool]  # (object, file number)


@dataclass(frozen=True)
class DroppedObject:
    """Results of an object that were removed."""

    object_id: int
    removed: int  # mattes
    set_aside: tuple[Path, ...]  # where edited mattes were moved to


def drop_objects(
    folder: MatteFolder, files: WrittenFiles, objects: Iterable[int], is_locked: IsLocked
) -> list[DroppedObject]:
    """Remove the mattes and outlines of all objects but `objects`; mattes that were edited are moved aside.

    So are their refined mattes, which are made again from the mattes if these come back.

    Locked mattes, files that Keymatte has not written, and what lies behind links stay. Raises FolderNotWritable,
    DiskFull.
    """
    dropped = []
    for object_id, sequence in sorted(folder.matte_sequences().items()):
        if object_id in objects:
            continue
        written = [path for path in sorted(sequence.iterdir()) if not is_link(path) and path in files]
        mattes = [path for path in written if not is_locked(object_id, int(path.stem))]
        if not mattes:
            continue
        edited = [path for path in mattes if files.is_edited(path)]
        own = [path for path in mattes if path not in edited]
        try:
            for path in own:
                files.remove(path)
            outlines = folder.outlines(object_id)
            if mattes == written and not is_link(outlines.parent):
                files.remove(outlines)
        except OSError as error:
            raise writing_error(sequence, error) from error
        aside = tuple(files.set_aside(path) for path in edited)
        files.forget(own)
        with suppress(OSError):  # it holds other files
            sequence.rmdir()
        dropped.append(DroppedObject(object_id, len(own), aside))
        if mattes == written:
            _drop_refined(folder, object_id)
    return dropped


def _drop_refined(folder: MatteFolder, object_id: int) -> None:
    """Remove the refined mattes of an object but those that were edited. Raises FolderNotWritable, DiskFull."""
    sequence = folder.refined.matte_sequences().get(object_id)
    if sequence is None:
        return
    files = WrittenFiles(folder.refined)
    own = [path for path in files.recorded() if path.parent == sequence and not files.is_edited(path)]
    try:
        for path in own:
            files.remove(path)
    except OSError as error:
        raise writing_error(sequence, error) from error
    files.forget(own)
    with suppress(OSError):  # it holds other files
        sequence.rmdir()
