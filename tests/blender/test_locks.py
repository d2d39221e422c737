"""Locked frames and objects keep their mattes whatever is propagated; accepted ones are listed once they change."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.studio import FRAMES, part
from tests.blender.test_quality import BOX, RING, judge, judged, listed, quality, rows
from tests.blender.test_redo import N, opened, stored, written

__all__ = ["judged"]


def ranges(studio) -> list[tuple[int, int, int]]:
    return part("addon.locks").locked_ranges(studio.clip)


def test_locks_join_and_part_by_object_and_undo_takes_one_step(studio):
    studio.open_marked(first=1001, start=101)
    studio.click("matte_lock", first=102, last=104, object_id=1)
    studio.click("matte_lock", first=105, last=106, object_id=1)
    assert ranges(studio) == [(1, 1002, 1006)]
    studio.click("matte_lock", first=90, last=103)
    assert ranges(studio) == [(0, 1001, 1003), (1, 1002, 1006)], "it ends with the clip"
    studio.click("matte_lock", first=102, last=102, object_id=2, unlock=True)
    assert ranges(studio) == [(0, 1001, 1001), (0, 1003, 1003), (1, 1002, 1006)], "the other object stays locked"
    studio.click("matte_lock", first=1, last=200, unlock=True)
    assert ranges(studio) == []
    studio.go(104)
    studio.click("matte_lock")
    assert ranges(studio) == [(0, 1004, 1004)], "the current frame"
    bpy.ops.ed.undo_push(message="before")
    studio.click("matte_lock", first=106, last=107, object_id=2)
    bpy.ops.ed.undo_push(message="locked")
    assert len(ranges(studio)) == 2
    bpy.ops.ed.undo()
    assert ranges(studio) == [(0, 1004, 1004)]
    for first, last, words in ((106, 105, "before it begins"), (200, 210, "outside the clip")):
        with pytest.raises(RuntimeError, match=words):
            studio.click("matte_lock", first=first, last=last)


def test_unlocking_one_object_where_all_were_locked_keeps_the_others(studio):
    studio.open_marked()
    studio.click("matte_lock", first=2, last=6)
    studio.click("matte_lock", first=4, last=5, object_id=1, unlock=True)
    assert ranges(studio) == [(0, 2, 3), (0, 6, 6), (2, 4, 5)]
    studio.clip.matting.active_object = 1
    studio.click("matte_object_remove")
    assert ranges(studio) == [(0, 2, 3), (0, 6, 6)]


def test_locked_frames_are_byte_identical_after_propagating_everything(studio):
    before, other = opened(studio, 1), stored(studio, 2)
    studio.click("matte_lock", first=3, last=5, object_id=1)
    studio.propagate(everything=True)
    assert written(studio, before) == [1, 2, 6, 7, 8]
    assert all(stored(studio, 2)[number] != other[number] for number in N), "the lock is of the first object"


def test_a_locked_object_keeps_its_mattes_and_gets_those_that_it_lacks(studio):
    studio.open_marked()
    studio.clip.matting.objects[0].lock = True
    studio.go(3)
    studio.click("matte_range", action="OUT")
    studio.propagate(frames="RANGE")
    assert sorted(stored(studio)) == [1, 2, 3]
    before = stored(studio)
    assert ranges(studio) == [(1, 1, FRAMES)]
    studio.propagate(everything=True)
    assert sorted(stored(studio)) == [*N]
    assert written(studio, before) == [4, 5, 6, 7, 8]


def test_an_accepted_stretch_is_not_listed_until_its_mattes_change(judged):
    assert rows(judged) == [RING, BOX]
    judged.go(105)
    judged.clip.matting.active_object = 1
    assert judged.click("matte_accept") == {"FINISHED"}
    assert listed() == [RING]
    judged.click("matte_accept", object_id=1, first=101, last=102)
    assert [row[:4] for row in listed()] == [("ring", 103, 103, 103)], "the rest of the stretch"
    judge(judged, {2: {1008: quality(0.2, "lost")}})
    assert [row[:4] for row in rows(judged)] == [("ring", 103, 103, 103)], "the same again"
    judge(judged, {2: {1008: quality(0.2, "lost", warp=0.75)}})
    assert [row[:4] for row in rows(judged)] == [("ring", 103, 103, 103), BOX[:4]]
    judged.click("matte_accept", object_id=1, first=101, last=103, withdraw=True)
    assert listed() == [RING, BOX]


def test_undo_takes_an_acceptance_back_and_a_frame_without_a_matte_is_refused(judged):
    assert rows(judged) == [RING, BOX]
    bpy.ops.ed.undo_push(message="before")
    judged.click("matte_accept", object_id=2, first=105, last=105)
    bpy.ops.ed.undo_push(message="accepted")
    assert listed() == [RING]
    bpy.ops.ed.undo()
    assert rows(judged) == [RING, BOX]
    with pytest.raises(RuntimeError, match=r"no computed matte of ring on frames 300 to 301\. Propagate first"):
        judged.click("matte_accept", object_id=1, first=300, last=301)


def test_accepted_frames_are_no_longer_suggested(judged):
    rows(judged)
    suggested, store = part("engine.shared.protocol").Suggested, part("addon.suggestions").store
    found = suggested("", frames=(4, 7), scores=(1.0, 0.5), objects=(1, 2), reasons=("", ""))
    store(judged.clip.session_uid, found)
    numbers = [item.number for item in judged.clip.matting.suggestions]
    judged.click("matte_accept", object_id=2, first=105, last=105)
    assert [item.number for item in judged.clip.matting.suggestions] == numbers[:1] == [1005]
    store(judged.clip.session_uid, found)
    assert [item.number for item in judged.clip.matting.suggestions] == [1005]
