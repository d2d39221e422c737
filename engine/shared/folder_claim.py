"""Claim of a matte folder: only one that is empty or Keymatte's is written to, and by one process at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .. import VERSION
from .codec import from_json
from .errors import FolderTaken
from .files import atomic_write, is_link, is_system_file, read_json, writing_error
from .folder_lock import LOCK_FILE, OWNER_FILE, FolderLock, locked
from .matte_folder import MatteFolder
from .types import PropagationJob
from .written_files import WrittenFiles

MARKER = "keymatte.json"
CUTS = "cuts"  # key of the marker: media frames with which shots of the clip begin, as far as the last run looked
WALKS = "walks"  # key of the marker: id of the last run, and first frame, stop and direction of its sections
_MAX_FRAMES = 10**7  # of a clip; a larger number in the marker is damaged
_FINISHED = "finished"  # key of the marker: whether the last run has made all that it could
_KINDS = ("keymatte", "study", "baseline")  # keys, one of which every marker has; the last two in those of 0.1.0
_RESULT_FOLDERS = ("labels", "mattes", "outlines", "keys", "unfinished", "edited", "versions", "refined")
_MAY_PRECEDE = ("keyframes", MARKER, f"{MARKER}.part", LOCK_FILE, OWNER_FILE)
_PARTLY_WRITTEN = re.compile(  # temporary files of a run, as paths from the matte folder
    r"(?:keymatte\.json|keymatte-(?:index|runs)\.txt|adapted\.safetensors|labels/[0-9]{6,}\.png"
    r"|mattes/[0-9]{3}/[0-9]{6,}\.png|outlines/[0-9]{3}\.npz|keys/[0-9]{6,}\.npy"
    r"|unfinished/[0-9a-f]{16}/(?:memory(?:-[0-9]+)?\.safetensors|(?:earlier/)?[0-9]{3}/[0-9]{6,}\.png)"
    r"|refined/(?:keymatte-index\.txt|mattes/[0-9]{3}/[0-9]{6,}\.png)"
    r"|versions/[0-9]{6}/(?:run\.json|(?:before|after)(?:\.txt|/keymatte\.json|/labels/[0-9]{6,}\.png"
    r"|/mattes/[0-9]{3}/[0-9]{6,}\.png|/outlines/[0-9]{3}\.npz)))\.part"
)


@dataclass(frozen=True)
class FolderClaim:
    """A matte folder that this process may write to."""

    folder: MatteFolder
    lock: FolderLock
    written: WrittenFiles
    earlier: Mapping[str, Any]  # content of the marker that an earlier run has written; empty if the folder is new

    def mark(self, record: Mapping[str, Any]) -> None:
        """Write `record` as JSON to the marker file. Raises DiskFull, FolderNotWritable."""
        content = {"keymatte": VERSION, **record}
        with atomic_write(self.folder.root / MARKER) as part:
            part.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str), "utf-8", "backslashreplace")

    def mark_finished(self) -> None:
        """Note in the marker file that the run has made all that it could. Raises DiskFull, FolderNotWritable."""
        self.mark({**read_marker(self.folder), _FINISHED: True})


@contextmanager
def claim(folder: MatteFolder) -> Iterator[FolderClaim]:
    """Create the folder or take over an existing one, and hold its lock during the `with` block.

    Partly written files of an interrupted run are removed. Raises FolderTaken if the folder holds files that are not
    Keymatte's or links to other folders, FolderInUse if another process writes to it, FolderNotWritable, DiskFull.
    """
    root = folder.root
    refuse_if_taken(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise writing_error(root, error) from error
    with locked(root) as lock:
        earlier = read_marker(folder)
        _remove_partly_written(root)
        written = WrittenFiles(folder)
        try:
            yield FolderClaim(folder, lock, written, earlier)
        finally:
            written.close()


def refuse_if_taken(root: Path) -> None:
    """Raise FolderTaken unless a folder is new, empty or Keymatte's. Raises FolderNotWritable if that is unknown."""
    try:
        if root.exists() and not root.is_dir():
            raise FolderTaken(f"{root} is a file, not a folder")
        if is_link(root) and not root.exists():
            raise FolderTaken(f"{root} is a link to {root.readlink()}, which does not exist")
        names = [path.name for path in root.iterdir()] if root.exists() else []
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise writing_error(root, error) from error
    foreign = sorted(name for name in names if not _may_precede_claim(name))
    if foreign or MARKER in names:
        _check_marker(root, foreign)
    _check_links(root)


