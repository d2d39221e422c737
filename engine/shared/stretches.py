"""Bad stretches: runs of frames on which the mattes of an object need a fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter

from .matte_folder import named_spans
from .quality import FIX_BELOW, REASONS, MatteQuality

MAX_HOLE = 3  # frames in a row that need no fix, and yet are part of a stretch that goes on after them
_MIN_PART = MAX_HOLE + 1  # frames in a row from which being on another object, or not, parts a stretch
_ELSEWHERE = "twin"  # the reason of mattes that are on another object


@dataclass(frozen=True)
class Stretch:
    """A run of frames on which the mattes of an object need a fix, given by file numbers."""

    object_id: int
    first: int
    last: int
    worst: int  # the frame of the lowest quality
    value: float  # that quality, 0..1
    reason: str  # key of `REASONS`: what makes most of its mattes doubtful; empty if that is not known
    count: int  # frames that need a fix

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    @property
    def words(self) -> str:
        """Return the reason in words."""
        return reason_words(self.reason)

    @property
    def frames(self) -> str:
        """Return the frames in words: "frames 12 to 35", "frame 12"."""
        return named_spans("frame", range(self.first, self.last + 1))


def counted_to_fix(count: int) -> str:
    """Return how many stretches there are to fix: "1 stretch to fix", "3 stretches to fix"."""
    return f"{count} stretch{'' if count == 1 else 'es'} to fix"


def reason_words(key: str) -> str:
    """Return the reason for doubt in words; a key that is empty, or of another version, stands for no known reason."""
    return REASONS.get(key, "no single reason")


def bad_stretches(
    qualities: Mapping[int, Mapping[int, MatteQuality]],
    *,
    below: float = FIX_BELOW,
    max_hole: int = MAX_HOLE,
    breathe: Callable[[], None] = lambda: None,
) -> list[Stretch]:
    """List the stretches of frames with a quality `below` a number, by object and frame.

    `qualities` are by object and file number; frames without a known quality may be left out. Stretches with at most
    `max_hole` frames between them are joined, unless one of these frames is the user's own, which parts them: each
    needs a fix of its own. So do mattes that are on another object, and those before and after them. `breathe` is
    called every few microseconds, as in `read_table`.
    """
    numbers = sorted({number for of_object in qualities.values() for number in of_object})
    step = min((after - before for before, after in pairwise(numbers)), default=1)  # some clips are numbered by tens
    return [
        stretch
        for object_id in sorted(qualities)
        for stretch in _of_object(object_id, qualities[object_id], below, (max_hole + 1) * step, breathe)
    ]


def _of_object(
    object_id: int,
    qualities: Mapping[int, MatteQuality],
    below: float,
    max_distance: int,
    breathe: Callable[[], None],
) -> Iterator[Stretch]:
    """Yield the stretches of one object; bad frames at most `max_distance` numbers apart are of the same."""
    run: list[int] = []
    end = False  # whether a frame that is the user's own ends the run
    for number in sorted(qualities):
        breathe()
        quality = qualities[number]
        if quality.is_given:
            end = True
        elif quality.value is not None and quality.value < below:
            if run and (end or number - run[-1] > max_distance):
                yield from _parted(object_id, run, qualities)
                run = []
            end = False
            run.append(number)
    yield from _parted(object_id, run, qualities)


def _parted(object_id: int, run: list[int], qualities: Mapping[int, MatteQuality]) -> Iterator[Stretch]:
    """Yield the stretches of a run of bad frames, parted where its mattes go to another object and come back."""
    elsewhere = [qualities[number].reason == _ELSEWHERE for number in run]
    for shortest in range(2, _MIN_PART + 1):
        elsewhere = _without_short(elsewhere, shortest)
    for _, part in groupby(zip(run, elsewhere, strict=True), key=itemgetter(1)):
        yield _stretch(object_id, [number for number, _ in part], qualities)


def _without_short(flags: list[bool], shortest: int) -> list[bool]:
    """Join each group of equal flags that is shorter than `shortest` to the group before it, the first to the next."""
    joined: list[bool] = []
    for flag, group in groupby(flags):
        count = len(list(group))
        joined += [joined[-1] if joined and count < shortest else flag] * count
    first = next((place for place, flag in enumerate(joined) if flag != joined[0]), shortest)
    return [joined[first]] * first + joined[first:] if first < shortest else joined


def _stretch(object_id: int, run: list[int], qualities: Mapping[int, MatteQuality]) -> Stretch:
    """Return the stretch of the frames `run`, which need a fix."""
    values = {number: value for number in run if (value := qualities[number].value) is not None}
    worst = min(run, key=values.__getitem__)
    weights: dict[str, float] = {}
    for number in (worst, *run):  # first, as the reason of the worst frame counts more where others count the same
        key = qualities[number].reason
        weights[key] = weights.get(key, 0.0) + 1 - values[number]
    weights.pop("", None)
    reason = max(weights, key=weights.__getitem__, default="")
    return Stretch(object_id, run[0], run[-1], worst, values[worst], reason, len(run))
