"""Kept features: they are where the operating system has caches, and only our own files are removed."""

from __future__ import annotations

import platformdirs
import pytest

from engine.shared.kept_features import feature_files, features_folder, remove_features


@pytest.mark.parametrize("chosen", ("", "chosen"))
def test_the_folder_is_in_the_users_cache_folder(monkeypatch, tmp_path, chosen):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / chosen) if chosen else "")
    assert features_folder() == platformdirs.user_cache_path("keymatte", appauthor=False) / "features"


def test_only_our_files_are_removed(tmp_path):
    root = tmp_path / "features"
    assert (feature_files(root), remove_features(root)) == ([], 0), "there is no folder yet"
    mine, shared, other = root / ("a" * 32), root / ("b" * 32), root / "notes"
    for folder in (mine, shared, other):
        folder.mkdir(parents=True)
        (folder / "000001-0123abcd.safetensors").write_bytes(b"12345")
    (mine / "000002-0123abcd.safetensors.part").write_bytes(b"123")
    (shared / "read me.txt").write_text("the user's")
    behind = tmp_path / "elsewhere"
    behind.mkdir()
    (behind / "000001-0123abcd.safetensors").write_bytes(b"12345")
    (root / ("c" * 32)).symlink_to(behind, target_is_directory=True)
    (shared / "000003-0123abcd.safetensors").symlink_to(behind / "000001-0123abcd.safetensors")
    assert remove_features(root) == 13
    assert not mine.exists()
    assert sorted(path.name for path in shared.iterdir()) == ["000003-0123abcd.safetensors", "read me.txt"]
    assert (other / "000001-0123abcd.safetensors").read_bytes() == b"12345"
    assert (behind / "000001-0123abcd.safetensors").read_bytes() == b"12345"