def read_marker(folder: MatteFolder) -> dict[str, Any]:
    """Return the content of the marker file; empty if there is none, or if it is damaged or another program's."""
    marker = folder.root / MARKER
    content = None if is_link(marker) else read_json(marker)
    return content if isinstance(content, dict) and any(kind in content for kind in _KINDS) else {}


def recorded_cuts(folder: MatteFolder) -> tuple[int, ...]:
    """Return the media frames with which shots began in the folder's last run, ascending; none if it knew of none.

    A run that carries keyframes across cuts records none.
    """
    cuts = read_marker(folder).get(CUTS, [])
    return tuple(cut for cut in cuts if isinstance(cut, int)) if isinstance(cuts, list) else ()


def recorded_job(folder: MatteFolder) -> PropagationJob | None:
    """Return the folder's last propagation job; None if there is none, or if an earlier version recorded it."""
    marker = read_marker(folder)
    names = [field.name for field in fields(PropagationJob) if field.name in marker]
    try:
        return from_json(
            PropagationJob, {**{name: marker[name] for name in names}, "job_id": "", "folder": str(folder.root)}
        )
    except (TypeError, ValueError):
        return None


def recorded_walks(folder: MatteFolder, run: str) -> list[tuple[int, int, bool | None]]:
    """Return first frame, stop and direction of the sections of the last run, if its id is `run`; else none."""
    match read_marker(folder).get(WALKS):
        case {"run": name, "sections": list() as sections} if name == run:
            return [section for one in sections if (section := _section_of(one))]
    return []


def _section_of(row: object) -> tuple[int, int, bool | None] | None:
    """Return a section as it was recorded; None if the record is damaged."""
    match row:
        case [int() as start, int() as stop, (True | False | None) as away] if 0 <= start < stop <= _MAX_FRAMES:
            return start, stop, away
    return None


def is_finished(folder: MatteFolder) -> bool:
    """Return whether the folder's last run has made all that it could."""
    return read_marker(folder).get(_FINISHED) is True


def _check_marker(root: Path, foreign: list[str]) -> None:
    """Raise FolderTaken unless the folder has a sound marker of Keymatte."""
    if not (root / MARKER).exists():
        raise FolderTaken(f"the folder {root} contains files that are not Keymatte's ({foreign[0]})")
    if not read_marker(MatteFolder(root)):
        raise FolderTaken(
            f"{MARKER} in {root} is damaged, or another program's",
            remedy="Choose another folder, or move everything but the folder keyframes out of this one.",
        )


def _check_links(root: Path) -> None:
    """Raise FolderTaken if a folder for results is a link: what lies behind it may be somebody else's."""
    below = (
        "mattes/*",
        "refined/*",
        "refined/*/*",
        "versions/*",
        "versions/*/*",
        "versions/*/*/*",
        "versions/*/*/mattes/*",
    )
    folders = (*(root / name for name in _RESULT_FOLDERS), *(path for one in below for path in root.glob(one)))
    if link := next((folder for folder in folders if is_link(folder)), None):
        raise FolderTaken(
            f"{link} is a link to {link.readlink()}, and results are written only inside the matte folder",
            remedy="Replace the link by a folder, or link the whole matte folder instead.",
        )


def _remove_partly_written(root: Path) -> None:
    """Remove temporary files that an interrupted run has left under names that Keymatte writes, and no others."""
    for part in root.rglob("*.part"):
        inside = part.relative_to(root)
        behind_link = any(is_link(root / parent) for parent in inside.parents)
        if _PARTLY_WRITTEN.fullmatch(inside.as_posix()) and not part.is_dir() and not behind_link:
            part.unlink(missing_ok=True)  # of a link, the link and not its target


def _may_precede_claim(name: str) -> bool:
    """Return whether a folder with a file of this name may be claimed even if Keymatte has not marked it yet."""
    return name in _MAY_PRECEDE or is_system_file(name)
