"""Set-up of a job: opens the clip, loads the network, and chooses precision and framing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..inference.framing import Framing
from ..layers import quantised
from ..media.frames import FrameReader
from ..methods.recipe import Recipe
from ..methods.registry import find_recipe
from ..methods.settings import Numbers
from ..networks.network import Network, Quantises
from ..networks.precision import autocast
from ..runtime.device import memory_errors, pick_device, pick_precision
from ..runtime.prefetch import ReadAhead
from ..shared.errors import BadSetting, Cancelled, ClipNotFound, FramesUnreadable
from ..shared.protocol import Answer, Stage
from ..shared.types import PropagationJob, SuggestionJob

_log = logging.getLogger(__name__)


class FrameSource:
    """Reads frames of a clip ahead; a frame that cannot be read is skipped, and the reason is kept in `failed`."""

    def __init__(self, reader: FrameReader, cancelled: Callable[[], bool]) -> None:
        self._reader = reader
        self._ahead = ReadAhead(reader.read, reader.clip.frame_count)
        self._cancelled = cancelled
        self.failed: dict[int, str] = {}

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *error: object) -> None:
        self._ahead.close()

    def read(self, frame: int) -> NDArray[np.uint8] | None:
        """Read a media frame (H, W, 3) uint8 RGB; None if it cannot be read. Raises Cancelled."""
        self.check()
        if frame in self.failed:
            return None
        try:
            return self._ahead.read(frame)
        except FramesUnreadable as error:
            _log.warning("%s", error.message)
            self.failed[frame] = error.message
            return None

    def check(self) -> None:
        """Raise Cancelled if the job was cancelled."""
        if self._cancelled():
            raise Cancelled


def _open_clip(
    job: PropagationJob | SuggestionJob, cancelled: Callable[[], bool], report: Callable[[Answer], None]
) -> FrameReader:
    def progress(done: int, total: int) -> None:
        if cancelled():
            raise Cancelled
        report(Stage(job.job_id, "Indexing the movie", done, total))

    return FrameReader.expect(job.clip, progress)


def _check_clip(job: PropagationJob | SuggestionJob, reader: FrameReader) -> None:
    """Raise ClipNotFound or BadSetting unless the clip has the frames that the job expects."""
    clip = reader.clip
    if job.frames.stop > clip.frame_count:
        raise ClipNotFound(f"{clip.path} now has only {clip.frame_count} frames, but {job.frames.stop} are needed")
    if not job.frames or job.frames.start < 0:
        raise BadSetting("the frame range is empty, or begins before the clip")


@dataclass(frozen=True)
class JobContext:
    """Clip, network and settings that a job computes with."""

    reader: FrameReader
    source: FrameSource
    recipe: Recipe
    numbers: Numbers
    network: Network
    framing: Framing
    device: torch.device
    precision: torch.dtype
    network_class: str  # name of the network's class, without the autocast wrapper
    weights: Path | None  # the file that the network was loaded from

    def identity(self) -> dict[str, Any]:
        """Return everything that the attention keys of the clip's frames depend on."""
        return {
            "clip": _file_identity(self.reader.clip.path),
            "fps": self.reader.clip.fps,
            "upright": self.reader.clip.upright,
            "network": self.network_class,
            "precision": str(self.precision),
            "weights": _file_identity(self.weights) if self.weights else None,
            "size": [self.framing.work_height, self.framing.work_width],
        }


def with_precision(network: Network, device: torch.device, name: str) -> tuple[Network, torch.dtype]:
    """Make `network` compute in the precision called `name`; return it with the dtype chosen. Raises BadSetting."""
    precision = pick_precision(name, device, supports_int8=quantised.AVAILABLE and isinstance(network, Quantises))
    if precision is torch.int8 and isinstance(network, Quantises):
        network.quantise()
    elif precision is not torch.float32:
        network = autocast(network, device, precision)
    return network, precision


@contextmanager
def open_job_context(
    job: PropagationJob | SuggestionJob, cancelled: Callable[[], bool], report: Callable[[Answer], None]
) -> Iterator[JobContext]:
    """Open the clip and load the network of `job`; close the clip when the `with` block ends.

    `report` receives the progress of indexing a movie, and that the network is loaded.

    Raises BadSetting, ClipNotFound, WeightsMissing and other errors of recipes, clips and weights, and OutOfMemory.
    """
    recipe = find_recipe(job.recipe)
    recipe.settings.check(job.settings, job.weights)
    recipe, numbers = recipe.with_settings(job.settings.overrides)
    device = pick_device(job.settings.device)
    weights = job.weights or recipe.settings.weights_file()
    with memory_errors(), _open_clip(job, cancelled, report) as reader:
        _check_clip(job, reader)
        report(Stage(job.job_id, "Loading the network"))
        network = recipe.network(numbers, weights=weights, device=device)
        network_class = type(network).__name__
        network, precision = with_precision(network, device, job.settings.precision)
        framing = Framing.fit(
            reader.clip.height,
            reader.clip.width,
            working_height=job.settings.height,
            stride=network.stride,
            style=recipe.framing_style(numbers),
        )
        with FrameSource(reader, cancelled) as source:
            yield JobContext(
                reader, source, recipe, numbers, network, framing, device, precision, network_class, weights
            )


def _file_identity(path: Path) -> list[str | int]:
    """Return the path, size and modification time of a file; only the path if it is a folder or a pattern."""
    if not path.is_file():
        return [str(path.absolute())]
    status = path.stat()
    return [str(path.absolute()), status.st_size, status.st_mtime_ns]
