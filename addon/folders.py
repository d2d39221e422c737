"""The matte folder of a clip: chosen at first use, stored on the clip, and listed."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import FolderNotWritable
from ..engine.shared.files import atomic_write, link_or_copy, modified_ns, read_json, writing_error
from ..engine.shared.folder_claim import MARKER
from ..engine.shared.folder_move import moved_to
from ..engine.shared.matte_folder import MatteFolder, is_number
from ..engine.shared.versions import copy_versions
from .saving import check_clip_saved
from .whereabouts import BESIDE, OWNER_FILE, cache_folder, present

# Folders chosen since the file was opened: (.blend, clip name, path of its media) -> root. An undo reverts the clip's
# properties but not the disk, and choosing again must give the same folder rather than a second one.
_assigned: dict[tuple[str, str, str], str] = {}

_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
_MAX_NAME = 60  # characters of 4 bytes at most; systems allow 255 bytes, and Windows 260 characters of a whole path


@dataclass(frozen=True)
class MatteResults:
    """Results of a clip that are on disk."""

    numbers: tuple[int, ...]  # file numbers of the frames with mattes, ascending


def matte_folder(clip: MovieClip) -> MatteFolder:
    """Return the clip's folder for writing, choosing one at first use. Raises FolderNotWritable, DiskFull.

    If the clip or the .blend was copied and the original still uses the folder, this clip gets a copy of it.
    """
    current = existing_folder(clip)
    if current is None:
        return _assign_folder(clip, current)
    if _is_copy(clip, current):
        folder = _assign_folder(clip, current)
        matting = clip.matting
        matting.key, matting.mask = uuid.uuid4().hex, None  # existing nodes and layers belong to the other clip
    elif _is_used_by_other_blend(current):
        folder = _assign_folder(clip, current)
        redirect_images(folder, old_folder=current)
    else:
        folder = current
    write_owner(folder, clip, bpy.data.filepath)
    return folder


def readable_folder(clip: MovieClip) -> MatteFolder:
    """Return the clip's folder for reading, choosing one at first use.

    A copied clip gets a folder and an identifier (`ClipMatting.key`) of its own. A folder that another .blend owns is
    returned as well, since reading does not change it.
    Raises FolderNotWritable, DiskFull.
    """
    current = existing_folder(clip)
    return matte_folder(clip) if current is None or _is_copy(clip, current) else current


def existing_folder(clip: MovieClip) -> MatteFolder | None:
    """Return the folder chosen for the clip, or None if none has been chosen.

    The stored relative path is tried before the absolute one, in case the .blend was moved with its folder. One
    that has moved since, as its file was saved for the first time, is found at its present place.
    """
    matting = clip.matting
    if not matting.folder:
        return None
    relative = Path(bpy.path.abspath(matting.folder, library=clip.library))
    absolute = Path(matting.folder_absolute)
    root = absolute if absolute.is_dir() and not relative.is_dir() else relative
    return MatteFolder(present(root, matting.key))


def reassign(clip: MovieClip, blend: str, old_root: Path, new_root: Path) -> None:
    """Note that the clip's folder has moved, as the file `blend` was saved, for what undo brings back."""
    for key in [key for key, root in _assigned.items() if root == str(old_root)]:
        _assigned[key] = str(new_root)
    _assigned[_key_of(clip, blend)] = str(new_root)


def clear_assigned_folders() -> None:
    """Forget which folders were chosen since the file was opened, because another file is about to be loaded."""
    _assigned.clear()


def results(clip: MovieClip) -> MatteResults:
    """Return the clip's results as found on disk, because an undo reverts properties but not files."""
    folder = existing_folder(clip)
    if folder is None:
        return MatteResults(())
    labels = folder.labels(0).parent
    return MatteResults(_numbers(labels, modified_ns(labels)))


def relative_path(path: Path) -> str:
    """Return the path with Blender's `//` prefix if it lies below the folder of the saved .blend, else unchanged."""
    if bpy.data.filepath and path.is_relative_to(Path(bpy.data.filepath).parent):
        return "//" + path.relative_to(Path(bpy.data.filepath).parent).as_posix()
    return str(path)


_NOT_WRITABLE_REMEDY = "Save the .blend file in a writable folder, or choose a Cache folder in Keymatte's preferences."


def _assign_folder(clip: MovieClip, current: MatteFolder | None) -> MatteFolder:
    """Give the clip a folder of its own, with copies of Keymatte's files in `current`, if any, and return it.

    Raises NotSaved if the file would not keep the folder's name.
    """
    check_clip_saved(clip)
    where = _key_of(clip, bpy.data.filepath)
    assigned = _assigned.get(where)
    if not assigned or (current and current.root in (Path(assigned), moved_to(Path(assigned)))):
        _assigned[where] = str(_new_root(clip))
    root = Path(_assigned[where])
    is_new = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        if current and is_new:  # an existing copy was made before an undo, and its files are newer
            _copy_files(current, MatteFolder(root))
    except OSError as error:
        raise FolderNotWritable(writing_error(root, error).message, remedy=_NOT_WRITABLE_REMEDY) from error
    matting = clip.matting
    matting.folder_absolute = str(root)
    matting.folder = relative_path(root)
    matting.key = matting.key or uuid.uuid4().hex
    clip.use_fake_user = True  # Blender does not save unused data-blocks, and the matting would be lost
    return MatteFolder(root)


