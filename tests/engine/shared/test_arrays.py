"""Array files are read as written; damaged and crafted ones are refused before memory is taken."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.shared.arrays import ArrayDamaged, iterate_npz, read_npy, read_npz

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def header(descr: str, shape: str, order: str = "False") -> bytes:
    """Return the bytes of an array file with this header and 16 bytes of values."""
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(16)


@pytest.mark.parametrize("values", [VALUES, np.array([True, False]), np.zeros((0, 3), np.int64)])
def test_arrays_are_read_as_written(tmp_path: Path, values: np.ndarray):
    np.save(tmp_path / "a.npy", values)
    np.savez_compressed(tmp_path / "a.npz", a=values, b=VALUES)
    for array in (read_npy(tmp_path / "a.npy"), read_npz(tmp_path / "a.npz", "a")["a"]):
        assert array.dtype == values.dtype and np.array_equal(array, values)
    assert np.array_equal(list(iterate_npz(tmp_path / "a.npz", "b")), VALUES)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an array",
        npy(VALUES)[:-1],
        npy(np.array([{"a": 1}], dtype=object)),
        npy(np.array(["text"])),
        npy(np.asfortranarray(VALUES)),
        header("<f4", "(1000000000000,)"),
        header("<f4", "(-4, 1)"),
        header("<f4", "(((((" * 40),
        header("|O", "(2,)"),
        header("<f4", "(2, 2)").replace(b"'descr'", b"'d\xff\x00r'"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(tmp_path: Path, data: bytes):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(ArrayDamaged):
        read_npy(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", data)
    with pytest.raises(ArrayDamaged):
        read_npz(tmp_path / "a.npz", "a")
    with pytest.raises(ArrayDamaged):
        list(iterate_npz(tmp_path / "a.npz", "a"))


def test_damaged_bytes_anywhere_end_in_one_kind_of_error(tmp_path: Path):
    np.savez_compressed(tmp_path / "whole.npz", a=VALUES, b=np.arange(9))
    np.save(tmp_path / "whole.npy", VALUES)
    rng = random.Random(0)
    for name, read in (("whole.npz", lambda path: read_npz(path, "a", "b")), ("whole.npy", read_npy)):
        whole = (tmp_path / name).read_bytes()
        refused = 0
        for _ in range(400):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 6)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            path = tmp_path / f"damaged{name[-4:]}"
            path.write_bytes(data[: rng.randint(1, len(data))] if rng.random() < 0.3 else data)
            try:
                read(path)
            except ArrayDamaged:
                refused += 1
        assert refused > 100


def test_a_missing_file_is_an_error_of_the_system(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_npy(tmp_path / "none.npy")
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz", "a")
