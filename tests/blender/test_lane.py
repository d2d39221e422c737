"""The lane's rows after real runs: fresh, stale by keyframes, absences, order and recipes, locked; and its jumps."""

from __future__ import annotations

import time
from dataclasses import replace

import bpy
import numpy as np
import pytest

from tests.blender.studio import FRAMES, part


def lane(studio):
    """Return the lane as it is after a look at the disk."""
    return part("addon.lane_watch").refresh(studio.clip)


def states(studio, *, doubts: bool = False) -> list[str]:
    """Return a row of letters for each object: the first letters of the states, which all differ.

    Mattes that are up to date and doubtful count as fresh unless `doubts`.
    """
    names = part("addon.lane")
    rows = ["".join(names.Code(int(code)).name[0] for code in row) for row in lane(studio).codes & names.STATE]
    return rows if doubts else [row.replace("D", "F") for row in rows]


def cause(studio, row: int, frame: int) -> str:
    found = lane(studio)
    state = found.assessed.states[found.rows[row].object_id][found.first + frame]
    return str(state.cause) if state.cause else ""


def marks(studio, name: str) -> list[list[int]]:
    """Return row and frame of each cell with a mark."""
    return np.argwhere(lane(studio).codes & getattr(part("addon.lane"), name)).tolist()


@pytest.fixture
def run(studio):
    """A propagated film, numbered from 1001 and shown from frame 98 on."""
    studio.open_marked(first=1001, start=100, offset=2)
    studio.propagate(recipe="")
    return studio


def test_a_clip_without_objects_has_no_lane_and_before_a_run_all_is_missing(studio):
    studio.open_film()
    assert lane(studio) is None
    studio.mark(1, media=0)
    assert states(studio) == ["M" * FRAMES] * 2
    assert marks(studio, "KEYFRAME") == [[0, 0], [1, 0]]


def test_after_a_run_all_is_fresh_and_looking_changes_nothing(run):
    def files() -> dict[str, tuple[int, int]]:
        found = (path for path in run.matte_folder.root.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}

    before = files()
    assert states(run) == ["F" * FRAMES] * 2
    assert files() == before
    assert [row.name for row in lane(run).rows] == [item.name for item in run.clip.matting.objects]


def test_another_keyframe_makes_stale_and_a_run_makes_fresh(run):
    run.mark(98 + 5, media=5, objects=1)
    assert states(run) == ["F" + "S" * 7, "F" * FRAMES]
    assert cause(run, 0, 7) == "keyframe"
    assert marks(run, "KEYFRAME") == [[0, 0], [0, 5], [1, 0]]
    run.propagate(recipe="")
    assert states(run) == ["F" * FRAMES] * 2
    run.clip.matting.active_object = 0
    run.click("matte_keyframe_clear")
    assert states(run) == ["F" + "S" * 7, "F" * FRAMES], "back to the one before"


def test_undo_gives_back_what_was_fresh(run):
    bpy.ops.ed.undo_push(message="before")
    run.mark(98 + 5, media=5, objects=1)
    bpy.ops.ed.undo_push(message="marked")
    assert "S" in states(run)[0]
    bpy.ops.ed.undo()
    assert states(run) == ["F" * FRAMES] * 2


def test_a_range_without_the_object_is_stale_and_marked(run):
    run.clip.matting.active_object = 1
    run.click("matte_not_visible_range", start=98 + 4, end=98 + 6)
    assert marks(run, "ABSENT") == [[1, 4], [1, 5], [1, 6]]
    assert states(run)[0] == "F" * FRAMES and set(states(run)[1][1:]) == {"S"}
    run.propagate(recipe="")
    assert states(run) == ["F" * FRAMES] * 2


def test_the_order_of_objects_and_other_settings_count(run):
    run.clip.matting.active_object = 1
    run.click("matte_object_move", direction="UP")
    assert states(run) == ["S" * FRAMES] * 2 and cause(run, 0, 3) == "order"
    run.click("matte_object_move", direction="DOWN")
    assert states(run) == ["F" * FRAMES] * 2
    run.click("matte_object_add", role="GARBAGE")
    run.clip.matting.active_object = 2
    run.go(98)
    run.click("matte_start_empty")
    assert cause(run, 0, 3) == "exclusion"


def test_a_keyframe_of_a_removed_file_makes_the_rest_unknown(run):
    for key in run.clip.matting.keyframes:
        run.matte_folder.keyframe_version(key.version).unlink()
        run.matte_folder.keyframe(key.object_id, key.number).unlink()
    assert states(run) == ["U" * FRAMES] * 2


def test_an_edited_matte_and_a_deleted_one(run):
    run.matte_folder.matte(1, 1004).write_bytes(run.matte_folder.matte(1, 1001).read_bytes() + b" ")
    run.matte_folder.matte(2, 1005).unlink()
    assert states(run) == ["FFFEFFFF", "FFFFMFFF"]


def test_locks_hold_for_their_object_or_for_all(run):
    for object_id, first, last in ((1, 1002, 1003), (0, 1008, 1099)):
        lock = run.clip.matting.locks.add()
        lock.object_id, lock.first, lock.last = object_id, first, last
    assert part("addon.locks").locked_ranges(run.clip) == [(1, 1002, 1003), (0, 1008, 1099)]
    assert marks(run, "LOCKED") == [[0, 1], [0, 2], [0, 7], [1, 7]]


