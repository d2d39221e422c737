"""Identity of a clip in the marker of a matte folder: tells whether earlier mattes there are of the same clip."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..media.frames import FrameReader
from ..shared.codec import to_json
from ..shared.errors import FolderTaken
from ..shared.folder_claim import CUTS
from ..shared.types import PropagationJob

_SAMPLE = 1 << 16  # bytes that are hashed at the start and end of a file
_REMEDY = (
    "Choose another folder, which keeps both; or delete the earlier mattes first (in Blender, click Clear Mattes)."
)


def identify(reader: FrameReader) -> dict[str, Any]:
    """Return what tells a clip from others: its path, size and numbers, and hashes of its files' sizes and dates.

    `content` is a hash of parts of the first, middle and last file, which a renamed clip keeps.
    """
    sizes, dates, content = (hashlib.sha256() for _ in range(3))
    for path in reader.files:
        try:
            status = path.stat()
        except OSError:  # reported when the frame is read
            continue
        sizes.update(f"{status.st_size}\n".encode())
        dates.update(f"{status.st_mtime_ns}\n".encode())
    for index in sorted({0, len(reader.files) // 2, len(reader.files) - 1}):
        content.update(_sample(reader.files[index]))
    return {
        "path": str(reader.clip.path.absolute()),
        "height": reader.clip.height,
        "width": reader.clip.width,
        "frame_count": reader.clip.frame_count,
        "first_number": reader.numbers[0],
        "sizes": sizes.hexdigest(),
        "dates": dates.hexdigest(),
        "content": content.hexdigest(),
    }


def folder_record(job: PropagationJob, reader: FrameReader, cuts: Sequence[int]) -> dict[str, Any]:
    """Return the description of a job that is written to the marker file of its matte folder."""
    return {
        "first_number": reader.numbers[0],
        CUTS: list(cuts),
        **{name: value for name, value in to_json(_from_anywhere(job)).items() if name not in ("job_id", "folder")},
    }


def _from_anywhere(job: PropagationJob) -> PropagationJob:
    """Return the job with paths that are the same whichever the current folder is."""
    exclusions = tuple(
        replace(one, images=tuple(replace(image, path=image.path.absolute()) for image in one.images))
        for one in job.exclusions
    )
    keyframes = tuple(replace(one, labels=one.labels.absolute()) for one in job.keyframes)
    weights = job.weights.absolute() if job.weights else None
    clip = replace(job.clip, path=job.clip.path.absolute())
    return replace(job, clip=clip, keyframes=keyframes, exclusions=exclusions, weights=weights)


class FileDates:
    """Sizes and dates of a clip's files, to notice that some were replaced while they were read."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._status = {path: _size_and_date(path) for path in files}

    def changed_since(self) -> str:
        """Return a warning if files were replaced since; empty if not. Missing ones are reported when they are read."""
        now = {path: _size_and_date(path) for path in self._status}
        changed = [path for path, status in now.items() if status and status != self._status[path]]
        if not changed:
            return ""
        count = (
            f"{changed[0].name} has" if len(changed) == 1 else f"{len(changed)} files, such as {changed[0].name}, have"
        )
        return f"The clip was changed while its mattes were computed: {count} another size or date. Run again."


def _size_and_date(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def compare_with_earlier(clip: Mapping[str, Any], marker: Mapping[str, Any], folder: Path, *, has_results: bool) -> str:
    """Compare a clip with that of the marker of its matte folder; return a note if its files have changed, else "".

    Raises FolderTaken if the folder has results of another clip.
    """
    earlier = _earlier_clip(marker)
    if not earlier or not has_results:
        return ""
    same_path = earlier["path"] == clip["path"]
    same_shape = all(earlier.get(name) == clip[name] for name in ("height", "width"))
    if not same_shape:
        size = f"{earlier.get('width')}x{earlier.get('height')}, but the clip is {clip['width']}x{clip['height']}"
        raise FolderTaken(f"the mattes in {folder} are {size}", remedy=_REMEDY)
    if not same_path and not _is_same_elsewhere(earlier, clip):
        raise FolderTaken(f"{folder} holds the mattes of another clip, {earlier['path']}", remedy=_REMEDY)
    compared = ("frame_count", "sizes", "content", *(("dates",) if same_path else ()))
    if any(name in earlier and earlier[name] != clip[name] for name in compared):
        return f"The files of the clip have changed since earlier mattes in {folder} were made."
    return ""


def _earlier_clip(marker: Mapping[str, Any]) -> dict[str, Any]:
    """Return the clip in a marker, also in that of version 0.1.0, which has no hashes; empty if there is none."""
    clip = marker.get("identity", marker.get("clip"))
    if not isinstance(clip, dict) or not isinstance(clip.get("path"), str):
        return {}
    return {"first_number": marker.get("first_number"), **clip}


def _is_same_elsewhere(earlier: Mapping[str, Any], clip: Mapping[str, Any]) -> bool:
    """Return whether a clip at another path is the same, moved or renamed; without hashes, if its numbers agree."""
    if any(earlier.get(name) != clip[name] for name in ("frame_count", "first_number")):
        return False
    return "content" not in earlier or all(earlier.get(name) == clip[name] for name in ("sizes", "content"))


def _sample(path: Path) -> bytes:
    if not path.is_file():  # opening a pipe would wait for ever
        return b""
    try:
        with path.open("rb") as file:
            start = file.read(_SAMPLE)
            file.seek(max(0, path.stat().st_size - _SAMPLE))
            return start + file.read(_SAMPLE)
    except OSError:
        return b""
