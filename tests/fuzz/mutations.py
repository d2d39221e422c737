"""Seeded damage to files: bits, bytes, cuts, splices, false lengths, and damage behind checksums that still match."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress

_NUMBERS = (0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 4095, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31)
_NUMBERS += (2**32 - 1, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
_HEAD = 256  # bytes in which most headers lie
_PNG = b"\x89PNG\r\n\x1a\n"

Damage = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def damage(content: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Return `content` with one to six kinds of damage; `others` are files from which parts are spliced in."""
    if content.startswith((_PNG, b"PK")) and rng.random() < 0.5:
        with suppress(zlib.error, struct.error, zipfile.BadZipFile, LookupError, ValueError):  # it is damaged already
            return _behind_checksums(content, rng, others)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        content = rng.choice(_KINDS)(content, rng, others)
    return content


def _flip_bits(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64)) if changed else 0):
        changed[_place(changed, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _change_bytes(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    length = rng.choice((1, 2, 4, 16, 64))
    start = _place(changed, rng)
    changed[start : start + length] = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return bytes(changed)


def _truncate(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _cut_out(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    start = _place(content, rng)
    return content[:start] + content[start + rng.choice((1, 2, 4, 8, 100, 1000)) :]


def _repeat(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    start = _place(content, rng)
    part = content[start : start + rng.choice((1, 4, 16, 256))]
    return content[:start] + part * rng.choice((2, 3, 100)) + content[start:]


def _splice(content: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others) if others else content
    start, length = _place(other, rng), rng.choice((4, 32, 500, 10_000))
    at = _place(content, rng)
    return content[:at] + other[start : start + length] + content[at + rng.choice((0, length)) :]


def _false_number(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    """Put a number of 1 to 8 bytes, where a length or size may be."""
    changed = bytearray(content)
    kind = rng.choice("BHIQ")
    size = struct.calcsize(f"<{kind}")
    number = rng.choice(_NUMBERS) % (1 << 8 * size)
    start = _place(changed, rng)
    changed[start : start + size] = struct.pack(rng.choice("<>") + kind, number)
    return bytes(changed)


def _false_digits(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    """Put a number in digits, as in text headers."""
    start = _place(content, rng)
    digits = str(rng.choice((*_NUMBERS, -1, 1e999, 10**30, "null", '""', "[]", "{}", "true"))).encode()
    return content[:start] + digits + content[start + rng.choice((0, 1, len(digits))) :]


def _random_bytes(_content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 10, 1000)))


def _keep_head(content: bytes, rng: random.Random, _others: Sequence[bytes]) -> bytes:
    """Keep the beginning, which says what kind of file it is, and make up the rest."""
    return content[: rng.randrange(4, 64)] + rng.randbytes(rng.choice((0, 100, 2000)))


_KINDS: tuple[Damage, ...] = (
    _flip_bits, _flip_bits, _change_bytes, _truncate, _cut_out, _repeat, _splice, _false_number, _false_number,
    _false_digits, _random_bytes, _keep_head,
)  # fmt: skip


def _place(content: bytes | bytearray, rng: random.Random) -> int:
    """Return a place in the file, which is often near its beginning, and sometimes near its end."""
    size = max(len(content), 1)
    where = rng.random()
    if where < 0.5:
        return rng.randrange(min(size, _HEAD))
    return size - 1 - rng.randrange(min(size, _HEAD)) if where < 0.65 else rng.randrange(size)


# -- damage that checksums do not reveal -------------------------------------------------------------------------------
def _behind_checksums(content: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Damage one part of a PNG or zip file, and write checksums that match."""
    return _in_png(content, rng, others) if content.startswith(_PNG) else _in_zip(content, rng, others)


def _in_png(content: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    chunks, at = [], len(_PNG)
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        chunks.append((kind, content[at + 8 : at + 8 + length]))
        at += length + 12
    index = rng.randrange(len(chunks))
    kind, data = chunks[index]
    if kind == b"IDAT" and rng.random() < 0.5:
        data = zlib.compress(damage(zlib.decompress(data), rng, others))
    else:
        data = damage(data, rng, others)
    chunks[index] = kind, data
    if rng.random() < 0.2:
        rng.shuffle(chunks)
    return _PNG + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _in_zip(content: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    index = rng.randrange(len(members))
    members[index] = members[index][0], damage(members[index][1], rng, others)
    if rng.random() < 0.1:
        del members[rng.randrange(len(members))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for info, data in members:
            archive.writestr(zipfile.ZipInfo(info.filename), data, info.compress_type)
    return buffer.getvalue()
