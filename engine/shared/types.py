"""What crosses the border between Blender and the engine: films, keyframes, settings, jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Direction(StrEnum):
    """Which way mattes are carried from the keyframes."""

    BOTH = "both"
    FORWARD = "forward"
    BACKWARD = "backward"


PRECISIONS = ("auto", "float32", "half", "int8")  # by name; see `device.pick_precision`


@dataclass(frozen=True)
class VideoClip:
    """A film on disk. Frames are counted from 0 in the media, whatever the scene says."""

    path: Path  # movie file, or the first image of a sequence, or a folder of images
    height: int  # pixels
    width: int  # pixels
    frame_count: int


@dataclass(frozen=True)
class KeyframeFile:
    """A label image made by the user. Several may stand on one frame, each for other objects."""

    frame: int  # media frame, from 0
    labels: Path  # (H, W) uint8 image: pixel = object id, 0 = background
    objects: tuple[int, ...]  # the ids it speaks about; one without pixels is absent from this frame


@dataclass(frozen=True)
class Settings:
    """The few numbers a user may turn."""

    height: int = 480  # working height: shorter side of the frame in the network, pixels
    device: str = "auto"  # auto, cpu, cuda, mps
    precision: str = "auto"  # of PRECISIONS
    overrides: dict[str, str] = field(default_factory=dict)  # a recipe's own numbers, as "section.name": value
    adapt: bool = False  # learn from the keyframes of this shot first


@dataclass(frozen=True)
class PropagationJob:
    """All that the engine needs to know for one run; paths and numbers only."""

    job_id: str
    clip: VideoClip
    frames: range  # media frames to fill
    keyframes: tuple[KeyframeFile, ...]
    folder: Path  # where mattes are written, see matte_folder
    recipe: str = "keymatte"
    weights: Path | None = None  # None: the recipe's own file
    direction: Direction = Direction.BOTH
    settings: Settings = Settings()
    keys: Path | None = None  # a folder to keep the frames' keys in, for suggestions
    probabilities: Path | None = None  # an .npz file for what the network gave, before anything is rounded


@dataclass(frozen=True)
class SuggestionJob:
    """What the engine needs to know to suggest frames to annotate."""

    job_id: str
    clip: VideoClip
    frames: range  # media frames to choose from
    chosen: tuple[int, ...]  # media frames that are annotated already, at least one
    masks: Path  # folder of label images, such as `labels` of a run; or an .npz of probabilities
    keys: Path  # folder in which keys of the frames are kept
    recipe: str = "keymatte"
    weights: Path | None = None  # None: the recipe's own file
    settings: Settings = Settings()
    count: int = 5  # frames to suggest, at most
    alpha: float = 0.5  # 0..1: what the masks have to say
    least_mask: float = 0.25  # percent of the frame that objects must cover
