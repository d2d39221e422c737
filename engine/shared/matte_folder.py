"""Where label images, mattes and outlines lie on disk, and which of them are there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import FolderTaken
from .files import atomic_write, writing_error

_MARKER = "keymatte.json"
_OF_THE_SYSTEM = ("thumbs.db", "desktop.ini")  # beside names that begin with a dot
MEMORY = "memory.safetensors"  # of an interrupted job
_OF_A_JOB = re.compile("[0-9a-f]{16}")
_NUMBER = re.compile(r"(\d+)(?!.*\d)")


def number_in(stem: str) -> int | None:
    """The last number in a file's stem: 20 for `frame_0020`; None without digits."""
    found = _NUMBER.search(stem)
    return int(found.group(1)) if found else None


def spans(frames: Iterable[int]) -> str:
    """Frames in words: "1 to 3, 7"."""
    ordered = sorted(set(frames))
    starts = [frame for frame, before in zip(ordered, [None, *ordered]) if before is None or frame != before + 1]
    ends = [frame for frame, after in zip(ordered, [*ordered[1:], None]) if after is None or frame != after - 1]
    return ", ".join(f"{a} to {b}" if a < b else str(a) for a, b in zip(starts, ends))


@dataclass(frozen=True)
class MatteFolder:
    """The files of one clip's results. Files carry the frame's number: its file number in an image
    sequence, its index from 0 in a movie."""

    root: Path

    def labels(self, number: int) -> Path:
        """Palette image (H, W): pixel = object id."""
        return self.root / "labels" / f"{number:06d}.png"

    def matte(self, object_id: int, number: int) -> Path:
        """Grey 8-bit image (H, W): soft alpha of one object, 255 = fully inside."""
        return self.matte_sequence(object_id) / f"{number:06d}.png"

    def matte_sequence(self, object_id: int) -> Path:
        """Folder of one object's matte images."""
        return self.root / "mattes" / f"{object_id:03d}"

    def outlines(self, object_id: int) -> Path:
        """`.npz` of one object's outlines over time, see `contours`."""
        return self.root / "outlines" / f"{object_id:03d}.npz"

    @property
    def keys(self) -> Path:
        """Folder of what suggestions know of each frame, see `keys`."""
        return self.root / "keys"

    @property
    def adapted(self) -> Path:
        """`.safetensors` of what the network learned from the keyframes, see `adapted`."""
        return self.root / "adapted.safetensors"

    @property
    def unfinished(self) -> Path:
        """Folder of the checkpoints of interrupted jobs, see `jobs.resume`."""
        return self.root / "unfinished"

    def unfinished_jobs(self) -> list[Path]:
        """Folders of the checkpoints of interrupted jobs."""
        return [path for path in self.unfinished.glob("*") if _OF_A_JOB.fullmatch(path.name)]

    def forget_unfinished(self) -> None:
        """Remove the checkpoints of interrupted jobs, and nothing else that may lie there."""
        for own in self.unfinished_jobs():
            with suppress(OSError):  # what cannot be removed stays whole
                (own / MEMORY).unlink(missing_ok=True)  # first: without the rest a job would resume wrongly
                shutil.rmtree(own)
        with suppress(OSError):
            self.unfinished.rmdir()

    def keyframe(self, object_id: int, number: int) -> Path:
        """Label image of one object's keyframe."""
        return self.root / "keyframes" / f"{object_id:03d}" / f"{number:06d}.png"

    def numbers_done(self) -> list[int]:
        """Numbers of the frames whose label image is there, ascending."""
        return sorted(int(path.stem) for path in (self.root / "labels").glob("[0-9]*.png"))

    def claim(self, about: dict) -> None:
        """Make the folder ours and remember what it is `about`.

        Raises FolderTaken if it holds files that are not Keymatte's, FolderNotWritable if it cannot be written.
        """
        marker = self.root / _MARKER
        if self.root.exists() and not self.root.is_dir():
            raise FolderTaken(f"{self.root} is a file, not a folder")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            strangers = [path.name for path in self.root.iterdir() if not _is_known(path.name)]
        except OSError as error:
            raise writing_error(self.root, error) from error
        if strangers and not marker.exists():
            raise FolderTaken(f"{self.root} holds files that are not Keymatte's ({strangers[0]})")
        for part in self.root.rglob("*.part"):
            part.unlink(missing_ok=True)
        with atomic_write(marker) as part:
            part.write_text(json.dumps(about, indent=1, ensure_ascii=False, default=str), encoding="utf-8")


def _is_known(name: str) -> bool:
    """Whether a file may lie in a folder that is still to become ours."""
    return name == "keyframes" or name.startswith(".") or name.lower() in _OF_THE_SYSTEM
