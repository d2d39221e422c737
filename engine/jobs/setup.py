"""What jobs compute with: the clip's frames, the network and how frames are fitted to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..inference.framing import Framing
from ..layers import quantised
from ..media.frames import FrameReader
from ..methods.memories import Numbers
from ..methods.recipe import Recipe
from ..methods.registry import find_recipe
from ..networks.network import Network, Quantises
from ..networks.precision import autocast
from ..runtime.device import memory_errors, pick_device, pick_precision
from ..runtime.prefetch import ReadAhead
from ..shared.errors import BadSetting, Cancelled, ClipNotFound, FramesUnreadable
from ..shared.matte_folder import spans
from ..shared.types import PropagationJob, SuggestionJob

_log = logging.getLogger(__name__)
_LEAST_HEIGHT = 32  # pixels: two steps of the stride-16 grid; less shows a network nothing


class FrameSource:
    """Frames of a clip; those that cannot be read are remembered, and the walk goes on without them."""

    def __init__(self, reader: FrameReader, cancelled: Callable[[], bool]) -> None:
        self._reader = reader
        self._ahead = ReadAhead(reader.read, reader.clip.frame_count)
        self._cancelled = cancelled
        self.failed: dict[int, str] = {}

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *error: object) -> None:
        self._ahead.close()

    def read(self, frame: int) -> np.ndarray | None:
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
        """Stop here if the job was cancelled."""
        if self._cancelled():
            raise Cancelled

    def warning(self, frames: range) -> str:
        """What could not be read among `frames`, in words; empty if all was."""
        lost = sorted(frame for frame in self.failed if frame in frames)
        tail = range(self._reader.clip.frame_count - len(lost), self._reader.clip.frame_count)
        if len(lost) <= self._reader.slack and lost == list(tail):
            return ""  # the container told of more frames than there are
        if not lost:
            return ""
        what = "1 frame" if len(lost) == 1 else f"{len(lost)} frames"
        numbers = spans([self._reader.numbers[frame] for frame in lost])
        return FramesUnreadable(f"{what} could not be read ({numbers}): {self.failed[lost[0]]}").sentence()


def _check_clip(job: PropagationJob | SuggestionJob, reader: FrameReader) -> None:
    """The clip may have become another since the job was made."""
    clip = reader.clip
    if (clip.height, clip.width) != (job.clip.height, job.clip.width):
        raise ClipNotFound(
            f"{clip.path} is now {clip.width}x{clip.height}; it was {job.clip.width}x{job.clip.height}",
            remedy="Load the clip again.",
        )
    if job.frames.stop > clip.frame_count:
        raise ClipNotFound(
            f"{clip.path} has {clip.frame_count} frames now; frames up to {job.frames.stop - 1} were asked for"
        )
    if not job.frames:
        raise BadSetting("the range of frames is empty")


@dataclass(frozen=True)
class JobContext:
    """All that a job has before it begins."""

    reader: FrameReader
    source: FrameSource
    recipe: Recipe
    numbers: Numbers
    network: Network
    framing: Framing
    device: torch.device
    precision: torch.dtype
    kind: str  # of network
    weights: Path | None  # the file that it was loaded from

    def identity(self) -> dict:
        """What the keys of a frame depend on."""
        return {
            "clip": _file_identity(self.reader.clip.path),
            "network": self.kind,
            "precision": str(self.precision),
            "weights": _file_identity(self.weights) if self.weights else None,
            "size": [self.framing.work_height, self.framing.work_width],
        }


def in_precision(network: Network, device: torch.device, name: str) -> tuple[Network, torch.dtype]:
    """The network as it is computed in the precision of that name, and which that is. Raises BadSetting."""
    precision = pick_precision(name, device, whole=quantised.AVAILABLE and isinstance(network, Quantises))
    if precision is torch.int8 and isinstance(network, Quantises):
        network.quantise()
    elif precision is not torch.float32:
        network = autocast(network, device, precision)
    return network, precision


@contextmanager
def open_job_context(job: PropagationJob | SuggestionJob, cancelled: Callable[[], bool]) -> Iterator[JobContext]:
    """Open the clip and load the network for `job`. Raises BadSetting, ClipNotFound, WeightsMissing and their kin."""
    recipe = find_recipe(job.recipe)
    if job.settings.adapt and not recipe.adapts:
        raise BadSetting(
            f"recipe {recipe.name!r} cannot adapt to the shot",
            remedy="Switch that off, or choose the recipe 'keymatte'.",
        )
    recipe, numbers = recipe.with_settings(job.settings.overrides)
    device = pick_device(job.settings.device)
    if job.settings.height < _LEAST_HEIGHT:
        raise BadSetting(f"a working height of {job.settings.height} pixels is too small: {_LEAST_HEIGHT} at least")
    with memory_errors(), FrameReader.open(job.clip.path, size=(job.clip.height, job.clip.width)) as reader:
        _check_clip(job, reader)
        weights = job.weights or recipe.weights_file()
        network = recipe.network(numbers, weights=weights, device=device)
        kind = type(network).__name__
        network, precision = in_precision(network, device, job.settings.precision)
        framing = Framing.fit(
            reader.clip.height,
            reader.clip.width,
            working_height=job.settings.height,
            stride=network.stride,
            style=recipe.framing_style(numbers),
        )
        with FrameSource(reader, cancelled) as source:
            yield JobContext(reader, source, recipe, numbers, network, framing, device, precision, kind, weights)


def _file_identity(path: Path) -> list:
    """A file's path, size and date; of a folder or pattern the path alone."""
    if not path.is_file():
        return [str(path.absolute())]
    about = path.stat()
    return [str(path.absolute()), about.st_size, about.st_mtime_ns]
