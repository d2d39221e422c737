"""A matte folder is written to by one process at a time, and nothing that is not Keymatte's is changed or deleted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.shared import folder_lock
from engine.shared.errors import FolderInUse, FolderNotWritable, FolderTaken
from engine.shared.folder_claim import claim, read_marker, refuse_if_taken
from engine.shared.folder_lock import LOCK_FILE, OWNER_FILE, locked, refuse_if_locked
from engine.shared.matte_folder import CHECKPOINT_FILE, MatteFolder
from engine.shared.written_files import WrittenFiles

ROOT = Path(__file__).parents[3]
_HOLD = """
import sys, time
from pathlib import Path
from engine.shared.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
links = pytest.mark.skipif(os.name == "nt", reason="links need permissions on Windows")


def holder(folder: Path) -> subprocess.Popen[str]:
    """Start a process that holds the lock of `folder`; return it once it does."""
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert child.stdout and child.stdout.readline() == "held\n"
    return child


def test_a_second_process_is_refused_at_once_and_named(tmp_path):
    child = holder(tmp_path)
    try:
        began = time.monotonic()
        with pytest.raises(FolderInUse, match=f"process {child.pid} on "):
            refuse_if_locked(tmp_path)
        with pytest.raises(FolderInUse, match=str(child.pid)), claim(MatteFolder(tmp_path)):
            pass
        assert time.monotonic() - began < 2
        assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]
    finally:
        child.kill()
        child.wait()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    child = holder(tmp_path)
    child.kill()
    child.wait()
    assert (tmp_path / LOCK_FILE).exists()
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()
    assert not any(tmp_path.iterdir()), "released, and its file removed"


def test_one_process_cannot_hold_a_lock_twice(tmp_path):
    with locked(tmp_path), pytest.raises(FolderInUse), locked(tmp_path):
        pass
    refuse_if_locked(tmp_path)
    refuse_if_locked(tmp_path / "missing")
    assert not any(tmp_path.iterdir())


def test_a_folder_that_is_deleted_or_moved_while_locked_is_noticed(tmp_path):
    folder = tmp_path / "mattes"
    folder.mkdir()
    with locked(folder) as lock:
        lock.check()
        folder.rename(tmp_path / "moved")
        with pytest.raises(FolderNotWritable, match="was deleted, moved"):
            lock.check()
        folder.mkdir()
        with pytest.raises(FolderNotWritable):
            lock.check()
    assert not any(folder.iterdir())


@links
def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("mine")
    folder = tmp_path / "mattes"
    folder.mkdir()
    (folder / LOCK_FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(FolderNotWritable), locked(folder):
        pass
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.fixture
def without_locks(monkeypatch):
    """Let the system answer as it does on file systems without locks, which a test cannot mount."""

    def refuse(handle: int) -> None:
        raise OSError(folder_lock._UNSUPPORTED[0], "No locks available")

    monkeypatch.setattr(folder_lock, "_lock", refuse)


def test_without_locks_of_the_system_an_owner_file_takes_their_place(tmp_path, without_locks, caplog):
    with locked(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [OWNER_FILE]
        with pytest.raises(FolderInUse, match=str(os.getpid())) as refused, locked(tmp_path):
            pass
        assert OWNER_FILE in refused.value.remedy
    assert "has no locks" in caplog.text
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="whether a process runs is asked in another way")
def test_without_locks_only_a_dead_owner_on_this_machine_is_replaced(tmp_path, without_locks):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with locked(tmp_path):
        here = json.loads((tmp_path / OWNER_FILE).read_text())
    (tmp_path / OWNER_FILE).write_text(json.dumps({**here, "pid": child.pid}))
    with locked(tmp_path):
        pass
    (tmp_path / OWNER_FILE).write_text(json.dumps({**here, "pid": child.pid, "host": "another"}))
    with pytest.raises(FolderInUse, match="on another"), locked(tmp_path):
        pass


# -- what may be claimed -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [".git", ".ssh", ".bashrc", ".hidden film", "keymatte"])
def test_a_folder_with_hidden_files_of_others_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(FolderTaken, match=name), claim(MatteFolder(tmp_path)):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["._plate", ".nfs0001", "Thumbs.db", "lost+found", ".Trash-1000"])
def test_files_that_systems_leave_everywhere_are_no_ones(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with claim(MatteFolder(tmp_path)) as claimed:
        claimed.mark({})
    assert read_marker(MatteFolder(tmp_path))["keymatte"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "my-app"}', "[" * 100_000])
def test_a_marker_that_is_damaged_or_of_another_program_claims_nothing(tmp_path, text):
    (tmp_path / "keymatte.json").write_text(text)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "000001.png.part").write_text("mine")
    with pytest.raises(FolderTaken, match="damaged, or another program's"), claim(MatteFolder(tmp_path)):
        pass
    assert (tmp_path / "labels" / "000001.png.part").read_text() == "mine"


