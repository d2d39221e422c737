"""HTTP replies are streamed, can be cancelled, and come only from trusted https addresses or this computer."""

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


def test_reply_has_its_headers_at_once_and_streams_its_body(server):
    server.stalls_at = 100_000
    with reply(server.address) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == "300000"
        received = b""
        for block in answer.blocks():
            received += block
            if len(received) == 100_000:
                server.end_stall()
    assert received == server.content[:100_000]


def test_error_status_is_returned_as_a_reply(server):
    server.status = 503
    with reply(server.address) as answer:
        assert (answer.status, answer.reason) == (503, "Service Unavailable")


def test_request_headers_are_sent(server):
    with reply(server.address, Range="bytes=299000-", **{"If-Range": server.version}) as answer:
        assert answer.status == 206
        assert b"".join(answer.blocks()) == server.content[299_000:]
    assert server.requests[0]["User-Agent"].startswith("keymatte/")


def test_redirect_is_followed_with_the_request_headers(server):
    first = Server(b"")
    first.location = server.address
    try:
        with reply(first.address, Range="bytes=299000-", **{"If-Range": server.version}) as answer:
            assert b"".join(answer.blocks()) == server.content[299_000:]
    finally:
        first.close()


def test_refused_connection_is_reported(server):
    server.close()
    with pytest.raises(DownloadFailed, match=r"cannot be read: .*refused"):
        reply(server.address)


def test_silent_server_times_out(server):
    server.stalls_at = 50_000
    with reply(server.address, timeout=0.3) as answer, pytest.raises(DownloadFailed, match="does not respond"):
        list(answer.blocks())


def test_cancel_takes_effect_at_once_even_while_the_server_is_silent(server):
    server.stalls_at = 0
    cancel = threading.Event()
    with reply(server.address, cancelled=cancel.is_set) as answer:
        threading.Timer(0.2, cancel.set).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            list(answer.blocks())
        assert time.monotonic() - began < 3


def test_reply_closed_early_leaves_no_thread(server):
    server.content = bytes(20_000_000)  # more than the read-ahead buffer holds
    with reply(server.address) as answer:
        assert next(answer.blocks())
        time.sleep(0.5)  # lets the reader thread fill its buffer and wait
    end = time.monotonic() + 10
    while any(thread.name == "keymatte download" for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    "address", ["http://example.org/XMem.pth", "ftp://127.0.0.1/XMem.pth", "file:///etc/hostname", "XMem.pth"]
)
def test_only_https_addresses_are_requested(address):
    with pytest.raises(DownloadRefused, match="only https is allowed"):
        reply(address)


def test_redirect_to_an_insecure_address_is_refused(server):
    server.location = "http://example.org/XMem.pth"
    with pytest.raises(DownloadRefused, match=r"http://example.org/XMem.pth cannot be downloaded: only https"):
        reply(server.address)


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/XMem.pth", "data:,weights"])
def test_redirect_to_another_scheme_is_refused(server, location):
    server.location = location
    with pytest.raises(DownloadRefused, match=f"{location} cannot be downloaded: only https"):
        reply(server.address)


@pytest.mark.parametrize(
    ("head", "page"),
    [(b"<!DOCTYPE html>", True), (b"\xef\xbb\xbf\r\n <?xml", True), (b"PK\x03\x04", False), (b"\x80\x02}<", False)],
)
def test_a_web_page_is_known_by_its_first_bytes(head, page):
    assert is_web_page(head) is page


# -- certificates ------------------------------------------------------------------------------------------------------
@pytest.fixture
def certificate(server, tmp_path) -> Path:
    """Make the server use TLS, and return the path of its self-signed certificate."""
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


def test_untrusted_certificate_is_refused(server, certificate):
    with pytest.raises(DownloadRefused, match=r"cannot be trusted: self.signed"):
        reply(server.address)
    assert server.requests == []


def test_trusted_certificate_is_accepted(server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with reply(server.address) as answer:
        assert b"".join(answer.blocks()) == server.content
