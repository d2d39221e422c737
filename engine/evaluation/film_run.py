"""Run of a recipe over a film that is made in memory, as in a job, but without files; and samples of its memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from ..inference.framing import Framing
from ..inference.mattes import Matte
from ..inference.propagate import Propagator
from ..inference.sweeps import group_by_keyframes, group_jointly, plan_sweeps
from ..memory.bank import MemoryBank, MemoryView
from ..methods.recipe import Recipe, for_inference
from ..networks.network import Network
from ..runtime.device import memory_in_use
from ..shared.types import Direction, Settings


class Film(Protocol):
    """Clip of any length whose frames and true labels are made when they are asked for."""

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    def labels(self, frame: int) -> np.ndarray:
        """Return the true labels (H, W) uint8 of a frame."""
        ...

    def picture(self, frame: int) -> np.ndarray:
        """Return the picture (H, W, 3) uint8 of a frame; repeated calls give the same picture."""
        ...


@dataclass(frozen=True)
class MemorySample:
    """Memory use and time per frame, measured after a number of frames."""

    frames: int
    tokens: int  # memory tokens that a frame of the first object group reads
    process_bytes: int  # main memory that the process uses now, or memory of the GPU
    memory_bytes: int  # size of the memory bank's entries
    seconds_per_frame: float  # since the previous sample: CPU seconds, or wall-clock seconds on a GPU


def network_of(recipe: Recipe, settings: Settings, device: torch.device, weights: Path | None) -> Network:
    """Build a recipe's network with its weights, or with random weights if its own are not installed."""
    recipe, numbers = recipe.with_settings(settings.overrides)
    if weights or recipe.settings.available_weights():
        return recipe.network(numbers, weights=weights, device=device)
    network = recipe.build(numbers, {})
    return for_inference(network, device) if isinstance(network, torch.nn.Module) else network


class FilmRun:
    """Propagation forward through a film; it can be started again. `banks` are those of the run that is going on."""

    def __init__(
        self,
        recipe: Recipe,
        settings: Settings,
        network: Network,
        device: torch.device,
        film: Film,
        frames: int,
        given: Sequence[int],
    ) -> None:
        """Plan a run over the first `frames` frames of a film, with the true labels of the frames `given`."""
        self.recipe, self.numbers = recipe.with_settings(settings.overrides)
        self.banks: list[MemoryBank] = []
        self._network, self._device, self._film, self._frames = network, device, film, frames
        self._truth = {frame: film.labels(frame) for frame in given}
        annotations = [(frame, [int(id_) for id_ in np.unique(labels) if id_]) for frame, labels in self._truth.items()]
        group_objects = group_jointly if self.recipe.keyframe_policy.shared_memory else group_by_keyframes
        self._groups = group_objects(annotations, max_objects=network.max_objects)
        style = self.recipe.framing_style(self.numbers)
        self._framing = Framing.fit(
            film.height, film.width, working_height=settings.height, stride=network.stride, style=style
        )
        self._sweeps = plan_sweeps(self._groups, range(frames), Direction.FORWARD)

    def mattes(self) -> Iterator[Matte]:
        """Yield the mattes of each frame, from the first on."""
        self.banks.clear()
        propagator = Propagator(
            self._network,
            self._new_bank,
            framing=self._framing,
            merger=self.recipe.mask_merger(self._framing),
            read=self._film.picture,
            truth=self._truth,
            groups=self._groups,
            device=self._device,
            keyframe_policy=self.recipe.keyframe_policy_for(self.numbers),
        )
        return propagator.propagate(self._sweeps)

    def _new_bank(self) -> MemoryBank:
        self.banks.append(self.recipe.bank(self.numbers, self._network, self._frames))
        return self.banks[-1]


def memory_sample(frames: int, bank: MemoryBank, device: torch.device, seconds: float) -> MemorySample:
    """Measure memory after a number of frames; `seconds` is the time per frame since the previous sample."""
    view = bank.view()
    return MemorySample(frames, len(view.groups[0].layers[0]), memory_in_use(device), _bytes_of(view), seconds)


def _bytes_of(view: MemoryView) -> int:
    """Return the size of all memory entries in bytes."""
    planes = (plane for entry in view.entries for layer in entry.layers for plane in layer.planes.values())
    return sum(plane.nbytes for plane in planes)
