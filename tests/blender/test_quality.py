"""The list of stretches to fix: its rows are right after runs, edits, undo and load, and a click goes there."""

from __future__ import annotations

import time

import blf
import bpy
import pytest

from tests.blender.studio import FRAMES, part


def quality(value: float | None, reason: str = "", method: str = "keymatte", **signals: float):
    return part("engine.shared.quality").MatteQuality(value, reason, method, signals or {"warp": 0.5})


def judge(studio, values: dict[int, dict[int, object]]) -> None:
    """Record qualities, by object and file number, beside the mattes that are there."""
    files = part("engine.shared.written_files").WrittenFiles(studio.matte_folder)
    for object_id, by_number in values.items():
        for number, judged in by_number.items():
            path = studio.matte_folder.matte(object_id, number)
            files.write(path, path.read_bytes(), judged)
    files.close()


def rows(studio) -> list[tuple]:
    """Read what is on disk, and return the rows of the list."""
    part("addon.state_watch").refresh(studio.clip)
    return listed()


def listed() -> list[tuple]:
    """Return the rows of the list as the timer makes them: object's name, frames, worst frame, reason, corrected."""
    limit, reader = time.monotonic() + 20, part("addon.quality").reader
    while reader.is_working and time.monotonic() < limit:  # as it does not sum up too often
        reader.go_on()
        time.sleep(0.01)
    part("addon.quality_list").update()
    found = bpy.context.window_manager.matte_fixes.rows
    return [(row.name, row.first, row.last, row.worst, row.words, row.corrected) for row in found]


@pytest.fixture
def judged(studio):
    """A propagated film, numbered from 1001 and shown from frame 98 on, with a bad stretch of either object."""
    studio.open_marked(first=1001, start=100, offset=2)
    studio.propagate()
    good = quality(0.9)
    ring = {1001: quality(1.0, given=1.0), **dict.fromkeys(range(1002, 1009), good)}
    ring |= {1004: quality(0.4, "twin"), 1005: quality(0.1, "twin"), 1006: quality(0.3, "edge")}
    box = {**dict.fromkeys(range(1001, 1008), good), 1008: quality(0.2, "lost")}
    judge(studio, {1: ring, 2: box})
    studio.clip.matting.objects[0].name, studio.clip.matting.objects[1].name = "ring", "box"
    return studio


RING = ("ring", 101, 103, 102, "may be on another object", False)
BOX = ("box", 105, 105, 105, "the object may be lost", False)


def test_every_stretch_is_a_row_in_the_scenes_frames(judged):
    assert rows(judged) == [RING, BOX]
    judged.clip.frame_start += 10
    assert [(row[1], row[2], row[3]) for row in listed()] == [(111, 113, 112), (115, 115, 115)]


def test_a_click_goes_to_the_worst_frame_and_makes_the_object_active(judged):
    rows(judged)
    fixes = bpy.context.window_manager.matte_fixes
    judged.clip.matting.active_object = 1
    fixes.active = 0
    assert (judged.scene.frame_current, judged.clip.matting.active_object) == (102, 0)
    with judged.editor():
        assert fixes.active == 0
    fixes.active = 1
    assert (judged.scene.frame_current, judged.clip.matting.active_object) == (105, 1)
    judged.go(100)
    with judged.editor():
        assert fixes.active == -1, "there is nothing to fix on this frame"


def test_jumping_visits_the_stretches_in_both_directions(judged):
    judged.go(98)
    places = []
    for to in ("NEXT", "NEXT", "NEXT", "PREVIOUS", "PREVIOUS"):
        assert judged.click("matte_fix_jump", to=to) == {"FINISHED"}
        places.append((judged.scene.frame_current, judged.clip.matting.active_object))
    assert places == [(102, 0), (105, 1), (105, 1), (102, 0), (102, 0)]


def test_a_jump_waits_for_no_reading_and_the_next_knows_what_has_changed(judged):
    assert rows(judged) == [RING, BOX]
    judge(judged, {1: {1003: quality(0.05, "edge")}})
    judged.go(98)
    judged.click("matte_fix_jump")
    assert judged.scene.frame_current == 102, "the worst frame as known so far"
    limit, reader = time.monotonic() + 20, part("addon.quality").reader
    while not reader.look(judged.matte_folder):  # not yet, as it has just looked
        assert time.monotonic() < limit
        time.sleep(0.01)
    assert listed()[0][:4] == ("ring", 100, 103, 100)
    judged.go(98)
    judged.click("matte_fix_jump")
    assert judged.scene.frame_current == 100


