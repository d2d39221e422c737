"""What commands print: results on standard output, problems on standard error."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a line of a command's result."""
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """Print what went wrong, to standard error."""
    sys.stderr.write(f"keymatte: {text}\n")
