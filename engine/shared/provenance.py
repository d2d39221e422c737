"""Provenance of mattes: what each was made from, by which it is told whether it would be made the same way today."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from .codec import from_json, to_json
from .crop_inputs import ObjectSettings
from .files import atomic_write
from .matte_folder import MatteFolder
from .types import Direction

_ID_LENGTH = 12  # hexadecimal digits


@dataclass(frozen=True)
class Mark:
    """Image that counts from a frame on, or on a frame: of a keyframe, or of an exclusion."""

    number: int  # of the frame, in file names
    digest: str  # of the image and of how it is read


@dataclass(frozen=True)
class Span:
    """Range of frames by their numbers, both included."""

    first: int
    last: int


@dataclass(frozen=True)
class ObjectInputs:
    """What a run knew of one object."""

    object_id: int
    keyframes: tuple[Mark, ...]  # by number, ascending
    absences: tuple[Span, ...] = ()  # frames on which it is not visible

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the keyframes."""
        return tuple(mark.number for mark in self.keyframes)


@dataclass(frozen=True)
class ExclusionInputs:
    """Garbage or hold-out mask of a run."""

    images: tuple[Mark, ...]  # by number, ascending; the first also counts before its frame
    objects: tuple[int, ...] | None = None  # None: all
    inverted: bool = False


@dataclass(frozen=True)
class RunInputs:
    """What the mattes of a run depend on, except for the pictures, which differ from frame to frame."""

    recipe: str
    weights: str  # SHA-256 of the file; empty if the recipe has none
    settings: str  # working height, precision, overrides and adaptation, as JSON
    direction: Direction
    objects: tuple[ObjectInputs, ...]  # from the one behind to the one in front
    exclusions: tuple[ExclusionInputs, ...] = ()
    cuts: tuple[int, ...] = ()  # numbers of the frames with which shots begin, ascending
    program: str = ""  # version of Keymatte; told, but not compared

    @cached_property
    def id(self) -> str:
        """Return a short hash, by which mattes name the run."""
        return hashlib.sha256(json.dumps(to_json(self), sort_keys=True).encode()).hexdigest()[:_ID_LENGTH]

    def of_object(self, object_id: int) -> ObjectInputs:
        """Return what the run knew of an object: nothing, if it was not part of it."""
        return next((one for one in self.objects if one.object_id == object_id), ObjectInputs(object_id, ()))


class Cause(StrEnum):
    """Why a matte is stale: what a run of today would be given that the run that made it was not."""

    UNFINISHED = "unfinished"
    KEYFRAME = "keyframe"
    PICTURE = "picture"
    RECIPE = "recipe"
    WEIGHTS = "weights"
    SETTINGS = "settings"
    DIRECTION = "direction"
    ABSENCE = "absence"
    EXCLUSION = "exclusion"
    ORDER = "order"


CAUSES = {  # in words
    Cause.UNFINISHED: "the run that made it was interrupted",
    Cause.KEYFRAME: "a keyframe beside it was added, changed or removed",
    Cause.PICTURE: "the picture has changed",
    Cause.RECIPE: "made with another recipe",
    Cause.WEIGHTS: "made with other weights",
    Cause.SETTINGS: "made with other settings",
    Cause.DIRECTION: "made in another direction",
    Cause.ABSENCE: "the range without the object was changed",
    Cause.EXCLUSION: "a garbage or hold-out mask was changed",
    Cause.ORDER: "the order of objects was changed",
}


Dependence = Mapping[Cause, object]  # what a matte depends on


def difference(one: Dependence, other: Dependence) -> Cause | None:
    """Return the first cause by which two mattes differ in what they depend on; None if there is none."""
    if one == other:
        return None
    return next(cause for cause, value in one.items() if other[cause] != value)


