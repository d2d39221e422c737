"""Types that the modules of this room share: a benchmark, one of its sequences, and what was measured while it ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Rules(Enum):
    """Whose official rules score a benchmark."""

    DAVIS = "davis"
    DAVIS16 = "davis16"
    YOUTUBE = "youtube"
    LVOS = "lvos"
    VOST = "vost"
    LONG_TIME = "longtime"
    PLAIN = "plain"


class Given(Enum):
    """Which masks are given to a method, unless the user says otherwise."""

    FIRST_MASK = "first-mask"  # only the objects of the first mask
    EVERY_OBJECT = "every-object"  # each object by the mask of the frame on which it appears


@dataclass(frozen=True)
class Benchmark:
    """Data set of sequences with official rules. `name` is what the command line calls it, such as `davis17-val`."""

    name: str
    title: str  # as in papers, such as "DAVIS 2017 val"
    rules: Rules
    given: Given
    merged: bool = False  # all objects of a mask are one (DAVIS 2016, Long-Time Video)
    ignored: int | None = None  # value of pixels that do not count, such as 255
    truth: str = "dense"  # dense: of (nearly) every frame, sparse: of some, hidden: only a server has it


@dataclass(frozen=True)
class Sequence:
    """Sequence of a benchmark: its images, and where its masks are."""

    name: str
    frames: tuple[Path, ...]  # images in order; the name of a frame's result is its stem + .png
    masks: Mapping[str, Path]  # stem -> mask that may be shown to a method, in order; the ids are the stored values
    truth: Mapping[str, Path]  # stem -> true mask, in order; empty where truth is hidden
    saved: tuple[str, ...]  # stems of the frames whose results are wanted, in order
    first_seen: Mapping[int, str] = field(default_factory=dict)  # object -> stem of its first mask, if a file says so
    categories: Mapping[int, str] = field(default_factory=dict)  # object -> category, if a file says so (YouTube-VOS)
    last_seen: Mapping[int, str] = field(default_factory=dict)  # object -> stem at the end of its range (LVOS)
    unseen: bool | None = None  # whether a file lists it as unlike the training set (LVOS); None: no file says so

    @property
    def stems(self) -> tuple[str, ...]:
        """Return the stems of all frames, in order."""
        return tuple(path.stem for path in self.frames)


@dataclass(frozen=True)
class SequenceRun:
    """What was measured while a recipe ran over a sequence."""

    name: str
    frames: int  # that were computed and timed: all after the first given mask
    seconds: float  # for these, by the authors' count: without reading and writing files, and without the first frame
    peak_memory: int  # bytes; of the GPU if there is one, else of the process
    given: tuple[str, ...]  # stems of the frames whose masks were given
    problem: str = ""  # a sentence, if it failed
    given_objects: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # stem -> objects given there
