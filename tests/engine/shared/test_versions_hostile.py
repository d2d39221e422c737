"""Undoing a run in a folder that others changed or hold, or in which a process was killed, does no harm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.shared.errors import FolderInUse, FolderTaken
from engine.shared.folder_lock import locked
from engine.shared.matte_folder import MatteFolder
from engine.shared.version_store import versions
from engine.shared.versions import finish_interrupted, kept_runs, redo, undo
from tests.engine.shared.version_runs import contents, methods, run


@pytest.fixture
def folder(tmp_path: Path) -> MatteFolder:
    return MatteFolder(tmp_path / "out")


def test_undo_is_refused_while_another_holds_the_folder(folder):
    run(folder, "a")
    before = contents(folder)
    with locked(folder.root), pytest.raises(FolderInUse, match="is in use by another run"):
        undo(folder)
    assert contents(folder) == before


def test_a_folder_that_is_not_keymattes_is_left_alone(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(FolderTaken):
        undo(MatteFolder(tmp_path))


def test_names_that_were_not_made_here_are_neither_put_back_nor_removed(folder, tmp_path):
    run(folder, "a")
    run(folder, "b")
    version = versions(folder)[-1][0]
    for name in ("../outside.png", "keyframes/001/000001.png", "labels/../../x.png"):
        with (version.path / "before.txt").open("a") as record:
            record.write(f"{name}\t-\t\n")
    (tmp_path / "outside.png").write_bytes(b"mine")
    (folder.root / "keyframes" / "001").mkdir(parents=True)
    (folder.root / "keyframes" / "001" / "000001.png").write_bytes(b"my keyframe")
    (version.path / "before" / "notes.txt").write_text("mine")
    undo(folder)
    assert (tmp_path / "outside.png").read_bytes() == b"mine"
    assert (folder.root / "keyframes" / "001" / "000001.png").read_bytes() == b"my keyframe"
    version.remove()
    assert [path.name for path in (version.path / "before").iterdir()] == ["notes.txt"]


def test_a_kept_file_that_was_deleted_leaves_the_matte_of_the_run(folder):
    run(folder, "a")
    run(folder, "b")
    (versions(folder)[-1][0].path / "before" / "mattes" / "001" / "000002.png").unlink()
    assert undo(folder).missing == (2,)
    assert methods(folder) == ["a", "b", "a", "a", "a"]


@pytest.mark.parametrize("is_undo", [True, False])
@pytest.mark.parametrize("left", [1, 3, 11])
def test_an_exchange_that_stopped_half_way_is_finished(folder, is_undo, left):
    run(folder, "a")
    before = contents(folder)
    run(folder, "b")
    after = contents(folder)
    undo(folder)
    if not is_undo:
        redo(folder)
    version, info = versions(folder)[-1]
    version.write_info(replace(info, moving=True))
    here, there = ("after", "before") if is_undo else ("before", "after")
    for name in sorted(before)[:left]:  # not exchanged yet
        (folder.root / name).replace(version.path / there / name)
        (version.path / here / name).replace(folder.root / name)
    (version.path / here / name).hardlink_to(folder.root / name)  # half exchanged
    finish_interrupted(folder.root)
    assert contents(folder) == (before if is_undo else after)
    assert [one.undone for one in kept_runs(folder)] == [False, is_undo]
    assert methods(folder) == ["a" if is_undo else "b"] * 5
    (redo if is_undo else undo)(folder)
    assert contents(folder) == (after if is_undo else before)


def test_a_version_that_was_not_finished_or_not_wholly_removed_counts_for_nothing(folder):
    run(folder, "a")
    run(folder, "b")
    unfinished = versions(folder)[-1][0].path
    (unfinished / "run.json").unlink()
    (unfinished / "notes.txt").write_text("mine")
    assert [info.run for _, info in versions(folder)] == ["a"]
    assert run(folder, "c") == ""
    assert [info.run for _, info in versions(folder)] == ["a", "c"]
    assert [path.name for path in unfinished.iterdir()] == ["notes.txt"]
    undo(folder)
    assert methods(folder) == ["b"] * 5
