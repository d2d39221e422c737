"""Ranking by expected gain: one frame per bad stretch, the middle of it, never two neighbours, and why."""

from __future__ import annotations

import numpy as np

from engine.suggestion.account import ClipQuality
from engine.suggestion.appearance import Appearance
from engine.suggestion.ranking import least_gap, rank

COUNT = 60


def account(*stretches: tuple[int, range], count: int = COUNT, bad: float = 0.1, **reasons: str) -> ClipQuality:
    """Return an account in which the objects 1 and 2 are good (1) but for the given stretches (object, frames)."""
    quality = {frame: {1: 1.0, 2: 1.0} for frame in range(count)}
    for object_id, frames in stretches:
        for frame in frames:
            quality[frame][object_id] = bad
    why = {frame: {int(name[1:]): reason for name, reason in reasons.items()} for frame in range(count)}
    return ClipQuality(quality, why)


def alike(count: int = COUNT) -> Appearance:
    """Return looks by which the frames of a clip do not differ."""
    return Appearance(range(count), np.zeros((count, 3), np.float32))


def ranked(given: ClipQuality, *, looks: Appearance | None = None, chosen=(), candidates=None, count=5):
    looks = looks or alike()
    return rank(given, looks, chosen=chosen, candidates=candidates or looks.frames, count=count)


def test_stretches_are_joined_over_a_few_good_frames_and_parted_by_keyframes():
    given = account((1, range(10, 15)), (1, range(17, 20)), (1, range(25, 26)), (2, range(5, 7)))

    def spans(chosen: tuple[int, ...]) -> list[tuple[int, int, int]]:
        return [(item.object_id, item.first, item.last) for item in given.stretches(range(COUNT), chosen)]

    assert spans(()) == [(1, 10, 19), (1, 25, 25), (2, 5, 6)]
    assert spans((12,)) == [(1, 10, 11), (1, 13, 19), (1, 25, 25), (2, 5, 6)]
    assert ClipQuality().stretches(range(COUNT), ()) == []


def test_the_middle_of_the_longest_stretch_comes_first_then_one_of_the_other():
    found = ranked(account((1, range(10, 16)), (2, range(30, 45))), count=2)
    assert [item.object_id for item in found] == [2, 1]
    assert abs(found[0].frame - 37) <= 1
    assert abs(found[1].frame - 12.5) <= 1
    assert found[0].score > found[1].score > 0


def test_each_stretch_gets_one_frame_before_the_worst_gets_a_second():
    found = ranked(account((1, range(5, 50)), (2, range(55, 57))), count=3)
    assert [item.object_id for item in found] == [1, 2, 1]
    assert found[2].score > found[1].score  # by gain alone it would come before


def test_suggested_frames_are_never_neighbours_however_bad_all_are():
    found = sorted(item.frame for item in ranked(account((1, range(COUNT)), bad=0.0), count=COUNT))
    assert len(found) > 5
    assert min(np.diff(found)) >= least_gap(COUNT) == 3
    assert [least_gap(count) for count in (1, 5, 40, 100, 1000)] == [2, 2, 2, 5, 8]


def test_a_frame_beside_a_keyframe_is_suggested_only_if_nothing_else_of_the_stretch_can_be():
    assert [item.frame for item in ranked(account((1, range(1, 3))), chosen=(0,))] == [2]
    assert [item.frame for item in ranked(account((1, range(1, 2))), chosen=(0,))] == [1]
    assert [item.frame for item in ranked(account((1, range(11, 12))), chosen=(10,))] == [11]


def test_a_good_clip_has_nothing_to_fix():
    assert ranked(account()) == []
    assert ranked(ClipQuality()) == []


def test_keyframes_are_neither_bad_nor_suggested():
    assert ranked(account((1, range(20, 23))), chosen=(20, 21, 22)) == []


def test_only_candidates_are_suggested_even_outside_of_the_stretch():
    assert [item.frame for item in ranked(account((1, range(20, 30))), candidates=[18, 50], count=1)] == [18]


def test_a_frame_with_two_bad_objects_comes_before_one_with_a_single_one():
    found = ranked(account((1, range(10, 13)), (2, range(10, 13)), (1, range(40, 43))), count=2)
    assert [item.frame for item in found] == [11, 41]


def test_frames_of_another_look_are_not_repaired():
    """Two halves of a stretch look different, and the second is longer: its middle is marked, not the whole's."""
    looks = Appearance(range(COUNT), np.repeat([[0.0], [9.0], [0.0]], (20, 20, 20), 0).astype(np.float32))
    found = ranked(account((1, range(14, 34))), looks=looks, count=1)
    assert 25 <= found[0].frame <= 28


def test_of_two_equal_stretches_the_one_unlike_the_keyframe_comes_first():
    looks = Appearance(range(COUNT), np.repeat([[0.0], [5.0]], (35, 25), 0).astype(np.float32))
    found = ranked(account((1, range(20, 23)), (1, range(45, 48))), looks=looks, chosen=(0,), count=2)
    assert [(item.frame, item.reason) for item in found] == [(46, "unlike"), (21, "doubtful")]


def test_the_most_frequent_reason_of_the_stretch_is_told():
    given = account((1, range(10, 15)))
    reasons = {10: {1: "edge"}, 11: {1: "twin"}, 12: {1: "edge"}, 13: {1: "edge"}, 12 + 30: {1: "sweeps"}}
    found = ranked(ClipQuality(given.quality, reasons))
    assert [(item.frame, item.reason) for item in found] == [(12, "edge")]


def test_an_object_absent_from_a_frame_has_no_quality_there_and_is_not_bad():
    quality = {frame: {1: 0.2} for frame in range(10, 20)} | {frame: {} for frame in range(20, 40)}
    assert [item.frame for item in ranked(ClipQuality(quality), count=1)] == [14]


def test_short_clips_have_a_suggestion_each():
    for count, expected in ((1, []), (2, [1]), (3, [2]), (4, [3])):
        found = ranked(account((1, range(count)), count=count, bad=0.0), looks=alike(count), chosen=(0,), count=1)
        assert [item.frame for item in found] == expected, count


def test_far_from_a_keyframe_is_better_than_near_if_all_is_bad_alike():
    """A keyframe that has not repaired what is within its reach shows that another one there would not either."""
    middle = ranked(account((1, range(1, COUNT))), count=1)[0].frame
    assert abs(middle - COUNT / 2) <= 1
    assert middle + 3 < ranked(account((1, range(1, COUNT))), chosen=(0,), count=1)[0].frame < COUNT


def test_of_three_hundred_bad_objects_the_worst_is_named():
    quality = {frame: dict.fromkeys(range(1, 301), 0.4) | {77: 0.0} for frame in range(300)}
    found = ranked(ClipQuality(quality), looks=alike(300), count=20)
    assert len(found) == 20
    assert {item.object_id for item in found} == {77}
