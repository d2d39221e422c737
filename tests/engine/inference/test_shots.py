"""Shots are planned apart, and of frames that show the same one is chosen."""

from __future__ import annotations

import pytest

from engine.inference.frame_use import FrameUse, hold
from engine.inference.shots import Blank, plan_shots, shot_around, shots_of
from engine.inference.sweeps import group_by_keyframes
from engine.shared.types import Absence, Direction


def plan(annotations, wanted, cuts, direction=Direction.BOTH, **changes):
    def group(pairs):
        return group_by_keyframes(pairs, max_objects=None)

    return plan_shots(annotations, wanted, direction, cuts=cuts, group_objects=group, **changes)


def sweeps(made):
    return [(sweep.frames, [group.objects for group in sweep.groups]) for sweep in made.sweeps]


def test_frames_are_split_at_the_cuts_between_them():
    assert shots_of(range(3, 10), [3, 5, 6, 10, 40]) == [range(3, 5), range(5, 6), range(6, 10)]
    assert shots_of(range(2), []) == [range(2)]
    assert [shot_around(frame, [4, 9]) for frame in (0, 4, 8, 9)] == [(0, 4), (4, 9), (4, 9), (9, float("inf"))]


def test_each_shot_is_swept_from_its_own_keyframes_alone():
    made = plan([(0, (1,)), (6, (2,)), (9, (1, 2))], range(12), [6])
    assert sweeps(made) == [
        (range(0, 6), [(1,)]),
        (range(6, 12), [(1,), (2,)]),
        (range(9, 5, -1), [(1,), (2,)]),
    ]
    assert made.blanks == (Blank(range(0, 6), (2,)),)
    assert made.objects == [1, 2]


def test_a_keyframe_outside_the_frames_counts_only_within_its_shot():
    assert sweeps(plan([(0, (1,))], range(4, 8), [2])) == []
    assert plan([(0, (1,))], range(4, 8), [2]).blanks == (Blank(range(4, 8), (1,)),)
    assert sweeps(plan([(3, (1,))], range(4, 8), [3, 8])) == [(range(3, 8), [(1,)])]


@pytest.mark.parametrize("frames", [range(6, 12), range(8, 12)])
def test_a_direction_leaves_what_lies_behind_the_keyframe_as_it_is(frames):
    made = plan([(7, (1,))], range(12), [4, 6], Direction.FORWARD)
    assert sweeps(made) == [(range(7, 12), [(1,)])] and made.blanks == ()


def test_a_cut_on_every_frame_leaves_the_keyframe_alone():
    made = plan([(2, (1,))], range(5), [1, 2, 3, 4])
    assert sweeps(made) == [(range(2, 3), [(1,)])]
    assert [blank.frames.start for blank in made.blanks] == [0, 1, 3, 4]


def test_without_cuts_there_is_one_shot():
    made = plan([(0, (1,)), (9, (2,))], range(12), [])
    assert made.blanks == () and len(made.groups) == 2 and len(made.sweeps) == 2


def test_an_absence_counts_in_each_shot_for_its_part():
    made = plan([(0, (1,)), (8, (1,))], range(10), [5], absences=[Absence(1, range(3, 7))])
    assert [absence.frames for group in made.groups for absence in group.absences] == [range(3, 5), range(5, 7)]


def test_a_shot_whose_keyframes_show_nothing_is_blank():
    made = plan([(0, (1,)), (6, (1,))], range(8), [4], is_marked=lambda pairs: any(frame == 0 for frame, _ in pairs))
    assert made.blanks == (Blank(range(4, 8), (1,)),) and len(made.groups) == 1


# -- runs of repeated frames -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("keyframes", "wanted", "shown_by", "moved"),
    [
        ({}, range(9), {3: 2, 4: 2, 5: 2}, {}),
        ({}, range(4, 9), {2: 4, 3: 4, 5: 4}, {}),
        ({3: {1}}, range(9), {2: 3, 4: 3, 5: 3}, {3: [3]}),
        ({3: {1}}, range(4, 9), {2: 4, 3: 4, 5: 4}, {4: [3]}),
        ({3: {1}, 5: {2}}, range(9), {2: 3, 4: 3, 5: 3}, {3: [3, 5]}),
        ({2: {1}, 5: {1}}, range(9), {3: 2, 4: 5}, {2: [2, 5], 5: [5, 2]}),
        ({2: {1}, 4: {2}, 5: {1}}, range(9), {3: 2, 4: 5}, {2: [2, 4, 5], 5: [5, 4, 2]}),
        ({7: {1}}, range(9), {3: 2, 4: 2, 5: 2}, {}),
    ],
)
def test_one_frame_of_a_run_is_segmented_and_the_nearest_keyframes_hold(keyframes, wanted, shown_by, moved):
    assert hold([range(2, 6)], keyframes, wanted) == (shown_by, moved)


def test_the_frames_that_show_a_frame_are_its_neighbours():
    use = FrameUse({2: 3, 4: 3, 6: 5})
    assert [use.showing(frame) for frame in (1, 3, 5)] == [[1], [2, 3, 4], [5, 6]]
    assert use.source(4) == 3 and use.source(9) == 9
