"""Writer of a folder's files that leaves what is up to date, and keeps what is not ours or was edited."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from ..delivery.record import DeliveryRecord, Origin, State, inputs_of


class Writer:
    """Writes files into the folder `out`; `kept` has the names of those that are kept, as they are not ours."""

    def __init__(self, out: Path, record: DeliveryRecord, origin: Origin) -> None:
        self.kept: list[str] = []
        self._out, self._record, self._origin = out, record, origin

    def write(self, path: Path, inputs: Iterable[object], make: Callable[[Path], None]) -> None:
        """Have `make` write the file at `path`, unless one made of the same inputs is there, or another's.

        Raises DiskFull, FolderNotWritable, and what `make` raises.
        """
        key = inputs_of(inputs)
        state = self._record.state(path, self._origin, key)
        if state in (State.FOREIGN, State.EDITED, State.OTHER):
            self.kept.append(path.relative_to(self._out).as_posix())
        elif state is not State.CURRENT:
            self._record.write(path, self._origin, key, make)

    def picture(self, path: Path, inputs: Iterable[object], make: Callable[[], np.ndarray]) -> None:
        """Write what `make` returns, RGB (H, W, 3) uint8, as a PNG in the same way."""

        def encode(part: Path) -> None:
            part.write_bytes(cv2.imencode(".png", cv2.cvtColor(make(), cv2.COLOR_RGB2BGR))[1].tobytes())

        self.write(path, inputs, encode)
