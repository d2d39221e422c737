"""Lane along the bottom of the clip editor: the state of each matte as a small number, by object and frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

import numpy as np

from ..engine.shared.quality import FIX_BELOW
from ..engine.shared.quality_table import MatteRow, Rows
from ..engine.shared.staleness import Freshness, MatteState, States


class Code(IntEnum):
    """State of a matte, the more urgent the higher: where a column of pixels shows several frames, the highest wins."""

    NONE = 0  # no keyframe reaches the frame, and there is no matte
    FRESH = 1
    EDITED = 2
    MISSING = 3
    UNKNOWN = 4  # it is not known what it was made from
    DOUBTFUL = 5
    STALE = 6


SEAM, KEYFRAME, ABSENT, LOCKED, SUGGESTED = 8, 16, 32, 64, 128  # marks, which are added to the state
STATE = 7  # bits of the state
TROUBLE = (Code.DOUBTFUL, Code.STALE)

_CODES = {
    Freshness.FRESH: Code.FRESH,
    Freshness.STALE: Code.STALE,
    Freshness.UNKNOWN: Code.UNKNOWN,
    Freshness.OWN: Code.EDITED,
    Freshness.MISSING: Code.MISSING,
}

Spans = Iterable[tuple[int, int, int]]  # object (0: all), first and last file number


def is_doubtful(row: MatteRow | None) -> bool:
    """Return whether a matte needs a fix by its quality."""
    return row is not None and not row.is_own and row.value is not None and row.value < FIX_BELOW


def code_of(state: MatteState | None, row: MatteRow | None) -> Code:
    """Return the code of a matte; without a state, no keyframe reaches its frame."""
    if state is None:
        return Code.NONE
    if state.freshness is Freshness.FRESH and is_doubtful(row):
        return Code.DOUBTFUL
    return _CODES[state.freshness]


def is_seam(state: MatteState | None, row: MatteRow | None) -> bool:
    """Return whether a walk ended on the frame of a matte, so that beyond it earlier mattes were kept."""
    fresh = state is not None and state.freshness is Freshness.FRESH
    return fresh and row is not None and row.quality is not None and row.quality.seam


def fill_codes(
    codes: np.ndarray,
    objects: Sequence[int],
    first: int,
    states: States,
    rows: Rows,
    *,
    which: Iterable[int] | None = None,
    breathe: Callable[[], None] = lambda: None,
) -> None:
    """Write the codes of all mattes, or of those on the frames with the file numbers `which`, into an array.

    They come with the marks of seams. `codes` (objects, frames) uint8 has a row for each of `objects`, and its first
    column is that of the file number `first`. `breathe` is called often.
    """
    numbers = range(first, first + codes.shape[1])
    wanted = numbers if which is None else [number for number in which if number in numbers]
    for row, object_id in enumerate(objects):
        of_object, judged = states.get(object_id, {}), rows.get(object_id, {})
        for number in wanted:
            breathe()
            state, matte = of_object.get(number), judged.get(number)
            codes[row, number - first] = code_of(state, matte) | SEAM * is_seam(state, matte)


def with_marks(
    codes: np.ndarray,
    objects: Sequence[int],
    first: int,
    *,
    keyframes: Iterable[tuple[int, int]] = (),
    absences: Spans = (),
    locks: Spans = (),
    suggestions: Iterable[tuple[int, int]] = (),
) -> np.ndarray:
    """Return a copy of the codes with the marks of keyframes, absences, locks and suggestions.

    `keyframes` and `suggestions` are pairs of object and file number; object 0 stands for all. What lies outside of
    the array is left out.
    """
    marked = codes.copy()
    places = {object_id: slice(row, row + 1) for row, object_id in enumerate(objects)} | {0: slice(None)}
    points = [(mark, (one, at, at)) for mark, of in ((KEYFRAME, keyframes), (SUGGESTED, suggestions)) for one, at in of]
    spans = [(mark, span) for mark, of in ((ABSENT, absences), (LOCKED, locks)) for span in of]
    for mark, (object_id, start, end) in (*points, *spans):
        if object_id in places:
            marked[places[object_id], max(0, start - first) : max(0, end + 1 - first)] |= mark
    return marked


def by_column(codes: np.ndarray, columns: int) -> np.ndarray:
    """Return the codes (objects, columns) of columns of pixels, if there are fewer of them than frames.

    A column shows the most urgent of its frames' states, and the marks of all.
    """
    frames = codes.shape[1]
    if frames <= columns or not columns:
        return codes
    starts = np.arange(columns) * frames // columns
    states = np.maximum.reduceat(codes & STATE, starts, axis=1)
    return states | np.bitwise_or.reduceat(codes & ~np.uint8(STATE), starts, axis=1)


def next_trouble(codes: np.ndarray, frame: int, *, later: bool) -> tuple[int, int] | None:
    """Return frame (a column) and row of the nearest start of a stretch that is stale or doubtful; None without one.

    `later`: after `frame`, else before it. Stretches that differ in this begin anew.
    """
    states = codes & STATE
    before = np.pad(states[:, :-1], ((0, 0), (1, 0)))
    rows, frames = np.nonzero(np.isin(states, TROUBLE) & (states != before))
    side = frames > frame if later else frames < frame
    if not side.any():
        return None
    nearest = frames[side].min() if later else frames[side].max()
    return int(nearest), int(rows[frames == nearest].min())


def span_around(codes: np.ndarray, row: int, frame: int, mark: int) -> tuple[int, int] | None:
    """Return first and last frame of the run around a frame that has a mark; None if the frame has not."""
    has = (codes[row] & mark) != 0
    if not has[frame]:
        return None
    without = np.flatnonzero(~has)
    low = without[without < frame]
    high = without[without > frame]
    return int(low[-1]) + 1 if len(low) else 0, int(high[0]) - 1 if len(high) else len(has) - 1
