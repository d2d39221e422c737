"""A local server that answers every connection with given bytes, as a broken or malicious web server might."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[bytes], Iterable[bytes]]  # from the head of a request to the bytes to send, piece by piece


@contextmanager
def hostile_server(answer: Answer, *, pause: float = 0.0) -> Iterator[str]:
    """Yield the address of a server that sends what `answer` yields, with a `pause` in seconds after each piece."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (block := connection.recv(65536)):
                head += block
            for piece in answer(head):
                if ended.is_set():
                    return
                connection.sendall(piece)
                time.sleep(pause)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/XMem.pth"
    finally:
        ended.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
