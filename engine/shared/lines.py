"""Reading of lines that another process sends, however long they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

_DISCARDED = 1 << 16  # bytes of the rest of a line that are read at once


def bounded_lines(stream: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield the lines of a stream as they arrive, with their line breaks; of a longer line, the first `most` + 1 bytes.

    The rest of a longer line is read and discarded, so that memory is bounded.
    """
    while line := stream.readline(most + 1):
        rest = line
        while len(line) > most and rest and not rest.endswith(b"\n"):
            rest = stream.readline(_DISCARDED)
        yield line
