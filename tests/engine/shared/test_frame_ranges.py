"""Frames between keyframes, and runs of frames without gaps."""

from __future__ import annotations

import pytest

from engine.shared.frame_ranges import frames_between, runs_of


@pytest.mark.parametrize(
    ("frame", "keyframes", "expected"),
    [
        (43, {0, 14, 33, 66}, range(33, 67)),
        (33, {0, 14, 33, 66}, range(14, 67)),  # on a keyframe, those beside it count
        (5, {14}, range(0, 15)),
        (80, {14}, range(14, 87)),
        (5, set(), range(0, 87)),
    ],
)
def test_frames_reach_from_keyframe_to_keyframe_or_to_an_end(frame, keyframes, expected):
    assert frames_between(frame, range(87), keyframes) == expected


def test_they_are_limited_to_the_frames_of_the_job():
    assert frames_between(43, range(40, 50), {33, 66}) == range(40, 50)


def test_runs_have_no_gaps():
    assert runs_of([7, 3, 4, 9, 8]) == [range(3, 5), range(7, 10)]
    assert runs_of([]) == []
