"""An object is marked as not visible on a range of frames, whose mattes are empty whatever the network sees."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.blender.editing import set_keyframe
from tests.blender.studio import part, ring


@pytest.fixture(autouse=True)
def _film(studio):
    studio.open_marked()
    studio.clip.matting.active_object = 0


def hide(studio, start: int, end: int, **properties) -> None:
    studio.click("matte_not_visible_range", start=start, end=end, **properties)


def rows(studio) -> list[tuple[int, int, bool]]:
    """Return first frame, last frame and absence of the ring's keyframes."""
    last_number = part("addon.keyframes").last_number
    return [(key.number, last_number(key), key.absent) for key in studio.clip.matting.keyframes if key.object_id == 1]


def filled(studio) -> list[int]:
    """Return the frames on which the ring's mattes are not empty, after propagating."""
    studio.propagate()
    return [number for number in range(1, 9) if studio.matte(1, number).any()]


def mark_ring(studio, frame: int) -> None:
    set_keyframe(studio, ring(frame - 1), object_id=1, frame=frame)


# -- mattes ------------------------------------------------------------------------------------------------------------
def test_mattes_in_the_range_are_empty_and_those_of_others_are_not(studio):
    hide(studio, 3, 5)
    assert rows(studio) == [(1, 1, False), (3, 5, True)]
    assert filled(studio) == [1, 2, 6, 7, 8]
    assert studio.matte(2, 3).any()


def test_the_network_is_told_at_both_ends_of_the_range(studio):
    hide(studio, 3, 5)
    files = part("addon.keyframes").keyframe_files(studio.clip)
    assert [file.frame for file in files if file.objects == (1,)] == [0, 2, 4]


def test_a_keyframe_in_the_range_counts_on_its_frame(studio):
    hide(studio, 3, 7)
    mark_ring(studio, 5)
    assert rows(studio) == [(1, 1, False), (3, 7, True), (5, 5, False)]
    assert filled(studio) == [1, 2, 5, 8]
    assert ((studio.matte(1, 5) >= 0.5) == ring(4)).all()


@pytest.mark.parametrize("end", [3, 7])
def test_a_keyframe_at_either_end_of_the_range_counts_too(studio, end):
    hide(studio, 3, 7)
    mark_ring(studio, end)
    assert [frame for frame in (3, 4, 5, 6, 7) if frame in filled(studio)] == [end]
    assert (end, end, False) in rows(studio)


def test_a_range_beyond_a_clip_that_became_shorter_ends_with_it(studio):
    hide(studio, 3, 8)
    for number in (7, 8):
        (studio.folder / "film" / f"shot_{number:04d}.png").unlink()
    files = part("addon.keyframes").keyframe_files(studio.clip)
    assert [file.frame for file in files if file.objects == (1,)] == [0, 2, 5]


# -- editing -----------------------------------------------------------------------------------------------------------
def test_ranges_that_overlap_or_touch_become_one(studio):
    hide(studio, 2, 3)
    hide(studio, 6, 7)
    assert rows(studio)[1:] == [(2, 3, True), (6, 7, True)]
    hide(studio, 4, 6)
    assert rows(studio)[1:] == [(2, 7, True)]


def test_the_range_on_the_current_frame_can_be_made_shorter(studio):
    hide(studio, 2, 7)
    studio.go(4)
    assert part("addon.absences").range_to_offer(studio.clip, 1, studio.scene) == (2, 7, True)
    hide(studio, 3, 4, replace=True)
    assert rows(studio)[1:] == [(3, 4, True)]


def test_what_is_offered_without_a_range_is_the_preview_range_or_the_rest_of_the_clip(studio):
    offer = part("addon.absences").range_to_offer
    studio.go(4)
    assert offer(studio.clip, 1, studio.scene) == (4, 8, False)
    studio.scene.use_preview_range = True
    studio.scene.frame_preview_start, studio.scene.frame_preview_end = 2, 20
    assert offer(studio.clip, 1, studio.scene) == (2, 8, False)


def test_not_visible_within_a_range_removes_the_keyframe_that_overrides_it(studio):
    hide(studio, 3, 7)
    mark_ring(studio, 5)
    studio.go(5)
    studio.click("matte_keyframe_from_mask", absent=True)
    studio.go(6)
    studio.click("matte_keyframe_from_mask", absent=True)
    assert rows(studio) == [(1, 1, False), (3, 7, True)]


def test_clear_removes_the_range_on_whose_frames_it_is_clicked(studio):
    hide(studio, 3, 7)
    mark_ring(studio, 5)
    studio.go(5)
    studio.click("matte_keyframe_clear")
    assert rows(studio) == [(1, 1, False), (3, 7, True)]
    studio.click("matte_keyframe_clear")
    assert rows(studio) == [(1, 1, False)]
    assert len(filled(studio)) == 8


def test_a_range_is_one_row_on_all_its_frames_and_jumps_visit_its_ends(studio):
    hide(studio, 3, 6)
    matting = studio.clip.matting
    row = next(row for row, key in enumerate(matting.keyframes) if key.absent)
    for frame in (3, 4, 6):
        studio.go(frame)
        assert matting.active_keyframe == row
    studio.go(1)
    visited = []
    for _ in range(2):
        studio.click("matte_keyframe_jump", to="NEXT")
        visited.append(studio.scene.frame_current)
    assert visited == [3, 6]


def test_undo_and_redo_of_a_range(studio):
    bpy.ops.ed.undo_push(message="start")
    hide(studio, 3, 6)
    bpy.ops.ed.undo_push(message="range")
    bpy.ops.ed.undo()
    assert rows(studio) == [(1, 1, False)]
    bpy.ops.ed.redo()
    assert rows(studio) == [(1, 1, False), (3, 6, True)]
    assert (
        not part("addon.png")
        .read(
            studio.matte_folder.root / "keyframes" / "versions" / (studio.clip.matting.keyframes[-1].version + ".png")
        )
        .values.any()
    )


def test_wrong_ranges_are_refused_in_words(studio):
    for start, end, words in (
        (5, 4, "The range ends on frame 4, before it begins on frame 5"),
        (5, 9, "Frame 9 is outside the clip, which has frames 1 to 8"),
        (1, 1, "There are keyframes on all frames 1 to 1"),
    ):
        with pytest.raises(RuntimeError, match=words):
            hide(studio, start, end)
    studio.click("matte_object_add", role="GARBAGE")
    with pytest.raises(RuntimeError, match="Garbage 1 is a mask, whose keyframes hold until the next"):
        hide(studio, 2, 4)
    assert rows(studio) == [(1, 1, False)]
    assert np.count_nonzero(studio.keyframe_mask()) == np.count_nonzero(ring(0))


def test_a_range_ends_with_a_clip_that_was_shortened(studio):
    hide(studio, 4, 8)
    for number in (7, 8):
        (studio.folder / "film" / f"shot_{number:04d}.png").unlink()
    absence = part("engine.shared.types").Absence
    assert part("addon.absences").job_absences(studio.clip) == (absence(1, range(3, 6)),)
    studio.propagate()
    assert studio.state == "finished"
    assert [number for number in range(1, 7) if studio.matte(1, number).any()] == [1, 2, 3]
    for number in (4, 5, 6):
        (studio.folder / "film" / f"shot_{number:04d}.png").unlink()
    assert part("addon.absences").job_absences(studio.clip) == ()
