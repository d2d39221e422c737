"""KeyFolder: cache on disk of the attention keys of frames, so that no frame is encoded twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..memory.tokens import Tokens
from ..shared.arrays import ArrayDamaged, read_npy
from ..shared.errors import FolderTaken
from ..shared.files import atomic_write, read_json, writing_error

_MARKER_NAME = "about.json"
_PLANES = ("key", "selection", "shrinkage")


@dataclass(frozen=True)
class KeyFolder:
    """Folder with a float32 file per frame: key and selection (CK, h, w), shrinkage (1, h, w); and `about.json`."""

    folder: Path

    @classmethod
    def open(cls, folder: Path, inputs: dict[str, Any]) -> KeyFolder:
        """Open the cache in `folder`; remove keys that were computed from other `inputs` (clip, network, weights).

        Raises FolderTaken if the folder contains other files, DiskFull, FolderNotWritable.
        """
        marker, identity = folder / _MARKER_NAME, json.loads(json.dumps(inputs, default=str))
        if folder.exists() and not marker.exists():
            foreign = [] if folder.is_dir() else [folder]
            foreign = foreign or [path for path in folder.iterdir() if path.suffix != ".part"]
            if foreign:
                raise FolderTaken(f"{folder} cannot be used for the features of frames: it contains {foreign[0].name}")
        if read_json(marker) != identity:
            try:
                for path in folder.glob("[0-9]*.npy"):
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise writing_error(folder, error) from error
            with atomic_write(marker) as part:
                part.write_text(json.dumps(identity, indent=1, ensure_ascii=False), "utf-8", "backslashreplace")
        return cls(folder)

    def has(self, frame: int) -> bool:
        """Return whether the keys of media frame `frame` are cached."""
        return self._file(frame).is_file()

    def read(self, frame: int) -> Tokens:
        """Read the keys of media frame `frame`. Raises OSError, ValueError if missing or damaged."""
        planes = torch.from_numpy(self._array(frame)).flatten(1)
        channels = (len(planes) - 1) // 2
        return Tokens(dict(zip(_PLANES, planes.split((channels, channels, 1)), strict=True)))

    def grid(self, frame: int) -> tuple[int, int]:
        """Read the grid size (h, w) of media frame `frame`. Raises OSError, ValueError."""
        height, width = self._array(frame).shape[1:]
        return height, width

    def write(self, frame: int, query: Tokens, grid: tuple[int, int]) -> None:
        """Write the keys of a media frame, whose tokens form a grid (h, w). Raises DiskFull, FolderNotWritable."""
        planes = torch.cat([query[name] for name in _PLANES]).unflatten(1, grid).float().cpu().numpy()
        with atomic_write(self._file(frame)) as part, part.open("wb") as file:
            np.save(file, planes)

    def _array(self, frame: int) -> NDArray[np.float32]:
        array = read_npy(self._file(frame))
        if array.ndim != 3 or array.dtype != np.float32:
            raise ArrayDamaged(f"it holds {array.dtype} of shape {array.shape}")
        return array

    def _file(self, frame: int) -> Path:
        return self.folder / f"{frame:06d}.npy"
