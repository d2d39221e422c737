"""Masks that a method is given of a sequence: the first one, the first of each object, or evenly spread ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...media.pictures import picture_header
from ...shared.errors import BadSetting, FramesUnreadable
from ..errors import DatasetDamaged
from .label_maps import objects_in, read_map
from .types import Benchmark, Given, Sequence


@dataclass(frozen=True)
class GivenMasks:
    """The masks of a sequence that a method is given, as labels (H, W) uint8 with only the objects that it may see."""

    size: tuple[int, int]  # (H, W) of the images and masks
    labels: Mapping[int, NDArray[np.uint8]]  # by index of the frame, ascending
    objects: Mapping[int, tuple[int, ...]]  # by index of the frame: the ids that its mask annotates, ascending
    first: Path  # the first of the masks, whose palette results have

    @property
    def every_object(self) -> tuple[int, ...]:
        """Return the ids of all objects, ascending."""
        return tuple(sorted({id_ for ids in self.objects.values() for id_ in ids}))


def given_masks(sequence: Sequence, benchmark: Benchmark, given: Given | int, *, absent: bool = False) -> GivenMasks:
    """Read the masks of a sequence that are given; a number asks for this many, evenly spread over those with objects.

    With `absent`, which only such keyframes have, an object that a keyframe does not show is absent there; else its
    state is unknown.

    Raises FramesUnreadable, DatasetDamaged, BadSetting if there are fewer masks, and the errors of `read_map`.
    """
    size = _size_of(sequence)
    if isinstance(given, int):
        chosen = _spread(sequence, benchmark, size, given)
        everything = tuple(sorted({id_ for labels in chosen.values() for id_ in objects_in(labels, benchmark)}))
        objects = {stem: everything if absent else objects_in(labels, benchmark) for stem, labels in chosen.items()}
    elif given is Given.FIRST_MASK or benchmark.merged:
        chosen = _first(sequence, benchmark, size)
        objects = {stem: objects_in(labels, benchmark) for stem, labels in chosen.items()}
    else:
        chosen, objects = _appearing(sequence, benchmark, size)
    index = {stem: number for number, stem in enumerate(sequence.stems)}
    kept = {index[stem]: np.where(np.isin(labels, objects[stem]), labels, 0) for stem, labels in chosen.items()}
    first = {**sequence.truth, **sequence.masks}[next(iter(chosen))]
    return GivenMasks(size, kept, {index[stem]: ids for stem, ids in objects.items()}, first)


def _size_of(sequence: Sequence) -> tuple[int, int]:
    """Return the size (H, W) of the first image. Raises FramesUnreadable."""
    header = picture_header(sequence.frames[0])
    if header is None:
        raise FramesUnreadable(f"image {sequence.frames[0]} cannot be read")
    return header.size


def _first(sequence: Sequence, benchmark: Benchmark, size: tuple[int, int]) -> dict[str, NDArray[np.uint8]]:
    """Return the first mask that shows an object."""
    for stem, path in sequence.masks.items():
        labels = read_map(path, benchmark, size=size)
        if objects_in(labels, benchmark):
            return {stem: labels}
    raise _without_objects(sequence)


def _appearing(
    sequence: Sequence, benchmark: Benchmark, size: tuple[int, int]
) -> tuple[dict[str, NDArray[np.uint8]], dict[str, tuple[int, ...]]]:
    """Return the masks on which objects appear, and which do on each.

    The masks that the data set's file names are looked at first; all others only for objects that these do not show.
    """
    listed = sequence.first_seen
    chosen: dict[str, NDArray[np.uint8]] = {}
    objects: dict[str, tuple[int, ...]] = {}
    seen: set[int] = set()

    def look(stem: str) -> None:
        labels = chosen[stem] if stem in chosen else read_map(sequence.masks[stem], benchmark, size=size)
        there = objects_in(labels, benchmark)
        if unknown := sorted(id_ for id_ in there if listed and id_ not in listed):
            raise DatasetDamaged(f"{sequence.masks[stem]} shows object {unknown[0]}, which the data set does not list")
        if new := tuple(id_ for id_ in there if id_ not in seen):
            chosen[stem], objects[stem] = labels, (*objects.get(stem, ()), *new)
            seen.update(new)

    first = [stem for stem in sequence.masks if stem in set(listed.values())]
    for stem in (*first, *sequence.masks):
        if listed and seen.issuperset(listed):
            break
        look(stem)
    if not chosen:
        raise _without_objects(sequence)
    if lost := sorted(set(listed) - seen):
        folder = next(iter(sequence.masks.values())).parent
        raise DatasetDamaged(f"no mask in {folder} shows object {lost[0]}, which the data set lists")
    order = [stem for stem in sequence.masks if stem in chosen]
    return {stem: chosen[stem] for stem in order}, {stem: tuple(sorted(objects[stem])) for stem in order}


def _without_objects(sequence: Sequence) -> DatasetDamaged:
    return DatasetDamaged(f"no mask in {next(iter(sequence.masks.values())).parent} shows an object")


def _spread(
    sequence: Sequence, benchmark: Benchmark, size: tuple[int, int], count: int
) -> dict[str, NDArray[np.uint8]]:
    """Return `count` masks, evenly spread from the first to the last of those that show an object."""
    if not sequence.truth:
        raise BadSetting(f"the true masks of {sequence.name} are hidden, so that no more keyframes can be given")
    paths = sequence.masks if len(sequence.masks) >= len(sequence.truth) else sequence.truth
    masks = ((stem, read_map(path, benchmark, size=size)) for stem, path in paths.items())
    visible = [stem for stem, labels in masks if objects_in(labels, benchmark)]
    if count > len(visible):
        raise BadSetting(
            f"sequence {sequence.name} has only {len(visible)} masks with an object, but {count} are asked for"
        )
    last = max(count - 1, 1)
    chosen = [visible[round(i * (len(visible) - 1) / last)] for i in range(count)]
    return {stem: read_map(paths[stem], benchmark, size=size) for stem in chosen}
