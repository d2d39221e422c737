"""Homes of matte folders: work that was begun before its file was saved moves beside the file as it is saved."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import bpy
from bpy.types import MovieClip

from ..engine.shared.errors import EngineError, FolderInUse
from ..engine.shared.folder_move import copy_folder, leave, remove_copy
from ..engine.shared.matte_folder import MatteFolder
from . import clips, folders, outcomes
from .saving import is_saved
from .session import session
from .whereabouts import BESIDE, former_cache, is_homeless, own_cache

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Move:
    """A folder of which there is a copy beside the file that is being saved, and what its clips said before."""

    old: Path
    new: Path
    stored: tuple[tuple[int, str, str], ...]  # `session_uid`, relative and absolute path of each clip


_moves: list[_Move] = []  # of the file that is being saved
_problems: list[tuple[int, str]] = []  # what could not be moved: `session_uid` of the clip, and why
_told: dict[int, str] = {}  # what is told of folders that could not be moved, by `session_uid`
_is_pending = False  # whether a folder could not move yet, as a job works in it


def before_save(blend: str) -> list[tuple[int, str]]:
    """Copy the folders that belong to no file yet beside the file that is about to be saved, and use the copies.

    A folder that cannot be copied stays where it is, and this is told on its clip; one in which a job works moves when
    the job has ended, see `settle`. Returns the `session_uid` of clips whose folders stay, and why.
    """
    global _is_pending
    _moves.clear()
    _problems.clear()
    _is_pending = False
    if not blend:  # the startup file is saved
        return []
    _store_present(Path(blend).parent)
    for old, owners in _homeless().items():
        if session.status.busy and session.status.folder == old:
            _is_pending = True
        else:
            _begin(old, owners, blend)
    return [*_problems]


def after_save(blend: str) -> None:
    """Remove the folders whose copies are used by the file that was saved; after Save Copy, go on using them."""
    if blend == bpy.data.filepath:
        for move in _moves:
            _end(move, blend)
    else:
        for move in _moves:
            _take_back(move)
    _moves.clear()


def after_failed_save() -> None:
    """Remove the copies, as the file was not saved."""
    for move in _moves:
        _take_back(move)
        remove_copy(move.old, move.new)
    _moves.clear()


def settle() -> bool:
    """Move the folders in which a job worked while the file was saved, once it has ended; return whether any moved.

    The file is marked as changed, since the paths in it are those of before; after an undo it is, and what can be
    redone stays so.
    """
    global _is_pending
    if not _is_pending or session.status.busy or session.unanswered:
        return False
    before_save(bpy.data.filepath)
    moved = bool(_moves)
    after_save(bpy.data.filepath)
    if moved and not bpy.ops.ed.redo.poll():
        bpy.ops.ed.undo_push(message="Move Mattes")
    return moved


def mend_images() -> None:
    """Redirect images and clips that show mattes of folders that have moved, after an undo, or as a file is opened."""
    for clip in _own_clips():
        stored, folder = Path(clip.matting.folder_absolute), folders.existing_folder(clip)
        if folder is not None and folder.root != stored and is_homeless(stored):
            folders.redirect_images(folder, old_folder=MatteFolder(stored))


def forget() -> None:
    """Forget what is pending, as another file is loaded."""
    global _is_pending
    _moves.clear()
    _told.clear()
    _is_pending = False


def adopt() -> None:
    """Move what Keymatte 0.1 kept in the extension's own folder, which Blender deletes on uninstalling, to the user's.

    Clips find it there by its name; see `whereabouts.present`.
    """
    former, own = former_cache(), own_cache()
    try:
        found = [old for old in former.iterdir() if is_homeless(old) and old.is_dir()] if former is not None else []
    except OSError as error:  # nothing may keep the extension from being enabled
        _log.warning("%s cannot be read: %s", former, error)
        found = []
    for old in found:
        if not (own / old.name).exists():
            _adopt(old, own / old.name)


def _adopt(old: Path, new: Path) -> None:
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
    except OSError:  # on another file system
        try:
            copy_folder(old, new)
            leave(old, new)
        except EngineError as error:
            _log.warning("%s cannot be moved to %s: %s", old, new, error.sentence())


def _own_clips() -> list[MovieClip]:
    return [clip for clip in bpy.data.movieclips if clip.matting.folder and is_saved(clip)]


def _store_present(beside: Path) -> None:
    """Have clips say where their folders are that have moved, as an undo has brought back their former paths."""
    for clip in _own_clips():
        stored, folder = Path(clip.matting.folder_absolute), folders.existing_folder(clip)
        if folder is not None and folder.root != stored and is_homeless(stored) and folder.root.is_dir():
            is_below = folder.root.is_relative_to(beside)
            clip.matting.folder = f"//{folder.root.relative_to(beside).as_posix()}" if is_below else str(folder.root)
            clip.matting.folder_absolute = str(folder.root)


def _homeless() -> dict[Path, list[MovieClip]]:
    """Return the folders that belong to no file yet, and the clips that use each, first the one that owns it."""
    found: dict[Path, list[MovieClip]] = {}
    for clip in _own_clips():
        folder = folders.existing_folder(clip)
        if folder is not None and is_homeless(folder.root) and folder.root.is_dir():
            found.setdefault(folder.root, []).append(clip)
    for root, owners in found.items():
        name = folders.read_owner(MatteFolder(root)).get("clip")
        owners.sort(key=lambda clip: clip.name != name)
    return found


def _begin(old: Path, owners: list[MovieClip], blend: str) -> None:
    """Copy a folder beside the file, and have its clips, and the images and clips that show it, use the copy."""
    global _is_pending
    try:
        new = folders.free_root(owners[0], Path(blend))
        copy_folder(old, new)
        folders.write_owner(MatteFolder(new), owners[0], blend)
    except FolderInUse:
        _is_pending = True  # such as by the command line
        return
    except (EngineError, OSError) as error:
        _tell(owners[0], old, error)
        return
    stored = tuple((clip.session_uid, clip.matting.folder, clip.matting.folder_absolute) for clip in owners)
    for clip in owners:
        clip.matting.folder, clip.matting.folder_absolute = f"//{BESIDE}/{new.name}", str(new)
    folders.redirect_images(MatteFolder(new), old_folder=MatteFolder(old))
    _moves.append(_Move(old, new, stored))


def _tell(clip: MovieClip, old: Path, error: EngineError | OSError) -> None:
    """Tell on the clip that its folder could not be moved."""
    remedy = "Save the file in a folder with enough space that you may write to, and they move there."
    kind = type(error) if isinstance(error, EngineError) else EngineError
    why = error.message if isinstance(error, EngineError) else str(error)
    problem = kind(f"the keyframes and mattes of {clip.name} stay in {old}: {why}", remedy=remedy)
    session.show(problem, clip.session_uid)
    _told[clip.session_uid] = problem.message
    _problems.append((clip.session_uid, problem.sentence()))
    _log.warning("%s", problem.sentence())


def _take_back_problem(clip: MovieClip) -> None:
    """Forget that the clip's folder could not be moved, if that is what is told of it."""
    message, told = _told.pop(clip.session_uid, ""), outcomes.of_clip(clip)
    if told and told.problem and told.problem.message == message:
        outcomes.drop(clip.session_uid)


def _end(move: _Move, blend: str) -> None:
    for uid, _, _ in move.stored:
        clip = clips.find_clip(uid)
        if clip is not None:
            folders.reassign(clip, blend, move.old, move.new)
            _take_back_problem(clip)
    try:
        leave(move.old, move.new)
    except EngineError as error:  # the copy is complete, and in use
        _log.warning("%s is not removed, although it was copied to %s: %s", move.old, move.new, error.sentence())


def _take_back(move: _Move) -> None:
    """Have clips, images and clips that show mattes use the original again."""
    for uid, relative, absolute in move.stored:
        clip = clips.find_clip(uid)
        if clip is not None:
            clip.matting.folder, clip.matting.folder_absolute = relative, absolute
    folders.redirect_images(MatteFolder(move.old), old_folder=MatteFolder(move.new))
