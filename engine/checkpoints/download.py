"""Resumable, verified file download: written to a .part file, renamed on success."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from ..shared.catalogue import size_in_words
from ..shared.codec import from_json
from ..shared.errors import Cancelled, DiskFull, DownloadFailed, DownloadRefused
from ..shared.files import writing_error
from .http import Reply, is_web_page

Progress = Callable[[int, int], None]  # (bytes done, total bytes or 0 if unknown)
IsCancelled = Callable[[], bool]

MAX_SIZE = 4 << 30  # bytes: no weights file is larger
_TIMEOUT = 30.0  # seconds
_MAX_VERSION = 1000  # characters of an ETag
_MAX_NOTE = 10_000  # characters
_REPORT_INTERVAL = 1 << 20  # bytes between progress reports
_PERMANENT_FAILURES = (401, 403, 404, 410)  # statuses for which a retry is useless
_WEB_PAGE_TYPES = ("text/html", "application/xhtml+xml")


def download(
    address: str,
    target: Path,
    progress: Progress,
    cancelled: IsCancelled,
    *,
    sha256: str = "",
    max_size: int = MAX_SIZE,
    copies: int = 1,
    page: str = "",
    timeout: float = _TIMEOUT,
) -> str:
    """Download `address` to `target`, resuming a partial download; return the file's SHA-256.

    Data is written to `target` with ".part" appended; an interrupted download is resumed unless the remote file has
    changed. A nonempty `sha256` must match, and the file may have `max_size` bytes at most. Free disk space for
    `copies` of the file is required, e.g. for conversion. `page` is the web page of the file for manual download;
    `timeout` is for the server, in seconds.

    Raises Cancelled when `cancelled`, DownloadFailed, DownloadRefused, DiskFull, FolderNotWritable.
    """
    part = _PartialDownload(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.locked():
            _fetch(_Request(address, page or address, max_size, copies, timeout), part, progress, cancelled)
            found = sha256_of(part.path, cancelled)
            if sha256 and found != sha256.lower():
                part.remove()
                raise DownloadRefused(
                    f"{target.name} is not the published file: its SHA-256 is {found} instead of {sha256.lower()}",
                    remedy="It was deleted. Download it again; if this happens again, the server's file has changed.",
                )
            part.path.replace(target)
            part.remove()
    except OSError as error:
        raise writing_error(target, error) from error
    return found


def sha256_of(file: Path, cancelled: IsCancelled = lambda: False) -> str:
    """Compute the SHA-256 of a file, in hexadecimal. Raises Cancelled, OSError."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 22):
            if cancelled():
                raise Cancelled
            digest.update(block)
    return digest.hexdigest()


# -- partial downloads -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Origin:
    """Remote file that a partial download belongs to."""

    address: str
    version: str  # ETag or Last-Modified; without either, the part cannot be resumed
    total: int  # bytes; 0: unknown


class _PartialDownload:
    """Partial download with a JSON note of its origin and a lock file."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(target.name + ".part")
        self._note = target.with_name(target.name + ".part.json")
        self._lock = target.with_name(target.name + ".part.lock")

    @property
    def size(self) -> int:
        """Return the size of the partial file in bytes; 0 if there is none."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def resumable(self, address: str) -> _Origin | None:
        """Return the noted origin if a download of `address` can be resumed, else None."""
        try:
            with self._note.open(encoding="utf-8") as file:
                origin = from_json(_Origin, json.loads(file.read(_MAX_NOTE)))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return origin if origin.address == address and _is_version(origin.version) and self.size else None

    def begin(self, origin: _Origin) -> None:
        """Delete an earlier partial file, and note the origin of the new download."""
        self.remove()
        self._note.write_text(json.dumps(asdict(origin)), encoding="utf-8")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold an exclusive lock, released by the OS if the process dies. Raises DownloadFailed if locked."""
        with self._lock.open("ab") as file:
            if not _try_lock(file):
                raise DownloadFailed(f"another program is writing to {self.path}", remedy="Wait until it has finished.")
            try:
                yield
            finally:
                file.close()  # Windows cannot delete open files
                with suppress(OSError):  # another process may have opened the lock file
                    self._lock.unlink()

    def remove(self) -> None:
        """Delete the partial file and its note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Request:
    """Download request; see `download`."""

    address: str
    page: str
    max_size: int  # bytes
    copies: int
    timeout: float  # seconds

    def web_page(self) -> DownloadRefused:
        """Return the error for a server that sent a web page."""
        return DownloadRefused(
            f"{self.address} is a web page, not a file: the server may want a confirmation first",
            remedy=self.by_hand(),
        )

    def by_hand(self) -> str:
        """Return the remedy to show in errors: to download the file in a browser."""
        return f"Download the file from {self.page} with a browser, and import it."


