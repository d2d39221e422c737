"""Sweeps: which frames are visited from which keyframe, and how two sweeps are blended on a frame."""

from __future__ import annotations

import pytest

from engine.inference.sweeps import ObjectGroup, Sweep, blend_weight, group_by_keyframes, group_jointly, plan_sweeps
from engine.shared.types import Direction


def group(*keyframes: int) -> ObjectGroup:
    return ObjectGroup((1,), (keyframes,))


def sweep_frames(groups: list[ObjectGroup], wanted: range, direction: Direction = Direction.BOTH) -> list[range]:
    return [sweep.frames for sweep in plan_sweeps(groups, wanted, direction)]


def test_objects_with_the_same_keyframes_form_a_group():
    groups = group_by_keyframes([(0, (1, 2, 5)), (9, (1, 2)), (20, (3,))], max_objects=None)
    assert groups == (ObjectGroup((1, 2), ((0, 9), (0, 9))), ObjectGroup((3,), ((20,),)), ObjectGroup((5,), ((0,),)))


def test_groups_are_split_at_the_networks_object_limit():
    groups = group_by_keyframes([(0, range(1, 24))], max_objects=10)
    assert [len(part.objects) for part in groups] == [10, 10, 3]
    assert sorted(number for part in groups for number in part.objects) == list(range(1, 24))


def test_keyframe_on_the_first_frame_needs_no_backward_sweep():
    assert sweep_frames([group(0)], range(60)) == [range(60)]


def test_inner_keyframes_give_a_sweep_in_each_direction():
    assert sweep_frames([group(20, 45)], range(60)) == [range(20, 60), range(45, -1, -1)]


def test_single_direction_gives_a_single_sweep():
    assert sweep_frames([group(20, 45)], range(60), Direction.FORWARD) == [range(20, 60)]
    assert sweep_frames([group(20, 45)], range(60), Direction.BACKWARD) == [range(45, -1, -1)]


def test_a_range_between_keyframes_is_reached_from_the_nearest_outside_it():
    sweeps = plan_sweeps([group(0, 10, 50, 59)], range(20, 30), Direction.BOTH)
    assert [sweep.frames for sweep in sweeps] == [range(10, 30), range(50, 19, -1)]
    assert [sweep.wanted_count() for sweep in sweeps] == [10, 10]


def test_keyframe_outside_the_range_reaches_it_from_its_side():
    assert sweep_frames([group(5)], range(20, 30)) == [range(5, 30)]
    assert sweep_frames([group(50)], range(20, 30)) == [range(50, 19, -1)]
    assert sweep_frames([group(50)], range(20, 30), Direction.FORWARD) == []


def test_single_frame_that_is_a_keyframe_is_covered_once():
    for direction in Direction:
        assert sum(len(frames) for frames in sweep_frames([group(0)], range(1), direction)) == 1


def test_every_wanted_frame_is_reached_by_every_object_going_both_ways():
    groups = [group(7), ObjectGroup((2,), ((0, 30),)), ObjectGroup((3,), ((41,),))]
    sweeps = plan_sweeps(groups, range(0, 42), Direction.BOTH)
    for objects in groups:
        reached = {frame for sweep in sweeps for frame in sweep.frames if sweep.reaches(objects.keyframes, frame)}
        assert reached >= set(range(42))


def test_blend_weights_of_two_sweeps_sum_to_one_and_favour_the_nearer_keyframe():
    forward, backward = Sweep(range(0, 60), range(60)), Sweep(range(45, -1, -1), range(60))
    keyframed = group(0, 20, 45)
    for frame in range(1, 45):
        if frame != 20:
            assert blend_weight(keyframed.keyframes, frame, forward) + blend_weight(
                keyframed.keyframes, frame, backward
            ) == pytest.approx(1)
    assert blend_weight(keyframed.keyframes, 5, forward) == 0.75
    assert blend_weight(keyframed.keyframes, 19, forward) == pytest.approx(0.05)
    assert blend_weight(keyframed.keyframes, 20, forward) == blend_weight(keyframed.keyframes, 20, backward) == 1
    assert blend_weight(keyframed.keyframes, 50, forward) == 1


def test_joint_grouping_puts_all_objects_in_one_group():
    (joint,) = group_jointly([(0, (1,)), (9, (1, 2))], max_objects=None)
    assert joint == ObjectGroup((1, 2), ((0, 9), (9,)))
    assert joint.keyframes == (0, 9)
    assert joint.annotated(0) == (1,)
    assert [len(part.objects) for part in group_jointly([(0, range(1, 24))], max_objects=10)] == [10, 10, 3]


def test_before_first_gives_one_sweep_over_all_frames():
    for direction, frames in ((Direction.FORWARD, range(60)), (Direction.BACKWARD, range(59, -1, -1))):
        (sweep,) = plan_sweeps([group(20, 45)], range(60), direction, before_first=True)
        assert sweep.frames == frames
        assert all(sweep.reaches((20, 45), frame) for frame in frames)
    (sweep,) = plan_sweeps([group(5, 45)], range(20, 60), Direction.FORWARD, before_first=True)
    assert sweep.frames == range(5, 60), "it starts at a keyframe before the range, to fill the memory"
