"""Clips of a study: frames beside their true masks, and which of the masks a method is given."""

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
from ..shared.matte_folder import number_in
from ..shared.types import KeyframeFile, VideoClip

Unlabelled = Literal["unknown", "absent"]


@dataclass(frozen=True)
class StudyClip:
    """A film of which some or all frames have true masks."""

    name: str
    clip: VideoClip
    numbers: tuple[int, ...]  # of its frames, as file names carry them
    masks: Mapping[int, Path]  # media frame -> label image; ascending

    @classmethod
    def open(cls, name: str, frames: Path, masks: Path) -> StudyClip:
        """Images of a folder, and label images by the number in their names.

        Raises ClipNotFound and its kin, NoKeyframes, KeyframeOutsideClip.
        """
        with FrameReader.open(frames) as reader:
            clip, numbers = reader.clip, reader.numbers
        frame_of = {number: frame for frame, number in enumerate(numbers)}
        found = {}
        for path in label_files(masks):
            number = number_in(path.stem)
            if number not in frame_of:
                raise KeyframeOutsideClip(f"mask {path} is of no frame in {frames}")
            found[frame_of[number]] = path
        return cls(name, clip, numbers, dict(sorted(found.items())))

    def labels(self, frame: int) -> np.ndarray:
        """The true labels (H, W) uint8 of a media frame."""
        return read_labels(self.masks[frame], size=(self.clip.height, self.clip.width))

    @cached_property
    def shown(self) -> dict[int, dict[int, float]]:
        """Media frame with mask -> object id -> share of the picture that it covers, 0..1."""
        shares = {}
        for frame in self.masks:
            counts = np.bincount(self.labels(frame).ravel(), minlength=256)
            shares[frame] = {int(id_): counts[id_] / counts.sum() for id_ in np.flatnonzero(counts) if id_}
        return shares

    def first_share(self, object_id: int) -> float:
        """Share of the picture that an object covers on the first mask that shows it; 0 if none does."""
        return next((shares[object_id] for shares in self.shown.values() if object_id in shares), 0.0)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over the names and bytes of all frames and masks."""
        return checksum(sorted(path for path in self.clip.path.iterdir() if is_picture(path)), self.masks.values())


@dataclass(frozen=True)
class Case:
    """One task: masks of some frames are given, those of others are to be found."""

    part: str  # of the study, as a short name
    name: str  # within the part
    clip: StudyClip
    given: tuple[int, ...]  # media frames
    wanted: tuple[int, ...]  # media frames that have masks, none of them given
    seen_only: bool = False  # only objects that are to be seen on a frame are scored there

    @property
    def span(self) -> range:
        """The media frames that are followed."""
        return range(min(self.wanted), max(self.wanted) + 1)

    @property
    def timed(self) -> bool:
        """Whether enough is followed to tell how long a frame takes."""
        return len(self.span) >= len(self.clip.numbers) // 2

    @property
    def objects(self) -> tuple[int, ...]:
        """Ids that are seen on any of the given masks: no method can know of others."""
        return tuple(sorted({id_ for frame in self.given for id_ in self.clip.shown[frame]}))

    def keyframes(self, unlabelled: Unlabelled) -> tuple[KeyframeFile, ...]:
        """The given masks as a job wants them; what one says of objects that it does not show is `unlabelled`."""
        every = self.objects
        told = {frame: every if unlabelled == "absent" else tuple(self.clip.shown[frame]) for frame in self.given}
        return tuple(
            KeyframeFile(frame, self.clip.masks[frame], tuple(sorted(objects))) for frame, objects in told.items()
        )


def evenly_given(part: str, clip: StudyClip, count: int = 1) -> Case:
    """Given are `count` masks, from the first that shows anything evenly to the last; all others after it are wanted.

    One is the first alone. Raises NoKeyframes if none is left to be found.
    """
    telling = [frame for frame, shares in clip.shown.items() if shares]
    last = max(count - 1, 1)
    given = tuple(telling[round(i * (len(telling) - 1) / last)] for i in range(count)) if count <= len(telling) else ()
    wanted = tuple(frame for frame in clip.masks if given and frame > given[0] and frame not in given)
    if not wanted:
        raise NoKeyframes(
            f"the masks of clip {clip.name} show an object on {len(telling)} frames; with {count} of them given, "
            f"none is left to be found"
        )
    return Case(part, clip.name, clip, given, wanted)


def leave_one_out(part: str, clip: StudyClip) -> list[Case]:
    """Each frame with a mask is found from all the others."""
    return [
        Case(part, f"{clip.name}-without-{clip.numbers[frame]}", clip, others, (frame,), seen_only=True)
        for frame in clip.masks
        if (others := tuple(other for other in clip.masks if other != frame and clip.shown[other]))
    ]


def checksum(*groups: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of files, in the order given."""
    digest = hashlib.sha256()
    for path in (path for group in groups for path in group):
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
