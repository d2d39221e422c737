"""Reading of NumPy array files that may be damaged or crafted, within bounds known before memory is taken."""

from __future__ import annotations

import errno
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_MAX_BYTES = 4 << 30  # of one array


class ArrayHeader(NamedTuple):
    """What the header of an array file says of the values that follow."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ArrayDamaged(ValueError):
    """Error for an array file that is damaged, or that is not one of numbers."""


def read_npy(path: Path) -> NDArray[Any]:
    """Read an `.npy` file of numbers. Raises OSError, ArrayDamaged."""
    with path.open("rb") as file, _damage():
        return _read_values(file, _read_header(file), path.stat().st_size)


def read_npz(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Read arrays of numbers from an `.npz` file by their names. Raises OSError, ArrayDamaged."""
    with _damage(), zipfile.ZipFile(path) as archive:
        arrays = {}
        for name in names:
            size = archive.getinfo(f"{name}.npy").file_size
            with archive.open(f"{name}.npy") as member:
                arrays[name] = _read_values(member, _read_header(member), size)
    return arrays


def iterate_npz(path: Path, name: str) -> Iterator[NDArray[Any]]:
    """Yield an array of numbers from an `.npz` file in pieces along its first axis. Raises OSError, ArrayDamaged."""
    with _damage(), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        (count, *rest), dtype = _read_header(member)
        size = archive.getinfo(f"{name}.npy").file_size
        for _ in range(count):
            yield _read_values(member, ArrayHeader(tuple(rest), dtype), size)


def _read_header(file: IO[bytes]) -> ArrayHeader:
    """Read the header of an array file of numbers in C order. Raises ArrayDamaged."""
    with _damage():
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran_order, dtype = read(file)  # type: ignore[no-untyped-call]
        if fortran_order or dtype.kind not in "biuf" or any(side < 0 for side in shape):
            raise ArrayDamaged("it does not hold numbers in C order")
        return ArrayHeader(tuple(map(int, shape)), dtype)


def _read_values(file: IO[bytes], header: ArrayHeader, size: int) -> NDArray[Any]:
    """Read the values after `header` from a file of `size` bytes."""
    count = math.prod(header.shape) * header.dtype.itemsize
    if count > min(size, _MAX_BYTES):
        raise ArrayDamaged(f"it claims {count} bytes of values and has less than {size}")
    data = file.read(count)
    if len(data) < count:
        raise ArrayDamaged("it ends early")
    return np.frombuffer(data, header.dtype).reshape(header.shape).copy()


@contextmanager
def _damage() -> Iterator[None]:
    """Raise ArrayDamaged for whatever the readers of zip files and headers raise, but OSError."""
    try:
        yield
    except ArrayDamaged:
        raise
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a seek to where a damaged file points
            raise
        raise ArrayDamaged(f"it is damaged ({error})") from error
    except Exception as error:  # among them KeyError, TokenError, zlib.error, BadZipFile, SyntaxError
        raise ArrayDamaged(f"it is damaged ({error})") from error
