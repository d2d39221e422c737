"""Names of image files: their natural order, numbers, sequences and patterns."""

from __future__ import annotations

import re
from fnmatch import translate
from itertools import pairwise
from pathlib import Path

from ..shared.errors import SeveralSequences
from ..shared.matte_folder import number_in

_HASHES = re.compile(r"#+")
_PERCENT = re.compile(r"%0?(\d*)d")
_NUMBERED = re.compile(r"(?P<head>.*?)(?P<digits>[0-9]+)(?P<tail>[^0-9]*)", re.DOTALL)


def natural_key(path: Path) -> list[str | int]:
    """Return a sort key for natural order, in which `shot9` comes before `shot10`."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split("([0-9]+)", path.name.lower()))]


def numbered_sequence(first: Path) -> list[Path]:
    match = _NUMBERED.fullmatch(first.stem)
    if match is None:
        return [first]
    files, number, digits = [first], int(match["digits"]), len(match["digits"])
    while True:
        number += 1
        file = first.with_name(f"{match['head']}{number:0{digits}d}{match['tail']}{first.suffix}")
        if not file.is_file():
            return files
        files.append(file)


def is_pattern(name: str) -> bool:
    return _HASHES.search(name) is not None or _PERCENT.search(name) is not None or "*" in name or "?" in name


def compiled_pattern(name: str) -> re.Pattern[str]:
    """Compile a name pattern: `####` and `%04d` match numbers of at least four digits, `*` and `?` as in a shell."""
    match = _HASHES.search(name) or _PERCENT.search(name)
    if match is None:
        return re.compile(translate(name.replace("[", "[[]")))
    digits = len(match[0]) if match[0][0] == "#" else int(match[1] or 1)
    number = f"(?:[0-9]{{{digits}}}|[1-9][0-9]{{{digits},}})"
    return re.compile(re.escape(name[: match.start()]) + number + re.escape(name[match.end() :]))


def numbers_of(files: list[Path]) -> tuple[int, ...]:
    """Return the number in each file name, or 0, 1, ... if names lack numbers. Raises SeveralSequences."""
    numbers = [number_in(file.stem) for file in files]
    known_numbers = [number for number in numbers if number is not None]
    if len(known_numbers) == len(files) and all(after > before for before, after in pairwise(known_numbers)):
        return tuple(known_numbers)
    _check_for_several_sequences(files)
    return tuple(range(len(files)))


def _check_for_several_sequences(files: list[Path]) -> None:
    """Raise SeveralSequences if the files have numbers, but some numbers occur in sequences of different names."""
    sequences: dict[tuple[str, str], dict[int, str]] = {}  # what is around the number -> number -> its digits
    for file in files:
        match = re.search("([0-9]+)(?=[^0-9]*$)", file.stem)
        if match:
            around = file.stem[: match.start()], file.stem[match.end() :] + file.suffix
            sequences.setdefault(around, {})[int(match[0])] = match[0]
    longest, *others = sorted(sequences.items(), key=lambda item: (-len(item[1]), item[0])) or [(("", ""), {})]
    second = next((other for other in others if other[1].keys() & longest[1].keys()), None)
    if len(longest[1]) > 1 and second:
        first, other = (
            f"{head}{'#' * min(map(len, numbers.values()))}{tail}" for (head, tail), numbers in (longest, second)
        )
        raise SeveralSequences(
            f"{files[0].parent} contains several image sequences, such as {first} and {other}",
            remedy=f"Choose one of them by its pattern: {files[0].parent / first}",
        )