class Dependences:
    """What the mattes of an object depend on in a run; keyframes beyond the two nearest ones count as far away."""

    def __init__(self, run: RunInputs, object_id: int) -> None:
        """Prepare for many frames."""
        known = run.of_object(object_id)
        ids = [one.object_id for one in run.objects]
        self._cuts = run.cuts
        self._marks = known.keyframes
        self._numbers = [mark.number for mark in known.keyframes]
        self._direction = run.direction
        self._absences = known.absences
        self._exclusions = [
            ([image.number for image in one.images], one)
            for one in run.exclusions
            if one.images and (one.objects is None or object_id in one.objects)
        ]
        self._everywhere = {
            Cause.RECIPE: run.recipe,
            Cause.WEIGHTS: run.weights,
            Cause.SETTINGS: ObjectSettings.of(run.settings, object_id),
            Cause.ORDER: tuple(sorted(ids[: ids.index(object_id)])) if object_id in ids else (),
        }

    def at(self, number: int) -> Dependence:
        """Return what the matte of the object on the frame with this number depends on."""
        before, after = self.keyframes(number)
        first, after_last = self._shot(number)
        low = first if before is None else before.number
        high = after_last if after is None else after.number
        return {
            **self._everywhere,
            Cause.DIRECTION: self._direction if self._is_one_sided(number) else Direction.BOTH,
            Cause.KEYFRAME: (before, after),
            Cause.ABSENCE: _clipped(self._absences, low, high) if self._absences else (),
            Cause.EXCLUSION: self._in_force(number) if self._exclusions else (),
        }

    def keyframes(self, number: int) -> tuple[Mark | None, Mark | None]:
        """Return the last keyframe up to a frame and the first one from it on, as far as they count there.

        They count in their own shot, and in the direction of the run.
        """
        first, after_last = self._shot(number)
        index = bisect_left(self._numbers, number)
        if index < len(self._marks) and self._numbers[index] == number:
            return self._marks[index], self._marks[index]
        before = self._marks[index - 1] if index and self._direction is not Direction.BACKWARD else None
        after = self._marks[index] if index < len(self._marks) and self._direction is not Direction.FORWARD else None
        return (
            None if before is None or before.number < first else before,
            None if after is None or after.number >= after_last else after,
        )

    def _is_one_sided(self, number: int) -> bool:
        """Return whether the direction of the run keeps a keyframe beyond a frame from counting there."""
        first, after_last = self._shot(number)
        if self._direction is Direction.FORWARD:
            index = bisect_right(self._numbers, number)
            return index < len(self._numbers) and self._numbers[index] < after_last
        index = bisect_left(self._numbers, number)
        return self._direction is Direction.BACKWARD and index > 0 and self._numbers[index - 1] >= first

    def is_blank(self, number: int) -> bool:
        """Return whether a run makes an empty matte on a frame: the object has no keyframe in its shot, but in others.

        Those count that would reach it if the clip were not cut.
        """
        first, after_last = self._shot(number)
        earlier, up_to_here = bisect_left(self._numbers, first), bisect_left(self._numbers, after_last)
        reaches_on = earlier > 0 and self._direction is not Direction.BACKWARD
        reaches_back = up_to_here < len(self._numbers) and self._direction is not Direction.FORWARD
        return earlier == up_to_here and (reaches_on or reaches_back)

    def _shot(self, number: int) -> tuple[float, float]:
        if not self._cuts:
            return -float("inf"), float("inf")
        index = bisect_right(self._cuts, number)
        first = self._cuts[index - 1] if index else -float("inf")
        return first, (self._cuts[index] if index < len(self._cuts) else float("inf"))

    def _in_force(self, number: int) -> tuple[tuple[str, bool], ...]:
        """Return the images of the exclusions that count on a frame, and whether each is inverted."""
        places = ((max(bisect_right(numbers, number) - 1, 0), one) for numbers, one in self._exclusions)
        return tuple(sorted((one.images[place].digest, one.inverted) for place, one in places))


def _clipped(absences: Sequence[Span], low: float, high: float) -> tuple[tuple[float, float], ...]:
    """Return the frames without the object between two frames."""
    cut = [(max(one.first, low), min(one.last, high)) for one in absences]
    return tuple(sorted((first, last) for first, last in cut if first <= last))


@dataclass(frozen=True)
class Runs:
    """The runs that mattes in a folder were made by, by id: a line of JSON for each in `keymatte-runs.txt`."""

    by_id: Mapping[str, RunInputs] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: MatteFolder) -> Runs:
        """Read the runs of a folder; lines that are damaged are left out, so that their mattes count as unknown."""
        try:
            lines = folder.runs.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return cls()
        found = {}
        for line in lines:
            try:
                run = from_json(RunInputs, json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
            found[run.id] = run
        return cls(found)

    def weights_of(self, recipe: str) -> str:
        """Return the hash of the weights of the last run with a recipe; empty if there is none."""
        return next((run.weights for run in reversed([*self.by_id.values()]) if run.recipe == recipe), "")

    def with_run(self, run: RunInputs, *, keep: frozenset[str]) -> Runs:
        """Return these runs with another one, but without those whose ids are not to be kept."""
        return replace(self, by_id={**{id_: one for id_, one in self.by_id.items() if id_ in keep}, run.id: run})

    def write(self, folder: MatteFolder) -> None:
        """Write the runs to a folder, atomically. Raises DiskFull, FolderNotWritable."""
        text = "".join(json.dumps(to_json(run), separators=(",", ":")) + "\n" for run in self.by_id.values())
        with atomic_write(folder.runs) as part:
            part.write_text(text, encoding="utf-8")
