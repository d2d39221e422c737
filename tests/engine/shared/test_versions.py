"""Runs are undone and redone to the byte, with what is known of each matte, and nothing of the user's is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.shared.errors import NothingPropagated
from engine.shared.folder_claim import claim, read_marker
from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import MatteQuality
from engine.shared.types import VersionCap
from engine.shared.version_keeper import VersionKeeper
from engine.shared.version_store import RunInfo, run_ids, versions
from engine.shared.versions import kept_runs, next_redo, next_undo, redo, undo
from tests.engine.shared.version_runs import contents, methods, run


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    return MatteFolder(tmp_path / "out")


def test_undo_brings_back_the_bytes_the_dates_and_what_is_known_of_them(folder):
    run(folder, "a")
    before, date = contents(folder), folder.matte(1, 3).stat().st_mtime_ns
    run(folder, "b", range(2, 5))
    after = contents(folder)
    assert methods(folder) == ["a", "b", "b", "b", "a"]
    moved = undo(folder)
    assert moved.numbers == (2, 3, 4)
    assert (moved.edited, moved.locked, moved.missing) == ((), (), ())
    assert contents(folder) == before
    assert folder.matte(1, 3).stat().st_mtime_ns == date
    assert methods(folder) == ["a"] * 5
    assert read_marker(folder)["run"] == "a"
    assert redo(folder).numbers == (2, 3, 4)
    assert contents(folder) == after
    assert methods(folder) == ["a", "b", "b", "b", "a"]
    assert read_marker(folder)["run"] == "b"


def test_runs_are_undone_from_the_last_to_the_first_and_redone_in_order(folder):
    states = [contents(folder)] if folder.root.is_dir() else [{}]
    for name, numbers in (("a", range(1, 4)), ("b", range(2, 6)), ("c", range(1, 2))):
        run(folder, name, numbers)
        states.append(contents(folder))
    for state in (states[2], states[1], states[0]):
        undo(folder)
        assert contents(folder) == state
    with pytest.raises(NothingPropagated, match="there is no run to undo"):
        undo(folder)
    for state in states[1:]:
        redo(folder)
        assert contents(folder) == state
    with pytest.raises(NothingPropagated, match="there is no run to redo"):
        redo(folder)


def test_undo_of_the_first_run_removes_what_it_made_and_no_other_files(folder):
    run(folder, "a")
    own = folder.matte(1, 9)
    own.write_bytes(b"put there by the artist")
    (folder.root / "mattes" / "notes.txt").write_text("mine")
    undo(folder)
    assert contents(folder) == {"mattes/001/000009.png": b"put there by the artist"}
    assert (folder.root / "mattes" / "notes.txt").read_text() == "mine"
    assert not folder.labels(1).parent.exists()
    redo(folder)
    assert len(contents(folder)) == 12


def test_the_same_mattes_get_back_the_quality_of_their_run(folder):
    for method in ("a", "b"):
        with claim(folder) as claimed:
            claimed.mark({})
            VersionKeeper(claimed, VersionCap(), RunInfo(method, "keymatte", method))
            claimed.written.write(folder.matte(1, 1), b"same", MatteQuality(0.5, method=method))
    assert methods(folder, range(1, 2)) == ["b"]
    undo(folder)
    assert methods(folder, range(1, 2)) == ["a"]
    redo(folder)
    assert methods(folder, range(1, 2)) == ["b"]


def test_a_matte_that_was_edited_after_the_run_stays(folder):
    run(folder, "a")
    before = contents(folder)
    run(folder, "b")
    folder.matte(1, 3).write_bytes(b"edited")
    moved = undo(folder)
    assert moved.edited == (3,)
    assert moved.numbers == (1, 2, 4, 5)
    kept = {"mattes/001/000003.png": b"edited", "labels/000003.png": b"labels b 3"}
    assert contents(folder) == {**before, **kept}
    folder.matte(1, 4).write_bytes(b"edited, too")
    assert redo(folder).edited == (4,)
    assert folder.matte(1, 3).read_bytes() == b"edited"
    assert folder.matte(1, 4).read_bytes() == b"edited, too"
    assert folder.matte(1, 5).read_bytes() == b"matte b 5"


def test_an_edited_matte_of_the_first_run_stays_although_there_was_none_before(folder):
    run(folder, "a")
    folder.matte(1, 3).write_bytes(b"edited")
    assert undo(folder).edited == (3,)
    assert contents(folder) == {"mattes/001/000003.png": b"edited", "labels/000003.png": b"labels a 3"}


def test_locked_mattes_stay(folder):
    run(folder, "a")
    run(folder, "b")
    moved = undo(folder, lambda object_id, number: object_id == 1 and number in (2, 4))
    assert moved.locked == (2, 4)
    assert methods(folder) == ["a", "b", "a", "b", "a"]
    assert folder.labels(2).read_bytes() == b"labels b 2"
    redo(folder)
    assert methods(folder) == ["b"] * 5


def test_a_link_in_place_of_a_matte_is_the_users(folder, tmp_path):
    run(folder, "a")
    run(folder, "b")
    other = tmp_path / "other.png"
    other.write_bytes(folder.matte(1, 2).read_bytes())
    folder.matte(1, 2).unlink()
    folder.matte(1, 2).symlink_to(other)
    assert undo(folder).edited == (2,)
    assert folder.matte(1, 2).is_symlink()


def test_a_new_run_ends_what_could_be_redone(folder):
    run(folder, "a")
    run(folder, "b")
    undo(folder)
    run(folder, "c", range(1, 2))
    with pytest.raises(NothingPropagated):
        redo(folder)
    assert [one.undone for one in kept_runs(folder)] == [False, False]
    undo(folder)
    assert methods(folder) == ["a"] * 5


def test_a_run_that_is_resumed_is_undone_as_one(folder):
    run(folder, "a")
    before = contents(folder)
    run(folder, "b", range(1, 3), job="same")
    record = versions(folder)[-1][0].path / "before.txt"
    record.write_bytes(record.read_bytes() + b"labels/0000")  # cut off by a crash
    run(folder, "b", range(3, 6), job="same")
    assert len(kept_runs(folder)) == 2
    assert kept_runs(folder)[-1].numbers == (1, 2, 3, 4, 5)
    undo(folder)
    assert contents(folder) == before


def test_the_oldest_runs_go_first_when_there_are_more_than_the_cap(folder):
    for name in "abcd":
        assert run(folder, name, cap=VersionCap(count=2)) == ""
    assert [info.run for _, info in versions(folder)] == ["c", "d"]
    assert [path.name for path in folder.version_folders()] == ["000003", "000004"]
    undo(folder)
    undo(folder)
    assert methods(folder) == ["b"] * 5


def test_the_oldest_runs_go_first_when_they_take_more_than_the_cap(folder):
    for name in "abcd":
        run(folder, name)
    size = kept_runs(folder)[-1].bytes
    assert size == sum(len(data) for data in contents(folder).values()) + len(json.dumps(read_marker(folder), indent=1))
    assert run(folder, "e", cap=VersionCap(bytes=2 * size)) == ""
    assert [info.run for _, info in versions(folder)] == ["d", "e"]


def test_a_run_that_alone_takes_more_than_the_cap_keeps_nothing_and_says_so(folder):
    run(folder, "a")
    warning = run(folder, "b", cap=VersionCap(bytes=40))
    expected = "what it replaces takes more than the 40 bytes that earlier mattes may take"
    assert warning == f"This run cannot be undone: {expected}."
    assert methods(folder) == ["b"] * 5
    assert kept_runs(folder) == []
    assert not folder.versions.exists()


def test_nothing_is_kept_if_the_artist_wants_no_versions(folder):
    run(folder, "a")
    assert run(folder, "b", cap=VersionCap(count=0)) == ""
    assert kept_runs(folder) == []
    assert not folder.versions.exists()


def test_kept_runs_say_when_with_what_on_which_frames_and_how_large(folder):
    run(folder, "a")
    run(folder, "b", range(2, 4))
    first, second = kept_runs(folder)
    assert (first.number, first.when, first.recipe, first.numbers, first.bytes) == (1, 1.0, "keymatte", range_of(5), 0)
    assert (second.number, second.numbers, second.undone) == (2, (2, 3), False)
    assert run_ids(folder) == {"a"}
    assert (next_undo(folder), next_redo(folder)) == (versions(folder)[1][1], None)
    undo(folder)
    assert [one.undone for one in kept_runs(folder)] == [False, True]
    assert next_undo(folder) == versions(folder)[0][1]
    assert next_redo(folder) == versions(folder)[1][1]


def range_of(last: int) -> tuple[int, ...]:
    return tuple(range(1, last + 1))
