"""A run can be paused and resumed, and runs on other clips wait for their turn."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.studio import FRAMES, part, write_film

LONG = 1200


def waiting(studio) -> list[str]:
    return [clip.name for clip in part("addon.job_queue").waiting()]


def show(studio, name: str) -> None:
    """Show another clip in the editor."""
    studio.space.clip = bpy.data.movieclips[name]


@pytest.fixture
def two(studio):
    """A long film that is being propagated, and a short one that is marked and shown."""
    studio.open_marked(frames=LONG)
    studio.clip.name = "a long one"
    studio.open(write_film(studio.folder / "short"), start=1).name = "short"
    studio.mark(1, media=0)
    show(studio, "a long one")
    studio.click("matte_propagate", recipe="colour")
    show(studio, "short")
    return studio


def test_a_run_on_another_clip_waits_and_starts_when_the_first_has_ended(two):
    assert two.click("matte_propagate", recipe="colour") == {"FINISHED"}
    assert waiting(two) == ["short"]
    two.click("matte_propagate", recipe="colour", everything=True)
    assert waiting(two) == ["short"], "once for each clip"
    queue, short = part("addon.job_queue"), bpy.data.movieclips["short"]
    assert not queue.advance(), "the first is still running"
    two.click("matte_cancel")
    two.pump_until(lambda: two.state == "cancelled", seconds=10)
    assert queue.advance() and two.session.status.clip == "short" and waiting(two) == []
    two.session.wait()
    assert part("addon.folders").results(short).numbers == tuple(range(1, FRAMES + 1))


def test_a_waiting_run_can_be_removed_and_what_is_amiss_is_said_at_once(two):
    two.click("matte_propagate", recipe="colour")
    two.click("matte_unqueue", clip_uid=bpy.data.movieclips["short"].session_uid)
    assert waiting(two) == []
    two.click("matte_keyframe_clear")
    two.clip.matting.active_object = 0
    bpy.data.movieclips["short"].matting.keyframes.clear()
    with pytest.raises(RuntimeError, match="has no keyframes to propagate from"):
        two.click("matte_propagate", recipe="colour")
    assert waiting(two) == [] and two.session.status.busy
    show(two, "a long one")
    with pytest.raises(RuntimeError, match="already running"):
        two.click("matte_propagate", recipe="colour")


def test_a_clip_that_was_removed_is_passed_over(two):
    two.click("matte_propagate", recipe="colour")
    show(two, "a long one")
    bpy.data.movieclips.remove(bpy.data.movieclips["short"])
    assert waiting(two) == []
    two.click("matte_cancel")
    two.pump_until(lambda: two.state == "cancelled", seconds=10)
    assert part("addon.job_queue").advance() and not two.session.status.busy


def test_a_paused_run_goes_on_from_its_checkpoint_and_those_that_wait_stay(two):
    queue, session = part("addon.job_queue"), two.session
    two.click("matte_propagate", recipe="colour")
    first = bpy.data.movieclips["a long one"]
    folder = part("addon.folders").existing_folder(first)
    two.pump_until(lambda: any(folder.unfinished.glob("*/memory.safetensors")))
    two.pump_until(lambda: session.status.done > 100)
    two.click("matte_pause")
    two.pump_until(lambda: two.state == "cancelled", seconds=10)
    assert queue.paused() == first and waiting(two) == ["short"]
    assert not queue.advance() and not session.status.busy
    done = len(folder.numbers_done())
    assert 100 < done < LONG
    two.click("matte_pause", resume=True)
    two.pump_until(lambda: session.status.done > 0)
    assert session.status.done > 20, "it does not begin anew"
    assert queue.paused() is None and session.status.clip == first.name
    two.click("matte_pause")
    two.pump_until(lambda: two.state == "cancelled", seconds=10)
    two.click("matte_cancel")
    assert queue.paused() is None, "given up"
    with pytest.raises(RuntimeError, match="Nothing is running"):
        two.click("matte_cancel")
