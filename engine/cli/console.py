"""Console output of commands: results on standard output, problems on standard error."""

from __future__ import annotations

import sys


def print_line(text: str) -> None:
    """Print a line to standard output."""
    sys.stdout.write(text + "\n")


def print_note(text: str) -> None:
    """Print a remark to standard error."""
    sys.stderr.write(text + "\n")


def print_error(text: str) -> None:
    """Print an error message to standard error."""
    sys.stderr.write(f"keymatte: {text}\n")