@pytest.mark.parametrize("record", [{"study": "default"}, {"baseline": "flow"}, {"keymatte": "0.1.0"}])
def test_markers_of_version_0_1_0_are_known(tmp_path, record):
    (tmp_path / "keymatte.json").write_text(json.dumps(record))
    (tmp_path / "labels").mkdir()
    with claim(MatteFolder(tmp_path)) as claimed:
        assert claimed.earlier == record


@links
def test_links_out_of_the_folder_are_neither_listed_nor_emptied(tmp_path):
    outside, folder = tmp_path / "outside", MatteFolder(tmp_path / "mattes")
    job = outside / ("0" * 16)
    for path in (outside / "000001.png", outside / "001.npz", job / CHECKPOINT_FILE, job / "001" / "000001.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
    before = {path: path.read_text() for path in outside.rglob("*") if path.is_file()}
    (folder.root / "mattes").mkdir(parents=True)
    for name in ("labels", "mattes/009", "unfinished", "outlines", "keys", "keyframes"):
        (folder.root / name).symlink_to(outside)
    (folder.root / "mattes" / "001").mkdir()
    folder.matte(1, 1).symlink_to(outside / "000001.png")
    assert [*folder.image_files(), *folder.derived_files(), *folder.keyframe_files(), *folder.unfinished_jobs()] == []
    folder.remove_unfinished()
    assert {path: path.read_text() for path in outside.rglob("*") if path.is_file()} == before
    assert folder.unfinished.is_symlink()


@links
@pytest.mark.parametrize("name", ["labels", "mattes", "mattes/009", "outlines", "keys", "unfinished", "edited"])
def test_results_are_not_written_through_links(tmp_path, name):
    (tmp_path / "outside").mkdir()
    folder = MatteFolder(tmp_path / "shot")
    with claim(folder) as claimed:
        claimed.mark({})
    (folder.root / name).parent.mkdir(exist_ok=True)
    (folder.root / name).symlink_to(tmp_path / "outside")
    with pytest.raises(FolderTaken, match=rf"{name} is a link to .*outside"), claim(folder):
        pass
    (tmp_path / "whole").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FolderTaken, match=r"whole is a link to .*elsewhere, which does not exist"):
        refuse_if_taken(tmp_path / "whole")
    (tmp_path / "elsewhere").mkdir()
    with claim(MatteFolder(tmp_path / "whole")) as claimed:
        claimed.mark({})
    assert (tmp_path / "elsewhere" / "keymatte.json").is_file() and not any((tmp_path / "outside").iterdir())


def test_only_own_files_of_an_interrupted_job_are_removed(tmp_path):
    folder = MatteFolder(tmp_path)
    job = folder.unfinished / ("0" * 16)
    for name in (CHECKPOINT_FILE, "memory-3.safetensors", "001/000004.png", "001/notes.png", "mine.txt"):
        (job / name).parent.mkdir(parents=True, exist_ok=True)
        (job / name).write_text("x")
    folder.remove_unfinished()
    assert sorted(path.name for path in job.rglob("*") if path.is_file()) == ["mine.txt", "notes.png"]


