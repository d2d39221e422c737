"""Clips of a study with their true masks, and test cases that say which masks a method is given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from ..media.frames import FrameReader
from ..media.label_images import label_files, read_labels
from ..media.pictures import is_picture
from ..shared.errors import KeyframeOutsideClip, NoKeyframes
from ..shared.mask_names import read_mask_names
from ..shared.types import KeyframeFile, VideoClip

Unlabelled = Literal["unknown", "absent"]


@dataclass(frozen=True)
class StudyClip:
    """Clip with true masks for some or all of its frames."""

    name: str
    clip: VideoClip
    numbers: tuple[int, ...]  # of its frames, as in their file names
    masks: Mapping[int, Path]  # media frame -> label image; ascending

    @classmethod
    def open(cls, name: str, frames: Path, masks: Path) -> StudyClip:
        """Open a folder of images and a folder of label images; images and labels with the same number belong together.

        The values of the label images are object numbers, exactly as stored.
        Raises ClipNotFound, ClipUnreadable, MixedSizes, NoKeyframes, KeyframeOutsideClip,
        KeyframeNameUnclear.
        """
        with FrameReader.open(frames) as reader:
            clip, names = reader.clip, reader.names
        paths: dict[int, Path] = {}
        for path, mask_name in read_mask_names(label_files(masks), masks, names).items():
            if mask_name.frame is None:
                raise KeyframeOutsideClip(f"mask {path} has no frame in {frames}")
            paths[mask_name.frame] = path
        return cls(name, clip, names.numbers, dict(sorted(paths.items())))

    def labels(self, frame: int) -> np.ndarray:
        """Read the true labels (H, W) uint8 of a media frame."""
        return read_labels(self.masks[frame], size=(self.clip.height, self.clip.width))

    @cached_property
    def object_shares(self) -> dict[int, dict[int, float]]:
        """Return, for each frame with a true mask, the fraction of the frame that each object covers: id -> 0..1."""
        shares: dict[int, dict[int, float]] = {}
        for frame in self.masks:
            counts = np.bincount(self.labels(frame).ravel(), minlength=256)
            shares[frame] = {int(id_): counts[id_] / counts.sum() for id_ in np.flatnonzero(counts) if id_}
        return shares

    def first_share(self, object_id: int) -> float:
        """Return the fraction of the frame that an object covers in the first mask that shows it; 0 if no mask does."""
        return next((shares[object_id] for shares in self.object_shares.values() if object_id in shares), 0.0)

    @cached_property
    def checksum(self) -> str:
        """Return the SHA-256 of the names and bytes of all frames and masks."""
        return checksum(sorted(path for path in self.clip.path.iterdir() if is_picture(path)), self.masks.values())


@dataclass(frozen=True)
class Case:
    """Test case: a method is given the masks of some frames and must predict the masks of others."""

    part: str  # of the study, as a short name
    name: str  # within the part
    clip: StudyClip
    given: tuple[int, ...]  # media frames
    wanted: tuple[int, ...]  # media frames to predict; all have true masks, none of them given
    seen_only: bool = False  # only objects that are visible on a frame are scored there

    @property
    def span(self) -> range:
        """Return the range of media frames to propagate over."""
        return range(min(self.wanted), max(self.wanted) + 1)

    @property
    def timed(self) -> bool:
        """Return whether the span is long enough to measure the time per frame."""
        return len(self.span) >= len(self.clip.numbers) // 2

    @property
    def objects(self) -> tuple[int, ...]:
        """Return the ids of all objects in the given masks; no others can be predicted."""
        return tuple(sorted({id_ for frame in self.given for id_ in self.clip.object_shares[frame]}))

    def keyframes(self, unlabelled: Unlabelled) -> tuple[KeyframeFile, ...]:
        """Return the given masks as keyframes of a job.

        `unlabelled` says how to treat an object that a mask does not show: its state is unknown, or it is absent.
        """
        annotated = {
            frame: self.objects if unlabelled == "absent" else tuple(self.clip.object_shares[frame])
            for frame in self.given
        }
        return tuple(
            KeyframeFile(frame, self.clip.masks[frame], tuple(sorted(objects))) for frame, objects in annotated.items()
        )


def evenly_spaced_case(part: str, clip: StudyClip, count: int = 1) -> Case:
    """Make a case with `count` given masks, evenly spaced over the frames on which an object is visible.

    If `count` is 1, the first of these masks is given. All other masks after the first given one must be predicted.
    Raises NoKeyframes if that leaves no mask to predict.
    """
    visible = [frame for frame, shares in clip.object_shares.items() if shares]
    last = max(count - 1, 1)
    given = tuple(visible[round(i * (len(visible) - 1) / last)] for i in range(count)) if count <= len(visible) else ()
    wanted = tuple(frame for frame in clip.masks if given and frame > given[0] and frame not in given)
    if not wanted:
        raise NoKeyframes(
            f"the masks of clip {clip.name} show an object on {len(visible)} frames; with {count} of them given, "
            f"none is left to predict"
        )
    return Case(part, clip.name, clip, given, wanted)


def leave_one_out(part: str, clip: StudyClip) -> list[Case]:
    """Make a case for each frame with a mask: its mask must be predicted from the masks of all other frames."""
    return [
        Case(part, f"{clip.name}-without-{clip.numbers[frame]}", clip, given, (frame,), seen_only=True)
        for frame in clip.masks
        if (given := tuple(other for other in clip.masks if other != frame and clip.object_shares[other]))
    ]


def checksum(*groups: Iterable[Path]) -> str:
    """Compute one SHA-256 over the names and bytes of files, in the given order."""
    digest = hashlib.sha256()
    for path in (path for group in groups for path in group):
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
