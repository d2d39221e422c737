"""Reply: streaming HTTP GET that can be cancelled at any time."""

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

from .. import VERSION
from ..shared.errors import Cancelled, DownloadFailed, DownloadRefused

_BLOCK = 1 << 18  # bytes
_BLOCKS_AHEAD = 8
_GLANCE = 0.1  # seconds between cancellation checks
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class _End:
    """Connection error; not used for HTTP error replies, which urllib raises as exceptions."""

    error: Exception


_Heard = bytes | http.client.HTTPResponse | urllib.error.HTTPError | _End


class Reply:
    """Reply to a GET, read in a background thread so that a silent server can be abandoned immediately."""

    status: int  # HTTP status, including errors
    reason: str
    headers: Message

    def __init__(
        self, address: str, headers: dict[str, str], *, patience: float, cancelled: Callable[[], bool]
    ) -> None:
        """Send the request and wait for the reply's head. `patience`: server timeout in seconds.

        Raises Cancelled, DownloadFailed, and DownloadRefused for an unsafe address, redirect or certificate.
        """
        _expect_safe(address)
        self._address, self._patience, self._cancelled = address, patience, cancelled
        self._left = threading.Event()
        self._inbox: queue.Queue[_Heard] = queue.Queue(_BLOCKS_AHEAD)
        request = urllib.request.Request(address, headers={"User-Agent": f"keymatte/{VERSION}", **headers})
        threading.Thread(target=self._read, args=(request,), daemon=True, name="keymatte download").start()
        response = self._next()
        self.status, self.reason, self.headers = response.status, response.reason, response.headers

    def __enter__(self) -> Reply:
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()

    def blocks(self) -> Iterator[bytes]:
        """Yield blocks of the body as received. Raises Cancelled, DownloadFailed."""
        while block := self._next():
            yield block

    def _next(self) -> _Heard:
        while True:
            if self._cancelled():
                self._left.set()
                raise Cancelled
            with suppress(queue.Empty):
                heard = self._inbox.get(timeout=_GLANCE)
                if isinstance(heard, _End):
                    raise _failure(self._address, heard.error) from heard.error
                return heard

    def _read(self, request: urllib.request.Request) -> None:
        try:
            with _open(request, self._patience) as response:
                self._put(response)
                block = b"the head"
                while block and not self._left.is_set():
                    block = response.read1(_BLOCK)
                    self._put(block)
        except Exception as error:  # raised again in `_next`
            self._put(_End(error))

    def _put(self, heard: _Heard) -> None:
        while not self._left.is_set():
            with suppress(queue.Full):
                self._inbox.put(heard, timeout=_GLANCE)
                return


def is_web_page(head: bytes) -> bool:
    """Return whether a file head is HTML or XML, as servers send in place of a file."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Redirect handler that accepts safe addresses only."""

    def redirect_request(self, request, reply, code, message, headers, address):
        _expect_safe(address)
        return super().redirect_request(request, reply, code, message, headers, address)


def _open(request: urllib.request.Request, patience: float) -> http.client.HTTPResponse | urllib.error.HTTPError:
    opener = urllib.request.build_opener(_SafeRedirects, urllib.request.HTTPSHandler(context=_trusted()))
    try:
        return opener.open(request, timeout=patience)
    except urllib.error.HTTPError as answer:
        return answer  # a reply with an error status


def _expect_safe(address: str) -> None:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise DownloadRefused(f"{address} is not fetched: only https addresses are", remedy="Use an https address.")


def _trusted() -> ssl.SSLContext:
    """Return an SSL context with the system's certificates, or certifi's if Python finds none."""
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
        return DownloadFailed(f"the server of {address} does not answer any more")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadRefused(
            f"the server of {address} cannot be trusted: {reason.verify_message}",
            remedy="Check this computer's clock and certificates, or get the file with a browser and import it.",
        )
    if isinstance(error, (OSError, http.client.HTTPException)):
        return DownloadFailed(f"{address} cannot be read: {reason or type(reason).__name__}")
    return error