# -- what was written --------------------------------------------------------------------------------------------------
def test_edited_and_foreign_images_are_told_from_written_ones(tmp_path):
    folder = MatteFolder(tmp_path)
    files = WrittenFiles(folder)
    for number in range(4):
        files.write(folder.matte(1, number), b"matte %d" % number)
    files.close()
    folder.matte(1, 1).write_bytes(b"matte x")  # of the same size
    folder.matte(1, 2).write_bytes(b"painted")
    os.utime(folder.matte(1, 3), ns=(1, 1))  # copied, with the same bytes
    folder.matte(1, 9).write_bytes(b"never written")
    files = WrittenFiles(folder)
    assert [files.is_edited(folder.matte(1, number)) for number in (0, 1, 2, 3, 9, 10)] == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]
    assert sorted(path.stem for path in files.recorded()) == ["000000", "000001", "000002", "000003"]
    assert files.set_aside(folder.matte(1, 1)) == tmp_path / "edited" / "mattes" / "001" / "000001.png"
    folder.matte(1, 1).write_bytes(b"again")
    assert files.set_aside(folder.matte(1, 1)).name == "000001-2.png"


def test_the_record_survives_a_kill_between_record_and_image(tmp_path):
    folder = MatteFolder(tmp_path)
    files = WrittenFiles(folder)
    for data in (b"first", b"second"):
        files.write(folder.labels(3), data)
    files.close()
    folder.labels(3).write_bytes(b"first")  # as if the second had not taken its place yet
    with folder.index.open("ab") as index:
        index.write(b"12 99 0000")  # as if the last line had not been written to its end
    files = WrittenFiles(folder)
    assert not files.is_edited(folder.labels(3))
    files.write(folder.labels(4), b"next")
    files.close()
    assert not WrittenFiles(folder).is_edited(folder.labels(4))


def test_a_crafted_record_names_nothing_outside_the_folder(tmp_path):
    folder = MatteFolder(tmp_path / "mattes")
    folder.root.mkdir()
    (tmp_path / "000001.png").write_bytes(b"x")
    lines = [
        "1 1 00000000 ../000001.png",
        f"1 1 00000000 {tmp_path}/000001.png",
        "1 1 00000000 labels/../../000001.png",
    ]
    folder.index.write_text("\n".join(lines))
    assert WrittenFiles(folder).recorded() == []


def folder_of_an_earlier_version(root: Path, ages: dict[int, float]) -> MatteFolder:
    """Write mattes and label images without a record; `ages` are seconds from label image to matte, by frame."""
    folder = MatteFolder(root)
    for number, age in ages.items():
        for path, seconds in ((folder.labels(number), 0.0), (folder.matte(1, number), age)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
            os.utime(path, (1e9 + seconds, 1e9 + seconds))
    return folder


def test_without_a_record_a_matte_newer_than_its_label_image_was_edited(tmp_path):
    folder = folder_of_an_earlier_version(tmp_path, {1: -0.1, 2: 0.0, 3: 3600.0})
    files = WrittenFiles(folder)
    assert [files.is_edited(folder.matte(1, number)) for number in (1, 2, 3)] == [False, False, True]
    files.write(folder.labels(1), b"new")
    files.close()
    files = WrittenFiles(folder)
    assert [files.is_edited(folder.matte(1, number)) for number in (1, 2, 3)] == [False, False, True], "is kept"


def test_dates_of_a_copied_folder_tell_nothing(tmp_path):
    folder = folder_of_an_earlier_version(tmp_path, {1: 300.0, 2: 300.0, 3: 301.0})
    assert not any(WrittenFiles(folder).is_edited(folder.matte(1, number)) for number in (1, 2, 3))
