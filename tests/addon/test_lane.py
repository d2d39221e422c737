"""Codes of the lane: each state and mark has its own, the most urgent wins in a column, and jumps find the starts."""

from __future__ import annotations

import numpy as np
import pytest
from keymatte.addon.lane import (
    ABSENT,
    KEYFRAME,
    LOCKED,
    SEAM,
    STATE,
    SUGGESTED,
    Code,
    by_column,
    code_of,
    fill_codes,
    next_trouble,
    span_around,
    with_marks,
)
from keymatte.engine.shared.provenance import Cause
from keymatte.engine.shared.quality import FIX_BELOW, GIVEN, MatteQuality
from keymatte.engine.shared.quality_table import EDITED, NOT_RECORDED, row_of
from keymatte.engine.shared.staleness import FRESH, MISSING, OWN, UNKNOWN, Freshness, MatteState

STALE = MatteState(Freshness.STALE, Cause.KEYFRAME)
GOOD, BAD = row_of(MatteQuality(0.9)), row_of(MatteQuality(0.1, "edge"))


@pytest.mark.parametrize(
    ("state", "row", "code"),
    [
        (None, None, Code.NONE),
        (FRESH, GOOD, Code.FRESH),
        (FRESH, BAD, Code.DOUBTFUL),
        (FRESH, row_of(MatteQuality(FIX_BELOW)), Code.FRESH),
        (FRESH, row_of(MatteQuality(None)), Code.FRESH),
        (FRESH, row_of(MatteQuality(0.0, signals={GIVEN: 1.0})), Code.FRESH),
        (STALE, BAD, Code.STALE),
        (UNKNOWN, NOT_RECORDED, Code.UNKNOWN),
        (OWN, EDITED, Code.EDITED),
        (MISSING, None, Code.MISSING),
    ],
)
def test_each_matte_has_the_code_of_its_state_and_quality(state, row, code):
    assert code_of(state, row) is code


def test_codes_lie_at_their_objects_and_numbers():
    codes = np.zeros((2, 3), np.uint8)
    states = {7: {1001: FRESH, 1003: STALE}, 2: {1002: MISSING, 1009: FRESH}}
    fill_codes(codes, [2, 7], 1001, states, {7: {1001: BAD}})
    assert codes.tolist() == [[0, Code.MISSING, 0], [Code.DOUBTFUL, 0, Code.STALE]]
    fill_codes(codes, [2, 7], 1001, {7: {1001: FRESH}}, {}, which=[1001, 2000])
    assert codes.tolist() == [[0, Code.MISSING, 0], [Code.FRESH, 0, Code.STALE]], "only those that are asked for"


def test_a_seam_is_marked_as_long_as_its_matte_is_up_to_date():
    codes, seam = np.zeros((1, 3), np.uint8), row_of(MatteQuality(0.9, seam=True))
    states = {1: {0: FRESH, 1: FRESH, 2: STALE}}
    fill_codes(codes, [1], 0, states, {1: {0: GOOD, 1: seam, 2: seam}})
    assert codes.tolist() == [[Code.FRESH, Code.FRESH | SEAM, Code.STALE]]


def test_marks_are_added_where_they_hold_and_leave_the_states():
    codes = np.full((2, 6), Code.STALE, np.uint8)
    marked = with_marks(
        codes,
        [1, 2],
        10,
        keyframes=[(1, 10), (2, 15), (1, 9), (1, 16), (3, 11)],
        absences=[(2, 8, 11)],
        locks=[(0, 12, 13), (1, 15, 99), (9, 10, 15)],
        suggestions=[(0, 14), (2, 10)],
    )
    places = {mark: np.argwhere(marked & mark).tolist() for mark in (KEYFRAME, ABSENT, LOCKED, SUGGESTED)}
    assert places == {
        KEYFRAME: [[0, 0], [1, 5]],
        ABSENT: [[1, 0], [1, 1]],
        LOCKED: [[0, 2], [0, 3], [0, 5], [1, 2], [1, 3]],
        SUGGESTED: [[0, 4], [1, 0], [1, 4]],
    }
    assert (marked & STATE == Code.STALE).all()
    assert (codes == Code.STALE).all(), "the codes themselves stay as they are"


def test_a_column_shows_its_most_urgent_state_and_all_marks():
    codes = np.array([[Code.FRESH, Code.STALE, Code.NONE, Code.DOUBTFUL, Code.FRESH | KEYFRAME, Code.FRESH | LOCKED]])
    found = by_column(codes.astype(np.uint8), 3)
    assert found.tolist() == [[Code.STALE, Code.DOUBTFUL, Code.FRESH | KEYFRAME | LOCKED]]
    assert by_column(codes, 6) is codes and by_column(codes, 1000) is codes


@pytest.mark.parametrize(("frames", "columns"), [(5000, 1234), (1601, 1600), (4999, 1)])
def test_no_frame_is_lost_between_columns(frames, columns):
    for frame in (0, 1, frames // 3, frames - 2, frames - 1):
        codes = np.full((8, frames), Code.FRESH, np.uint8)
        codes[3, frame] = Code.STALE | KEYFRAME
        found = by_column(codes, columns)
        assert found.shape == (8, columns)
        assert np.argwhere(found == Code.STALE | KEYFRAME)[:, 0].tolist() == [3]


def test_jumps_go_to_starts_of_what_is_stale_or_doubtful_of_any_object():
    fresh, stale, bad, missing = Code.FRESH, Code.STALE, Code.DOUBTFUL, Code.MISSING
    codes = np.array(
        [
            [stale, stale, fresh, bad | KEYFRAME, bad, stale, missing],
            [fresh, fresh, fresh, fresh, bad, bad, fresh],
        ],
        np.uint8,
    )
    frame, found = -1, []
    while (place := next_trouble(codes, frame, later=True)) is not None:
        found.append(place)
        frame = place[0]
    assert found == [(0, 0), (3, 0), (4, 1), (5, 0)]
    back = []
    while (place := next_trouble(codes, frame, later=False)) is not None:
        back.append(place)
        frame = place[0]
    assert back == [(4, 1), (3, 0), (0, 0)]
    assert next_trouble(np.full((2, 3), fresh, np.uint8), 0, later=True) is None


def test_the_run_around_a_frame_ends_where_its_mark_does():
    codes = np.array([[LOCKED, LOCKED, 0, LOCKED | Code.STALE, LOCKED, LOCKED]], np.uint8)
    assert [span_around(codes, 0, frame, LOCKED) for frame in range(6)] == [
        (0, 1),
        (0, 1),
        None,
        (3, 5),
        (3, 5),
        (3, 5),
    ]
