"""Texts for users: sentences, and text from elsewhere made fit to print."""

from __future__ import annotations

import re
import signal

_PASSWORD = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")


def as_sentence(message: str) -> str:
    """Capitalise `message`, unless its first word is not all letters: it may then be a file name."""
    return message[:1].upper() + message[1:] if message.partition(" ")[0].isalpha() else message


def printable(text: str, most: int = 200) -> str:
    """Return text from elsewhere as one short line without control characters and escape sequences.

    At most `most` characters are kept.
    """
    cleaned = "".join(character if character.isprintable() else " " for character in text[: 4 * most])
    line = " ".join(cleaned.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def without_passwords(text: str) -> str:
    """Return text with the passwords in addresses, such as a proxy's, replaced by asterisks."""
    return _PASSWORD.sub(r"\1:***@", text)


def signal_name(number: int) -> str:
    """Return a signal in words, such as "signal 9 (SIGKILL)"."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
