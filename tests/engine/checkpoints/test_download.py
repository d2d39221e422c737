"""A file comes whole or not at all, goes on where it stopped, and whatever is wrong with it is said."""

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


def broken_off(server: Server, target: Path, at: int = 100_000) -> int:
    """How much lies there of a download that broke off."""
    server.breaks_at = at
    with pytest.raises(DownloadFailed, match="broke off at 100000 of 300000 bytes") as failure:
        fetch(server, target)
    assert "goes on where it stopped" in failure.value.sentence()
    server.breaks_at = None
    assert not target.exists()
    return part_of(target).stat().st_size


def part_of(target: Path) -> Path:
    return target.with_name("XMem.pth.part")


def is_alone(target: Path) -> bool:
    """Whether the file is there and nothing is left beside it."""
    return [path.name for path in target.parent.iterdir()] == [target.name]


# -- what goes well ----------------------------------------------------------------------------------------------------
def test_a_file_comes_whole_with_progress_and_its_sum(server, target):
    told = []
    found = download(server.address, target, lambda *step: told.append(step), lambda: False, sha256=SHA256.upper())
    assert target.read_bytes() == CONTENT
    assert found == SHA256
    assert told[0] == (0, 300_000)
    assert told[-1] == (300_000, 300_000)
    assert is_alone(target)


def test_what_is_missing_is_asked_for_and_no_more(server, target):
    assert broken_off(server, target) == 100_000
    told = []
    download(server.address, target, lambda *step: told.append(step), lambda: False)
    assert server.asked[1]["Range"] == "bytes=100000-"
    assert server.asked[1]["If-Range"] == '"first"'
    assert server.sent == [100_000, 200_000]
    assert told[0] == (100_000, 300_000)
    assert target.read_bytes() == CONTENT
    assert is_alone(target)


def test_the_date_serves_where_there_is_no_tag(server, target):
    server.version, server.modified = 'W/"weak"', "Fri, 15 Jul 2022 10:00:00 GMT"
    broken_off(server, target)
    fetch(server, target)
    assert server.asked[1]["If-Range"] == server.modified
    assert target.read_bytes() == CONTENT


def test_a_file_that_was_changed_meanwhile_begins_anew(server, target):
    broken_off(server, target)
    server.content, server.version = OTHER, '"second"'
    fetch(server, target)
    assert server.sent[-1] == 300_000
    assert target.read_bytes() == OTHER


def test_a_changed_file_is_noticed_even_if_the_server_sends_the_rest_of_it(server, target):
    broken_off(server, target)
    server.content, server.version, server.minds_if_range = OTHER, '"second"', False
    fetch(server, target)
    assert target.read_bytes() == OTHER


def test_a_server_that_knows_no_ranges_begins_anew(server, target):
    broken_off(server, target)
    server.honours_range = False
    fetch(server, target)
    assert target.read_bytes() == CONTENT


def test_a_file_that_became_shorter_begins_anew(server, target):
    broken_off(server, target)
    server.content, server.minds_if_range = OTHER[:50_000], False
    fetch(server, target)
    assert target.read_bytes() == OTHER[:50_000]


def test_a_part_of_a_file_without_tag_or_date_is_not_gone_on_with(server, target):
    server.version = ""
    broken_off(server, target)
    fetch(server, target)
    assert "Range" not in server.asked[1]
    assert target.read_bytes() == CONTENT


def test_a_part_of_another_address_is_not_gone_on_with(server, target):
    broken_off(server, target)
    server.content = OTHER
    download(f"{server.address}?other", target, lambda *_: None, lambda: False)
    assert target.read_bytes() == OTHER


def test_a_part_that_is_whole_needs_no_network(server, target):
    broken_off(server, target)
    part_of(target).write_bytes(CONTENT)
    server.close()
    assert fetch(server, target) == SHA256
    assert target.read_bytes() == CONTENT


def test_a_file_of_untold_length_comes_whole(server, target):
    server.tells_length = False
    told = []
    download(server.address, target, lambda *step: told.append(step), lambda: False)
    assert target.read_bytes() == CONTENT
    assert told[-1] == (300_000, 0)


def test_a_redirect_is_followed_and_takes_the_range_along(server, target):
    broken_off(server, target)
    first = Server(b"")
    first.location = server.address
    try:
        part = part_of(target).with_name("XMem.pth.part.json")
        part.write_text(part.read_text().replace(server.address, first.address))
        fetch(first, target)
    finally:
        first.close()
    assert server.asked[-1]["Range"] == "bytes=100000-"
    assert target.read_bytes() == CONTENT


