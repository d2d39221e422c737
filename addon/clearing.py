"""Deletion of a clip's results: mattes, and what was made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bpy.types import MovieClip

from ..engine.shared.errors import FolderNotWritable, FolderTaken
from ..engine.shared.files import is_link
from ..engine.shared.folder_claim import read_marker
from ..engine.shared.folder_lock import locked
from ..engine.shared.matte_folder import MatteFolder
from ..engine.shared.versions import remove_versions
from ..engine.shared.written_files import WrittenFiles
from . import outcomes
from .folders import existing_folder, matte_folder, read_owner

_RESULT_FOLDERS = ("labels", "mattes", "outlines", "keys")


@dataclass(frozen=True)
class Cleared:
    """Outcome of deleting a clip's results."""

    deleted: int  # files, not counting checkpoints
    kept: int  # images that were edited by hand


def edited_images(clip: MovieClip) -> int:
    """Return how many of the clip's mattes and label images were edited by hand. Raises FolderNotWritable."""
    folder = existing_folder(clip)
    if folder is None or not read_marker(folder):
        return 0
    records = [WrittenFiles(one) for one in (folder, folder.refined)]
    return sum(files.is_edited(path) for files in records for path in files.recorded())


def clear_results(clip: MovieClip, *, edited: bool = False) -> Cleared:
    """Delete the clip's mattes, also refined ones, label images, outlines, cached frame features, adapted weights and
    job checkpoints.

    So is what earlier runs replaced. Keyframes are kept; so are images that were edited by hand, unless `edited` is
    true, files that Keymatte has not written, and whatever lies behind links. Raises FolderNotWritable, FolderInUse if
    another process writes there, and FolderTaken if the folder holds results but is not marked as one of Keymatte's in
    Blender.
    """
    current = existing_folder(clip)
    if current is None or not any(_deletable(current)):
        return Cleared(0, 0)
    if not read_marker(current) or not read_owner(current):  # named by a file that was not made here
        raise FolderTaken(
            f"{current.root} does not say that its mattes were made for a clip in Blender",
            remedy="Nothing was deleted. Delete the folder yourself if it is not needed.",
        )
    folder = matte_folder(clip)
    outcomes.drop(clip.session_uid)  # it is told of mattes that are gone now
    with locked(folder.root):
        return _clear(folder, edited=edited)


def _deletable(folder: MatteFolder) -> Iterator[Path]:
    """Yield what deleting a folder's results may remove."""
    yield from folder.image_files()
    yield from folder.refined.image_files()
    yield from folder.derived_files()
    yield from folder.version_folders()


def _clear(folder: MatteFolder, *, edited: bool) -> Cleared:
    derived = [*folder.derived_files()]
    try:
        for path in derived:
            path.unlink(missing_ok=True)
        remove_versions(folder)
        mattes, refined = (_clear_images(one, edited=edited) for one in (folder, folder.refined))
        folder.remove_unfinished()
        if folder.refined.root.is_dir() and not any(folder.refined.root.iterdir()):
            folder.refined.root.rmdir()
    except OSError as error:
        path = error.filename or folder.root
        raise FolderNotWritable(f"{path} cannot be deleted: {error.strerror}") from error
    return Cleared(mattes.deleted + refined.deleted + len(derived), mattes.kept + refined.kept)


def _clear_images(folder: MatteFolder, *, edited: bool) -> Cleared:
    """Delete the images that are recorded in a folder, those that were edited only if asked for. Raises OSError."""
    files = WrittenFiles(folder)
    images = files.recorded()
    kept = [] if edited else [path for path in images if files.is_edited(path)]
    deleted = [path for path in images if path not in set(kept)]
    for path in deleted:
        path.unlink(missing_ok=True)
    if images:
        files.forget(deleted)
    for path in [*folder.matte_sequences().values(), *(folder.root / name for name in _RESULT_FOLDERS)]:
        if path.is_dir() and not is_link(path) and not any(path.iterdir()):
            path.rmdir()
    return Cleared(len(deleted), len(kept))
