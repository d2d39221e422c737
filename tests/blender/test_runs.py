"""A run can be paused and resumed, and runs on other clips wait for their turn."""

from __future__ import annotations

import sys

import bpy
import pytest

from tests.blender.studio import FRAMES, MODULE, part, write_film

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
    assert queue.paused() == (first,) and waiting(two) == ["short"]
    assert part("ui.runs").told_of(first) is None, "it is told to be paused, and not to be cancelled"
    assert not queue.advance() and not session.status.busy
    done = len(folder.numbers_done())
    assert 100 < done < LONG
    two.click("matte_pause", resume=True)
    two.pump_until(lambda: session.status.done > 0)
    assert session.status.done > 20, "it does not begin anew"
    assert not queue.paused() and session.status.clip == first.name
    two.click("matte_pause")
    two.pump_until(lambda: two.state == "cancelled", seconds=10)
    two.click("matte_cancel")
    assert not queue.paused(), "given up"
    assert part("ui.runs").told_of(first).text == "Cancelled: mattes already made are kept"
    with pytest.raises(RuntimeError, match="Nothing is running"):
        two.click("matte_cancel")


def ended(studio) -> None:
    """Poll the session and the queue, as Blender's timer does, until nothing runs or waits."""
    queue = part("addon.job_queue")
    studio.pump_until(lambda: not (queue.advance() or studio.session.status.busy or queue.is_due()))


def told(clip):
    return part("addon.outcomes").of_clip(clip)


def test_another_run_on_the_same_clip_waits_and_redoes_what_has_changed(studio):
    studio.open_marked(frames=100)
    studio.clip.matting.recipe, studio.clip.matting.early_frames = "keymatte", 0
    studio.click("matte_propagate")
    studio.pump_until(lambda: studio.session.status.done > 3)
    studio.mark(50, media=3)
    assert studio.click("matte_propagate") == {"FINISHED"}
    assert waiting(studio) == [studio.clip.name]
    assert part("ui.runs").others_text(studio.clip) == ""
    ended(studio)
    state = part("addon.forecast").refresh(studio.clip)
    assert told(studio.clip).text == "Done"
    assert (state.fresh, state.stale, state.missing) == (100, 0, 0), "with the keyframe that was set meanwhile"
    assert len(part("addon.paces").made_by_last(studio.clip)) > 40


def test_runs_that_leave_each_other_something_to_do_both_wait(two):
    two.scene.frame_start, two.scene.frame_end = 2, 3
    two.click("matte_range", action="PREVIEW")
    two.click("matte_propagate", recipe="colour", frames="RANGE")
    two.click("matte_propagate", recipe="colour", direction="forward")
    queue = part("addon.job_queue")
    assert len(queue._waiting) == 2 and waiting(two) == ["short"]
    two.click("matte_propagate", recipe="colour")
    assert len(queue._waiting) == 1, "the whole clip in both directions is all of it"
    two.click("matte_propagate", recipe="colour", frames="RANGE")
    assert len(queue._waiting) == 1
    two.click("matte_unqueue", clip_uid=two.space.clip.session_uid)
    assert not queue._waiting


def test_a_run_that_fails_is_told_on_its_clip_and_does_not_block_the_next(two):
    third = two.open(write_film(two.folder / "third film"), start=1)
    third.name = "third"
    two.mark(1, media=0)
    show(two, "short")
    two.click("matte_propagate", recipe="colour")
    show(two, "third")
    two.click("matte_propagate", recipe="colour")
    short = bpy.data.movieclips["short"]
    assert waiting(two) == ["short", "third"]
    assert part("ui.runs").others_text(third) == "Running: a long one; Waiting: short"
    short.name = "renamed"
    assert waiting(two) == ["renamed", "third"]
    (two.folder / "short").rename(two.folder / "gone")
    show(two, "a long one")
    two.click("matte_cancel")
    ended(two)
    assert told(short).problem.code == "clip-not-found"
    assert told(third).text == "Done"
    assert told(bpy.data.movieclips["a long one"]).state == "cancelled"


def test_a_clip_that_was_removed_while_it_waited_is_told_by_name(two):
    two.click("matte_propagate", recipe="colour")
    bpy.data.movieclips.remove(bpy.data.movieclips["short"])
    two.session.cancel()
    ended(two)
    assert part("addon.outcomes").general().text == "Clip short was removed before it could be propagated"


def test_the_queue_outlives_undo_and_is_forgotten_with_the_file(two):
    bpy.ops.ed.undo_push(message="before")
    two.click("matte_object_add")
    bpy.ops.ed.undo_push(message="object")
    two.click("matte_propagate", recipe="colour")
    bpy.ops.ed.undo()
    assert waiting(two) == ["short"]
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert waiting(two) == [] and not part("addon.job_queue")._waiting


def test_propagate_waits_for_an_operation_that_concerns_no_clip(two):
    two.click("matte_cancel")
    two.pump_until(lambda: two.state == "cancelled")
    bpy.ops.clip.matte_test_engine()
    assert two.session.status.busy
    assert two.click("matte_propagate", recipe="colour") == {"FINISHED"}
    assert waiting(two) == ["short"]
    ended(two)
    assert told(bpy.data.movieclips["short"]).text == "Done"


@pytest.mark.parametrize("status", [0, 1])
def test_propagate_waits_until_the_engine_is_installed(studio, monkeypatch, status):
    studio.open_marked()
    clip = studio.clip
    script = f"import time; print('Collecting torch', flush=True); time.sleep(0.5); raise SystemExit({status})"
    monkeypatch.setattr(part("addon.installation"), "install_command", lambda again: [sys.executable, "-c", script])
    preferences = bpy.context.preferences.addons[MODULE].preferences
    python, preferences.engine_python = preferences.engine_python, ""
    studio.session.close()
    bpy.ops.clip.matte_install_engine()
    assert studio.click("matte_propagate", recipe="colour") == {"FINISHED"}
    queue = part("addon.job_queue")
    assert queue.waiting_sentence(clip) == f"{clip.name} will be propagated after the installation"
    if status == 0:
        preferences.engine_python = python  # stands for what was installed
    ended(studio)
    preferences.engine_python = python
    if status == 0:
        assert told(clip).text == "Done"
    else:
        assert part("addon.outcomes").general() is None or not part("addon.outcomes").general().text
        assert told(clip) is None, "the engine is there by now"


def test_propagate_that_waits_in_a_script_waits_for_its_turn(two):
    two.session.cancel()
    assert two.click("matte_propagate", recipe="colour", wait=True) == {"FINISHED"}
    assert told(bpy.data.movieclips["short"]).text == "Done"


def test_pausing_a_second_clip_keeps_the_first_one_paused(two):
    queue, first, short = part("addon.job_queue"), *(bpy.data.movieclips[name] for name in ("a long one", "short"))
    two.pump_until(lambda: two.session.status.done > 3)
    show(two, "a long one")
    two.click("matte_pause")
    two.pump_until(lambda: two.state == "cancelled")
    show(two, "short")
    two.click("matte_propagate", recipe="colour", everything=True)
    assert queue.paused() == (first,) and part("ui.runs").others_text(short) == "Paused: a long one"
    two.click("matte_pause")
    two.pump_until(lambda: two.state in ("cancelled", "finished"))
    assert first in queue.paused()
    two.click("matte_cancel")
    assert queue.paused() == (first,)
    show(two, "a long one")
    two.click("matte_pause", resume=True)
    assert two.session.status.clip == "a long one" and not queue.paused()
