"""Lock of a folder that only one process at a time may write to."""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import FolderInUse, FolderNotWritable
from .files import writing_error

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_FILE = "keymatte.lock"
OWNER_FILE = "keymatte.owner"  # instead of a lock, where the file system has none
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_LOCKED_BYTE = 1 << 30  # far behind the content: Windows lets nobody read a locked byte
_OPENING = os.O_RDWR | os.O_CREAT | (0 if sys.platform == "win32" else os.O_NOFOLLOW)

_log = logging.getLogger(__name__)


class FolderLock:
    """A lock that this process holds on a folder; the system releases it when the process ends, however it ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def check(self) -> None:
        """Raise FolderNotWritable if the folder was deleted, moved or replaced since it was locked."""
        if not _is_same(self._handle, self.path):
            raise FolderNotWritable(
                f"{self.path.parent} was deleted, moved or emptied while results were written to it",
                remedy="Run again; leave the folder as it is until the run has ended.",
            )

    def release(self) -> None:
        """Release the lock and remove its file."""
        if sys.platform == "win32":  # an open file cannot be removed
            os.close(self._handle)
            _remove(self.path)
            return
        if _is_same(self._handle, self.path):  # removed while it is locked, or another run could already hold it
            _remove(self.path)
        os.close(self._handle)


@contextmanager
def locked(folder: Path) -> Iterator[FolderLock]:
    """Hold the lock of an existing folder during the `with` block.

    Where the file system offers no locks, a file that names the owner takes their place. Raises FolderInUse at once if
    another process holds the lock, FolderNotWritable, DiskFull.
    """
    lock = _acquire(folder / LOCK_FILE)
    try:
        yield lock
    finally:
        lock.release()


def refuse_if_locked(folder: Path) -> None:
    """Raise FolderInUse if another process holds the lock of the folder, which need not exist."""
    if any((folder / name).is_file() for name in (LOCK_FILE, OWNER_FILE)):
        with locked(folder):
            pass


def is_taken(folder: Path) -> bool:
    """Return whether a process seems to hold the lock of the folder, without touching it: by its file, and the owner.

    True for the file of a process that was killed, if that cannot be told, as on Windows or of another machine.
    """
    for name in (LOCK_FILE, OWNER_FILE):
        if (folder / name).is_file():
            owner = _read_owner(folder / name)
            return owner.get("host") != socket.gethostname() or _runs(owner.get("pid"))
    return False


def _acquire(path: Path) -> FolderLock:
    while True:
        try:
            handle = os.open(path, _OPENING, 0o666)
        except OSError as error:
            raise writing_error(path, error) from error
        try:
            _lock(handle)
        except OSError as error:
            owner = _read_owner(path)
            os.close(handle)
            if error.errno in _HELD:
                raise _in_use(path, owner) from error
            if error.errno not in _UNSUPPORTED:
                raise writing_error(path, error) from error
            _remove(path)
            return _acquire_without_locks(path.with_name(OWNER_FILE))
        if _is_same(handle, path):  # else the previous owner has removed the file meanwhile
            _write_owner(handle, path)
            return FolderLock(path, handle)
        os.close(handle)


def _acquire_without_locks(path: Path) -> FolderLock:
    """Create the owner file, which only one process can; that of a dead process of this machine is taken over."""
    _log.warning("the file system of %s has no locks: the file %s takes their place", path.parent, path.name)
    owner = _read_owner(path)
    if owner.get("host") == socket.gethostname() and not _runs(owner.get("pid")):
        _remove(path)
    try:
        handle = os.open(path, _OPENING | os.O_EXCL, 0o666)
    except FileExistsError as error:
        remedy = f"Wait until it has ended, or choose another folder. If it was killed, delete {path} and run again."
        raise _in_use(path, owner, remedy) from error
    except OSError as error:
        raise writing_error(path, error) from error
    _write_owner(handle, path)
    return FolderLock(path, handle)


def _lock(handle: int) -> None:
    """Lock an open file without waiting. Raises OSError if it is locked, or cannot be."""
    if sys.platform == "win32":
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_same(handle: int, path: Path) -> bool:
    """Return whether `path` is still the file that is open as `handle`."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except OSError:
        return False


def _runs(process: object) -> bool:
    """Return whether a process of this machine runs; True if that cannot be told."""
    if sys.platform == "win32" or not isinstance(process, int) or process <= 0:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _write_owner(handle: int, path: Path) -> None:
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    try:
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(owner).encode())
    except OSError as error:
        FolderLock(path, handle).release()
        raise writing_error(path, error) from error


def _read_owner(path: Path) -> dict[str, Any]:
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # written at this moment
        return {}
    return owner if isinstance(owner, dict) else {}


def _in_use(path: Path, owner: dict[str, Any], remedy: str = "") -> FolderInUse:
    who = f"process {owner['pid']} on {owner.get('host')}, since {owner.get('since')}" if "pid" in owner else "another"
    return FolderInUse(f"the folder {path.parent} is in use by another run ({who})", remedy=remedy)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
