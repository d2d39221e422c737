"""Names of delivered files: the users' names of objects and clips, made fit for every file system, and unique."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

_MAX_BYTES = 100  # of a name in UTF-8, two of which fit into 255, and into the 260 characters of a path in Windows
_MAX_NAME = 1 << 16  # bytes of a name that is in no path
_MAX_LAYER_BYTES = 48  # Blender cuts names of layers and channels to 64
_JOINERS = "\u200c\u200d"  # which words of some scripts are written with
_REFUSED = re.compile(r'[<>:"/\\|?*]')  # by Windows
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"}
_DEVICES |= {f"{port}{number}" for port in ("com", "lpt") for number in (*range(1, 10), "¹", "²", "³")}


def file_names(names: Iterable[str], *, default: str = "object", taken: Iterable[str] = ()) -> list[str]:
    """Return a name for a file or folder for each name, which Linux, Windows and macOS take.

    Letters of all scripts are kept. No two are the same for a file system that ignores case, nor one of `taken`.
    """
    return _unique([file_name(name, default=default) for name in names], _MAX_BYTES, "_", taken)


def file_name(name: str, *, default: str = "object") -> str:
    """Return a name as one that a file or folder may have on every system."""
    text = unicodedata.normalize("NFC", name)
    text = "".join(character if _is_visible(character) else "_" for character in text)
    text = _cut(_REFUSED.sub("_", text).strip(" ."), _MAX_BYTES).rstrip(" .") or default
    is_device = text.split(".")[0].rstrip().casefold() in _DEVICES  # Windows keeps these, whatever their suffix
    return f"_{text}" if is_device else text


def layer_names(names: Iterable[str]) -> list[str]:
    """Return a unique layer name for EXR channels for each name: letters, digits and underscores, as Nuke asks for."""
    return _unique([_layer_name(name) for name in names], _MAX_LAYER_BYTES, "_")


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names, of which those that occur again get a number: "chair", "chair 2"; empty ones are "object".

    What cannot be written in UTF-8, half a surrogate pair, is a question mark.
    """
    given = [name.encode("utf-8", "replace").decode() or "object" for name in names]
    found: list[str] = []
    for name in given:
        taken = {*found, *given}
        found.append(name if name not in found else _free(name, taken.__contains__, _MAX_NAME, " "))
    return found


def _layer_name(name: str) -> str:
    text = unicodedata.normalize("NFC", name)
    text = "".join(character if character.isalnum() else "_" for character in text)
    text = _cut(text, _MAX_LAYER_BYTES) or "object"
    return f"_{text}" if text[0].isdigit() else text


def _unique(names: Iterable[str], most: int, join: str, taken: Iterable[str] = ()) -> list[str]:
    used = {name.casefold() for name in taken}
    found = []
    for name in names:
        free = _free(name, lambda text: text.casefold() in used, most, join)
        used.add(free.casefold())
        found.append(free)
    return found


def _free(name: str, is_used: Callable[[str], bool], most: int, join: str) -> str:
    """Return a name, or the first of it with a number 2, 3, ... that is not used."""
    text, count = name, 1
    while is_used(text):
        count += 1
        end = f"{join}{count}"
        text = _cut(name, most - len(end)) + end
    return text


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text that has at most `most` bytes in UTF-8."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _is_visible(character: str) -> bool:
    """Return whether a character may be in a name: not a control, a line break, a direction mark or half a pair."""
    return character in f" {_JOINERS}" or not unicodedata.category(character).startswith(("C", "Z"))
