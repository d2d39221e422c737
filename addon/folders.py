"""The folder of a clip's keyframes and mattes: decided at first use, remembered on the clip, read back and cleared."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy
from bpy.types import MovieClip

from ..engine.errors import FolderNotWritable
from ..engine.matte_folder import MatteFolder, writing_error
from . import PACKAGE

# What was decided since the file was opened. An undo takes the decision back on the clip but not on the disk; deciding
# anew must give the same folder, not a second one beside it.
_decided: dict[tuple[str, str, str], str] = {}


@dataclass(frozen=True)
class Results:
    """What a run has left on disk."""

    numbers: tuple[int, ...]  # frames with a matte, as numbers in file names, ascending
    outlines: tuple[int, ...]  # ids of the objects with outlines, ascending


def matte_folder(clip: MovieClip) -> MatteFolder:
    """The clip's folder; decided now if this is its first use. Raises FolderNotWritable."""
    found = existing_folder(clip)
    if found is not None:
        return found
    matting = clip.matting
    where = (bpy.data.filepath, clip.name, clip.filepath)
    if where not in _decided:
        _decided[where] = str(_new_place(clip))
    root = Path(_decided[where])
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FolderNotWritable(writing_error(root, error).message, remedy=_OTHER_PLACE) from error
    matting.folder_absolute = str(root)
    matting.folder = relative_path(root)
    matting.key = matting.key or uuid.uuid4().hex
    clip.use_fake_user = True  # a clip that nothing shows is dropped at saving, and its matting with it
    return MatteFolder(root)


def existing_folder(clip: MovieClip) -> MatteFolder | None:
    """The folder decided for the clip, if any. A .blend that was moved with its folder finds it beside itself."""
    matting = clip.matting
    if not matting.folder:
        return None
    near = Path(bpy.path.abspath(matting.folder, library=clip.library))
    far = Path(matting.folder_absolute)
    return MatteFolder(far if far.is_dir() and not near.is_dir() else near)


def forget() -> None:
    """Another file is opened: what was decided for this one is saved with it, or was not wanted."""
    _decided.clear()


def results(clip: MovieClip) -> Results:
    """What is done, as the disk has it: properties would go back with an undo, files do not."""
    folder = existing_folder(clip)
    if folder is None:
        return Results((), ())
    labels, outlines = folder.labels(0).parent, folder.outlines(0).parent
    return Results(_numbers(labels, _changed(labels)), _numbers(outlines, _changed(outlines)))


def relative_path(path: Path) -> str:
    """The path as seen from a saved .blend that it lies beside, else as it is."""
    if bpy.data.filepath and path.is_relative_to(Path(bpy.data.filepath).parent):
        return "//" + path.relative_to(Path(bpy.data.filepath).parent).as_posix()
    return str(path)


def clear_results(clip: MovieClip) -> int:
    """Remove mattes, label images and outlines of the clip; keyframes stay. Returns how many files went."""
    folder = existing_folder(clip)
    if folder is None:
        return 0
    ours = [
        *folder.root.glob("labels/*.png"),
        *folder.root.glob("mattes/*/*.png"),
        *folder.root.glob("outlines/*.npz"),
    ]
    ours = [path for path in ours if path.stem.isdigit()]
    try:
        for path in ours:
            path.unlink()
        for path in [*folder.root.glob("mattes/*"), *(folder.root / part for part in ("labels", "mattes", "outlines"))]:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    except OSError as error:
        raise FolderNotWritable(f"{path} cannot be removed: {error.strerror}") from error
    return len(ours)


_OTHER_PLACE = "Save the .blend in a folder that can be written, or choose a cache folder in the preferences."


def _new_place(clip: MovieClip) -> Path:
    if bpy.data.filepath:
        parent = Path(bpy.data.filepath).parent / "keymatte"
        name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", clip.name).strip(" .") or "clip"
        taken = {path.name for path in parent.iterdir()} if parent.is_dir() else set()
        names = (name if count == 1 else f"{name}-{count}" for count in range(1, len(taken) + 2))
        return parent / next(free for free in names if free not in taken)
    preferences = bpy.context.preferences.addons.get(PACKAGE)
    cache = preferences.preferences.cache_folder if preferences else ""
    if cache:
        return Path(bpy.path.abspath(cache)) / uuid.uuid4().hex
    return Path(bpy.utils.extension_path_user(PACKAGE, path="mattes", create=True)) / uuid.uuid4().hex


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _numbers(folder: Path, changed: int) -> tuple[int, ...]:
    """Numbers of the files in `folder`; `changed` makes a panel that asks again and again list it only once."""
    if not changed:
        return ()
    return tuple(sorted(int(path.stem) for path in folder.iterdir() if path.stem.isdigit() and path.suffix != ".part"))
