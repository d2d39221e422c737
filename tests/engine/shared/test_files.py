"""Files are written whole or not at all, and a path that cannot be written ends in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.shared.errors import FolderNotWritable, FolderTaken
from engine.shared.files import atomic_write
from engine.shared.folder_claim import claim
from engine.shared.matte_folder import MatteFolder


def test_a_file_is_replaced_only_when_the_block_ends_well(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_write(path) as part:
        part.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as part:
        part.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"


def test_a_folder_in_place_of_the_temporary_file_is_named_and_kept(tmp_path):
    (tmp_path / "a.png.part").mkdir()
    (tmp_path / "a.png.part" / "mine.txt").write_text("kept")
    with pytest.raises(
        FolderNotWritable, match=r"a\.png\.part, the name of its temporary file, is a folder"
    ) as refusal:
        _write(tmp_path / "a.png")
    assert "rename that folder" in refusal.value.remedy
    assert (tmp_path / "a.png.part" / "mine.txt").read_text() == "kept"


def test_a_temporary_file_of_another_process_is_not_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "unlink", lambda path, missing_ok=False: None)  # it appears after the old one is removed
    (tmp_path / "a.png.part").write_text("of another process")
    with pytest.raises(FolderNotWritable):
        _write(tmp_path / "a.png")
    assert (tmp_path / "a.png.part").read_text() == "of another process"


@pytest.mark.parametrize("name", ["a\0b.png", "a\0/b.png", "n" * 300, "\ud800.png", "file/b.png", "loop/b.png"])
def test_paths_that_cannot_exist_end_in_a_sentence(tmp_path, name):
    if name == "\ud800.png" and os.name == "nt":
        pytest.skip("Windows can encode it")
    (tmp_path / "file").write_text("a file, not a folder")
    if os.name != "nt":
        (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FolderNotWritable, match="cannot be written"):
        _write(tmp_path / name)
    with pytest.raises((FolderNotWritable, FolderTaken)), claim(MatteFolder(tmp_path / name)):
        pass
    assert (tmp_path / "file").read_text() == "a file, not a folder"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_without_permission_ends_in_a_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FolderNotWritable, match="Permission denied"):
        _write(tmp_path / "a.png")


def _write(path: Path) -> None:
    with atomic_write(path) as part:
        part.write_text("content")
