"""Console output of commands: results on standard output, problems on standard error."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from ..shared.errors import OutputNotWritable


def prepare_streams() -> None:
    """Make standard output and error show what they cannot encode as escapes, and exist even if they are closed."""
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.FileIO(os.devnull, "w"))
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.FileIO(os.devnull, "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path that the console cannot show must not end a job


def print_line(text: str) -> None:
    """Print a line to standard output. Raises OutputNotWritable, BrokenPipeError."""
    try:
        sys.stdout.write(text + "\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_writable(error) from error


def flush_output() -> None:
    """Write out what was printed to standard output. Raises OutputNotWritable, BrokenPipeError."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _not_writable(error) from error


def print_note(text: str) -> None:
    """Print a remark to standard error."""
    sys.stderr.write(text + "\n")


def print_error(text: str) -> None:
    """Print an error message to standard error, if possible."""
    with suppress(OSError):
        sys.stderr.write(f"keymatte: {text}\n")
        sys.stderr.flush()


def discard_output() -> None:
    """Redirect output streams that cannot be written to the null device, so that Python's exit can flush them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def _not_writable(error: OSError) -> OutputNotWritable:
    return OutputNotWritable(f"standard output cannot be written: {error.strerror}")
