"""A matte folder that moves is copied and checked first, and nothing but what Keymatte made is removed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.shared import folder_move
from engine.shared.errors import EngineError, FolderInUse, FolderNotWritable
from engine.shared.folder_lock import locked
from engine.shared.folder_move import NOTE, copy_folder, leave, moved_to, remove_copy

ROOT = Path(__file__).parents[3]
OURS = (
    "keymatte.json",
    "keymatte-index.txt",
    "keymatte-runs.txt",
    "adapted.safetensors",
    "labels/000001.png",
    "mattes/001/000001.png",
    "outlines/001.npz",
    "keys/000001.npy",
    "keys/about.json",
    "refined/keymatte-index.txt",
    "refined/mattes/001/000001.png",
    "keyframes/owner.json",
    "keyframes/001/000001.png",
    "keyframes/versions/0123456789abcdef.png",
    "unfinished/0123456789abcdef/memory.safetensors",
    "unfinished/0123456789abcdef/memory-2.safetensors",
    "unfinished/0123456789abcdef/earlier/001/000001.png",
    "versions/000001/run.json",
    "versions/000001/before.txt",
    "versions/000001/before/mattes/001/000001.png",
    "edited/mattes/001/000001-2.png",
)
FOREIGN = ("notes.txt", "mattes/mine.psd", "labels/000001.png.bak")
TRANSIENT = ("keymatte.lock", "labels/000002.png.part")


@pytest.fixture
def source(tmp_path) -> Path:
    root = tmp_path / "cache" / "folder"
    for name in (*OURS, *FOREIGN, *TRANSIENT):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_all_files_are_copied_and_only_keymattes_own_are_removed(source, tmp_path):
    target = tmp_path / "project" / "keymatte" / "shot"
    dates = {name: (source / name).stat().st_mtime_ns for name in OURS}
    copy_folder(source, target)
    assert names(target) == {*OURS, *FOREIGN}
    assert {name: (target / name).stat().st_mtime_ns for name in OURS} == dates, "the record knows files by their dates"
    leave(source, target)
    assert names(source) == {*FOREIGN, "labels/000002.png.part", NOTE}
    assert all((target / name).read_text() == name for name in (*OURS, *FOREIGN))
    assert moved_to(source) == target


def test_what_another_blender_has_written_since_the_copy_stays(source, tmp_path):
    copy_folder(source, tmp_path / "copy")
    painted = source / "keyframes" / "001" / "000001.png"
    painted.unlink()
    painted.write_text("painted anew")
    leave(source, tmp_path / "copy")
    assert painted.read_text() == "painted anew"


def test_what_is_changed_in_place_has_no_second_name(source, tmp_path):
    copy_folder(source, tmp_path / "copy")
    with (source / "keymatte-index.txt").open("a") as file:
        file.write("more")
    assert (tmp_path / "copy" / "keymatte-index.txt").read_text() == "keymatte-index.txt"


def test_links_are_neither_followed_nor_removed(source, tmp_path):
    outside = tmp_path / "outside"
    (outside / "002").mkdir(parents=True)
    (outside / "002" / "000001.png").write_text("precious")
    (source / "mattes" / "002").symlink_to(outside / "002")
    (source / "labels" / "000009.png").symlink_to(outside / "002" / "000001.png")
    copy_folder(source, tmp_path / "copy")
    leave(source, tmp_path / "copy")
    assert (outside / "002" / "000001.png").read_text() == "precious"
    assert not (tmp_path / "copy" / "mattes" / "002").exists()
    assert (source / "mattes" / "002").is_symlink() and (source / "labels" / "000009.png").is_symlink()


def test_a_folder_in_use_is_not_moved(source, tmp_path):
    with locked(source), pytest.raises(FolderInUse):
        copy_folder(source, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_target_that_is_taken_is_left_as_it_is(source, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("mine")
    with pytest.raises(FolderNotWritable):
        copy_folder(source, tmp_path / "copy")
    assert names(tmp_path / "copy") == {"mine"} and names(source) >= {*OURS}


def test_a_copy_that_cannot_be_completed_is_removed(source, tmp_path):
    """The limit on file sizes stands for a disk that is full: the large file cannot be copied, the others can."""
    (source / "refined" / "keymatte-index.txt").write_bytes(bytes(200_000))
    script = (
        "import resource, signal, sys; from pathlib import Path; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from engine.shared.folder_move import copy_folder; from engine.shared.errors import EngineError\n"
        "try: copy_folder(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except EngineError as error: sys.stdout.write(type(error).__name__)\n"
    )
    if sys.platform == "win32":
        pytest.skip("Windows has no limit on file sizes")
    before, target = names(source), tmp_path / "copy"
    command = [sys.executable, "-c", script, str(source), str(target)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.stdout == "FolderNotWritable", ended.stderr
    assert not target.exists() and names(source) >= before - set(TRANSIENT)


def test_another_file_system_gets_a_checked_copy(source, tmp_path):
    target = Path("/dev/shm") / f"keymatte-test-{os.getpid()}"
    if not target.parent.is_dir() or target.parent.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    try:
        copy_folder(source, target)
        assert names(target) == {*OURS, *FOREIGN}
        leave(source, target)
        assert all((target / name).read_text() == name for name in OURS)
    finally:
        remove_copy(target, target)
    assert not target.exists()


def test_a_copy_that_differs_is_not_trusted(source, tmp_path, monkeypatch):
    def damaged(path: Path, copy: Path) -> None:
        copy.write_bytes(path.read_bytes()[:-1])

    monkeypatch.setattr(folder_move, "link_or_copy", damaged)
    with pytest.raises(EngineError, match="not what was written"):
        copy_folder(source, tmp_path / "copy")
    assert not (tmp_path / "copy").exists() and names(source) >= {*OURS}


@pytest.mark.parametrize("text", ["", "[]", '{"moved_to": 1}', '{"moved_to": "relative"}', '{"moved_to": "/gone"}'])
def test_a_note_that_leads_nowhere_is_ignored(tmp_path, text):
    (tmp_path / NOTE).write_text(text)
    assert moved_to(tmp_path) == tmp_path


def test_notes_are_followed_but_not_in_circles(tmp_path):
    first, second, third = (tmp_path / name for name in ("a", "b", "c"))
    for folder in (first, second, third):
        folder.mkdir()
    (first / NOTE).write_text(f'{{"moved_to": "{second.as_posix()}"}}')
    (second / NOTE).write_text(f'{{"moved_to": "{third.as_posix()}"}}')
    assert moved_to(first) == third
    (third / NOTE).write_text(f'{{"moved_to": "{first.as_posix()}"}}')
    assert moved_to(first) in (first, second, third)
