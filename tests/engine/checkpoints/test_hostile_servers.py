"""Whatever a server sends, a download ends soon, with a printable sentence, and never exceeds its limit."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import pytest

from engine.checkpoints.download import download
from engine.shared.errors import DownloadFailed, DownloadRefused
from tests.engine.hostile_server import hostile_server

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FOUND = b"HTTP/1.1 302 Found\r\n"


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def refusal(address: str, target: Path, *, seconds: float = 6.0) -> str:
    """Download with a time-out of 0.3 seconds and a limit of 100 kB; return the message after checking it."""
    began = time.monotonic()
    with pytest.raises((DownloadFailed, DownloadRefused)) as failure:
        download(address, target, lambda *_: None, lambda: False, max_size=100_000, timeout=0.3)
    assert time.monotonic() - began < seconds
    sentence = failure.value.sentence()
    assert sentence.isprintable()
    assert len(sentence) < 700
    assert not target.exists()
    end = time.monotonic() + 5
    while any(thread.name == "keymatte download" for thread in threading.enumerate()):
        assert time.monotonic() < end, "the reading thread goes on"
        time.sleep(0.02)
    return sentence


ANSWERS = {
    "nothing": b"",
    "no status line": b"\x00\xff\x1b[2Jrubbish\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status of many digits": b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n",
    "a long status line": b"HTTP/1.1 200 " + b"O" * 70_000 + b"\r\n\r\n",
    "an empty file": OK + b"Content-Length: 0\r\n\r\n",
    "half a head": OK + b"Content-Len",
    "a huge header": OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    "many headers": OK + b"".join(b"X-%d: x\r\n" % number for number in range(500)) + b"\r\n",
    "a broken connection": OK + b"Content-Length: 5000\r\n\r\n" + b"x" * 100,
    "a chunk length that is no number": CHUNKED + b"zz\r\nabc\r\n",
    "a negative chunk length": CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n",
    "a chunk of many digits": CHUNKED + b"f" * 70_000 + b"\r\nabc",
    "a chunk that ends early": CHUNKED + b"100\r\nabc",
    "chunks without an end": CHUNKED + b"3\r\nabc\r\n",
    "an error": b"HTTP/1.1 404 \x1b]0;evil\x07\x1b[2JNot Found\r\nContent-Length: 0\r\n\r\n",
    "part of a file, unasked": b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\n\r\nabcde",
    "a redirect to nowhere": FOUND + b"Location: https://[\r\n\r\n",
    "a redirect to a port that is none": FOUND + b"Location: https://127.0.0.1:99999999/x\r\n\r\n",
    "a redirect with control characters": FOUND + b"Location: http://\x1b[2J\x07example.org/\r\n\r\n",
    "a redirect of other letters": FOUND + "Location: http://exämple.org/ü\r\n\r\n".encode(),
    "a redirect to a file": FOUND + b"Location: file:///etc/passwd\r\n\r\n",
    "a redirect without a place": FOUND + b"\r\n",
    "a redirect to itself": FOUND + b"Location: /XMem.pth\r\n\r\n",
    "a web page": OK + b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "a length over the limit": OK + b"Content-Length: 100001\r\n\r\n",
    "a length of eighteen digits": OK + b"Content-Length: 999999999999999999\r\n\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_faulty_answer_is_a_sentence(tmp_path, name):
    with hostile_server(lambda _head: [ANSWERS[name]]) as address:
        refusal(address, tmp_path / "XMem.pth")


@pytest.mark.parametrize("length", [b"9" * 5000, b"-5", b"five", b"\xb2", b"0x10"])
def test_a_length_that_is_no_number_counts_as_unknown(tmp_path, length):
    answer = OK + b"Content-Length: " + length + b"\r\n\r\n" + b"x" * 5000
    with hostile_server(lambda _head: [answer]) as address:
        download(address, tmp_path / "XMem.pth", lambda *_: None, lambda: False, timeout=0.3)
    assert (tmp_path / "XMem.pth").read_bytes() == b"x" * 5000


def test_the_reason_of_an_error_is_cleaned(tmp_path):
    with hostile_server(lambda _head: [ANSWERS["an error"]]) as address:
        assert "answered 404 ]0;evil [2JNot Found." in refusal(address, tmp_path / "XMem.pth")


def test_redirects_without_end_are_ended(tmp_path):
    requests = itertools.count()
    with hostile_server(lambda _head: [FOUND + b"Location: /%d\r\n\r\n" % next(requests)]) as address:
        assert "redirects without end" in refusal(address, tmp_path / "XMem.pth")
    assert next(requests) < 10


def test_the_body_of_a_redirect_is_not_read(tmp_path):
    sent = itertools.count()

    def answer(_head: bytes):
        yield FOUND + b"Location: https://127.0.0.1:1/XMem.pth\r\n\r\n"
        while True:
            next(sent)
            yield bytes(100_000)

    with hostile_server(answer) as address:
        assert "refused" in refusal(address, tmp_path / "XMem.pth")
        assert next(sent) < 200


@pytest.mark.parametrize("head", [OK + b"\r\n", CHUNKED], ids=["plain", "chunked"])
def test_a_body_without_end_is_stopped_at_the_limit_and_not_kept(tmp_path, head):
    sent = itertools.count()

    def answer(_head: bytes):
        yield head
        while True:
            next(sent)
            yield b"2710\r\n" + bytes(10_000) + b"\r\n" if head == CHUNKED else bytes(10_000)

    with hostile_server(answer) as address:
        assert "more than 100 kB" in refusal(address, tmp_path / "XMem.pth")
    assert next(sent) < 2000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (OK + b"Content-Length: 5000\r\n\r\n", b"x"),
        (OK + b"\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED, b"0"),
        (CHUNKED + b"3;", b"x"),
    ],
    ids=["continue", "head", "body", "endless body", "chunks", "chunk length", "chunk extension"],
)
def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(tmp_path, first, piece):
    with hostile_server(lambda _head: itertools.chain([first], itertools.repeat(piece)), pause=0.1) as address:
        assert "is too slow" in refusal(address, tmp_path / "XMem.pth")


def test_a_server_that_never_answers_is_not_waited_for(tmp_path):
    with hostile_server(lambda _head: itertools.repeat(b""), pause=0.1) as address:
        assert "does not respond" in refusal(address, tmp_path / "XMem.pth")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Range: bytes 0-299999/300000\r\n",
        b"Content-Range: bytes 1000-1999/2001\r\n",
        b"Content-Range: bytes " + b"1" * 5000 + b"-2/3\r\n",
        b"Content-Range: octets 1000-1999/2000\r\n",
        b"Content-Range: bytes 1000-1999/2000\r\nETag: \"other\"\r\n",
        b"",
    ],
)  # fmt: skip
def test_a_wrong_continuation_is_not_appended(tmp_path, head):
    content = bytes(range(200)) * 10

    def answer(request: bytes):
        if b"Range:" in request:
            yield b"HTTP/1.1 206 Partial Content\r\n" + head + b"Content-Length: 1000\r\n\r\n" + b"?" * 1000
        else:
            yield OK + b'ETag: "first"\r\nContent-Length: 2000\r\n\r\n' + (content[:1000] if breaks else content)

    breaks = True
    with hostile_server(answer) as address:
        assert "was lost after 1000 of 2000 bytes" in refusal(address, tmp_path / "XMem.pth")
        breaks = False
        download(address, tmp_path / "XMem.pth", lambda *_: None, lambda: False, timeout=0.3)
    assert (tmp_path / "XMem.pth").read_bytes() == content


@pytest.mark.parametrize(
    "note",
    [
        b"", b"[" * 100_000, b"\xff", b"[]", b'{"address": 5, "version": 5, "total": "many"}',
        b'{"address": "ADDRESS", "version": "\\"a\\\\r\\\\nX: y\\"", "total": 2000}',
        b'{"address": "ADDRESS", "version": 5, "total": 2000}',
        b'{"address": "ADDRESS", "version": "\\"first\\"", "total": NaN}',
    ],
)  # fmt: skip
def test_a_damaged_note_of_a_partial_download_starts_it_again(tmp_path, note):
    with hostile_server(lambda _head: [OK + b"Content-Length: 2000\r\n\r\n" + b"x" * 2000]) as address:
        (tmp_path / "XMem.pth.part").write_bytes(b"y" * 1000)
        (tmp_path / "XMem.pth.part.json").write_bytes(note.replace(b"ADDRESS", address.encode()))
        download(address, tmp_path / "XMem.pth", lambda *_: None, lambda: False, timeout=0.3)
    assert (tmp_path / "XMem.pth").read_bytes() == b"x" * 2000


def test_an_etag_that_cannot_be_sent_back_is_not_kept(tmp_path):
    for tag in (b'"' + b"x" * 5000 + b'"', b'"\xe9"', b'"a\r\n b"'):
        head = OK + b"ETag: " + tag + b"\r\nContent-Length: 2000\r\n\r\n"
        with hostile_server(lambda _head, head=head: [head + b"x" * 1000]) as address:
            refusal(address, tmp_path / "XMem.pth")
            assert '"version": ""' in (tmp_path / "XMem.pth.part.json").read_text()
