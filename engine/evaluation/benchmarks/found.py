"""What is found of a benchmark on disk: its folder, its complete sequences, and what is missing, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DatasetDamaged
from .folders import images_in
from .types import Sequence


@dataclass(frozen=True)
class Found:
    """A benchmark as it lies on disk."""

    folder: Path
    sequences: tuple[Sequence, ...]
    missing: tuple[str, ...] = ()  # for each sequence that is incomplete: its name and what is missing
    names: tuple[str, ...] = field(default=())  # of all sequences that should be there


class Incomplete(Exception):
    """Raised by a reader of sequences if a file or folder of one is missing; the message names it."""


Layout = Callable[[Path, str], Found]  # reads the split of this name from the data set's own folder


def gather(folder: Path, names: Iterable[str], read: Callable[[str], Sequence]) -> Found:
    """Read the sequences called `names`; those for which `read` raises Incomplete or DatasetDamaged are missing."""
    names = tuple(names)
    sequences: list[Sequence] = []
    missing: list[str] = []
    for name in names:
        try:
            if Path(name).name != name or name.startswith("."):  # a damaged list must not lead out of the folder
                raise Incomplete("this is no name of a folder")
            sequences.append(read(name))
        except Incomplete as problem:
            missing.append(f"{name}: {problem}")
        except DatasetDamaged as error:
            missing.append(f"{name}: {error.message}")
    return Found(folder, tuple(sequences), tuple(missing), names)


def expect_images(folder: Path, base: Path) -> tuple[Path, ...]:
    """Return the images in a folder of a sequence. Raises Incomplete, with the path from `base`."""
    place = folder.relative_to(base).as_posix()
    if not folder.is_dir():
        raise Incomplete(f"{place} is missing")
    images = images_in(folder)
    if not images:
        raise Incomplete(f"{place} has no images")
    return images
