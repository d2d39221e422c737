"""HTTP GET with a streamed reply, which can be cancelled at any time."""

from __future__ import annotations

import http.client
import importlib
import queue
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from typing import IO

from .. import VERSION
from ..shared.errors import Cancelled, DownloadFailed, DownloadRefused

_BLOCK = 1 << 18  # bytes
_BLOCKS_AHEAD = 8
_POLL_INTERVAL = 0.1  # seconds between cancellation checks
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

        `timeout` is how long to wait for the server, in seconds. Raises Cancelled if `cancelled()` becomes true,
        DownloadFailed, and DownloadRefused for an unsafe address, redirect or certificate.
        """
        _expect_safe(address)
        self._address, self._timeout, self._cancelled = address, timeout, cancelled
        self._abandoned = threading.Event()
        self._inbox: queue.Queue[_Event] = queue.Queue(_BLOCKS_AHEAD)
        request = urllib.request.Request(address, headers={"User-Agent": f"keymatte/{VERSION}", **headers})
        threading.Thread(target=self._read, args=(request,), daemon=True, name="keymatte download").start()
        response = self._next()
        assert not isinstance(response, bytes), "the head comes before the body"
        self.status = response.code if isinstance(response, urllib.error.HTTPError) else response.status
        self.reason, self.headers = response.reason, response.headers

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self._abandoned.set()

    def blocks(self) -> Iterator[bytes]:
        """Yield the body in blocks, as they are received. Raises Cancelled, DownloadFailed, DownloadRefused."""
        while block := self._next():
            assert isinstance(block, bytes), "only the first event is a head"
            yield block

    def _next(self) -> _Response | bytes:
        """Wait for the next event from the background thread. Raises Cancelled, DownloadFailed, DownloadRefused."""
        while True:
            if self._cancelled():
                self._abandoned.set()
                raise Cancelled
            with suppress(queue.Empty):
                event = self._inbox.get(timeout=_POLL_INTERVAL)
                if isinstance(event, _ConnectionFailed):
                    raise _failure(self._address, event.error) from event.error
                return event

    def _read(self, request: urllib.request.Request) -> None:
        """Send the request and put the reply and its body into the inbox; runs in the background thread."""
        try:
            with _open(request, self._timeout) as response:
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


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Redirect handler that accepts safe addresses only."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _expect_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(request: urllib.request.Request, timeout: float) -> _Response:
    opener = urllib.request.build_opener(_SafeRedirects, urllib.request.HTTPSHandler(context=_trusted()))
    try:
        return opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as reply:
        return reply


def _expect_safe(address: str) -> None:
    """Raise DownloadRefused unless the address uses https, or http on this computer."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise DownloadRefused(f"{address} cannot be downloaded: only https is allowed", remedy="Use an https address.")


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
            f"the server of {address} cannot be trusted: {reason.verify_message}",
            remedy="Check this computer's clock and certificates, or download the file with a browser and import it.",
        )
    if isinstance(error, (OSError, http.client.HTTPException)):
        return DownloadFailed(f"{address} cannot be read: {reason or type(reason).__name__}")
    return error
