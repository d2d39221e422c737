"""HTTP GET with a streamed reply, which can be cancelled at any time."""

from __future__ import annotations

import http.client
import importlib
import queue
import socket
import ssl
import string
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message

from .. import VERSION
from ..shared.errors import Cancelled, DownloadFailed, DownloadRefused
from ..shared.text import printable

_BLOCK = 1 << 18  # bytes
_BLOCKS_AHEAD = 8
_POLL_INTERVAL = 0.1  # seconds between cancellation checks
_MIN_BYTES_PER_SECOND = 1000  # less is taken for a server that only keeps the connection open
_PATIENCE = 2  # how many time-outs the head may take, and over how many the speed of the body is measured
_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)  # statuses
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class _ConnectionFailed:
    """Connection error, passed on from the background thread; a reply with an HTTP error status is none."""

    error: Exception


_Response = http.client.HTTPResponse | urllib.error.HTTPError  # an error status is a reply too
_Event = _Response | bytes | _ConnectionFailed  # the head, then blocks of the body, the last one empty


class Reply:
    """Reply to a GET request, read in a background thread so that the caller need not wait for a silent server."""

    status: int  # HTTP status, including errors
    reason: str
    headers: Message

    def __init__(self, address: str, headers: dict[str, str], *, timeout: float, cancelled: Callable[[], bool]) -> None:
        """Send the request and wait for the status and headers of the reply.

        `timeout` is how long to wait for a silent server, in seconds; the head may take twice as long. Raises Cancelled
        if `cancelled()` becomes true, DownloadFailed, and DownloadRefused for an unsafe address, redirect or
        certificate.
        """
        _expect_safe(address)
        self._address, self._timeout, self._cancelled = address, timeout, cancelled
        self._abandoned = threading.Event()
        self._inbox: queue.Queue[_Event] = queue.Queue(_BLOCKS_AHEAD)
        self._connections = _Connections(timeout)
        sent = {"User-Agent": f"keymatte/{VERSION}", **headers}
        threading.Thread(target=self._read, args=(sent,), daemon=True, name="keymatte download").start()
        response = self._next(time.monotonic() + _PATIENCE * timeout)
        assert not isinstance(response, bytes), "the head comes before the body"
        self.status = response.code if isinstance(response, urllib.error.HTTPError) else response.status
        self.reason, self.headers = printable(str(response.reason)), response.headers

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self._abandon()

    def blocks(self) -> Iterator[bytes]:
        """Yield the body in blocks, as they are received. Raises Cancelled, DownloadFailed, DownloadRefused."""
        window = _PATIENCE * self._timeout
        end, received = time.monotonic() + window, 0
        while block := self._next(end):
            assert isinstance(block, bytes), "only the first event is a head"
            received += len(block)
            if received >= window * _MIN_BYTES_PER_SECOND:
                end, received = time.monotonic() + window, 0
            yield block

    def _next(self, end: float) -> _Response | bytes:
        """Wait for the next event from the background thread, until the time `end` if it is not there already.

        Raises Cancelled, DownloadFailed, DownloadRefused.
        """
        while True:
            if self._cancelled():
                self._abandon()
                raise Cancelled
            with suppress(queue.Empty):
                event = self._inbox.get(timeout=_POLL_INTERVAL)
                if isinstance(event, _ConnectionFailed):
                    raise _failure(self._address, event.error) from event.error
                return event
            if time.monotonic() > end:
                self._abandon()
                raise DownloadFailed(f"the server of {self._address} is too slow")

    def _abandon(self) -> None:
        """End the background thread, even if it waits for the server."""
        self._abandoned.set()
        self._connections.shut_down()

    def _read(self, headers: dict[str, str]) -> None:
        """Send the request and put the reply and its body into the inbox; runs in the background thread."""
        try:
            with _open(self._address, headers, self._connections) as response:
                self._put(response)
                block = b"head"
                while block and not self._abandoned.is_set():
                    block = response.read1(_BLOCK)
                    self._put(block)
        except Exception as error:  # raised again in `_next`
            self._put(_ConnectionFailed(error))

    def _put(self, event: _Event) -> None:
        """Put an event into the inbox once it has room, unless the reply is abandoned first."""
        while not self._abandoned.is_set():
            with suppress(queue.Full):
                self._inbox.put(event, timeout=_POLL_INTERVAL)
                return


