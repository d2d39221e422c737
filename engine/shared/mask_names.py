"""Names of mask files: which frame and which object each is for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import KeyframeNameUnclear
from .matte_folder import is_number
from .names import Column, FrameNames, NameParts, ascending_columns, divided, natural_key

_MARKED = re.compile(r"(?:^|[^a-z])(?:v|ver|version|take|tk|obj|object|id)[_\-. ]?$", re.IGNORECASE)
_COPY = re.compile(  # what file managers and synchronisation add to the name of a copy
    r"^(?:cop(?:y|ie|ia) (?:\([0-9]+\) )?(?:of|de|di) |kopie (?:\([0-9]+\) )?von )"
    r"|(?:(?: -)?[ _]cop(?:y|ie|ia)| - kopie|[ _]kopie| ?- コピー| ?- 副本)(?: ?\(?[0-9]+\)?)?$"
    r"| ?\((?:[0-9]+|[^()]*(?:conflict|cop(?:y|ie|ia)|kopie)[^()]*)\)$"
    r"|\.sync-conflict-[0-9]{8}-[0-9]{6}-[a-z0-9]{7}$"
    r"|~+$",
    re.IGNORECASE,
)
_OBJECT_NUMBER = re.compile(r"^#[_\-. ]([0-9]{1,3})$|(?:obj|object|id)[_\-. ]?([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_WIDE = 3  # digits from which on a number is likely to count frames
_FRAME = "#"  # stands for the frame number


@dataclass(frozen=True)
class MaskName:
    """What the name of a mask says."""

    frame: int | None  # media frame; None if the clip has none of that name
    number: int | None  # the frame number in the name; None if it has none
    rest: str  # folder and name without the frame number: `car/#`, `#_1`


@dataclass(frozen=True)
class _Reading:
    """One place of the masks' names, read as the clip's numbers at one place."""

    place: int
    frames: tuple[int | None, ...]
    rank: tuple[bool, ...]  # how well the names fit, the strongest sign first

    @property
    def matched(self) -> int:
        """Return how many masks are for a frame of the clip."""
        return sum(frame is not None for frame in self.frames)


def read_mask_names(files: Sequence[Path], root: Path, names: FrameNames) -> dict[Path, MaskName]:
    """Match masks to the frames of a clip: by the same name, or else by the number that both names share.

    All names decide together. Of several numbers in a name, the one counts that is written as in the clip's names, or
    has the same text before it, or is not a version or object number, or has three digits or more.
    What marks a copy, as in `00005 (1).png` and `00005 - Copy.png`, is no part of the name if others lack it.
    Raises KeyframeNameUnclear if a mask could be for two frames.
    """
    columns = ascending_columns(names.stems)
    own = _own_column(columns, names)
    counted = Column(names.numbers, (), "", -1)  # of a movie, or of images without numbers
    stems = _without_copy_marks(files)
    parts = dict(zip(files, divided(list(stems.values()))))
    folder_of = {file: "" if root in (file.parent, file) else f"{file.parent.name}/" for file in files}
    found: dict[Path, MaskName] = {}
    groups: dict[int, list[Path]] = {}
    for file in files:
        stem = stems[file] if stems[file] in names.stems else _contained(stems[file], () if columns else names.stems)
        if stem is None:
            groups.setdefault(len(parts[file].digits), []).append(file)
        else:
            frame = names.stems.index(stem)
            rest = _without(parts[file], own.place) if own else stems[file].replace(stem, _FRAME, 1)
            found[file] = MaskName(frame, names.numbers[frame], folder_of[file] + rest)
    found |= {file: MaskName(None, None, folder_of[file] + stems[file]) for file in groups.pop(0, [])}
    for group in groups.values():
        reading = _read(group, [parts[file] for file in group], columns or [counted], names)
        for file, matched in zip(group, reading.frames):
            number = int(parts[file].digits[reading.place])
            found[file] = MaskName(matched, number, folder_of[file] + _without(parts[file], reading.place))
    return found


def _without_copy_marks(files: Sequence[Path]) -> dict[Path, str]:
    """Return the names without suffix, and without what marks a copy if there are unmarked names of the same form."""
    bare = [_COPY.sub("", file.stem) for file in files]
    forms = [(file.parent, part.texts) for file, part in zip(files, divided(bare))]
    unmarked = {form for file, stem, form in zip(files, bare, forms) if stem == file.stem}
    return {file: stem if form in unmarked else file.stem for file, stem, form in zip(files, bare, forms)}


def _own_column(columns: Sequence[Column], names: FrameNames) -> Column | None:
    """Return the place of the clip's names that has the frames' numbers; None if the frames are counted."""
    return next((column for column in reversed(columns) if column.numbers == names.numbers), None)


def object_numbers(rests: Sequence[str], names: FrameNames) -> dict[str, int]:
    """Return an object number for each different rest of the masks' names.

    It is the number in the name of the folder, or the one in which the names differ; names without numbers are counted
    from 1 in natural order.
    """
    distinct = sorted(set(rests), key=natural_key)
    folders = [rest.rpartition("/")[0] for rest in distinct]
    if all(is_number(folder) for folder in folders):
        numbers = [int(folder) for folder in folders]
    else:
        numbers = _one_number(distinct[0], names) if len(distinct) == 1 else _varying_numbers(distinct)
    if len(set(numbers)) < len(distinct) or not all(1 <= number <= 255 for number in numbers):
        numbers = list(range(1, len(distinct) + 1))
    return dict(zip(distinct, numbers))


def _one_number(rest: str, names: FrameNames) -> list[int]:
    """Return the object's number in the only rest of the masks' names, unless the clip's names have it too."""
    parts, columns = divided(names.stems), ascending_columns(names.stems)
    own = {_without(part, column.place) for column in columns for part in parts}
    match = None if rest in own else _OBJECT_NUMBER.search(rest)
    return [int(match[1] or match[2])] if match else [1]


