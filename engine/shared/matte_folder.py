"""File layout of one clip's results: label images, mattes, outlines, keyframes and checkpoints."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import FolderTaken
from .files import atomic_write, writing_error

_MARKER = "keymatte.json"
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")  # ignored, as are names that begin with a dot
CHECKPOINT_FILE = "memory.safetensors"  # in the folder of an interrupted job
_JOB_FOLDER_NAME = re.compile("[0-9a-f]{16}")
_PARTLY_WRITTEN = re.compile(  # temporary files of a run, as paths from the matte folder
    r"(?:keymatte\.json|adapted\.safetensors|labels/[0-9]{6,}\.png|mattes/[0-9]{3}/[0-9]{6,}\.png"
    r"|outlines/[0-9]{3}\.npz|keys/[0-9]{6,}\.npy|unfinished/[0-9a-f]{16}/memory\.safetensors"
    r"|unfinished/[0-9a-f]{16}/[0-9]{3}/[0-9]{6,}\.png)\.part"
)
_NUMBER = re.compile("([0-9]+)(?!.*[0-9])")  # other digits, such as ², are no numbers


def number_in(stem: str) -> int | None:
    """Return the last number in a file name without suffix: 20 for `frame_0020`; None if it has no digits."""
    found = _NUMBER.search(stem)
    return int(found.group(1)) if found else None


def is_number(stem: str) -> bool:
    """Return whether a file name without suffix is a number in ASCII digits, such as 000020."""
    return stem.isascii() and stem.isdigit()


def spans(frames: Iterable[int]) -> str:
    """Format frame numbers as ranges: "1 to 3, 7"."""
    ordered = sorted(set(frames))
    starts = [frame for frame, before in zip(ordered, [None, *ordered]) if before is None or frame != before + 1]
    ends = [frame for frame, after in zip(ordered, [*ordered[1:], None]) if after is None or frame != after - 1]
    return ", ".join(f"{a} to {b}" if a < b else str(a) for a, b in zip(starts, ends))


@dataclass(frozen=True)
class MatteFolder:
    """Paths of one clip's results.

    File names contain the number of the frame: the file number in an image sequence, the index from 0 in a movie.
    """

    root: Path

    def labels(self, number: int) -> Path:
        """Return the path of a frame's label image: a palette PNG (H, W) with the object id of each pixel."""
        return self.root / "labels" / f"{number:06d}.png"

    def matte(self, object_id: int, number: int) -> Path:
        """Return the path of an object's matte on a frame: a grey 8-bit PNG (H, W) of alpha, 255 = fully inside."""
        return self.matte_sequence(object_id) / f"{number:06d}.png"

    def matte_sequence(self, object_id: int) -> Path:
        """Return the folder of an object's mattes."""
        return self.root / "mattes" / f"{object_id:03d}"

    def outlines(self, object_id: int) -> Path:
        """Return the path of one object's outlines over time, `.npz`; see `shared.outlines`."""
        return self.root / "outlines" / f"{object_id:03d}.npz"

    @property
    def keys(self) -> Path:
        """Return the folder of the frames' attention keys, used for suggestions; see `suggestion.key_cache`."""
        return self.root / "keys"

    @property
    def adapted(self) -> Path:
        """Return the path of the decoder weights adapted to this clip, `.safetensors`; see `jobs.adapt`."""
        return self.root / "adapted.safetensors"

    @property
    def unfinished(self) -> Path:
        """Return the folder of interrupted jobs' checkpoints; see `jobs.resume`."""
        return self.root / "unfinished"

    def unfinished_jobs(self) -> list[Path]:
        """List the checkpoint folders of interrupted jobs."""
        return [path for path in self.unfinished.glob("*") if _JOB_FOLDER_NAME.fullmatch(path.name)]

    def remove_unfinished(self) -> None:
        """Remove the checkpoints of interrupted jobs, and no other files that may be in `unfinished`."""
        for job_folder in self.unfinished_jobs():
            with suppress(OSError):  # a checkpoint that cannot be removed stays complete
                # first, as resuming without the other files would be wrong
                (job_folder / CHECKPOINT_FILE).unlink(missing_ok=True)
                shutil.rmtree(job_folder)
        with suppress(OSError):
            self.unfinished.rmdir()

    def keyframe(self, object_id: int, number: int) -> Path:
        """Return the path of the label image of an object's keyframe."""
        return self.root / "keyframes" / f"{object_id:03d}" / f"{number:06d}.png"

    def numbers_done(self) -> list[int]:
        """List the numbers of the frames that have a label image, ascending."""
        return sorted(int(path.stem) for path in (self.root / "labels").glob("*.png") if is_number(path.stem))

    def claim(self, record: dict[str, Any]) -> None:
        """Create the folder or take over an existing one, and write `record` as JSON to the marker file.

        Partly written files of an interrupted run are removed. Raises FolderTaken if the folder holds files that are
        not Keymatte's, FolderNotWritable, DiskFull.
        """
        marker = self.root / _MARKER
        try:
            if self.root.exists() and not self.root.is_dir():
                raise FolderTaken(f"{self.root} is a file, not a folder")
            self.root.mkdir(parents=True, exist_ok=True)
            foreign = [path.name for path in self.root.iterdir() if not _may_precede_claim(path.name)]
        except (OSError, ValueError) as error:
            raise writing_error(self.root, error) from error
        if foreign and not marker.exists():
            raise FolderTaken(f"{self.root} contains files that are not Keymatte's ({foreign[0]})")
        self._remove_partly_written()
        with atomic_write(marker) as part:
            part.write_text(json.dumps(record, indent=1, ensure_ascii=False, default=str), "utf-8", "backslashreplace")

    def _remove_partly_written(self) -> None:
        """Remove temporary files that an interrupted run has left under names that Keymatte writes, and no others."""
        for part in self.root.rglob("*.part"):
            if _PARTLY_WRITTEN.fullmatch(part.relative_to(self.root).as_posix()) and not part.is_dir():
                part.unlink(missing_ok=True)  # of a link, the link and not its target


def _may_precede_claim(name: str) -> bool:
    """Return whether a folder with a file of this name may be claimed even if Keymatte has not marked it yet."""
    return name == "keyframes" or name.startswith(".") or name.lower() in _SYSTEM_FILES
