"""Moving of a matte folder: it is copied and checked, and only then are the files that Keymatte made there removed."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .errors import EngineError, FolderNotWritable
from .files import atomic_write, is_link, link_or_copy, read_json, writing_error
from .folder_lock import LOCK_FILE, OWNER_FILE, locked

NOTE = "keymatte-moved.json"  # says where a folder has gone, for files that name its former place
_OWNER = "keyframes/owner.json"  # says where the folder is, and so differs in the copy
_MAX_MOVES = 8  # that are followed; more are a circle
_TEXT = (".txt", ".json")  # files that may be changed in place, so that a second name for them will not do
_IMAGE, _OBJECT = r"[0-9]{6,}\.png", "[0-9]{3}"
_RESULT = (
    rf"keymatte\.json|keymatte-(?:index|runs)\.txt|adapted\.safetensors|labels/{_IMAGE}|mattes/{_OBJECT}/{_IMAGE}"
    rf"|outlines/{_OBJECT}\.npz|keys/(?:[0-9]{{6,}}\.npy|about\.json)"
)
_OURS = re.compile(
    rf"{_RESULT}|refined/(?:{_RESULT})"
    rf"|keyframes/(?:owner\.json|{_OBJECT}/{_IMAGE}|versions/[0-9a-f]+\.png)"
    rf"|unfinished/[0-9a-f]{{16}}/(?:memory(?:-[0-9]+)?\.safetensors|(?:earlier/)?{_OBJECT}/{_IMAGE})"
    rf"|versions/[0-9]{{6}}/(?:run\.json|(?:before|after)(?:\.txt|/(?:{_RESULT})))"
    rf"|(?:refined/)?edited/(?:labels|mattes/{_OBJECT})/[0-9]{{6,}}(?:-[0-9]+)?\.png"
)


def moved_to(root: Path) -> Path:
    """Return where a matte folder has gone, by the note that was left at its place; `root` itself if nowhere."""
    for _ in range(_MAX_MOVES):
        match read_json(root / NOTE):
            case {"moved_to": str(text)} if (there := Path(text)).is_absolute() and there.is_dir():
                root = there
            case _:
                break
    return root


def copy_folder(source: Path, target: Path) -> None:
    """Copy a matte folder to `target`, which must not exist, and check the copy; links are left out.

    Files are hard links where the file system has them. If anything fails, what was made at `target` is removed, and
    `source` is as it was. Raises FolderInUse if a job or another process works there, FolderNotWritable, DiskFull.
    """
    with locked(source):
        try:
            target.mkdir(parents=True)
        except OSError as error:
            raise writing_error(target, error) from error
        try:
            for name in _names(source):
                _copy(source / name, target / name)
        except BaseException:
            remove_copy(source, target)
            raise


def remove_copy(source: Path, target: Path) -> None:
    """Remove the copy of a matte folder: the names that the original has, too, and folders that are empty then."""
    for name in _names(source):
        with suppress(OSError):
            (target / name).unlink()
    _remove_empty(target)


def leave(source: Path, target: Path) -> None:
    """Remove what Keymatte has made in a matte folder whose copy is at `target`, and leave a note where it has gone.

    Files whose copy is missing or differs, as another Blender has written them since, and those of others, stay.
    Raises FolderInUse, FolderNotWritable, DiskFull; then some files may still be there, and none is lost.
    """
    with locked(source):
        with atomic_write(source / NOTE) as part:
            part.write_text(json.dumps({"moved_to": str(target)}, ensure_ascii=False), "utf-8", "backslashreplace")
        for name in _names(source):
            if _OURS.fullmatch(name):
                with suppress(OSError):  # one that is being read, as on Windows, is only in the way
                    if _is_same(source / name, target / name) or (name == _OWNER and (target / name).is_file()):
                        (source / name).unlink()
        _remove_empty(source, keep_root=True)


def _names(root: Path) -> Iterator[str]:
    """Yield the paths of the regular files in a matte folder, from the folder, without what only a run needs."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_link(Path(folder) / name)]
        inside = Path(folder).relative_to(root)
        for name in files:
            path = Path(folder) / name
            if name not in (LOCK_FILE, OWNER_FILE, NOTE) and path.suffix != ".part" and not is_link(path):
                yield (inside / name).as_posix()


def _copy(path: Path, copy: Path) -> None:
    """Copy a file and check the copy. Raises DiskFull, FolderNotWritable."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in _TEXT:
            shutil.copy2(path, copy)
        else:
            link_or_copy(path, copy)
        if not _is_same(path, copy):
            raise FolderNotWritable(f"{copy} is not what was written there", remedy="Check the disk, and save again.")
    except EngineError:
        raise
    except OSError as error:
        raise writing_error(copy, error) from error


def _is_same(path: Path, copy: Path) -> bool:
    """Return whether a copy is there and has the same content. Raises OSError."""
    return copy.is_file() and (path.samefile(copy) or filecmp.cmp(path, copy, shallow=False))


def _remove_empty(root: Path, *, keep_root: bool = False) -> None:
    for folder, _, _ in os.walk(root, topdown=False):
        if not (keep_root and Path(folder) == root):
            with suppress(OSError):
                Path(folder).rmdir()
