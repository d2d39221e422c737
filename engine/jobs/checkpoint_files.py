"""CheckpointFiles: writes the tensors of successive checkpoints, each only once if it lasts, with checksums."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from ..shared.files import atomic_write
from ..shared.matte_folder import CHECKPOINT_FILE

_CHECKSUM = "checksum"  # name of the metadata that holds a file's SHA-256


class CheckpointFiles:
    """Files of a job's checkpoint: `memory.safetensors`, and a part `memory-N.safetensors` for each set of tensors.

    Most of a memory stays as it is from one checkpoint to the next. A tensor that is in two checkpoints in a row is
    moved to a part, to which later checkpoints refer; the others are in the main file, which is replaced each time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[int, tuple[Tensor, int, str]] = {}  # by id: a tensor, its part and its name in that
        self._checksums: dict[int, str] = {}  # of the parts
        self._last: dict[int, Tensor] = {}  # by id: the tensors in the main file

    @property
    def main(self) -> Path:
        """Return the path of the main file."""
        return self._folder / CHECKPOINT_FILE

    def write(self, about: Mapping[str, str], tensors: Mapping[str, Tensor]) -> int:
        """Write a checkpoint with the texts `about`; return the bytes written. Raises DiskFull, FolderNotWritable.

        Tensors must not change afterwards.
        """
        present = {id(tensor): tensor for tensor in tensors.values()}
        lasting = {key: tensor for key, tensor in self._last.items() if key in present}
        size = self._write_part(lasting) if lasting else 0
        self._parts = {key: part for key, part in self._parts.items() if key in present}
        self._last = {key: tensor for key, tensor in present.items() if key not in self._parts}
        places = {name: self._parts[id(tensor)][1:] for name, tensor in tensors.items() if id(tensor) in self._parts}
        checksums = {number: self._checksums[number] for _, number, _ in self._parts.values()}
        fresh = {name: tensor for name, tensor in tensors.items() if name not in places}
        index = json.dumps({"places": places, "parts": checksums})
        size += self._write_file(self.main, fresh, {**about, "index": index})[0]
        for number in self._checksums.keys() - checksums.keys():
            with suppress(OSError):  # removed with the other files at the end
                self._part(number).unlink()
        self._checksums = checksums
        return size

    def read(self) -> tuple[dict[str, str], dict[str, Tensor]]:
        """Read the texts and tensors of the last checkpoint. Raises an error of any kind if it is damaged."""
        about, tensors = self._read_file(self.main)
        index = json.loads(about["index"])
        parts: dict[int, dict[str, Tensor]] = {}
        for number, checksum in index["parts"].items():
            part, parts[int(number)] = self._read_file(self._part(int(number)))
            if part[_CHECKSUM] != checksum:
                raise ValueError(f"{self._part(int(number))} is of another checkpoint")
            self._checksums[int(number)] = checksum
        for name, (number, stored_name) in index["places"].items():
            tensors[name] = parts[number][stored_name]
            self._parts[id(tensors[name])] = tensors[name], number, stored_name
        return about, tensors

    def _write_part(self, tensors: Mapping[int, Tensor]) -> int:
        number = max(self._checksums, default=0) + 1
        names = {key: str(count) for count, key in enumerate(tensors)}
        named = {names[key]: tensor for key, tensor in tensors.items()}
        size, self._checksums[number] = self._write_file(self._part(number), named, {})
        self._parts.update({key: (tensor, number, names[key]) for key, tensor in tensors.items()})
        return size

    def _part(self, number: int) -> Path:
        return self._folder / f"memory-{number}.safetensors"

    def _write_file(self, path: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> tuple[int, str]:
        # Copied, since safetensors refuses tensors that share memory.
        copies = {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}
        checksum = _checksum(about, copies)
        data = save(copies, metadata={**about, _CHECKSUM: checksum})
        with atomic_write(path) as part:
            part.write_bytes(data)
        return len(data), checksum

    def _read_file(self, path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
        # Not memory-mapped, since Windows cannot replace a mapped file; cloned, since the bytes are read-only.
        data = path.read_bytes()
        tensors = {name: tensor.clone() for name, tensor in load(data).items()}
        header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = header["__metadata__"]
        if _checksum({name: text for name, text in about.items() if name != _CHECKSUM}, tensors) != about[_CHECKSUM]:
            raise ValueError(f"{path} is damaged: its checksum differs")
        return about, tensors


def _checksum(about: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of texts, and of the names, types, shapes and bytes of tensors."""
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