def test_jumps_go_to_what_is_stale_and_say_why(run):
    run.mark(98 + 5, media=5, objects=1)
    run.click("matte_accept", first=98, last=98 + FRAMES - 1, object_id=2)  # so that none of its mattes is doubtful
    run.go(98)
    run.clip.matting.active_object = 1
    assert run.click("matte_lane_jump", to="NEXT") == {"FINISHED"}
    assert (run.scene.frame_current, run.clip.matting.active_object) == (99, 0)
    run.click("matte_lane_jump", to="NEXT")
    assert run.scene.frame_current == 99, "there is nothing after it"
    run.go(104)
    run.click("matte_lane_jump", to="PREVIOUS")
    assert run.scene.frame_current == 99


def test_going_there_shows_the_frame_and_makes_the_object_active(run):
    assert run.click("matte_lane_go", frame=103, object_id=2) == {"FINISHED"}
    assert (run.scene.frame_current, run.clip.matting.active_object) == (103, 1)
    with pytest.raises(RuntimeError, match="Negative Frames"):
        run.click("matte_lane_go", frame=-5, object_id=1)
    assert run.clip.matting.active_object == 1
    run.clip.matting.show_lane = False
    with pytest.raises(RuntimeError, match="poll"):
        run.click("matte_lane_go", frame=100, object_id=1)


def test_words_say_object_frame_state_and_cause(run):
    words = part("addon.lane_words").words
    run.mark(98 + 5, media=5, objects=1)
    name = run.clip.matting.objects[0].name
    stale = "Stale: a keyframe beside it was added, changed or removed"
    assert words(run.clip, lane(run), 0, 3) == [f"{name}, frame 101", stale]
    assert words(run.clip, lane(run), 0, 5) == [f"{name}, frame 103", "Keyframe", stale]
    assert words(run.clip, lane(run), 1, 3)[1:] == ["Up to date"]
    assert words(run.clip, lane(run), 1, 0)[1:] == ["Keyframe", "Up to date: your own mask"]


def test_clips_of_other_start_and_numbers_keep_their_states(run):
    run.clip.frame_start += 25
    assert states(run) == ["F" * FRAMES] * 2 and lane(run).first == 1001
    assert part("addon.lane_words").words(run.clip, lane(run), 0, 2)[0].endswith("frame 125")


def test_a_shortened_clip_shows_the_frames_that_it_has(run):
    for number in (1007, 1008):
        (run.folder / "film" / f"shot_{number:04d}.png").unlink()
    run.clip.matting.active_object = 1
    assert states(run) == ["F" * 6] * 2


def test_masks_have_no_rows_and_another_file_has_none_of_the_lanes(run):
    run.click("matte_object_add", role="HOLDOUT")
    assert [row.object_id for row in lane(run).rows] == [1, 2]
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert part("addon.lane_watch")._lanes == {}


def test_drawing_has_a_timer_bring_the_lane_up_to_date(run):
    watching, state, timers = part("addon.lane_watch"), part("addon.state_watch"), bpy.app.timers
    assert watching.watch(run.clip) is None, "drawing only asks"
    settle(state)
    code = part("addon.lane").Code
    assert np.isin(watching.watch(run.clip).codes & 15, (code.FRESH, code.DOUBTFUL)).all()
    settle(state)
    run.mark(98 + 5, media=5, objects=1)
    old = watching.watch(run.clip)
    assert not (old.codes & 15 == code.STALE).any()
    settle(state)
    assert (watching.watch(run.clip).codes[0, 1:] & 15 == code.STALE).all()
    settle(state)
    assert not timers.is_registered(state.tick), "it rests when there is nothing to do"


def settle(state) -> None:
    """Run the timer until it ends by itself; Blender runs it with windows only."""
    limit = time.monotonic() + 20
    while bpy.app.timers.is_registered(state.tick) and time.monotonic() < limit:
        if state.tick() is None:
            bpy.app.timers.unregister(state.tick)
        time.sleep(0.05)


def test_accepted_mattes_are_no_longer_doubtful_and_a_switch_locks_its_object(run):
    rows = part("addon.quality").reader.rows(run.matte_folder.root) if lane(run) else {}
    files = part("engine.shared.written_files").WrittenFiles(run.matte_folder)
    for number in (1003, 1004):
        path = run.matte_folder.matte(1, number)
        files.write(path, path.read_bytes(), replace(rows[1][number].quality, value=0.2, reason="edge"))
    files.close()
    assert states(run, doubts=True)[0] == "FFDDFFFF"
    run.click("matte_accept", first=98 + 2, last=98 + 2, object_id=1)
    assert states(run, doubts=True)[0] == "FFFDFFFF"
    run.click("matte_accept", first=98 + 2, last=98 + 2, object_id=1, withdraw=True)
    assert states(run, doubts=True)[0] == "FFDDFFFF"
    run.click("matte_lock", first=98 + 1, last=98 + 2, object_id=2)
    run.clip.matting.objects[0].lock = True
    assert marks(run, "LOCKED") == [*([0, frame] for frame in range(FRAMES)), [1, 1], [1, 2]]