def _key_of(clip: MovieClip, blend: str) -> tuple[str, str, str]:
    return blend, clip.name, os.path.normpath(bpy.path.abspath(clip.filepath))


def _copy_files(source: MatteFolder, target: MatteFolder) -> None:
    """Copy keyframes and results to another folder, as hard links where the file system supports them.

    Hard links are safe because files are never modified, only replaced; except for the index, to which lines are added.
    """
    for one, other in ((source, target), (source.refined, target.refined)):
        if one.index.is_file():
            other.root.mkdir(exist_ok=True)
            shutil.copyfile(one.index, other.index)
    patterns = (MARKER, source.runs.name, "keyframes/*/*.png")
    for path in [*(path for name in patterns for path in source.root.glob(name)), *_result_files(source)]:
        copy = target.root / path.relative_to(source.root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, copy)
    copy_versions(source, target)


def _result_files(folder: MatteFolder) -> list[Path]:
    patterns = ("labels/*.png", "mattes/*/*.png", "refined/mattes/*/*.png", "outlines/*.npz")
    files = [path for pattern in patterns for path in folder.root.glob(pattern) if is_number(path.stem)]
    return [*files, folder.adapted] if folder.adapted.is_file() else files


def _is_copy(clip: MovieClip, folder: MatteFolder) -> bool:
    """Return whether the clip is a copy of another clip of this file that owns the folder."""
    key = clip.matting.key
    candidates = [other for other in bpy.data.movieclips if other.matting.key == key and other.library == clip.library]
    owner_name = read_owner(folder).get("clip")
    return bool(key) and clip != min(candidates, key=lambda other: (other.name != owner_name, other.session_uid))


def _is_used_by_other_blend(folder: MatteFolder) -> bool:
    """Return whether another existing .blend owns the folder, such as the one that this file was saved from.

    If the folder's recorded path is not its present path, the folder was moved or copied with its .blend: return False.
    """
    owner = read_owner(folder)
    blend = owner.get("blend")
    return bool(
        blend and blend != bpy.data.filepath and owner.get("folder") == str(folder.root) and Path(blend).is_file()
    )


def read_owner(folder: MatteFolder) -> dict[str, str]:
    """Return the recorded owner of the folder (keys blend, clip, folder); empty if none is recorded."""
    owner = read_json(_owner_file(folder))
    return {name: text for name, text in owner.items() if isinstance(text, str)} if isinstance(owner, dict) else {}


def write_owner(folder: MatteFolder, clip: MovieClip, blend: str) -> None:
    """Record to which file and clip the folder belongs. Raises DiskFull, FolderNotWritable."""
    owner = {"blend": blend, "clip": clip.name, "folder": str(folder.root), "key": clip.matting.key}
    if read_owner(folder) != owner:
        with atomic_write(_owner_file(folder)) as part:
            part.write_text(json.dumps(owner, indent=1, ensure_ascii=False), "utf-8", "backslashreplace")


def _owner_file(folder: MatteFolder) -> Path:
    return folder.root / OWNER_FILE


def redirect_images(folder: MatteFolder, *, old_folder: MatteFolder) -> None:
    """Redirect this file's images and movie clips of mattes from `old_folder` to the mattes' copies in `folder`."""
    for shown in [*bpy.data.images, *bpy.data.movieclips]:
        path = Path(bpy.path.abspath(shown.filepath, library=shown.library))
        if shown.library is None and shown.filepath and path.is_relative_to(old_folder.root):
            shown.filepath = relative_path(folder.root / path.relative_to(old_folder.root))


def _new_root(clip: MovieClip) -> Path:
    if bpy.data.filepath:
        return free_root(clip, Path(bpy.data.filepath))
    return cache_folder() / uuid.uuid4().hex


def free_root(clip: MovieClip, blend: Path) -> Path:
    """Return a path beside a saved file for the clip's folder, named after the clip, at which there is nothing yet."""
    parent, name = blend.parent / BESIDE, _folder_name(clip.name)
    # Compare without case: Windows and macOS treat names that differ only in case as the same folder.
    taken = {path.name.casefold() for path in parent.iterdir()} if parent.is_dir() else set()
    names = (name if count == 1 else f"{name}-{count}" for count in range(1, len(taken) + 2))
    return parent / next(free for free in names if free.casefold() not in taken)


def _folder_name(clip_name: str) -> str:
    """Return a clip's name as a name that a folder may have on every system."""
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", clip_name)[:_MAX_NAME].strip(" .") or "clip"
    return f"_{name}" if name.split(".")[0].rstrip().casefold() in _DEVICES else name  # Windows keeps these for devices


@lru_cache(maxsize=64)
def _numbers(folder: Path, mtime: int) -> tuple[int, ...]:
    """Return the file numbers in `folder`, ascending. `mtime` is its modification time, or 0 if it does not exist.

    The result is cached until `mtime` changes, because panels call this with every redraw.
    """
    if not mtime:
        return ()
    return tuple(sorted(int(path.stem) for path in folder.iterdir() if is_number(path.stem) and path.suffix != ".part"))
