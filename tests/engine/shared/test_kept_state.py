"""The kept state of a matte folder is, file by file, what undoing or redoing a run brings back; nothing is moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.shared.folder_claim import claim
from engine.shared.kept_state import kept_state
from engine.shared.matte_folder import MatteFolder
from engine.shared.quality import MatteQuality
from engine.shared.types import VersionCap
from engine.shared.version_keeper import VersionKeeper
from engine.shared.version_store import RunInfo, Side
from engine.shared.versions import redo, undo
from tests.engine.shared.version_runs import Contents, contents, run


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    return MatteFolder(tmp_path / "out")


def tree(folder: MatteFolder) -> Contents:
    """Return the bytes of all files of the folder, what is kept of earlier runs included."""
    return {str(path): path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}


def seen(folder: MatteFolder, names: Contents) -> Contents:
    """Return the bytes of the files with these names as the kept state has them; those that it lacks are left out."""
    state, _ = kept_state(folder)
    paths = {name: state.file(folder.root / name) for name in names}
    return {name: path.read_bytes() for name, path in paths.items() if path.exists()}


def test_it_is_what_undo_brings_back_and_then_what_redo_brings_back(folder):
    states: list[Contents] = [{}]
    for name, numbers in (("a", range(1, 5)), ("b", range(3, 8)), ("c", range(2, 4))):  # replace some, and add some
        run(folder, name, numbers)
        states.append(contents(folder))
    names = {name: b"" for state in states for name in state}
    for earlier in (states[2], states[1], states[0]):
        before = tree(folder)
        found = seen(folder, names)
        assert tree(folder) == before, "nothing is moved"
        _, info = kept_state(folder)
        assert info.can_be_undone
        undo(folder)
        assert found == contents(folder) == earlier
    found = seen(folder, names)
    state, info = kept_state(folder)
    assert not info.can_be_undone
    assert (info.run, state.side) == ("a", Side.AFTER)
    redo(folder)
    assert found == contents(folder) == states[1]


def test_after_an_undo_it_is_that_of_the_run_before(folder):
    for name in ("a", "b", "c"):
        run(folder, name)
    for expected in ("c", "b", "a"):
        state, info = kept_state(folder)
        assert (info.run, state.side) == (expected, Side.BEFORE)
        undo(folder)


def test_files_that_the_run_did_not_touch_are_those_of_now(folder):
    run(folder, "a", range(1, 6))
    run(folder, "b", range(2, 4))
    state, _ = kept_state(folder)
    assert state.file(folder.matte(1, 1)) == folder.matte(1, 1)
    assert state.file(folder.matte(2, 2)) == folder.matte(2, 2), "an object that has no mattes"
    folder.matte(1, 5).write_bytes(b"edited since")
    assert state.file(folder.matte(1, 5)).read_bytes() == b"edited since"
    assert state.file(folder.labels(3)).read_bytes() == b"labels a 3"


def test_it_grows_while_the_run_goes_on(folder):
    run(folder, "a", range(1, 4))
    with claim(folder) as claimed:
        keeper = VersionKeeper(claimed, VersionCap(), RunInfo("b", "keymatte", "b"))
        for number in (2, 3, 4):
            written = [folder.matte(1, at) for at in range(2, number)]
            if written:
                assert [kept_of(folder, path) for path in written] == [f"matte a {at}" for at in range(2, number)]
                assert kept_of(folder, folder.matte(1, 4)) is None
            claimed.written.write(folder.matte(1, number), f"matte b {number}".encode(), MatteQuality(0.9))
        assert folder.matte(1, 4).exists()
        assert kept_of(folder, folder.matte(1, 4)) is None, "the run has added it"
        keeper.close()


def kept_of(folder: MatteFolder, path: Path) -> str | None:
    state, _ = kept_state(folder)
    file = state.file(path)
    return file.read_text() if file.exists() else None


def test_without_a_kept_run_there_is_none(folder):
    assert kept_state(folder) is None
    run(folder, "a", cap=VersionCap(count=0))
    assert kept_state(folder) is None


def test_a_state_whose_run_is_no_longer_kept_is_that_of_now(folder):
    run(folder, "a")
    run(folder, "b")
    state, _ = kept_state(folder)
    state.version.remove()
    assert state.file(folder.matte(1, 2)) == folder.matte(1, 2)