def test_a_keyframe_set_there_shows_the_stretch_as_corrected_until_undo(judged):
    assert rows(judged) == [RING, BOX]
    bpy.ops.ed.undo_push(message="before")
    judged.go(103)
    judged.clip.matting.active_object = 0
    judged.click("matte_keyframe_from_mask", absent=True)
    bpy.ops.ed.undo_push(message="marked")
    assert listed() == [(*RING[:-1], True), BOX]
    judged.go(98)
    judged.click("matte_fix_jump")
    assert judged.scene.frame_current == 105, "a corrected stretch is passed over"
    bpy.ops.ed.undo()
    assert listed() == [RING, BOX]


def test_drawing_has_a_timer_bring_the_rows_up_to_date(judged):
    listing, watching, timers = part("addon.quality_list"), part("addon.state_watch"), bpy.app.timers
    rows(judged)
    assert listing.watch(judged.clip) == 2, "the header counts what is still to be fixed"
    settle(watching)
    judged.go(103)
    judged.clip.matting.active_object = 0
    judged.click("matte_keyframe_from_mask", absent=True)
    stored = bpy.context.window_manager.matte_fixes.rows
    assert listing.watch(judged.clip) == 1
    assert timers.is_registered(watching.tick) and not stored[0].corrected, "drawing changes no data"
    settle(watching)
    assert [row.corrected for row in stored] == [True, False]
    listing.watch(judged.clip)
    settle(watching)
    assert not timers.is_registered(watching.tick), "it rests when there is nothing to do"


def settle(watching) -> None:
    """Run the timer, if it is registered, until it ends by itself; Blender runs it with windows only."""
    limit = time.monotonic() + 20
    while bpy.app.timers.is_registered(watching.tick) and time.monotonic() < limit:
        if watching.tick() is None:
            bpy.app.timers.unregister(watching.tick)
        time.sleep(0.01)


def test_a_range_without_the_object_corrects_too_and_another_objects_keyframe_does_not(judged):
    rows(judged)
    judged.go(102)
    judged.clip.matting.active_object = 1
    judged.click("matte_keyframe_from_mask", absent=True)
    assert listed() == [RING, BOX]
    judged.clip.matting.active_object = 0
    judged.click("matte_not_visible_range", start=99, end=101)
    assert listed() == [(*RING[:-1], True), BOX]


def test_propagating_again_replaces_the_rows(judged):
    assert rows(judged) == [RING, BOX]
    judged.propagate()
    assert rows(judged) == [], "the recipe for tests is not calibrated"
    assert part("addon.quality").summary(judged.clip).uncalibrated == ("colour",)


def test_an_edited_matte_is_not_doubted_and_parts_the_stretch(judged):
    rows(judged)
    judged.matte_folder.matte(1, 1005).write_bytes(judged.matte_folder.matte(1, 1001).read_bytes())
    assert [(row[0], row[1], row[2]) for row in rows(judged)] == [("ring", 101, 101), ("ring", 103, 103), BOX[:3]]


def test_deleted_mattes_and_removed_objects_have_no_rows(judged):
    rows(judged)
    judged.matte_folder.matte(2, 1008).unlink()
    assert rows(judged) == [RING]
    judged.clip.matting.active_object = 0
    judged.click("matte_object_remove")
    assert listed() == []
    assert judged.click("matte_fix_jump") == {"FINISHED"}


def test_the_list_is_read_again_after_a_file_was_loaded(judged):
    assert rows(judged) == [RING, BOX]
    bpy.ops.wm.save_mainfile()
    path = bpy.data.filepath
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert listed() == []
    bpy.ops.wm.open_mainfile(filepath=path)
    assert listed() == [], "nothing has been read yet"
    assert rows(judged) == [RING, BOX]


def test_each_clip_has_its_own_rows(judged):
    rows(judged)
    other = bpy.data.movieclips.load(bpy.path.abspath(judged.clip.filepath))
    assert other != judged.clip
    assert part("addon.quality").to_fix(other) == []
    assert {row.clip_uid for row in bpy.context.window_manager.matte_fixes.rows} == {judged.clip.session_uid}


def test_a_shortened_clip_lists_no_frames_that_it_lacks(judged):
    rows(judged)
    for number in range(1005, 1009):
        (judged.folder / "film" / f"shot_{number:04d}.png").unlink()
    assert listed() == []


