"""File layout of one clip's results: label images, mattes, keyframes and checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .files import is_link

CHECKPOINT_FILE = "memory.safetensors"  # in the folder of an interrupted job
EARLIER_FOLDER = "earlier"  # there: of mattes that the job has replaced, and compares with its own
_JOB_FOLDER_NAME = re.compile("[0-9a-f]{16}")
_VERSION_NAME = re.compile("[0-9]{6}")
_OBJECT_FOLDER_NAME = re.compile("[0-9]{3}")
_FRAME_FILE_NAME = re.compile("[0-9]{6,}[.]png")
_OUTLINES_NAME = re.compile("[0-9]{3}[.]npz")
_KEYS_NAME = re.compile("[0-9]{6,}[.]npy|about[.]json")
_CHECKPOINT_NAME = re.compile(r"memory(-[0-9]+)?\.safetensors(\.part)?")
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


def named_spans(noun: str, numbers: Iterable[int]) -> str:
    """Format numbers as ranges after their noun: "frame 3", "frames 3 to 9, 12"."""
    found = set(numbers)
    return f"{noun}{'' if len(found) == 1 else 's'} {spans(found)}"


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

    @property
    def refined(self) -> MatteFolder:
        """Return the folder of refined mattes: 16-bit PNGs, with a record of their own, of this folder's mattes."""
        return MatteFolder(self.root / "refined")

    def outlines(self, object_id: int) -> Path:
        """Return the path of the outlines that Keymatte 0.1 traced from an object's mattes, `.npz`."""
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
        return _subfolders(self.unfinished, _JOB_FOLDER_NAME)

    def remove_unfinished(self) -> None:
        """Remove the checkpoints of interrupted jobs, and no other files that may be in `unfinished`."""
        for job_folder in self.unfinished_jobs():
            with suppress(OSError):  # a checkpoint that cannot be removed stays complete
                # first, as resuming without the other files would be wrong
                (job_folder / CHECKPOINT_FILE).unlink(missing_ok=True)
                for path in job_folder.iterdir():
                    if _CHECKPOINT_NAME.fullmatch(path.name):
                        path.unlink()
                earlier = job_folder / EARLIER_FOLDER
                for mattes in [one for root in (job_folder, earlier) for one in _subfolders(root, _OBJECT_FOLDER_NAME)]:
                    for path in mattes.iterdir():
                        if _FRAME_FILE_NAME.fullmatch(path.name.removesuffix(".part")):
                            path.unlink()
                    mattes.rmdir()
                if earlier.is_dir() and not is_link(earlier):
                    earlier.rmdir()
                job_folder.rmdir()
        if not is_link(self.unfinished):
            with suppress(OSError):
                self.unfinished.rmdir()

    @property
    def index(self) -> Path:
        """Return the path of the record of the files written here; see `shared.written_files`."""
        return self.root / "keymatte-index.txt"

    @property
    def runs(self) -> Path:
        """Return the path of the record of the runs that made the mattes; see `shared.provenance`."""
        return self.root / "keymatte-runs.txt"

    @property
    def versions(self) -> Path:
        """Return the folder of what earlier runs replaced; see `shared.versions`."""
        return self.root / "versions"

    def version_folders(self) -> list[Path]:
        """List the folders of what each run replaced, the oldest first, without links."""
        return _subfolders(self.versions, _VERSION_NAME)

    def image_files(self) -> Iterator[Path]:
        """Yield the label images and mattes in the folder; links, and what lies behind them, are left out."""
        folders = [folder for folder in (self.root / "labels",) if folder.is_dir() and not is_link(folder)]
        for folder in (*folders, *self.matte_sequences().values()):
            for path in folder.iterdir():
                if _FRAME_FILE_NAME.fullmatch(path.name) and not is_link(path):
                    yield path

    def outline_files(self) -> list[Path]:
        """List the outlines that Keymatte 0.1 traced, without links."""
        return _files(self.root / "outlines", _OUTLINES_NAME)

    def derived_files(self) -> Iterator[Path]:
        """Yield the outlines, cached keys and adapted weights in the folder, without links."""
        yield from self.outline_files()
        yield from _files(self.keys, _KEYS_NAME)
        if self.adapted.is_file() and not is_link(self.adapted):
            yield self.adapted

    def matte_sequences(self) -> dict[int, Path]:
        """Return the folders of mattes by object id, without links."""
        return {int(path.name): path for path in _subfolders(self.root / "mattes", _OBJECT_FOLDER_NAME)}

    def keyframe(self, object_id: int, number: int) -> Path:
        """Return the path of the label image of an object's keyframe."""
        return self.root / "keyframes" / f"{object_id:03d}" / f"{number:06d}.png"

    def keyframe_version(self, version: str) -> Path:
        """Return the path of the keyframe's alpha (in Keymatte 0.1: label image) with the hash `version`."""
        return self.root / "keyframes" / "versions" / f"{version}.png"

    def keyframe_files(self) -> Iterator[Path]:
        """Yield the label images of keyframes, without links and what lies behind them."""
        keyframes = self.root / "keyframes"
        for folder in _subfolders(keyframes, _OBJECT_FOLDER_NAME):
            yield from [
                path for path in folder.iterdir() if _FRAME_FILE_NAME.fullmatch(path.name) and not is_link(path)
            ]

    def numbers_done(self) -> list[int]:
        """List the numbers of the frames that have a label image, ascending."""
        return sorted(int(path.stem) for path in (self.root / "labels").glob("*.png") if is_number(path.stem))


def _subfolders(folder: Path, name: re.Pattern[str]) -> list[Path]:
    """List the subfolders with a name that matches, sorted; none if `folder` is missing or a link."""
    if is_link(folder) or not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if name.fullmatch(path.name))
    return sorted(path for path in found if path.is_dir() and not is_link(path))


def _files(folder: Path, name: re.Pattern[str]) -> list[Path]:
    """List the files in a folder with a name that matches, without links; none if the folder is missing or a link."""
    if is_link(folder) or not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if name.fullmatch(path.name) and not is_link(path)]