def test_an_older_file_at_the_place_stays_until_the_new_one_is_whole(server, target):
    target.parent.mkdir()
    target.write_bytes(b"older")
    server.breaks_at = 1000
    with pytest.raises(DownloadFailed):
        fetch(server, target)
    assert target.read_bytes() == b"older"


# -- what goes wrong ---------------------------------------------------------------------------------------------------
def test_a_wrong_sum_is_said_and_nothing_is_kept(server, target):
    with pytest.raises(DownloadRefused, match=f"is not the published file.*{SHA256}") as refusal:
        fetch(server, target, sha256="0" * 64)
    assert "deleted" in refusal.value.remedy
    assert list(target.parent.iterdir()) == []


def test_a_page_instead_of_the_file_is_refused(server, target):
    server.kind = "text/html; charset=utf-8"
    with pytest.raises(DownloadRefused, match="is a web page, not a file") as refusal:
        fetch(server, target)
    assert "browser" in refusal.value.remedy
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_page_that_calls_itself_a_file_is_refused(server, target, tells_length):
    server.content, server.tells_length = b"\r\n<!doctype html><title>Quota exceeded</title>", tells_length
    with pytest.raises(DownloadRefused, match="is a web page, not a file"):
        fetch(server, target)
    assert list(target.parent.iterdir()) == []


def test_a_page_that_comes_when_the_rest_is_asked_for_does_not_cost_what_is_there(server, target):
    broken_off(server, target)
    server.kind, server.honours_range = "text/html", False
    with pytest.raises(DownloadRefused):
        fetch(server, target)
    assert part_of(target).read_bytes() == CONTENT[:100_000]


@pytest.mark.parametrize(("status", "words"), [(404, "import"), (403, "import"), (500, "later"), (429, "later")])
def test_an_error_of_the_server_is_said_and_what_came_is_kept(server, target, status, words):
    broken_off(server, target)
    server.status = status
    with pytest.raises(DownloadFailed, match=f"answered {status} ") as failure:
        fetch(server, target)
    assert words in failure.value.remedy
    assert part_of(target).stat().st_size == 100_000


def test_a_server_that_falls_silent_is_left(server, target):
    server.stalls_at = 50_000
    with pytest.raises(DownloadFailed, match="no longer answers"):
        fetch(server, target, timeout=0.5)
    assert part_of(target).stat().st_size == 50_000


def test_a_cancel_is_heard_at_once_even_while_the_server_is_silent(server, target):
    server.stalls_at = 50_000
    asked_at = []

    def cancelled() -> bool:
        if part_of(target).exists() and part_of(target).stat().st_size == 50_000:
            asked_at.append(time.monotonic())
        return bool(asked_at)

    with pytest.raises(Cancelled):
        download(server.address, target, lambda *_: None, cancelled)
    assert time.monotonic() - asked_at[0] < 2
    server.stalls_at = None
    fetch(server, target)
    assert server.asked[1]["Range"] == "bytes=50000-"
    assert target.read_bytes() == CONTENT


def test_too_little_room_is_said_before_anything_comes(server, target, monkeypatch):
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 500_000})())
    with pytest.raises(DiskFull, match=r"600 kB must be free in .*; only 500 kB are"):
        fetch(server, target, copies=2)
    assert not part_of(target).exists()
    fetch(server, target, copies=1)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A folder on a disk of its own with room for 200 kB; only an administrator can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "keymatte-test", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_is_said_and_the_download_goes_on_when_there_is_room(server, small_disk, monkeypatch):
    usage = shutil.disk_usage
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10**9})())
    target = small_disk / "XMem.pth"
    with pytest.raises(DiskFull, match=r"no space is left to write XMem\.pth"):
        fetch(server, target)
    come = part_of(target).stat().st_size
    assert 100_000 < come < 210_000
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    monkeypatch.setattr(download_module.shutil, "disk_usage", usage)
    fetch(server, target)
    assert server.asked[-1]["Range"] == f"bytes={come}-"
    assert target.read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made_is_said(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderNotWritable):
        fetch(server, tmp_path / "file" / "XMem.pth")


def test_two_downloads_of_one_file_do_not_mix(server, target):
    server.stalls_at, server.goes_on = 50_000, True
    first = threading.Thread(target=fetch, args=(server, target), daemon=True)
    first.start()
    while not (part_of(target).exists() and part_of(target).stat().st_size == 50_000):
        time.sleep(0.01)
    with pytest.raises(DownloadFailed, match="another program is writing to"):
        fetch(server, target)
    server.let_go()
    first.join(20)
    assert target.read_bytes() == CONTENT
    assert is_alone(target)
    fetch(server, target)


def test_a_program_that_died_does_not_stand_in_the_way(server, target):
    broken_off(server, target)
    target.with_name("XMem.pth.part.lock").touch()
    fetch(server, target)
    assert is_alone(target)