def _fetch(request: _Request, part: _PartialDownload, progress: Progress, cancelled: IsCancelled) -> None:
    """Complete `part`, by resuming or from the start."""
    origin, start = part.resumable(request.address), part.size
    if origin and start == origin.total:
        return
    headers = {"Range": f"bytes={start}-", "If-Range": origin.version} if origin else {}
    with Reply(request.address, headers, timeout=request.timeout, cancelled=cancelled) as reply:
        if not (origin and _continues(reply, start, origin)):
            if origin and reply.status in (206, 416):  # wrong range: start from scratch
                part.remove()
                _fetch(request, part, progress, cancelled)
                return
            _expect_file(request, reply)
            _expect_size(request, _length_of(reply))
            part.begin(_Origin(request.address, _version_of(reply), _length_of(reply)))
            start = 0
        total = start + _length_of(reply) if _length_of(reply) else 0
        _expect_size(request, total)
        _expect_space(part.path, total, start, request.copies)
        try:
            done = _write(part.path, _up_to(request, start, reply.blocks()), start, lambda done: progress(done, total))
        except DownloadRefused:
            part.remove()  # it is another file
            raise
    if total and done != total:
        raise DownloadFailed(f"the connection to {request.address} was lost after {done} of {total} bytes")
    if not done:
        part.remove()
        raise DownloadFailed(f"{request.address} sent an empty file", remedy="Try again later.")
    with part.path.open("rb") as file:
        head = file.read(512)
    if is_web_page(head):
        part.remove()
        raise request.web_page()


def _up_to(request: _Request, start: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield `blocks`, which follow after `start` bytes. Raises DownloadRefused if they are more than is allowed."""
    done = start
    for block in blocks:
        done += len(block)
        _expect_size(request, done)
        yield block


def _write(path: Path, blocks: Iterator[bytes], start: int, progress: Callable[[int], None]) -> int:
    """Append `blocks` to the file, which has `start` bytes; return its new size."""
    done = reported = start
    with path.open("ab", buffering=0) as file:
        progress(done)
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]
            done += len(block)
            if done >= reported + _REPORT_INTERVAL:
                reported = done
                progress(done)
    progress(done)
    return done


def _expect_space(path: Path, total: int, start: int, copies: int) -> None:
    """Raise DiskFull if the rest of `total` bytes, and further copies of them, do not fit on the disk."""
    needed, free = copies * total - start, shutil.disk_usage(path.parent).free
    if needed > free:
        raise DiskFull(f"{size_in_words(needed)} must be free in {path.parent}, but only {size_in_words(free)} are")


def _try_lock(file: BinaryIO) -> bool:
    """Lock an open file; return False if locked by another process. True where locks are unsupported."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


# -- server replies ----------------------------------------------------------------------------------------------------
def _continues(reply: Reply, start: int, origin: _Origin) -> bool:
    """Return whether the reply continues the same file from byte `start`."""
    found = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", reply.headers.get("Content-Range", ""))
    if reply.status != 206 or not found or int(found[1]) != start:
        return False
    same_size = not origin.total or found[2] in ("*", str(origin.total))
    return same_size and _version_of(reply) in (origin.version, "")


def _expect_file(request: _Request, reply: Reply) -> None:
    """Raise DownloadFailed for an HTTP error, DownloadRefused for a web page."""
    if reply.status != 200:
        remedy = request.by_hand() if reply.status in _PERMANENT_FAILURES else "Try again later."
        raise DownloadFailed(f"{request.address} answered {reply.status} {reply.reason}".rstrip(), remedy=remedy)
    if reply.headers.get_content_type() in _WEB_PAGE_TYPES:
        raise request.web_page()


def _expect_size(request: _Request, size: int) -> None:
    """Raise DownloadRefused if `size` is more than the published file can have."""
    if size > request.max_size:
        raise DownloadRefused(
            f"{request.address} is not the published file: it has more than {size_in_words(request.max_size)}",
            remedy=request.by_hand(),
        )


def _version_of(reply: Reply) -> str:
    """Return the strong ETag or Last-Modified of a reply; empty if neither is present."""
    tag = reply.headers.get("ETag", "")
    version = tag if tag.startswith('"') else reply.headers.get("Last-Modified", "")
    return version if _is_version(version) else ""


def _is_version(text: str) -> bool:
    """Return whether an ETag or a date can be sent back to the server."""
    return 0 < len(text) <= _MAX_VERSION and text.isascii() and text.isprintable()


def _length_of(reply: Reply) -> int:
    """Return the length of the body in bytes; 0 if unknown."""
    length = reply.headers.get("Content-Length", "")
    return int(length) if re.fullmatch("[0-9]{1,18}", length) else 0
