"""Safe reading of tensors from PyTorch files (.pth, .pt), without code execution."""

from __future__ import annotations

import pickletools
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from ..shared.catalogue import expect_file
from ..shared.errors import WeightsDamaged, WeightsMissing, WeightsUnsafe
from .http import is_web_page

_WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net", "params", "weights")  # state dict keys
_MAX_NESTING = 3  # maximum nesting of wrappers
_DATA_PARALLEL_PREFIX = "module."  # name prefix of DataParallel
_LEGACY_PICKLES = 5  # pickles at the head of a legacy file
# raised for damaged archives; RuntimeError for entries marked as encrypted or of an unsupported kind
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError)
_ALLOWED_GLOBALS = re.compile(  # globals allowed in pickled tensors and plain data
    r"collections\.OrderedDict|_codecs\.encode|torch\.(\w+Storage|Size|device|bool|u?int\d+|b?float\w*|complex\d+|half)"
    r"|torch\._utils\._rebuild_\w+|torch\._tensor\._rebuild_\w+|torch\.storage\.\w+|torch\.nn\.parameter\.\w+"
    r"|torch\.serialization\._get_layout"
)


def read_torch_file(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from a `torch.save` file, on the CPU, without the prefix "module.".

    The file holds a state dict, or a dict with a state dict under a usual key such as "state_dict" or "network", and
    other plain data. Zip files are memory-mapped: do not change the file while tensors are in use. Raises
    WeightsMissing, WeightsDamaged, and WeightsUnsafe if the file holds code.
    """
    expect_file(path)
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be opened: {error.strerror or error}") from error
    is_zip = head.startswith(b"PK")
    _expect_torch(path, head)
    if is_zip:
        _expect_whole_zip(path)
    return _named_tensors(path, _unpickled(path, is_zip=is_zip))


def _expect_torch(path: Path, head: bytes) -> None:
    """Raise WeightsDamaged if the head is not that of a PyTorch file."""
    if not head:
        raise WeightsDamaged(f"{path} is empty")
    if is_web_page(head):
        raise WeightsDamaged(
            f"{path} is a web page, not a weights file",
            remedy="Open the page in a browser, and save the file that it offers.",
        )
    if not head.startswith((b"PK", b"\x80")):
        raise WeightsDamaged(f"{path} is not a PyTorch file")


def _expect_whole_zip(path: Path) -> None:
    """Check checksums and compression of the archive, which PyTorch does not. Raises WeightsDamaged, WeightsUnsafe."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).name for name in archive.namelist()}
            if "constants.pkl" in names:
                raise WeightsUnsafe(
                    f"{path} is a program for PyTorch (TorchScript), not a weights file; it was not run"
                )
            if "data.pkl" not in names:
                raise WeightsDamaged(f"{path} is a zip archive, but not a PyTorch file")
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise WeightsDamaged(f"{path} was not written by PyTorch")
            has_checksums = any(part.CRC for part in archive.infolist())  # PyTorch can omit checksums
            damaged = archive.testzip() if has_checksums else None
    except _ZIP_ERRORS as error:
        raise WeightsDamaged(f"{path} is incomplete or damaged") from error
    if damaged:
        raise WeightsDamaged(f"{path} is damaged: the checksum of {damaged} in it does not match")


def _unpickled(path: Path, *, is_zip: bool) -> Any:
    """Load the file's content with PyTorch's safe loader. Raises WeightsUnsafe, WeightsDamaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unsafe content is reported below
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a damaged pickle may raise anything
        foreign = next((name for name in _globals_of(path) if not _ALLOWED_GLOBALS.fullmatch(name)), None)
        if foreign:
            raise WeightsUnsafe(
                f"{path} contains code, not only tensors: opening it would run {foreign}. It was not opened"
            ) from error
        raise WeightsDamaged(f"{path} is not a complete PyTorch file") from error


def _globals_of(path: Path) -> Iterator[str]:
    """Yield the names of the globals that a file's pickles would import, without executing the pickles."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if Path(name).name == "data.pkl":
                        with archive.open(name) as file:
                            yield from _globals_of_pickle(file)
        else:
            with path.open("rb") as file:
                for _ in range(_LEGACY_PICKLES):
                    yield from _globals_of_pickle(file)
    except (*_ZIP_ERRORS, MemoryError, OverflowError):
        return  # the rest is damaged


def _globals_of_pickle(file: IO[bytes]) -> Iterator[str]:
    """Yield the names of the globals that a pickle would import, without executing it."""
    strings = ["", ""]
    for operation, argument, _ in pickletools.genops(file):
        if operation.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".")
        elif operation.name == "STACK_GLOBAL":
            yield ".".join(strings[-2:])
        elif isinstance(argument, str):
            strings.append(argument)


def _named_tensors(path: Path, content: Any) -> dict[str, Tensor]:
    """Extract the state dict's tensors from a file's content, without the prefix of `DataParallel`."""
    entries = _state_dict(content).items()
    tensors = {name: value.detach() for name, value in entries if isinstance(name, str) and isinstance(value, Tensor)}
    if not tensors:
        raise WeightsDamaged(f"{path} contains no named tensors", remedy="Choose a file of a network's weights.")
    for name, tensor in tensors.items():
        if not _is_plain(tensor):
            raise WeightsDamaged(
                f"{path}: {name!r} is not a plain tensor", remedy="Choose weights saved as plain tensors."
            )
    if all(name.startswith(_DATA_PARALLEL_PREFIX) for name in tensors):
        tensors = {name.removeprefix(_DATA_PARALLEL_PREFIX): tensor for name, tensor in tensors.items()}
    return tensors


def _state_dict(content: Any) -> dict:
    """Return the dict that holds the tensors, looking below usual keys such as "state_dict"; empty if there is none."""
    for _ in range(_MAX_NESTING):
        if not isinstance(content, dict) or any(isinstance(value, Tensor) for value in content.values()):
            break
        content = next((content[name] for name in _WRAPPERS if isinstance(content.get(name), dict)), {})
    return content if isinstance(content, dict) else {}


def _is_plain(tensor: Tensor) -> bool:
    """Return whether the tensor is dense and has its values in memory: not quantised, nested or on the meta device."""
    return tensor.layout == torch.strided and not (tensor.is_quantized or tensor.is_meta or tensor.is_nested)
