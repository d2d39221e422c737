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


def test_suggestions_are_sorted_by_score_and_have_no_keyframe(studio):
    assert propagate_and_suggest(studio) == {"FINISHED"}
    scores = [item.score for item in studio.clip.matting.suggestions]
    assert len(scores) == 5
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    assert len(set(numbers(studio))) == 5
    assert set(numbers(studio)) <= set(range(2, FRAMES + 1))
    assert studio.session.status.text == "5 frames suggested"


def test_suggestion_count_is_honoured_up_to_the_number_of_frames(studio):
    studio.open_marked()
    studio.propagate()
    for count, expected in ((2, 2), (20, FRAMES - 1)):
        studio.clip.matting.suggestion_count = count
        suggest(studio)
        assert len(numbers(studio)) == expected
    studio.clip.matting.suggestion_count = 100
    assert studio.clip.matting.suggestion_count == 20


def test_alpha_changes_the_scores(studio):
    studio.open_marked()
    studio.propagate()
    results = []
    for alpha in (0.0, 1.0):
        studio.clip.matting.suggestion_alpha = alpha
        suggest(studio)
        results.append([(item.number, item.score) for item in studio.clip.matting.suggestions])
    assert results[0] != results[1]


def test_clicked_suggestion_goes_to_its_frame_and_that_frame_selects_its_row(studio):
    propagate_and_suggest(studio, first=1001, start=101, offset=2)
    matting = studio.clip.matting
    studio.go(99)
    assert matting.active_suggestion == -1
    for row in (3, 0, 3):
        matting.active_suggestion = row
        assert studio.scene.frame_current == matting.suggestions[row].number - 1001 + 99
        assert matting.active_suggestion == row
    matting.active_suggestion = 77
    assert matting.active_suggestion == 3


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
    before = [(item.number, item.score) for item in studio.clip.matting.suggestions]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    matting = studio.clip.matting
    assert [(item.number, item.score) for item in matting.suggestions] == before
    assert (matting.suggestion_count, matting.suggestion_alpha) == (3, 0.25)
    matting.active_suggestion = 1
    assert studio.scene.frame_current == before[1][0]


def test_new_run_clears_the_suggestions(studio):
    propagate_and_suggest(studio)
    studio.propagate()
    assert numbers(studio) == []


def test_suggest_without_keyframes_or_mattes_is_refused(studio):
    studio.open_film()
    with pytest.raises(RuntimeError, match=r"no keyframe.*Mark at least one object"):
        suggest(studio)
    studio.mark(1, media=0)
    with pytest.raises(RuntimeError, match=r"no mattes yet. Propagate first"):
        suggest(studio)
    assert studio.session.status.problem.code == "nothing-propagated"


def test_only_frames_with_mattes_are_considered(studio):
    studio.open_marked()
    studio.scene.use_preview_range = True
    studio.scene.frame_preview_start, studio.scene.frame_preview_end = 3, 5
    studio.propagate(frames="PREVIEW")
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
    assert len(numbers(studio)) == 5
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
    studio.go(6)
    studio.click("matte_keyframe_from_mask", absent=True)
    studio.session.wait(60)
    assert sorted(numbers(studio)) == [2, 3, 4, 5, 7, 8]
    assert part("addon.folders").results(studio.clip).numbers
