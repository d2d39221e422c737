"""Text from elsewhere, such as of a server or another process, made fit to be shown."""

from __future__ import annotations


def printable(text: str, most: int = 200) -> str:
    """Return text from elsewhere as one short line without control characters and escape sequences.

    At most `most` characters are kept.
    """
    cleaned = "".join(character if character.isprintable() else " " for character in text[: 4 * most])
    line = " ".join(cleaned.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