def _varying_numbers(rests: Sequence[str]) -> list[int]:
    """Return the numbers in which rests of masks' names differ; none if they differ in texts or in several places."""
    parts = divided(rests)
    varying = [values for values in zip(*(part.digits for part in parts)) if len(set(values)) > 1]
    same_shape = len({part.texts for part in parts}) == 1
    return [int(value) for value in varying[0]] if same_shape and len(varying) == 1 else []


def object_name(rest: str) -> str:
    """Return what a rest of a mask's name says about the object: `car` for `car/#` and for `#_car`; "" for `#`."""
    folder, _, name = rest.rpartition("/")
    return folder or name.replace(_FRAME, "").strip("_-. ")


def _read(group: Sequence[Path], parts: Sequence[NameParts], columns: Sequence[Column], names: FrameNames) -> _Reading:
    """Return how to read names that have the same count of numbers. Raises KeyframeNameUnclear."""
    readings = []
    for place in range(len(parts[0].digits)):
        for column in columns:
            frame_of: Mapping[int, int] = {number: frame for frame, number in enumerate(column.numbers)}
            frames = tuple(frame_of.get(int(part.digits[place])) for part in parts)
            readings.append(_Reading(place, frames, _rank(place, frames, parts, column)))
    best = max((reading.matched, reading.rank) for reading in readings)
    first, *others = [reading for reading in readings if (reading.matched, reading.rank) == best]
    for other in others:
        for file, first_frame, other_frame in zip(group, first.frames, other.frames):
            if first_frame is not None and other_frame is not None and first_frame != other_frame:
                numbers = names.numbers[first_frame], names.numbers[other_frame]
                raise KeyframeNameUnclear(
                    f"{file.name} could be the mask of frame {numbers[0]} or of frame {numbers[1]}"
                )
    return first


def _rank(place: int, frames: Sequence[int | None], parts: Sequence[NameParts], column: Column) -> tuple[bool, ...]:
    """Return the signs that a place of the masks' names counts the frames, the strongest first."""
    matched = [(part, frame) for part, frame in zip(parts, frames) if frame is not None]
    return (
        bool(column.digits) and all(column.digits[frame] == part.digits[place] for part, frame in matched),
        column.before != "" and all(part.texts[place] == column.before for part, _ in matched),
        not any(_MARKED.search(part.texts[place]) for part in parts),
        all(len(part.digits[place]) >= _WIDE for part in parts),
    )


def _contained(stem: str, stems: Sequence[str]) -> str | None:
    """Return the clip's name that is part of a mask's name, between other characters than letters and digits; or None.

    Raises KeyframeNameUnclear if there are two that are not part of each other.
    """
    inside = [other for other in stems if other and re.search(rf"(?<![^\W_]){re.escape(other)}(?![^\W_])", stem)]
    longest = max(inside, key=len, default=None)
    for other in inside:
        if longest is not None and other not in longest:
            raise KeyframeNameUnclear(f"{stem} could be the mask of {other} or of {longest}")
    return longest


def _without(part: NameParts, place: int) -> str:
    """Return a name with its number at `place` replaced by #."""
    if not -len(part.digits) <= place < len(part.digits):
        return "".join(part.texts)
    digits = [*part.digits]
    digits[place] = _FRAME
    return "".join(text + number for text, number in zip(part.texts, [*digits, ""]))