def is_web_page(head: bytes) -> bool:
    """Return whether a file begins like HTML or XML, which some servers send instead of the file."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


class _Connections(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Opens connections, which another thread can shut down while one of them waits for the server."""

    def __init__(self, timeout: float) -> None:
        super().__init__(context=_trusted())
        self.timeout = timeout
        self._sockets: list[socket.socket] = []
        self._ended = False

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection(http.client.HTTPConnection), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection(http.client.HTTPSConnection), req, context=_trusted())

    def shut_down(self) -> None:
        """Shut down all connections, so that reading from them ends."""
        self._ended = True
        for connected in self._sockets:
            with suppress(OSError):  # it is closed already
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def _connection(self, kind: type[http.client.HTTPConnection]) -> type[http.client.HTTPConnection]:
        """Return a class of connections of this kind that are remembered."""
        keep = self._keep

        class Connection(kind):  # type: ignore[misc, valid-type]
            def connect(self) -> None:
                super().connect()
                keep(self.sock)

        return Connection

    def _keep(self, connected: socket.socket) -> None:
        self._sockets.append(connected)
        if self._ended:  # meanwhile
            self.shut_down()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to `_open`: the standard handler reads the whole body of a redirect, of whatever length."""

    def redirect_request(self, *_: object) -> None:
        """Return None, so that the redirect is raised as an HTTPError."""


def _open(address: str, headers: dict[str, str], connections: _Connections) -> _Response:
    """Request `address` and follow redirects to safe addresses. Raises what urllib raises, and DownloadRefused."""
    opener = urllib.request.build_opener(connections, _NoRedirects)
    for _ in range(_MAX_REDIRECTS + 1):
        try:
            return opener.open(urllib.request.Request(address, headers=headers), timeout=connections.timeout)
        except urllib.error.HTTPError as reply:
            location = reply.headers.get("Location", "")
            if reply.code not in _REDIRECTS or not location:
                return reply
            reply.close()
            location = urllib.parse.quote(location, safe=string.punctuation, encoding="latin-1", errors="replace")
            address = urllib.parse.urljoin(address, location)
            _expect_safe(address)
    raise DownloadFailed("the server redirects without end", remedy="Try again later.")


def _expect_safe(address: str) -> None:
    """Raise DownloadRefused unless the address uses https, or http on this computer."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise DownloadRefused(
            f"{printable(address)} cannot be downloaded: only https is allowed", remedy="Use an https address."
        )


def _trusted() -> ssl.SSLContext:
    """Return an SSL context that trusts the system's certificates, or those of certifi if Python finds none."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (context.get_ca_certs() or paths.cafile or paths.capath):
        for name in ("certifi", "pip._vendor.certifi"):
            with suppress(ImportError, OSError):
                context.load_verify_locations(importlib.import_module(name).where())
                break
    return context


def _failure(address: str, error: Exception) -> Exception:
    """Convert a network error to DownloadFailed or DownloadRefused; other errors are returned unchanged."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return DownloadFailed(f"the server of {address} does not respond")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadRefused(
            f"the server of {address} cannot be trusted: {printable(reason.verify_message)}",
            remedy="Check this computer's clock and certificates, or download the file with a browser and import it.",
        )
    if isinstance(error, (OSError, http.client.HTTPException, ValueError)):  # ValueError: of an invalid redirect
        return DownloadFailed(f"{address} cannot be read: {printable(str(reason)) or type(reason).__name__}")
    return error
