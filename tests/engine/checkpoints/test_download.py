"""Downloads are complete or absent, are resumed after a break, and report what went wrong."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.checkpoints import download as download_module
from engine.checkpoints.download import download
from engine.shared.errors import Cancelled, DiskFull, DownloadFailed, DownloadRefused, FolderNotWritable
from tests.engine.server import Server

CONTENT = np.random.default_rng(7).bytes(300_000)
OTHER = np.random.default_rng(8).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "Gewichte 影" / "XMem.pth"


def fetch(server: Server, target: Path, **more) -> str:
    return download(server.address, target, lambda done, total: None, lambda: False, **more)


def break_off(server: Server, target: Path, at: int = 100_000) -> int:
    """Start a download that breaks off after `at` bytes, and return the size of the partial file in bytes."""
    server.breaks_at = at
    with pytest.raises(DownloadFailed, match="was lost after 100000 of 300000 bytes") as failure:
        fetch(server, target)
    assert "continues where it stopped" in failure.value.sentence()
    server.breaks_at = None
    assert not target.exists()
    return part_of(target).stat().st_size


def part_of(target: Path) -> Path:
    return target.with_name("XMem.pth.part")


def is_alone(target: Path) -> bool:
    """Return whether the file exists and is the only one in its folder."""
    return [path.name for path in target.parent.iterdir()] == [target.name]


# -- what goes well ----------------------------------------------------------------------------------------------------
def test_download_reports_progress_and_returns_the_checksum(server, target):
    steps = []
    found = download(server.address, target, lambda *step: steps.append(step), lambda: False, sha256=SHA256.upper())
    assert target.read_bytes() == CONTENT
    assert found == SHA256
    assert steps[0] == (0, 300_000)
    assert steps[-1] == (300_000, 300_000)
    assert is_alone(target)


def test_resumed_download_requests_only_the_missing_bytes(server, target):
    assert break_off(server, target) == 100_000
    steps = []
    download(server.address, target, lambda *step: steps.append(step), lambda: False)
    assert server.requests[1]["Range"] == "bytes=100000-"
    assert server.requests[1]["If-Range"] == '"first"'
    assert server.sent == [100_000, 200_000]
    assert steps[0] == (100_000, 300_000)
    assert target.read_bytes() == CONTENT
    assert is_alone(target)


def test_resume_uses_the_date_where_there_is_no_strong_etag(server, target):
    server.version, server.modified = 'W/"weak"', "Fri, 15 Jul 2022 10:00:00 GMT"
    break_off(server, target)
    fetch(server, target)
    assert server.requests[1]["If-Range"] == server.modified
    assert target.read_bytes() == CONTENT


def test_changed_file_restarts_the_download(server, target):
    break_off(server, target)
    server.content, server.version = OTHER, '"second"'
    fetch(server, target)
    assert server.sent[-1] == 300_000
    assert target.read_bytes() == OTHER


def test_changed_file_is_noticed_even_if_the_server_ignores_if_range(server, target):
    break_off(server, target)
    server.content, server.version, server.honours_if_range = OTHER, '"second"', False
    fetch(server, target)
    assert target.read_bytes() == OTHER


def test_server_without_ranges_restarts_the_download(server, target):
    break_off(server, target)
    server.honours_range = False
    fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_shortened_file_restarts_the_download(server, target):
    break_off(server, target)
    server.content, server.honours_if_range = OTHER[:50_000], False
    fetch(server, target)
    assert target.read_bytes() == OTHER[:50_000]


def test_partial_file_without_etag_or_date_is_not_resumed(server, target):
    server.version = ""
    break_off(server, target)
    fetch(server, target)
    assert "Range" not in server.requests[1]
    assert target.read_bytes() == CONTENT


def test_partial_file_of_another_address_is_not_resumed(server, target):
    break_off(server, target)
    server.content = OTHER
    download(f"{server.address}?other", target, lambda *_: None, lambda: False)
    assert target.read_bytes() == OTHER


def test_complete_partial_file_needs_no_network(server, target):
    break_off(server, target)
    part_of(target).write_bytes(CONTENT)
    server.close()
    assert fetch(server, target) == SHA256
    assert target.read_bytes() == CONTENT


def test_file_of_unknown_length_is_downloaded(server, target):
    server.sends_length = False
    steps = []
    download(server.address, target, lambda *step: steps.append(step), lambda: False)
    assert target.read_bytes() == CONTENT
    assert steps[-1] == (300_000, 0)


def test_redirect_is_followed_with_the_range(server, target):
    break_off(server, target)
    first = Server(b"")
    first.location = server.address
    try:
        part = part_of(target).with_name("XMem.pth.part.json")
        part.write_text(part.read_text().replace(server.address, first.address))
        fetch(first, target)
    finally:
        first.close()
    assert server.requests[-1]["Range"] == "bytes=100000-"
    assert target.read_bytes() == CONTENT


def test_older_file_stays_until_the_new_one_is_complete(server, target):
    target.parent.mkdir()
    target.write_bytes(b"older")
    server.breaks_at = 1000
    with pytest.raises(DownloadFailed):
        fetch(server, target)
    assert target.read_bytes() == b"older"


# -- what goes wrong ---------------------------------------------------------------------------------------------------
def test_wrong_checksum_is_refused_and_nothing_is_kept(server, target):
    with pytest.raises(DownloadRefused, match=f"is not the published file.*{SHA256}") as refusal:
        fetch(server, target, sha256="0" * 64)
    assert "deleted" in refusal.value.remedy
    assert list(target.parent.iterdir()) == []


def test_web_page_instead_of_the_file_is_refused(server, target):
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(DownloadRefused, match="is a web page, not a file") as refusal:
        fetch(server, target)
    assert "browser" in refusal.value.remedy
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("sends_length", [True, False])
def test_web_page_of_binary_content_type_is_refused(server, target, sends_length):
    server.content, server.sends_length = b"\r\n<!doctype html><title>Quota exceeded</title>", sends_length
    with pytest.raises(DownloadRefused, match="is a web page, not a file"):
        fetch(server, target)
    assert list(target.parent.iterdir()) == []


def test_web_page_on_resume_keeps_the_partial_file(server, target):
    break_off(server, target)
    server.kind, server.honours_range = "text/html", False
    with pytest.raises(DownloadRefused):
        fetch(server, target)
    assert part_of(target).read_bytes() == CONTENT[:100_000]


@pytest.mark.parametrize(("status", "words"), [(404, "import"), (403, "import"), (500, "later"), (429, "later")])
def test_server_error_is_reported_and_the_partial_file_is_kept(server, target, status, words):
    break_off(server, target)
    server.status = status
    with pytest.raises(DownloadFailed, match=f"answered {status} ") as failure:
        fetch(server, target)
    assert words in failure.value.remedy
    assert part_of(target).stat().st_size == 100_000


def test_silent_server_times_out(server, target):
    server.stalls_at = 50_000
    with pytest.raises(DownloadFailed, match="does not respond"):
        fetch(server, target, timeout=0.5)
    assert part_of(target).stat().st_size == 50_000


def test_cancel_takes_effect_at_once_even_while_the_server_is_silent(server, target):
    server.stalls_at = 50_000
    cancelled_at = []

    def cancelled() -> bool:
        if part_of(target).exists() and part_of(target).stat().st_size == 50_000:
            cancelled_at.append(time.monotonic())
        return bool(cancelled_at)

    with pytest.raises(Cancelled):
        download(server.address, target, lambda *_: None, cancelled)
    assert time.monotonic() - cancelled_at[0] < 2
    server.stalls_at = None
    fetch(server, target)
    assert server.requests[1]["Range"] == "bytes=50000-"
    assert target.read_bytes() == CONTENT


def test_too_little_disk_space_is_reported_before_the_download(server, target, monkeypatch):
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 500_000})())
    with pytest.raises(DiskFull, match=r"600 kB must be free in .*, but only 500 kB are"):
        fetch(server, target, copies=2)
    assert not part_of(target).exists()
    fetch(server, target, copies=1)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """Yield a folder on a 200 kB disk of its own; skip the test where mounting a disk is not permitted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "keymatte-test", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk_is_reported_and_the_download_resumes_once_there_is_space(server, small_disk, monkeypatch):
    usage = shutil.disk_usage
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10**9})())
    target = small_disk / "XMem.pth"
    with pytest.raises(DiskFull, match=r"no space is left to write XMem\.pth"):
        fetch(server, target)
    received = part_of(target).stat().st_size
    assert 100_000 < received < 210_000
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    monkeypatch.setattr(download_module.shutil, "disk_usage", usage)
    fetch(server, target)
    assert server.requests[-1]["Range"] == f"bytes={received}-"
    assert target.read_bytes() == CONTENT


def test_folder_that_cannot_be_created_is_reported(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderNotWritable):
        fetch(server, tmp_path / "file" / "XMem.pth")


def test_two_downloads_of_one_file_do_not_mix(server, target):
    server.stalls_at, server.continues = 50_000, True
    first = threading.Thread(target=fetch, args=(server, target), daemon=True)
    first.start()
    while not (part_of(target).exists() and part_of(target).stat().st_size == 50_000):
        time.sleep(0.01)
    with pytest.raises(DownloadFailed, match="another program is writing to"):
        fetch(server, target)
    server.end_stall()
    first.join(20)
    assert target.read_bytes() == CONTENT
    assert is_alone(target)
    fetch(server, target)


def test_lock_file_of_a_dead_program_does_not_block(server, target):
    break_off(server, target)
    target.with_name("XMem.pth.part.lock").touch()
    fetch(server, target)
    assert is_alone(target)
