"""A server's answer is read as it comes, left at any moment, and not read at all where that is not safe."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from engine.checkpoints.http import Reply, is_web_page
from engine.shared.errors import Cancelled, DownloadFailed, DownloadRefused
from tests.engine.server import Server


def reply(address: str, *, timeout: float = 20.0, cancelled=lambda: False, **headers: str) -> Reply:
    return Reply(address, headers, timeout=timeout, cancelled=cancelled)


def test_an_answer_has_its_head_at_once_and_its_bytes_as_they_come(server):
    server.stalls_at = 100_000
    with reply(server.address) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == "300000"
        come = b""
        for block in answer.blocks():
            come += block
            if len(come) == 100_000:
                server.let_go()
    assert come == server.content[:100_000]


def test_an_error_is_an_answer(server):
    server.status = 503
    with reply(server.address) as answer:
        assert (answer.status, answer.reason) == (503, "Service Unavailable")


def test_what_is_asked_goes_along(server):
    with reply(server.address, Range="bytes=299000-", **{"If-Range": server.version}) as answer:
        assert answer.status == 206
        assert b"".join(answer.blocks()) == server.content[299_000:]
    assert server.asked[0]["User-Agent"].startswith("keymatte/")


def test_a_redirect_is_followed_with_what_was_asked(server):
    first = Server(b"")
    first.location = server.address
    try:
        with reply(first.address, Range="bytes=299000-", **{"If-Range": server.version}) as answer:
            assert b"".join(answer.blocks()) == server.content[299_000:]
    finally:
        first.close()


def test_nobody_at_the_address_is_said(server):
    server.close()
    with pytest.raises(DownloadFailed, match=r"cannot be read: .*refused"):
        reply(server.address)


def test_a_server_that_falls_silent_is_left(server):
    server.stalls_at = 50_000
    with reply(server.address, timeout=0.3) as answer, pytest.raises(DownloadFailed, match="no longer answers"):
        list(answer.blocks())


def test_a_cancel_is_heard_at_once_even_while_the_server_is_silent(server):
    server.stalls_at = 0
    cancel = threading.Event()
    with reply(server.address, cancelled=cancel.is_set) as answer:
        threading.Timer(0.2, cancel.set).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            list(answer.blocks())
        assert time.monotonic() - began < 3


def test_whoever_leaves_early_leaves_no_thread_behind(server):
    server.content = bytes(20_000_000)  # more than is read ahead
    with reply(server.address) as answer:
        assert next(answer.blocks())
        time.sleep(0.5)  # it reads ahead as far as it may, and waits
    end = time.monotonic() + 10
    while any(thread.name == "keymatte download" for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    "address", ["http://example.org/XMem.pth", "ftp://127.0.0.1/XMem.pth", "file:///etc/hostname", "XMem.pth"]
)
def test_only_safe_addresses_are_asked(address):
    with pytest.raises(DownloadRefused, match="only https addresses"):
        reply(address)


def test_a_redirect_to_an_address_that_is_not_safe_is_refused(server):
    server.location = "http://example.org/XMem.pth"
    with pytest.raises(DownloadRefused, match=r"http://example.org/XMem.pth is not downloaded: only https addresses"):
        reply(server.address)


def test_a_redirect_to_a_file_of_this_computer_is_not_followed(server):
    server.location = "file:///etc/hostname"
    with reply(server.address) as answer:
        assert answer.status == 302


@pytest.mark.parametrize(
    ("head", "page"),
    [(b"<!DOCTYPE html>", True), (b"\xef\xbb\xbf\r\n <?xml", True), (b"PK\x03\x04", False), (b"\x80\x02}<", False)],
)
def test_a_web_page_is_known_by_its_first_bytes(head, page):
    assert is_web_page(head) is page


# -- certificates ------------------------------------------------------------------------------------------------------
@pytest.fixture
def certificate(server, tmp_path) -> Path:
    """The server behind TLS, with a certificate that it gave itself."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl here to make a certificate")
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    server.use(context)
    return made


def test_a_server_that_nobody_vouches_for_is_refused(server, certificate):
    with pytest.raises(DownloadRefused, match=r"cannot be trusted: self.signed"):
        reply(server.address)
    assert server.asked == []


def test_a_server_that_somebody_vouches_for_is_read(server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with reply(server.address) as answer:
        assert b"".join(answer.blocks()) == server.content
