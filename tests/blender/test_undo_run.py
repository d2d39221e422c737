"""Undo Run and Redo Run bring mattes back as they were, also in a file opened again, and say why they cannot."""

from __future__ import annotations

import bpy
import pytest

from tests.blender.studio import FRAMES, part

UNDO, REDO = "matte_undo_run", "matte_redo_run"


def contents(studio) -> dict[str, bytes]:
    """Return the bytes of all mattes and label images by their paths."""
    folder = studio.matte_folder
    paths = [*folder.image_files(), *folder.derived_files()]
    return {path.relative_to(folder.root).as_posix(): path.read_bytes() for path in paths}


def can(studio, operator: str) -> bool:
    with studio.editor():
        return bool(getattr(bpy.ops.clip, operator).poll())


def row_of_results(studio) -> int:
    return len(part("addon.folders").results(studio.clip).numbers)


@pytest.fixture
def twice(studio):
    """Return the studio after two runs, the second with a further keyframe; and what was there after each."""
    studio.open_marked()
    studio.propagate()
    first = contents(studio)
    studio.mark(5, media=4)
    studio.propagate()
    return studio, first, contents(studio)


def test_a_run_is_undone_and_redone(twice):
    studio, first, second = twice
    assert first != second
    assert not can(studio, REDO)
    assert studio.click(UNDO) == {"FINISHED"}
    assert contents(studio) == first
    assert studio.click(REDO) == {"FINISHED"}
    assert contents(studio) == second
    assert not can(studio, REDO)


def test_runs_are_undone_and_redone_after_the_file_was_opened_again(twice):
    studio, first, second = twice
    for operator, expected in ((UNDO, first), (UNDO, {}), (REDO, first), (REDO, second)):
        bpy.ops.wm.save_mainfile()
        bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
        assert can(studio, operator)
        studio.click(operator)
        assert contents(studio) == expected
        assert row_of_results(studio) == (FRAMES if expected else 0)


def test_what_is_shown_of_the_mattes_is_that_of_the_earlier_run(twice):
    studio = twice[0]
    quality = part("addon.quality")
    studio.click(UNDO)
    rows = quality.summary(studio.clip).rows[1]
    assert rows[5].is_own is False, "its keyframe belongs to the run that was undone"
    assert rows[1].is_own is True
    studio.click(REDO)
    assert quality.summary(studio.clip).rows[1][5].is_own is True
    assert part("addon.outcomes").of_clip(studio.clip) is None


def test_mattes_that_were_edited_and_those_of_locked_objects_stay(twice):
    studio, first, second = twice
    folder = studio.matte_folder
    folder.matte(1, 3).write_bytes(first["mattes/001/000004.png"])
    studio.clip.matting.objects[1].lock = True
    studio.click(UNDO)
    after = contents(studio)
    assert after["mattes/001/000003.png"] == first["mattes/001/000004.png"]
    assert after["mattes/001/000004.png"] == first["mattes/001/000004.png"]
    locked = {name for name in after if name.startswith("mattes/002")}
    assert locked
    assert all(after[name] == second[name] for name in locked)


def test_it_is_refused_with_the_reason_while_a_job_runs(twice):
    studio, _, second = twice
    studio.mark(7, media=6)
    studio.click("matte_propagate", recipe="colour")
    try:
        with studio.editor(), pytest.raises(RuntimeError, match="Wait until the running operation has finished"):
            bpy.ops.clip.matte_undo_run()
        busy = part("engine.shared.errors").EngineBusy
        with pytest.raises(busy, match="in use by a running operation"):
            part("addon.versions").change(studio.clip, undone=True)
    finally:
        studio.session.wait(120)
    studio.click(UNDO)
    assert contents(studio) == second


def test_it_is_refused_while_another_process_holds_the_folder(twice):
    studio, _, second = twice
    locked = part("engine.shared.folder_lock").locked(studio.matte_folder.root)
    with locked, pytest.raises(RuntimeError, match="is in use by another run"):
        studio.click(UNDO)
    assert contents(studio) == second


def test_there_is_nothing_to_undo_without_a_run(studio):
    studio.open_marked()
    with studio.editor(), pytest.raises(RuntimeError, match="There is no run to undo"):
        bpy.ops.clip.matte_undo_run()


def test_what_is_kept_follows_the_preferences(studio):
    preferences = part("addon.environment").preferences()
    versions = part("engine.shared.versions")
    studio.open_marked()
    try:
        preferences.undo_runs = 1
        for _ in range(2):
            studio.propagate(everything=True)
        assert [one.number for one in versions.kept_runs(studio.matte_folder)] == [2]
        preferences.undo_gigabytes = 0.0
        studio.propagate(everything=True)
        assert "This run cannot be undone" in studio.session.status.warning
        assert not can(studio, UNDO)
    finally:
        preferences.property_unset("undo_runs")
        preferences.property_unset("undo_gigabytes")


def test_clear_removes_what_was_kept(twice):
    studio, _, _ = twice
    assert studio.click("matte_clear") == {"FINISHED"}
    assert not studio.matte_folder.versions.exists()
    assert not can(studio, UNDO)


def test_a_copy_of_the_folder_can_be_undone_by_itself(twice):
    studio, first, second = twice
    original = studio.matte_folder.root
    bpy.ops.wm.save_as_mainfile(filepath=str(studio.folder / "copy.blend"))
    studio.click(UNDO)
    assert studio.matte_folder.root != original
    assert contents(studio) == first
    versions, of = part("engine.shared.versions"), part("engine.shared.matte_folder").MatteFolder
    assert [one.undone for one in versions.kept_runs(of(original))] == [False, False]
    assert (original / "mattes" / "001" / "000004.png").read_bytes() == second["mattes/001/000004.png"]
