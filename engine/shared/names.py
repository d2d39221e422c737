"""Names of image files: their natural order, numbers, sequences and patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from itertools import pairwise
from pathlib import Path

from .errors import SeveralSequences

_HASHES_OR_PERCENT = re.compile(r"#+|%0?[0-9]*d")
_NUMBERED = re.compile(r"(?P<head>.*?)(?P<digits>[0-9]+)(?P<tail>[^0-9]*)", re.DOTALL)
_DIGITS = re.compile("([0-9]+)")
_SIGNED_DIGITS = re.compile(r"((?:(?<![^_. ])-)?[0-9]+)")  # the - of img_-2, but not those of 2024-01-05 and shot-2
_TIME_STAMP = re.compile(
    r"(?:19|20)[0-9]{2}\D?[01]?[0-9]\D?[0-3]?[0-9]\D+[0-2]?[0-9]\D+[0-5]?[0-9](?:\D+[0-9]+){0,2}\D*"
)
_MAX_NAME = 255  # characters of a file name
_MIN_SEQUENCE = 3  # images that others do not belong to


@dataclass(frozen=True)
class NameParts:
    """A file name without suffix, divided into its numbers and the texts around them: one more text than numbers."""

    texts: tuple[str, ...]
    digits: tuple[str, ...]  # as written, such as 0006; with a minus sign if negative


@dataclass(frozen=True)
class Column:
    """The numbers at one place of all names of a clip."""

    numbers: tuple[int, ...]
    digits: tuple[str, ...]  # the numbers as written
    before: str  # the text before the number if it is the same in all names, or ""
    place: int  # of the number in each name; -1 for the last


@dataclass(frozen=True)
class FrameNames:
    """What names the media frames of a clip: a number each and, for images, the file names without suffix."""

    numbers: tuple[int, ...]
    stems: tuple[str, ...] = ()  # empty for a movie


def in_natural_order(files: Iterable[Path]) -> list[Path]:
    """Sort files in natural order, in which `shot9` comes before `shot10`, and `img_-2` before `img_-1` and `img_0`."""
    files = list(files)
    split = _splitter([file.name for file in files])

    return sorted(files, key=lambda file: (natural_key(file.name, split), file.name))


def natural_key(name: str, split: re.Pattern[str] = _DIGITS) -> list[str | int]:
    """Return a sort key for natural order; `split` finds the numbers in a name."""
    return [int(part) if index % 2 else part for index, part in enumerate(split.split(name.lower()))]


def divided(stems: Sequence[str]) -> list[NameParts]:
    """Divide names into numbers and texts. Digits are 0 to 9; others, such as ², are text."""
    split = _splitter(stems)
    parts = [split.split(stem) for stem in stems]
    return [NameParts(tuple(part[::2]), tuple(part[1::2])) for part in parts]


def ascending_columns(stems: Sequence[str]) -> list[Column]:
    """Return the places of the names, which are in natural order, whose numbers ascend from each name to the next.

    If the names have different counts of numbers, only their first and last ones are compared.
    """
    parts = divided(stems)
    counts = {len(part.digits) for part in parts}
    if not counts or 0 in counts:
        return []
    places = range(counts.pop()) if len(counts) == 1 else (0, -1)
    columns = []
    for place in places:
        digits = tuple(part.digits[place] for part in parts)
        numbers = tuple(map(int, digits))
        befores = {part.texts[place if place >= 0 else place - 1] for part in parts}
        if all(after > before for before, after in pairwise(numbers)):
            columns.append(Column(numbers, digits, befores.pop() if len(befores) == 1 else "", place))
    return columns


def numbers_of(files: Sequence[Path]) -> tuple[int, ...]:
    """Return the number in each file name, or 0, 1, ... if there are no numbers that ascend.

    Of several numbers in a name, the one that varies counts: 6 in shot_0006_v2; of several that vary, the last one that
    counts by ones, or else the last. Negative numbers are replaced by 0, 1, ... The files are in natural order.
    Raises SeveralSequences.
    """
    numbers = _varying_numbers(files)
    if numbers is None:
        _check_for_several_sequences(files)
        check_for_twins(files)
        numbers = tuple(range(len(files)))
    _check_for_others(files)
    return numbers


def numbers_in(files: Sequence[Path]) -> tuple[int | None, ...]:
    """Return the number in each file name as `numbers_of` does or, if none ascend, the last one; None without one."""
    parts = divided([file.stem for file in files])
    return _varying_numbers(files) or tuple(int(part.digits[-1]) if part.digits else None for part in parts)


def _varying_numbers(files: Sequence[Path]) -> tuple[int, ...] | None:
    """Return the numbers of `numbers_of` if there are any that ascend and are not negative."""
    columns = [column for column in ascending_columns([file.stem for file in files]) if min(column.numbers) >= 0]
    by_ones = [column for column in columns if _are_by_ones(column.numbers)]
    return (by_ones or columns)[-1].numbers if columns else None


def _are_by_ones(numbers: Iterable[int]) -> bool:
    return all(after == before + 1 for before, after in pairwise(numbers))


def check_for_twins(files: Iterable[Path]) -> None:
    """Raise SeveralSequences if two files of a folder differ only in their suffixes, such as 5.png and 5.jpg."""
    found: dict[Path, Path] = {}
    for file in files:
        twin = found.setdefault(file.with_suffix(""), file)
        if twin != file:
            raise SeveralSequences(
                f"{file.parent} contains both {twin.name} and {file.name}",
                remedy="Keep only one of the two in the folder.",
            )


def numbered_sequence(first: Path) -> tuple[list[Path], tuple[int, ...]]:
    """List the images from the first one to the first gap, and their numbers.

    As in Blender, images are counted by the last number in their names.
    """
    match = _NUMBERED.fullmatch(first.stem)
    if match is None:
        return [first], (0,)
    files, start, digits = [first], int(match["digits"]), len(match["digits"])
    while True:
        file = first.with_name(f"{match['head']}{start + len(files):0{digits}d}{match['tail']}{first.suffix}")
        if not file.is_file():
            return files, tuple(range(start, start + len(files)))
        files.append(file)


def is_pattern(name: str) -> bool:
    """Return whether a name has `####`, `%04d`, `*` or `?`."""
    return _HASHES_OR_PERCENT.search(name) is not None or "*" in name or "?" in name


def compiled_pattern(name: str) -> re.Pattern[str]:
    """Compile a name pattern: `####` and `%04d` match numbers of at least four digits, `*` and `?` as in a shell.

    If there are several `####` or `%04d`, each matches a number or itself, as in `take #1_####.png`.
    """
    places = list(_HASHES_OR_PERCENT.finditer(name))
    if not places:
        return re.compile(translate(name.replace("[", "[[]")))
    pattern, end = "", 0
    for place in places:
        number = _number_pattern(place[0])
        either = number if len(places) == 1 else f"(?:{number}|{re.escape(place[0])})"
        pattern, end = pattern + re.escape(name[end : place.start()]) + either, place.end()
    return re.compile(pattern + re.escape(name[end:]))


def _number_pattern(place: str) -> str:
    """Return the regular expression of the numbers that `####` or `%04d` stands for."""
    digits = len(place) if place[0] == "#" else int(place.strip("%d") or 1)
    digits = min(digits, _MAX_NAME + 1)  # more than any name has
    return f"(?:[0-9]{{{digits}}}|[1-9][0-9]{{{digits},}})"


def _splitter(names: Sequence[str]) -> re.Pattern[str]:
    """Return the expression that finds the numbers in names: with minus signs if these names have negative numbers.

    A - is a minus sign if a name begins with it, or if other names lack it at the same place, as in img_-1 and img_0.
    """
    negative: set[str] = set()
    others: set[str] = set()
    for name in names:
        for match in _SIGNED_DIGITS.finditer(name):
            (negative if match[0].startswith("-") else others).add(name[: match.start()])
    return _SIGNED_DIGITS if "" in negative or negative & others else _DIGITS


def _check_for_several_sequences(files: Sequence[Path]) -> None:
    """Raise SeveralSequences if the files have numbers, but some numbers occur in sequences of different names.

    Time stamps of one shape are one sequence, although their seconds recur.
    """
    parts = divided([file.stem for file in files])
    of_one_shape = len({(part.texts, file.suffix) for part, file in zip(parts, files)}) == 1
    if of_one_shape and all(_TIME_STAMP.search(file.stem) for file in files):
        return
    counted = [_sequences(files, parts, place) for place in range(max((len(part.digits) for part in parts), default=0))]
    if not counted:
        return
    sequences = max(reversed(counted), key=lambda found: max(map(len, found.values())))
    longest, *others = sorted(sequences.items(), key=lambda item: (-len(item[1]), item[0]))
    second = next((other for other in others if other[1].keys() & longest[1].keys()), None)
    if len(longest[1]) > 1 and second:
        first, other = (
            f"{head}{'#' * min(map(len, numbers.values()))}{tail}" for (head, tail), numbers in (longest, second)
        )
        raise SeveralSequences(
            f"{files[0].parent} contains several image sequences, such as {first} and {other}",
            remedy=f"Choose one of them by its pattern: {files[0].parent / first}",
        )


def _check_for_others(files: Sequence[Path]) -> None:
    """Raise SeveralSequences if most images are a numbered sequence and others are not of it, such as a poster.

    Others as frames would move those after them. Images whose numbers all count by ones are a sequence whatever their
    names.
    """
    parts = divided([file.stem for file in files])
    forms: dict[tuple[str, ...], list[int]] = {}
    for index, part in enumerate(parts):
        forms.setdefault(tuple(text.casefold() for text in part.texts), []).append(index)
    main = max(forms.values(), key=len, default=[])
    columns = ascending_columns([files[index].stem for index in main])
    if not max(_MIN_SEQUENCE, len(files) // 2 + 1) <= len(main) < len(files) or not columns:
        return
    if any(_are_by_ones(column.numbers) for column in ascending_columns([file.stem for file in files])):
        return
    other = next(file for index, file in enumerate(files) if index not in main)
    pattern = _pattern_of([parts[index] for index in main]) + files[main[0]].suffix
    raise SeveralSequences(
        f"{other.parent} contains images that are not of the sequence {pattern}, such as {other.name}",
        remedy=f"Choose the sequence by its pattern, {other.parent / pattern}, or move the others away.",
    )


def _pattern_of(parts: Sequence[NameParts]) -> str:
    """Return the pattern of names that differ only in their numbers: with # for the one that varies, or * for each."""
    places = [set(digits) for digits in zip(*(part.digits for part in parts))]
    several = sum(len(digits) > 1 for digits in places) > 1
    names = [
        next(iter(digits)) if len(digits) == 1 else "*" if several else "#" * min(map(len, digits)) for digits in places
    ]
    return "".join(text + name for text, name in zip(parts[0].texts, [*names, ""]))


def _sequences(files: Sequence[Path], parts: Sequence[NameParts], place: int) -> dict[tuple[str, str], dict[int, str]]:
    """Group names by what is around the number at a place, counted from the last: head and tail -> number -> digits."""
    sequences: dict[tuple[str, str], dict[int, str]] = {}
    for file, part in zip(files, parts):
        index = len(part.digits) - 1 - place
        if index >= 0:
            head = "".join(f"{text}{digits}" for text, digits in zip(part.texts[:index], part.digits[:index]))
            head += part.texts[index]
            tail = file.name[len(head) + len(part.digits[index]) :]
            sequences.setdefault((head, tail), {})[int(part.digits[index])] = part.digits[index]
    return sequences
