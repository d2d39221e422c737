"""The text of Nuke's scripts: nested lists of words, and numbers as the bits of single-precision floats."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import TypeAlias

from . import checks

Item: TypeAlias = "str | list[Item]"

_TOKEN = re.compile(r'\s+|([{}])|"((?:[^"\\]|\\.)*)"|([^\s{}"]+)', re.DOTALL)
_BITS = re.compile("x[0-9a-fA-F]{1,8}")
_MAX_TOKENS = 40_000_000


def parse(text: str) -> list[Item]:
    """Return a script as nested lists of words. Raises ValueError if it is damaged."""
    stack: list[list[Item]] = [[]]
    place = count = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found:
            raise ValueError(f"a text in quotes does not end after {text[place : place + 20]!r}")
        place = found.end()
        count += 1
        brace, quoted, word = found.groups()
        if count > _MAX_TOKENS or len(stack) > checks.MAX_DEPTH:
            raise ValueError("it is nested too deeply, or too long")
        if brace == "{":
            stack.append([])
        elif brace == "}":
            if len(stack) == 1:
                raise ValueError("it has a } without {")
            group = stack.pop()
            stack[-1].append(group)
        elif quoted is not None:
            stack[-1].append(re.sub(r"\\(.)", r"\1", quoted))
        elif word is not None:
            stack[-1].append(word)
    if len(stack) > 1:
        raise ValueError("it ends within braces")
    return stack[0]


def value(item: Item) -> float:
    """Return the number that an item says: decimal, or `x` and the bits of a float. Raises ValueError."""
    if isinstance(item, list):
        raise ValueError("a list stands where a number belongs")
    if _BITS.fullmatch(item):
        return checks.number(struct.unpack(">f", bytes.fromhex(item[1:].rjust(8, "0")))[0])
    return checks.number(item)


def bits(number: float) -> str:
    """Return a number as Nuke writes it: small integers as they are, and others as the bits of a float."""
    if number == int(number) and 0 <= number < 100:
        return str(int(number))
    return f"x{struct.pack('>f', number).hex()}"


def children(group: list[Item], name: str) -> Iterator[list[Item]]:
    """Yield the lists in a list that begin with a word."""
    return (item for item in group if isinstance(item, list) and item and item[0] == name)


def nodes(items: list[Item], names: tuple[str, ...]) -> Iterator[list[Item]]:
    """Yield the content of the nodes of some classes."""
    for word, group in zip(items, items[1:]):
        if isinstance(word, str) and word in names and isinstance(group, list):
            yield group


def knob(node: list[Item], name: str) -> Item | None:
    """Return the value of a knob of a node; None if it has none of this name."""
    for word, found in zip(node, node[1:]):
        if word == name:
            return found
    return None
