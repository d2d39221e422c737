"""A local web server that offers one file and can be made to misbehave."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Serves `content` at `address` and records the headers of each request in `requests`."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.version = '"first"'  # ETag; empty: none
        self.modified = ""  # Last-Modified; empty: none
        self.kind = "application/octet-stream"
        self.status = 200
        self.location = ""  # address of a redirect; empty: none
        self.honours_range = True
        self.honours_if_range = True
        self.sends_length = True
        self.breaks_at: int | None = None  # bytes after which the connection is closed
        self.stalls_at: int | None = None  # bytes, in full thousands, after which nothing more comes until `end_stall`
        self.continues = False  # whether content follows after a stall; if not, the connection is closed
        self.requests: list[dict[str, str]] = []
        self.sent: list[int] = []  # bytes of content per request
        self._end_stall = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}/XMem.pth"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def end_stall(self) -> None:
        """Let stalled responses continue, or close their connections if `continues` is false."""
        self._end_stall.set()

    def use(self, context: ssl.SSLContext) -> None:
        """Use TLS from now on."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.address = self.address.replace("http:", "https:")

    def close(self) -> None:
        self.end_stall()
        self._http.shutdown()
        self._http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (`self` is the request's)
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_GET(self) -> None:
                server.requests.append({**self.headers, "path": self.path})
                start, status = self._start()
                self.send_response(status)
                for name, value in self._head(start, status):
                    self.send_header(name, value)
                self.end_headers()
                content = b"" if status == 416 or server.location else server.content[start:]
                server.sent.append(0)
                for place in range(0, len(content), 1000):
                    if server.breaks_at is not None and place >= server.breaks_at:
                        break
                    if server.stalls_at == place:
                        server._end_stall.wait(20)
                        if not server.continues:
                            break
                    server.sent[-1] += len(content[place : place + 1000])
                    try:
                        self.wfile.write(content[place : place + 1000])
                    except OSError:  # the client has disconnected
                        break
                self.close_connection = True

            def _start(self) -> tuple[int, int]:
                wanted = self.headers.get("Range", "")
                if not wanted or not server.honours_range or server.status != 200 or server.location:
                    return 0, 302 if server.location else server.status
                if server.honours_if_range and self.headers.get("If-Range") not in (server.version, server.modified):
                    return 0, 200
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                return start, 206 if start < len(server.content) else 416

            def _head(self, start: int, status: int):
                yield "Content-Type", server.kind
                if server.location:
                    yield "Location", server.location
                    return
                if server.sends_length:
                    yield "Content-Length", str(len(server.content) - start)
                if status == 206:
                    yield "Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
                if server.version:
                    yield "ETag", server.version
                if server.modified:
                    yield "Last-Modified", server.modified

        return Handler
