"""Safe reading of tensors from PyTorch files (.pth, .pt), without code execution."""

from __future__ import annotations

import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from ..shared.errors import WeightsDamaged, WeightsMissing, WeightsUnsafe
from .http import is_web_page

_WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net", "params", "weights")  # state dict keys
_DEEPEST = 3  # maximum nesting of wrappers
_PARALLEL = "module."  # name prefix of DataParallel
_PICKLES = 5  # pickles at the head of a legacy file
_OF_TENSORS = re.compile(  # globals allowed in pickled tensors and plain data
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
    if not path.is_file():
        raise WeightsMissing(f"the weights file {path} is not there")
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
            remedy="Open the address in a browser, and save the file that the page offers.",
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
                    f"{path} is a program for PyTorch (TorchScript), not a weights file: it was not run"
                )
            if "data.pkl" not in names:
                raise WeightsDamaged(f"{path} is a zip archive, but not a PyTorch file")
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                raise WeightsDamaged(f"{path} was packed by another program than PyTorch")
            summed = any(part.CRC for part in archive.infolist())  # PyTorch can omit checksums
            wrong = archive.testzip() if summed else None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise WeightsDamaged(f"{path} is not whole: its end is missing or damaged") from error
    if wrong:
        raise WeightsDamaged(f"{path} is damaged: {wrong} in it is not what was written")


def _unpickled(path: Path, *, is_zip: bool) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unsafe content is reported below
            return torch.load(str(path), map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a damaged pickle may raise anything
        foreign = next((name for name in _names_in(path) if not _OF_TENSORS.fullmatch(name)), None)
        if foreign:
            raise WeightsUnsafe(
                f"{path} holds code, not only tensors: opening it would run {foreign}. It was not opened"
            ) from error
        raise WeightsDamaged(f"{path} is not a whole PyTorch file") from error


def _names_in(path: Path) -> Iterator[str]:
    """Yield the globals that a file's pickles would import, without executing them."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if Path(name).name == "data.pkl":
                        with archive.open(name) as file:
                            yield from _names_in_pickle(file)
        else:
            with path.open("rb") as file:
                for _ in range(_PICKLES):
                    yield from _names_in_pickle(file)
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, MemoryError, OverflowError):
        return  # damaged from here on


def _names_in_pickle(file: BinaryIO) -> Iterator[str]:
    words = ["", ""]
    for operation, argument, _ in pickletools.genops(file):
        if operation.name in ("GLOBAL", "INST"):
            yield argument.replace(" ", ".")
        elif operation.name == "STACK_GLOBAL":
            yield ".".join(words[-2:])
        elif isinstance(argument, str):
            words.append(argument)


def _named_tensors(path: Path, content: Any) -> dict[str, Tensor]:
    """Extract the state dict's tensors from a file's content, without the prefix of `DataParallel`."""
    entries = _state_dict(content).items()
    tensors = {name: value.detach() for name, value in entries if isinstance(name, str) and isinstance(value, Tensor)}
    if not tensors:
        raise WeightsDamaged(f"{path} holds no tensors with names", remedy="Choose a file of a network's weights.")
    for name, tensor in tensors.items():
        if not _is_plain(tensor):
            raise WeightsDamaged(
                f"{path}: {name!r} is no plain tensor", remedy="Choose weights saved as plain tensors."
            )
    if all(name.startswith(_PARALLEL) for name in tensors):
        tensors = {name.removeprefix(_PARALLEL): tensor for name, tensor in tensors.items()}
    return tensors


def _state_dict(content: Any) -> dict:
    """Return the dict that holds tensors, below the usual wrapper keys; empty if none."""
    for _ in range(_DEEPEST):
        if not isinstance(content, dict) or any(isinstance(value, Tensor) for value in content.values()):
            break
        content = next((content[name] for name in _WRAPPERS if isinstance(content.get(name), dict)), {})
    return content if isinstance(content, dict) else {}


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and not (tensor.is_quantized or tensor.is_meta or tensor.is_nested)
