"""Training data: clips composed on the fly and rendered clips, made into samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from .assets import Assets
from .films import Clip, compose, united
from .rendered import Scenes
from .unroll import Sample, plan

_ENOUGH_SCENES = 250  # rendered ones, for the whole share of samples
_SIDES = 32  # which the network's frames are multiples of


@dataclass(frozen=True)
class TrainConfig:
    """What to train on and for how long."""

    steps: int = 6000
    batch: int = 4  # clips per step
    frames: int = 4  # per clip
    size: int = 256  # pixels, square
    smallest: int | None = None  # where given, each clip is of a size between this and `size`
    corrupt_prob: float = 0.5  # share of the clips whose first frame is followed with errors
    far: float = 0.5  # share of the clips whose keyframe is from long before
    united: float = 0.2  # share of the clips where two objects that touch are one, if any do
    rendered: float = 0.5  # share of the clips that are rendered ones, where there are some
    learning_rate: float = 4e-4
    young_pace: float = 1.0
    warm_up: int = 100  # steps
    seed: int = 1
    device: str = "cpu"
    mixed: bool = False  # in bfloat16 on a processor too, as always on a GPU
    workers: int = 1  # processes that make clips
    save_every: int = 100  # steps
    validate_every: int = 250  # steps

    def side(self, number: int) -> int:
        """Pixels: the size of the clip that is the `number`-th in its process."""
        if self.smallest is None:
            return self.size
        sides = range(self.smallest, self.size + 1, _SIDES)
        return int(np.random.default_rng([self.seed, number, len(sides)]).choice(sides))


@dataclass(frozen=True)
class Material:
    """The sources of a training's clips: composed and, optionally, rendered."""

    assets: Assets
    scenes: Scenes | None = None  # rendered clips

    @classmethod
    def open(cls, prepared: Path, rendered: Path | None, *, held_out: bool = False) -> Material:
        """The pictures below `prepared` and the scenes below `rendered`: those for training, or those held out."""
        return cls(Assets(prepared, held_out=held_out), Scenes(rendered, held_out=held_out) if rendered else None)

    def sample(
        self,
        config: TrainConfig,
        index: int,
        *,
        frames: int | None = None,
        size: int | None = None,
        rendered: bool | None = None,
    ) -> Sample:
        """Make sample number `index`; the same `config` and `index` give the same sample."""
        rng = np.random.default_rng([config.seed, index])
        while True:
            far = config.far > 0 and config.frames > 2 and rng.random() < config.far
            clip = self._film(config, rng, frames or config.frames, rendered, size=size or config.size, far=far)
            if config.united and rng.random() < config.united:
                clip = united(clip, rng)
            found = plan(clip.images, clip.labels, rng, corrupt_prob=config.corrupt_prob, far=far)
            if found is not None:
                return found

    def _film(
        self, config: TrainConfig, rng: np.random.Generator, frames: int, rendered: bool | None, *, size: int, far: bool
    ) -> Clip:
        # A few scenes would be learned by heart.
        share = min(config.rendered, len(self.scenes or ()) / _ENOUGH_SCENES)
        if self.scenes and (rng.random() < share if rendered is None else rendered):
            return self.scenes.pick(rng, frames=frames, size=size, far=far)
        return compose(self.assets, rng, frames=frames, size=size, far=far)


class ClipDataset(IterableDataset):
    """Iterate endlessly over samples made on the fly: every `stride`-th from number `start` on."""

    def __init__(self, sources: tuple[Path, Path | None], config: TrainConfig, *, start: int, stride: int) -> None:
        self._sources = sources
        self._config = config
        self._start = start
        self._stride = stride

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        first, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        material = Material.open(*self._sources)
        index = self._start + first * self._stride
        while True:
            # Processes that learn together get samples of one size: none waits for the others.
            yield material.sample(self._config, index, size=self._config.side(index // self._stride))
            index += workers * self._stride
