"""The panel tells what a run computes, how long it takes, and what has become of the mattes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.blender.studio import FRAMES, part


def told(studio):
    """Return what is told of the clip's mattes now."""
    return part("addon.forecast").refresh(studio.clip)


def counts(studio) -> tuple[int, int, int]:
    found = told(studio)
    return found.fresh, found.stale, found.missing


def foretold(studio, frames: range = range(FRAMES)) -> list[int]:
    """Return the media frames that Propagate computes, as foretold; then propagate, and check that it does."""
    found = part("addon.forecast").forecast(studio.clip, told(studio), frames).frames
    studio.propagate(recipe="")
    made = part("addon.paces").made_by_last(studio.clip)
    assert sorted(made) == [*found]
    return [*found]


@pytest.fixture
def propagated(studio):
    studio.open_marked(first=1001, start=101)
    assert foretold(studio) == [*range(FRAMES)]
    return studio


def test_what_is_foretold_is_what_a_run_computes(propagated):
    assert counts(propagated) == (FRAMES, 0, 0)
    assert foretold(propagated) == []
    propagated.mark(104, media=3)
    assert counts(propagated) == (1, FRAMES - 1, 0)
    assert foretold(propagated) == [*range(1, FRAMES)]
    propagated.mark(106, media=5)
    propagated.click("matte_lock", first=107, last=107)
    assert told(propagated).due == (4, 5, 7)
    assert counts(propagated) == (4, 3, 0) and told(propagated).left == (6,), "locked, and as it was"
    propagated.matte_folder.matte(1, 1003).unlink()
    assert counts(propagated) == (3, 3, 1)
    assert foretold(propagated) == [2, 4, 5, 7]
    assert counts(propagated) == (FRAMES - 1, 0, 0) and told(propagated).kept == 1


def test_a_cancelled_run_does_not_count_frames_that_are_to_be_computed_again(propagated):
    made_text = part("ui.runs").made_text
    assert told(propagated).due == () and made_text(propagated.clip, is_cancelled=True) != ""
    propagated.mark(104, media=3)
    due = [frame + 101 for frame in told(propagated).due]
    assert due and made_text(propagated.clip, is_cancelled=False).endswith(str(100 + FRAMES))
    assert all(str(frame) not in made_text(propagated.clip, is_cancelled=True) for frame in due)


def test_a_removed_keyframe_a_setting_and_a_picture_make_mattes_stale(propagated):
    propagated.mark(104, media=3)
    propagated.propagate(recipe="")
    assert counts(propagated) == (FRAMES, 0, 0)
    propagated.clip.matting.objects.move(0, 1)
    assert counts(propagated)[1] > 0, "the order of objects"
    propagated.clip.matting.objects.move(1, 0)
    picture = propagated.folder / "film" / "shot_1006.png"
    picture.write_bytes(picture.read_bytes() + b"changed")
    assert told(propagated).due == (5,)


def test_without_keyframes_or_mattes_nothing_is_told(studio):
    studio.open_film()
    assert told(studio) is None
    studio.mark(1, media=0)
    assert counts(studio) == (0, 0, FRAMES)


def test_how_long_a_run_takes_is_told_from_the_last_pace_with_the_recipe_and_size(propagated):
    paces = part("addon.paces")
    paces.store(propagated.clip)
    pace = paces.pace_of(propagated.clip)
    assert pace is not None and pace.steps > 0
    propagated.mark(104, media=3)
    found = part("addon.forecast").forecast(propagated.clip, told(propagated), range(FRAMES))
    assert found.seconds == pytest.approx(pace.start + (2 * 2 + 5) / pace.steps), (
        "two frames are reached from both sides"
    )
    propagated.clip.matting.paces = '{"keymatte 1x1": [2, 3], "keymatte": 5, "damaged": ['
    assert paces.pace_of(propagated.clip) is None


def test_a_pace_is_measured_from_the_first_step_on():
    paces, now = part("addon.paces"), [10.0]
    ready = part("engine.shared.protocol").MatteReady
    observer = paces.Observer("key", clock=lambda: now[0])
    assert observer.pace is None
    for done in range(1, 6):
        now[0] = 15.0 + 0.5 * done
        observer.take(ready("", done, done, 9))
    assert (observer.pace.steps, observer.pace.start, observer.made) == (2.0, 5.0, set())
    assert observer.pace.seconds(8) == 9.0


def test_panel_says_it(propagated):
    propagated.mark(104, media=3)
    found = part("addon.forecast").forecast(propagated.clip, told(propagated), range(FRAMES))
    panel = part("ui.propagate")
    text = f"{FRAMES - 1} of {FRAMES} frames, about 1:15 min"
    assert panel.forecast_text(replace(found, seconds=75.4)) == f"Up to {text}", "it may stop early"
    propagated.clip.matting.early_frames = 0
    found = part("addon.forecast").forecast(propagated.clip, told(propagated), range(FRAMES))
    assert panel.forecast_text(replace(found, seconds=75.4)) == text
    assert panel.forecast_text(replace(found, frames=())) == f"All {FRAMES} frames are up to date"
    assert panel.stretches_text(propagated.clip, found.frames) == "102\N{EN DASH}108"
    assert panel.stretches_text(propagated.clip, (0, 2, 3)) == "101, 103\N{EN DASH}104"
    assert panel.stretches_text(propagated.clip, range(0, 10, 2)) == "5 stretches"
    assert part("ui.panels").results_text(propagated.clip) == "Frames: 1 up to date, 7 to redo"


def test_where_a_run_may_stop_is_the_artists_to_set(propagated):
    gather, types = part("addon.jobs").gather_job, part("engine.shared.types")
    both = types.Direction.BOTH
    assert gather(propagated.clip, range(FRAMES), both).early_end == types.EarlyEnd()
    propagated.clip.matting.early_frames, propagated.clip.matting.early_percent = 9, 2.5
    found = gather(propagated.clip, range(FRAMES), both).early_end
    assert (found.frames, round(found.share, 6)) == (9, 0.025)