def test_rows_follow_a_running_job_before_its_index_is_read_again(judged):
    rows(judged)
    protocol, table = part("engine.shared.protocol"), part("engine.shared.quality_table")
    take = part("addon.quality").receiver(judged.clip)
    row = table.row_of(quality(0.05, "edge"))
    take(protocol.MatteReady("job", 6, 1, 9, (protocol.ObjectQuality.of(1, row), protocol.ObjectQuality.of(2, row))))
    assert listed() == [
        ("ring", 101, 104, 104, "edges unsure", False),
        ("box", 104, 105, 104, "edges unsure", False),
    ]
    good = table.row_of(quality(0.95))
    take(protocol.MatteReady("job", 6, 2, 9, (protocol.ObjectQuality.of(1, good),)))
    assert listed()[0] == RING
    assert rows(judged) == [RING, BOX], "what is on disk counts when it is read"


def test_a_job_tells_the_rows_of_its_mattes_while_it_runs(studio):
    studio.open_marked()
    studio.click("matte_propagate", recipe="colour", direction="forward")  # so that each matte is told once
    studio.pump_until(lambda: part("addon.quality").reader.is_working)  # as it has something to sum up
    part("addon.quality").reader.forget()
    studio.session.wait(60)
    listed()
    live = part("addon.quality").summary(studio.clip)
    disk = part("addon.state_reader").StateReader().read(studio.matte_folder)
    assert 0 < sum(map(len, live.rows.values())) < 2 * FRAMES, "of the messages since, and nothing was read"
    for object_id, found in live.rows.items():
        assert {number: row.status for number, row in found.items()} == {
            number: disk.rows[object_id][number].status for number in found
        }


def test_the_account_by_scene_frame_has_every_matte_of_listed_objects(judged):
    part("addon.state_watch").refresh(judged.clip)
    found = part("addon.quality").by_scene_frame(judged.clip)
    assert {object_id: list(of) for object_id, of in found.items()} == {1: [*range(98, 106)], 2: [*range(98, 106)]}
    assert (found[1][98].is_own, found[1][102].value, found[2][105].quality.reason) == (True, 0.1, "lost")


def test_what_is_not_known_is_told(studio):
    sentences = part("addon.quality").unknown_sentences
    studio.open_film()
    assert (rows(studio), sentences(studio.clip), part("addon.quality").summary(studio.clip)) == ([], [], None)
    studio.mark(1, media=0)
    studio.propagate()
    assert rows(studio) == []
    assert sentences(studio.clip) == ["colour is not calibrated: which of its mattes to trust is not known"]
    judge(studio, {1: {2: quality(None, "", "xmem"), 3: None}})
    rows(studio)
    assert sentences(studio.clip) == [
        "colour is not calibrated: which of its mattes to trust is not known",
        "XMem is not calibrated: which of its mattes to trust is not known",
        "Another version of Keymatte made 1 matte: which to trust is not known. Propagate again",
    ]
    studio.matte_folder.index.unlink()
    rows(studio)
    assert sentences(studio.clip) == [
        f"Another version of Keymatte made {2 * FRAMES} mattes: which to trust is not known. Propagate again"
    ]


def test_no_reason_is_too_long_for_a_sidebar_of_the_usual_width(extension):
    blf.size(0, 11)  # of labels, in Blender's own themes
    shown = [*part("engine.shared.reasons").SENTENCES.values(), "corrected, propagate again"]
    assert [text for text in shown if blf.dimensions(0, text)[0] > 164] == []
    assert blf.dimensions(0, "much changed since the keyframe")[0] > 164, "it was cut off beside a scroll bar"


def test_hundreds_of_rows_and_names_that_change(judged):
    bad = quality(0.2, "edge")
    matting = judged.clip.matting
    for object_id in range(3, 256):
        part("addon.objects").add_object(judged.clip, object_id=object_id)
        judged.matte_folder.matte_sequence(object_id).mkdir(parents=True)
        judged.matte_folder.matte(object_id, 1003).write_bytes(b"matte")
    judge(judged, {object_id: {1003: bad} for object_id in range(3, 256)})
    found = rows(judged)
    assert len(found) == 2 + 253
    assert [row[0] for row in found[:3]] == ["Object 3", "Object 4", "Object 5"], "by frame, then by object"
    matting.objects[2].name = "hat"
    assert listed()[0] == ("hat", 100, 100, 100, "edges unsure", False)
