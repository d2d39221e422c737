"""Cryptomatte, specification 1.2: ids of names, ranks of ids and coverages, and what a file says of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

LAYER = "CryptoKeymatte"
MAX_RANKS = 6  # ids of a pixel that are kept, as renderers do by default
_MASK = 0xFFFFFFFF


def name_id(name: str) -> int:
    """Return the id of a name, 32 bits that are a finite float: its MurmurHash3, with another exponent if need be."""
    hashed = murmur3(name.encode("utf-8", "replace"))
    return hashed ^ 1 << 23 if hashed >> 23 & 255 in (0, 255) else hashed


def ranks_of(count: int) -> int:
    """Return how many pairs of id and coverage a pixel has if there are `count` objects; two fill a layer."""
    return min(count + count % 2, MAX_RANKS)


def channels(alphas: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the channels (H, W) float32 of objects' alphas (O, H, W), by their names in the file.

    A pixel has the ids of the objects that cover it most, that with the greatest coverage first. Coverages are the
    alphas as they are, also where objects overlap.
    """
    ids = np.array([name_id(name) for name in names], np.uint32).view(np.float32)
    ranks = ranks_of(len(names))
    order = np.argsort(-alphas, axis=0, kind="stable")[:ranks]
    covered = np.take_along_axis(alphas, order, axis=0)
    found = {}
    for rank in range(ranks):
        id_channel, coverage_channel = "RG" if rank % 2 == 0 else "BA"
        layer = f"{LAYER}{rank // 2:02d}"
        zero = np.zeros(alphas.shape[1:], np.float32)
        coverage = covered[rank] if rank < len(covered) else zero
        found[f"{layer}.{id_channel}"] = np.where(coverage > 0, ids[order[rank]], 0) if rank < len(covered) else zero
        found[f"{layer}.{coverage_channel}"] = np.ascontiguousarray(coverage)
    return found


def attributes(names: Sequence[str]) -> dict[str, str]:
    """Return the header attributes by which programs find the names."""
    key = f"cryptomatte/{murmur3(LAYER.encode()):08x}"[: len("cryptomatte/") + 7]
    manifest = {name: f"{name_id(name):08x}" for name in names}
    return {
        f"{key}/name": LAYER,
        f"{key}/hash": "MurmurHash3_32",
        f"{key}/conversion": "uint32_to_float32",
        f"{key}/manifest": json.dumps(manifest, ensure_ascii=False),
    }


def murmur3(data: bytes) -> int:
    """Return the 32-bit MurmurHash3 of some bytes, with the seed 0."""
    hashed, end = 0, len(data) // 4 * 4
    for start in range(0, end, 4):
        hashed ^= _mixed(int.from_bytes(data[start : start + 4], "little"))
        hashed = (_rotated(hashed, 13) * 5 + 0xE6546B64) & _MASK
    hashed ^= _mixed(int.from_bytes(data[end:], "little"))  # of no bytes, 0
    hashed ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        hashed = ((hashed ^ hashed >> shift) * factor) & _MASK
    return hashed ^ hashed >> 16


def _mixed(word: int) -> int:
    return _rotated(word * 0xCC9E2D51 & _MASK, 15) * 0x1B873593 & _MASK


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 32 - bits) & _MASK
