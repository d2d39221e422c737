"""What differs on Windows and macOS, run here with the system's name faked; the systems' own modules are stand-ins."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.checkpoints import download
from engine.runtime import allocator, device
from engine.shared import files, folder_lock, kept_features
from engine.shared.errors import FolderInUse

fcntl = pytest.importorskip("fcntl", reason="the stand-in for Windows' locks needs those of POSIX")


def locking(handle: int, mode: int, count: int) -> None:
    """Lock an open file as `msvcrt.locking` does: without waiting, with EACCES if it is locked."""
    assert (mode, count) == (msvcrt.LK_NBLCK, 1)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise OSError(errno.EACCES, "Permission denied") from error


msvcrt = SimpleNamespace(LK_NBLCK=2, locking=locking)


@pytest.fixture
def windows(monkeypatch):
    """Fake the name of the system, and the module that only it has."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)


@pytest.fixture
def locks(windows):
    """Return a copy of the module `folder_lock`, loaded as on Windows."""
    spec = importlib.util.spec_from_file_location("engine.shared.folder_lock_on_windows", folder_lock.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_on_windows_one_process_at_a_time_holds_a_folder(locks, tmp_path):
    with locks.locked(tmp_path):
        with (
            pytest.raises(FolderInUse, match=rf"in use by another run \(process {os.getpid()} on "),
            locks.locked(tmp_path),
        ):
            pass
        assert locks.is_taken(tmp_path)
    assert list(tmp_path.iterdir()) == [], "the file is closed first, then removed"
    with locks.locked(tmp_path):
        pass


def test_on_windows_it_cannot_be_told_whether_an_owner_still_runs(tmp_path, monkeypatch):
    owner = json.dumps({"pid": 99999999, "host": folder_lock.socket.gethostname()})  # of a process that has ended
    (tmp_path / folder_lock.OWNER_FILE).write_text(owner)
    assert not folder_lock.is_taken(tmp_path)
    monkeypatch.setattr(folder_lock.sys, "platform", "win32")
    assert folder_lock.is_taken(tmp_path)


def test_on_windows_a_file_that_is_read_is_replaced_later(tmp_path, monkeypatch):
    part, path, tries = tmp_path / "a.part", tmp_path / "a", []
    part.write_text("new")
    path.write_text("old")
    replace = os.replace

    def refused_twice(source, target):
        tries.append(source)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", refused_twice)
    with pytest.raises(PermissionError):
        files.replace_file(part, path)
    tries.clear()
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "name", "nt")
        files.replace_file(part, path)
    assert len(tries) == 3 and path.read_text() == "new"


def test_on_windows_a_junction_counts_as_a_link(windows, monkeypatch, tmp_path):
    tag = 0xA0000003
    monkeypatch.setattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", tag, raising=False)
    for reparse_tag, is_link in ((tag, True), (0, False)):
        status = SimpleNamespace(st_mode=stat.S_IFDIR | 0o755, st_reparse_tag=reparse_tag)
        monkeypatch.setattr(files.os, "lstat", lambda _path, status=status: status)
        assert files.is_link(tmp_path) is is_link


def test_on_windows_a_download_is_locked(windows, tmp_path):
    path = tmp_path / "weights.part"
    with path.open("wb") as one, path.open("ab") as other:
        assert download._try_lock(one)
        assert not download._try_lock(other), "another process downloads the same file"


@pytest.mark.parametrize(
    ("platform", "variable", "value", "expected"),
    [
        ("win32", "LOCALAPPDATA", "local", "local/keymatte/Cache/features"),
        ("win32", "LOCALAPPDATA", "", "AppData/Local/keymatte/Cache/features"),
        ("darwin", "XDG_CACHE_HOME", "cache", "Library/Caches/keymatte/features"),
        ("linux", "XDG_CACHE_HOME", "cache", "cache/keymatte/features"),
    ],
)
def test_features_are_kept_where_each_system_keeps_caches(tmp_path, monkeypatch, platform, variable, value, expected):
    monkeypatch.setattr(kept_features.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv(variable, str(tmp_path / value) if value else "")
    assert kept_features.features_folder() == tmp_path / expected


def test_macos_gives_peak_memory_in_bytes_and_others_in_kilobytes(monkeypatch):
    resource = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda _who: SimpleNamespace(ru_maxrss=123))
    monkeypatch.setitem(sys.modules, "resource", resource)
    monkeypatch.setattr(device, "Path", lambda _path: Path("not/there"))
    monkeypatch.setattr(device.sys, "platform", "darwin")
    assert device.peak_memory() == 123
    monkeypatch.setattr(device.sys, "platform", "freebsd14")
    assert device.peak_memory() == 123 * 1024
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows, which lacks it
    assert device.peak_memory() == 0


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_malloc_is_only_tuned_where_it_is_that_of_glibc(monkeypatch, platform):
    def load(_name):
        raise AssertionError("no library is to be loaded")

    monkeypatch.setattr(allocator.ctypes, "CDLL", load)
    monkeypatch.setattr(allocator.sys, "platform", platform)
    allocator.tune_malloc()
