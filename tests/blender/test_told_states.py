"""What the lane shows, what the panel counts, and what Propagate then makes are the same."""

from __future__ import annotations

import numpy as np
import pytest

from tests.blender.studio import FRAMES, part


@pytest.fixture
def run(studio):
    """A film with a keyframe of two objects on the fourth frame, propagated."""
    studio.open_film(first=1001, start=101)
    studio.mark(104, media=3)
    studio.propagate(recipe="")
    return studio


def agreed(studio) -> tuple[list[int], list[int]]:
    """Assert that lane and forecast agree, and return the media frames to be computed, and those that are left."""
    names, lane = part("addon.lane"), part("addon.lane_watch").refresh(studio.clip)
    told = part("addon.forecast").refresh(studio.clip)
    states = lane.codes & names.STATE
    outdated = np.isin(states, (names.Code.STALE, names.Code.UNKNOWN, names.Code.MISSING)).any(axis=0)
    assert sorted((*told.due, *told.left)) == np.flatnonzero(outdated).tolist()
    assert told.missing == (states == names.Code.MISSING).any(axis=0).sum()
    assert told.fresh == (~outdated & (states != names.Code.NONE).any(axis=0)).sum()
    assert told.fresh + told.stale + told.kept + told.missing == (states != names.Code.NONE).any(axis=0).sum()
    return [*told.due], [*told.left]


def made(studio) -> list[int]:
    """Propagate as the button does, and return the media frames on which mattes were written."""
    studio.propagate(recipe="")
    return sorted(part("addon.paces").made_by_last(studio.clip))


def test_a_run_in_one_direction_is_outdated_where_propagate_would_go_the_other_way_too(run):
    run.propagate(recipe="", direction="forward", everything=True)
    assert agreed(run) == ([], []), "there is no keyframe after any frame"
    run.mark(107, media=6, objects=1)
    run.propagate(recipe="", direction="forward", everything=True)
    assert agreed(run) == ([3, 4, 5], []), "those before them are of the first run, for which nothing has changed"
    lane = part("addon.lane_watch").refresh(run.clip)
    assert str(lane.assessed.states[1][1005].cause) == "direction"
    assert made(run) == [3, 4, 5]
    assert agreed(run) == ([], [])


def test_a_recipe_of_a_script_is_outdated_for_that_of_the_panel(run):
    run.propagate(everything=True)
    assert agreed(run) == ([*range(FRAMES)], [])
    lane = part("addon.lane_watch").refresh(run.clip)
    assert str(lane.assessed.states[1][1005].cause) == "recipe"
    assert made(run) == [*range(FRAMES)]
    assert agreed(run) == ([], [])


def test_mattes_of_other_weights_than_those_that_come_with_keymatte_are_outdated(run):
    folder = run.matte_folder
    text = folder.runs.read_text()
    weights = part("engine.shared.provenance").Runs.read(folder).weights_of("keymatte")
    folder.runs.write_text(text.replace(weights, "0" * len(weights)))
    assert agreed(run) == ([*range(FRAMES)], []), "their run has another id, too"


def test_locked_mattes_are_outdated_and_left(run):
    run.mark(106, media=5, objects=1)
    run.click("matte_lock", first=107, last=107)
    run.clip.matting.objects[1].lock = True
    assert agreed(run) == ([4, 5, 7], [6]), "the other object is made"
    run.clip.matting.objects[0].lock = True
    assert agreed(run) == ([], [4, 5, 6, 7])
    run.matte_folder.matte(1, 1008).unlink()
    run.matte_folder.matte(1, 1007).unlink()
    assert agreed(run) == ([7], [4, 5, 6]), "the switch of an object lets be made what it lacks, other locks do not"
    assert made(run) == [7]
    assert agreed(run) == ([], [4, 5, 6])
    found = part("addon.forecast").forecast(run.clip, part("addon.forecast").refresh(run.clip), range(FRAMES))
    text = part("ui.propagate").forecast_text(found)
    assert text == "Nothing to compute. Outdated, but skipped (locked or no keyframe): 3 frames"
    assert part("ui.panels").results_text(run.clip) == (
        "Frames: 5 up to date, 2 outdated, but skipped (locked or no keyframe), 1 missing"
    )


def test_mattes_of_an_object_without_keyframes_are_outdated_and_not_computed(run):
    run.clip.matting.active_object = 1
    run.go(104)
    run.click("matte_keyframe_clear")
    due, left = agreed(run)
    assert sorted(due + left) == [*range(FRAMES)]
    assert made(run) == due


def test_edited_mattes_and_changed_pictures_count_alike(run):
    path = run.matte_folder.matte(2, 1003)
    path.write_bytes(path.read_bytes() + b"edited")
    picture = run.folder / "film" / "shot_1006.png"
    picture.write_bytes(picture.read_bytes() + b"changed")
    assert agreed(run) == ([5], [])
    assert made(run) == [5]
    assert agreed(run) == ([], [])


def test_a_record_without_lines_is_told_with_a_way_out(run):
    run.matte_folder.index.write_bytes(b"")
    assert agreed(run) == ([], []), "what may be the user's is not made anew"
    lane, words = part("addon.lane_watch").refresh(run.clip), part("addon.lane_words").words
    assert ((lane.codes & part("addon.lane").STATE) == part("addon.lane").Code.EDITED).all()
    assert words(run.clip, lane, 0, 5)[1:] == [
        "Edited by hand",
        "Perhaps only because its record is damaged: see To Fix",
    ]
    (sentence,) = part("addon.quality").unknown_sentences(run.clip)
    assert sentence == (
        "The record of what Keymatte wrote, keymatte-index.txt, is damaged: an image without a sound line in it "
        "counts as edited by hand, and is kept. Bring the file back from a backup, or delete it to have such mattes "
        f"made anew. It is in {run.matte_folder.root}"
    )
    assert made(run) == []
    assert "is damaged" in run.session.status.finished.note
    run.matte_folder.index.unlink()
    assert agreed(run) == ([*range(FRAMES)], [])
    assert made(run) == [*range(FRAMES)]
    assert agreed(run) == ([], []) and part("addon.quality").unknown_sentences(run.clip) == []


def test_without_keyframes_nothing_is_foretold_and_the_lane_is_outdated(run):
    run.go(104)
    for row in (0, 1):
        run.clip.matting.active_object = row
        run.click("matte_keyframe_clear")
    lane = part("addon.lane_watch").refresh(run.clip)
    assert ((lane.codes & part("addon.lane").STATE) == part("addon.lane").Code.STALE).all()
    assert part("addon.forecast").refresh(run.clip) is None
