"""The matte folder is claimed only if it is empty or ours, and its files are written atomically."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from engine.shared.errors import DiskFull, FolderNotWritable, FolderTaken
from engine.shared.files import atomic_write, writing_error
from engine.shared.folder_claim import claim
from engine.shared.matte_folder import MatteFolder, number_in, spans


def claim_and_mark(folder: MatteFolder, record: dict[str, Any]) -> None:
    with claim(folder) as claimed:
        claimed.mark(record)


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "desktop.ini"])
def test_folder_with_only_system_files_can_be_claimed(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    claim_and_mark(MatteFolder(tmp_path), {})
    assert (tmp_path / name).exists()


def test_the_last_number_of_a_name_is_its_frame():
    assert [number_in(stem) for stem in ("000020", "shot_2_0007", "frame12b", "plate")] == [20, 7, 12, None]
    assert [number_in(stem) for stem in ("²0003", "m²", "٣", "shot4_²")] == [3, None, None, 4]


def test_a_new_and_an_empty_folder_and_our_own_can_be_claimed(tmp_path: Path):
    folder = MatteFolder(tmp_path / "new" / "mattes é 1")
    claim_and_mark(folder, {"run": 1})
    (folder.root / "labels").mkdir()
    claim_and_mark(folder, {"run": 2})
    assert '"run": 2' in (folder.root / "keymatte.json").read_text(encoding="utf-8")


def test_folder_with_other_files_is_refused(tmp_path: Path):
    (tmp_path / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(FolderTaken, match=r"holiday\.jpg"):
        claim_and_mark(MatteFolder(tmp_path), {})
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_path_of_a_file_is_refused(tmp_path: Path):
    (tmp_path / "out").write_bytes(b"precious")
    with pytest.raises(FolderTaken, match="is a file"):
        claim_and_mark(MatteFolder(tmp_path / "out"), {})
    with pytest.raises(FolderNotWritable):
        claim_and_mark(MatteFolder(tmp_path / "out" / "below"), {})


def test_partial_files_of_a_killed_run_are_removed(tmp_path: Path):
    folder = MatteFolder(tmp_path / "m")
    claim_and_mark(folder, {})
    left = folder.labels(3).with_name("000003.png.part")
    left.parent.mkdir()
    left.write_bytes(b"half")
    claim_and_mark(folder, {})
    assert not left.exists()


@pytest.mark.parametrize(
    "name", ["movie.mkv.part", ".git/x.part", "labels/mine.png.part", "labels/3.png.part", "mattes/notes.txt.part"]
)
def test_partial_files_of_others_are_kept(tmp_path: Path, name: str):
    folder = MatteFolder(tmp_path / "m")
    claim_and_mark(folder, {})
    other = folder.root / name
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(b"precious")
    claim_and_mark(folder, {})
    assert other.read_bytes() == b"precious"


@pytest.mark.skipif(os.name == "nt", reason="links need permissions on Windows")
def test_a_link_with_the_name_of_a_partial_file_is_replaced_and_its_target_kept(tmp_path: Path):
    target = tmp_path / "precious.txt"
    target.write_text("precious")
    folder = MatteFolder(tmp_path / "m")
    claim_and_mark(folder, {})
    for path in (folder.labels(3), folder.root / "notes.png"):
        path.parent.mkdir(exist_ok=True)
        path.with_name(path.name + ".part").symlink_to(target)
    claim_and_mark(folder, {})
    with atomic_write(folder.root / "notes.png") as part:
        part.write_bytes(b"new")
    assert (folder.root / "notes.png").read_bytes() == b"new" and not (folder.root / "notes.png").is_symlink()
    assert target.read_text() == "precious"
    assert not list(folder.root.rglob("*.part"))


def test_failed_write_leaves_the_old_file_and_no_partial_file(tmp_path: Path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(DiskFull, match="no space"), atomic_write(path) as part:
        part.write_bytes(b"ne")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_errors_are_distinguished(tmp_path: Path):
    assert isinstance(writing_error(tmp_path, OSError(errno.ENOSPC, "")), DiskFull)
    assert isinstance(writing_error(tmp_path, PermissionError(errno.EACCES, "")), FolderNotWritable)


def test_done_frames_are_those_whose_labels_are_there(tmp_path: Path):
    folder = MatteFolder(tmp_path)
    for number in (12, 3, 1001):
        folder.labels(number).parent.mkdir(exist_ok=True)
        folder.labels(number).write_bytes(b"")
    (tmp_path / "labels" / "000004.png.part").write_bytes(b"")
    assert folder.numbers_done() == [3, 12, 1001]


def test_spans_are_formatted_as_ranges():
    assert spans([]) == ""
    assert spans([7, 3, 1, 2, 2, -1]) == "-1, 1 to 3, 7"
