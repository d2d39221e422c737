"""The folder of cached keys is emptied only if its marker is Keymatte's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.shared.errors import FolderTaken
from engine.suggestion.key_cache import KeyFolder

INPUTS = {"clip": ["a.png"], "network": "Keymatte", "precision": "float32", "weights": None, "size": [480, 854]}


@pytest.mark.parametrize("about", ['{"title": "my data"}', "[1, 2]", "{"])
def test_arrays_beside_an_about_file_of_others_are_kept(tmp_path: Path, about: str):
    (tmp_path / "about.json").write_text(about)
    (tmp_path / "000001.npy").write_bytes(b"mine")
    with pytest.raises(FolderTaken):
        KeyFolder.open(tmp_path, INPUTS)
    assert (tmp_path / "000001.npy").read_bytes() == b"mine"
    assert (tmp_path / "about.json").read_text() == about


def test_keys_of_other_inputs_are_removed_and_other_arrays_kept(tmp_path: Path):
    KeyFolder.open(tmp_path / "keys", INPUTS)
    for name in ("000001.npy", "1.npy", "2024-flow.npy"):
        (tmp_path / "keys" / name).write_bytes(b"x")
    KeyFolder.open(tmp_path / "keys", INPUTS)
    assert (tmp_path / "keys" / "000001.npy").exists()
    KeyFolder.open(tmp_path / "keys", {**INPUTS, "size": [240, 426]})
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["1.npy", "2024-flow.npy", "about.json"]


@pytest.mark.skipif(os.name == "nt", reason="links need permissions on Windows")
def test_a_link_to_a_folder_of_others_is_refused(tmp_path: Path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "000001.npy").write_bytes(b"mine")
    (tmp_path / "keys").symlink_to(tmp_path / "others")
    with pytest.raises(FolderTaken):
        KeyFolder.open(tmp_path / "keys", INPUTS)
    assert [path.name for path in (tmp_path / "others").iterdir()] == ["000001.npy"]
