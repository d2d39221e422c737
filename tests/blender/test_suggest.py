"""Suggested frames: listed on the clip, opened by a click, and removed once they have a keyframe."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.studio import FRAMES, part


def propagate_and_suggest(studio, **film):
    """Open a film, propagate through it and suggest frames, both with the recipe `colour`."""
    studio.open_marked(**film)
    studio.propagate()
    return suggest(studio)


def suggest(studio, **properties):
    return studio.click("matte_suggest", wait=True, **{"recipe": "colour", **properties})


def numbers(studio) -> list[int]:
    return [item.number for item in studio.clip.matting.suggestions]


def listed(studio) -> list[tuple[int, int, str]]:
    return [(item.number, item.object_id, item.reason) for item in studio.clip.matting.suggestions]


def test_suggestions_say_why_and_are_neither_keyframes_nor_neighbours(studio):
    assert propagate_and_suggest(studio) == {"FINISHED"}
    items = studio.clip.matting.suggestions
    assert [item.reason for item in items] == ["unlike"] * len(items)
    assert [item.object_id for item in items] == [0] * len(items)
    assert set(numbers(studio)) <= set(range(3, FRAMES + 1)), "not beside the keyframe on 1 either"
    ordered = sorted(numbers(studio))
    assert min(after - before for before, after in zip(ordered, ordered[1:])) >= 2
    assert studio.session.status.text.startswith(f"{len(items)} frames suggested. The quality of these mattes is")


def test_suggestion_count_is_honoured_up_to_the_frames_that_are_no_neighbours(studio):
    studio.open_marked()
    studio.propagate()
    for count, expected in ((2, {2}), (20, {2, 3})):  # of 6 frames, with a gap of 2
        studio.clip.matting.suggestion_count = count
        suggest(studio)
        assert len(numbers(studio)) in expected
    studio.clip.matting.suggestion_count = 100
    assert studio.clip.matting.suggestion_count == 20


def test_clicked_suggestion_goes_to_its_frame_and_that_frame_selects_its_row(studio):
    propagate_and_suggest(studio, first=1001, start=101, offset=2)
    matting = studio.clip.matting
    studio.go(99)
    assert matting.active_suggestion == -1
    for row in (1, 0, 1):
        matting.active_suggestion = row
        assert studio.scene.frame_current == matting.suggestions[row].number - 1001 + 99
        assert matting.active_suggestion == row
    matting.active_suggestion = 77
    assert matting.active_suggestion == 1


def test_clicked_keyframe_goes_to_its_frame_and_selects_its_object(studio):
    studio.open_marked()
    studio.mark(4, media=3)
    matting = studio.clip.matting
    matting.active_keyframe = 1
    assert (studio.scene.frame_current, matting.active_object, matting.active_keyframe) == (1, 1, 1)
    matting.active_keyframe = 2
    assert (studio.scene.frame_current, matting.active_object, matting.active_keyframe) == (4, 0, 2)
    studio.go(7)
    assert matting.active_keyframe == -1


def test_a_frame_leaves_the_list_once_it_has_a_keyframe_and_undo_brings_it_back(studio):
    bpy.ops.ed.undo_push(message="begin")
    propagate_and_suggest(studio)
    listed = numbers(studio)
    studio.go(listed[1])
    studio.click("matte_keyframe_from_mask", absent=True)
    bpy.ops.ed.undo_push(message="mark")
    assert numbers(studio) == [listed[0], *listed[2:]]
    bpy.ops.ed.undo()
    assert numbers(studio) == listed
    bpy.ops.ed.redo()
    assert numbers(studio) == [listed[0], *listed[2:]]


def test_the_list_is_saved_with_the_file(studio):
    studio.open_marked()
    studio.propagate()
    studio.clip.matting.suggestion_count, studio.clip.matting.suggestion_alpha = 3, 0.25
    suggest(studio)
    before = listed(studio)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    matting = studio.clip.matting
    assert listed(studio) == before
    assert (matting.suggestion_count, matting.suggestion_alpha) == (3, 0.25)
    matting.active_suggestion = 1
    assert studio.scene.frame_current == before[1][0]


def test_new_run_clears_the_suggestions(studio):
    propagate_and_suggest(studio)
    studio.propagate()
    assert numbers(studio) == []


def test_without_keyframes_the_frame_to_mark_first_is_suggested(studio):
    studio.open_film(start=101)
    assert suggest(studio) == {"FINISHED"}
    items = studio.clip.matting.suggestions
    assert [item.reason for item in items] == ["first", *["or-else"] * (len(items) - 1)]
    first = items[0].number
    assert studio.session.status.text == f"Mark frame {first + 100} first"
    assert len(items) > 1
    studio.clip.matting.active_suggestion = 0
    assert studio.scene.frame_current == first + 100
    studio.mark(first + 100, media=first - 1)
    assert numbers(studio) == [], "the others were for clips without keyframes"


def test_suggest_without_mattes_is_refused(studio):
    studio.open_marked()
    with pytest.raises(RuntimeError, match=r"no mattes yet. Propagate first"):
        suggest(studio)
    assert studio.session.status.problem.code == "nothing-propagated"


def test_only_frames_with_mattes_are_considered(studio):
    studio.open_marked()
    studio.scene.use_preview_range = True
    studio.scene.frame_preview_start, studio.scene.frame_preview_end = 3, 5
    studio.click("matte_range", action="PREVIEW")
    studio.propagate(frames="RANGE")
    suggest(studio)
    assert set(numbers(studio)) <= {3, 4, 5}
    kept = sorted(path.stem for path in (studio.matte_folder.root / "keys").glob("*.npy"))
    assert kept == ["000000", "000002", "000003", "000004"], "the keyframe's, and those with mattes"


def test_renamed_clip_gets_its_suggestions_and_a_removed_clip_is_no_error(studio):
    studio.open_marked()
    studio.propagate()
    studio.click("matte_suggest", recipe="colour")
    studio.clip.name = "renamed meanwhile"
    studio.session.wait(60)
    assert numbers(studio)
    studio.click("matte_suggest", recipe="colour")
    bpy.data.movieclips.remove(studio.clip)
    assert studio.session.wait(60).text == "The clip no longer exists"


def test_suggestions_can_be_cancelled_and_the_old_list_stays(studio):
    propagate_and_suggest(studio, frames=20)
    listed = numbers(studio)
    studio.click("matte_suggest", recipe="colour")
    studio.click("matte_cancel")
    studio.pump_until(lambda: studio.state == "cancelled", seconds=10)
    assert studio.session.status.text == "Cancelled"
    assert numbers(studio) == listed


def test_clearing_mattes_removes_the_stored_keys(studio):
    propagate_and_suggest(studio)
    assert (studio.matte_folder.root / "keys").is_dir()
    studio.click("matte_clear")
    assert not (studio.matte_folder.root / "keys").exists()


def test_keyframe_made_during_the_job_is_not_suggested(studio):
    studio.open_marked()
    studio.propagate()
    studio.clip.matting.suggestion_count = 20
    studio.click("matte_suggest", recipe="colour")
    for frame in (3, 5, 7):
        studio.go(frame)
        studio.click("matte_keyframe_from_mask", absent=True)
    studio.session.wait(60)
    assert not {3, 5, 7} & set(numbers(studio))
    assert studio.session.status.state == "finished"
    assert part("addon.folders").results(studio.clip).numbers
