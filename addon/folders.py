"""The folder of a clip's keyframes and mattes: decided at first use, remembered on the clip, read back and cleared."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import FolderNotWritable
from ..engine.shared.files import atomic_write, writing_error
from ..engine.shared.matte_folder import MatteFolder
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
    """The clip's folder, to write to; decided now if this is its first use. Raises FolderNotWritable, DiskFull.

    A folder that another clip or another .blend has as well, because one was copied from the other, stays theirs:
    this clip gets a copy of it from now on.
    """
    found = existing_folder(clip)
    if found is None:
        return _decide(clip, found)
    if _is_copy(clip, found):
        folder = _decide(clip, found)
        matting = clip.matting
        matting.key, matting.mask = uuid.uuid4().hex, None  # nodes and layers made before are the other clip's
    elif _is_another_files(found):
        folder = _decide(clip, found)
        _show_images_in(folder, instead_of=found)
    else:
        folder = found
    _sign(folder, clip)
    return folder


def readable_folder(clip: MovieClip) -> MatteFolder:
    """The clip's folder, to read results from, under a key of its own; decided now if this is its first use."""
    found = existing_folder(clip)
    return matte_folder(clip) if found is None or _is_copy(clip, found) else found


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
    """Remove mattes, label images, outlines, kept keys of the clip, what was learned of it and what an interrupted job
    would go on with; keyframes stay.

    Returns how many files went.
    """
    if existing_folder(clip) is None:
        return 0
    folder = matte_folder(clip)
    ours = [*_results_in(folder), *folder.root.glob("keys/[0-9]*.npy"), *folder.root.glob("keys/about.json")]
    try:
        for path in ours:
            path.unlink()
        folder.forget_unfinished()
        for path in [*folder.root.glob("mattes/*"), *(folder.root / part for part in _PARTS)]:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    except OSError as error:
        raise FolderNotWritable(f"{path} cannot be removed: {error.strerror}") from error
    return len(ours)


_PARTS = ("labels", "mattes", "outlines", "keys")
_OTHER_PLACE = "Save the .blend in a folder that can be written, or choose a cache folder in the preferences."


def _decide(clip: MovieClip, found: MatteFolder | None) -> MatteFolder:
    """Give the clip a folder of its own, with all that is Keymatte's in the one found, if any."""
    where = (bpy.data.filepath, clip.name, clip.filepath)
    if where not in _decided or (found and Path(_decided[where]) == found.root):
        _decided[where] = str(_new_place(clip))
    root = Path(_decided[where])
    is_new = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        if found and is_new:  # else it was copied before an undo, and is newer
            _copy_files(found, MatteFolder(root))
    except OSError as error:
        raise FolderNotWritable(writing_error(root, error).message, remedy=_OTHER_PLACE) from error
    matting = clip.matting
    matting.folder_absolute = str(root)
    matting.folder = relative_path(root)
    matting.key = matting.key or uuid.uuid4().hex
    clip.use_fake_user = True  # a clip that nothing shows is dropped at saving, and its matting with it
    return MatteFolder(root)


def _copy_files(source: MatteFolder, target: MatteFolder) -> None:
    """Keyframes and results into another folder. As links where the disk can: a file is never changed, only replaced
    by another, so that neither folder sees what is done in the other, and a link takes no room."""
    for path in [*source.root.glob("keymatte.json"), *source.root.glob("keyframes/*/*.png"), *_results_in(source)]:
        copy = target.root / path.relative_to(source.root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            copy.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, copy)


def _results_in(folder: MatteFolder) -> list[Path]:
    patterns = ("labels/*.png", "mattes/*/*.png", "outlines/*.npz")
    found = [path for pattern in patterns for path in folder.root.glob(pattern) if path.stem.isdigit()]
    return [*found, folder.adapted] if folder.adapted.is_file() else found


def _is_copy(clip: MovieClip, folder: MatteFolder) -> bool:
    """Whether the clip was copied from another one of this file, and its folder is the other's."""
    key = clip.matting.key
    same = [other for other in bpy.data.movieclips if other.matting.key == key and other.library == clip.library]
    named = _owner(folder).get("clip")
    return bool(key) and clip != min(same, key=lambda other: (other.name != named, other.session_uid))


def _is_another_files(folder: MatteFolder) -> bool:
    """Whether the folder is used by another .blend that is still there, such as the one this was saved from. In a
    folder that was moved or copied with its .blend the owner's old place does not count."""
    owner = _owner(folder)
    blend = owner.get("blend")
    return bool(
        blend and blend != bpy.data.filepath and owner.get("folder") == str(folder.root) and Path(blend).is_file()
    )


def _owner(folder: MatteFolder) -> dict[str, str]:
    """Who signed the folder last; empty if nobody did."""
    try:
        told = json.loads(_signature(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _sign(folder: MatteFolder, clip: MovieClip) -> None:
    owner = {"blend": bpy.data.filepath, "clip": clip.name, "folder": str(folder.root)}
    if _owner(folder) != owner:
        with atomic_write(_signature(folder)) as part:
            part.write_text(json.dumps(owner, indent=1, ensure_ascii=False), encoding="utf-8")


def _signature(folder: MatteFolder) -> Path:
    return folder.root / "keyframes" / "owner.json"


def _show_images_in(folder: MatteFolder, *, instead_of: MatteFolder) -> None:
    """Have this file's images show the copies of the mattes, which will be renewed, instead of the others."""
    for image in bpy.data.images:
        path = Path(bpy.path.abspath(image.filepath, library=image.library))
        if image.library is None and image.filepath and path.is_relative_to(instead_of.root):
            image.filepath = relative_path(folder.root / path.relative_to(instead_of.root))


def _new_place(clip: MovieClip) -> Path:
    if bpy.data.filepath:
        parent = Path(bpy.data.filepath).parent / "keymatte"
        name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", clip.name).strip(" .") or "clip"
        # Without case: on Windows and macOS names that differ only in it are one folder.
        taken = {path.name.casefold() for path in parent.iterdir()} if parent.is_dir() else set()
        names = (name if count == 1 else f"{name}-{count}" for count in range(1, len(taken) + 2))
        return parent / next(free for free in names if free.casefold() not in taken)
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
