"""Training dataset: clips composed on the fly and rendered clips, made into samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from .assets import Assets
from .films import Clip, compose, merge_touching_objects
from .rendered import RenderedClips
from .unroll import Sample, make_sample

_SCENES_FOR_FULL_SHARE = 250  # with fewer rendered scenes, `TrainConfig.rendered` is lowered in proportion
_SIZE_STEP = 32  # the network's stride divides the sides of its frames


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of one training run. Shares of the clips are probabilities, applied to each clip."""

    steps: int = 6000
    batch: int = 4  # clips per step
    frames: int = 4  # per clip
    size: int = 256  # pixels, square
    smallest: int | None = None  # if set, each clip has a random size between this and `size`
    corrupt_prob: float = 0.5  # share of the clips that start from corrupted masks
    far: float = 0.5  # share of the clips whose keyframe is from long before the other frames
    united: float = 0.2  # share of the clips in which two touching objects, if any, are merged into one
    rendered: float = 0.5  # share of rendered clips, if there are rendered scenes
    learning_rate: float = 4e-4
    young_pace: float = 1.0  # learning rate of newly added parameters, relative to `learning_rate`
    warm_up: int = 100  # steps
    seed: int = 1
    device: str = "cpu"
    mixed: bool = False  # bfloat16 on a CPU too, as always on a GPU
    workers: int = 1  # processes that make clips
    save_every: int = 100  # steps
    validate_every: int = 250  # steps

    def side(self, number: int) -> int:
        """Return the side in pixels, fixed or random, of clip number `number`; it is the same in all processes."""
        if self.smallest is None:
            return self.size
        sides = range(self.smallest, self.size + 1, _SIZE_STEP)
        return int(np.random.default_rng([self.seed, number, len(sides)]).choice(sides))


@dataclass(frozen=True)
class SampleGenerator:
    """Makes training samples by number, from prepared pictures and, optionally, rendered scenes."""

    assets: Assets
    scenes: RenderedClips | None = None

    @classmethod
    def open(cls, prepared: Path, rendered: Path | None, *, held_out: bool = False) -> SampleGenerator:
        """Open the pictures below `prepared` and the scenes below `rendered`, either for training or held out."""
        scenes = RenderedClips(rendered, held_out=held_out) if rendered else None
        return cls(Assets(prepared, held_out=held_out), scenes)

    def sample(
        self,
        config: TrainConfig,
        index: int,
        *,
        frames: int | None = None,
        size: int | None = None,
        rendered: bool | None = None,
    ) -> Sample:
        """Make sample number `index`; the same arguments give the same sample.

        `frames` and `size` default to those of `config`. `rendered` asks for a clip of a rendered scene (True) or a
        composed clip (False); None: at random. Without rendered scenes, all clips are composed.
        """
        rng = np.random.default_rng([config.seed, index])
        while True:
            far = config.far > 0 and config.frames > 2 and rng.random() < config.far
            clip = self._clip(config, rng, frames or config.frames, rendered, size=size or config.size, far=far)
            if config.united and rng.random() < config.united:
                clip = merge_touching_objects(clip, rng)
            sample = make_sample(clip.images, clip.labels, rng, corrupt_prob=config.corrupt_prob, far=far)
            if sample is not None:
                return sample

    def _clip(
        self, config: TrainConfig, rng: np.random.Generator, frames: int, rendered: bool | None, *, size: int, far: bool
    ) -> Clip:
        """Crop a clip from a rendered scene, or compose a clip from pictures; see `sample`."""
        # With few scenes the share is lowered, as otherwise the network would overfit to them.
        share = min(config.rendered, len(self.scenes or ()) / _SCENES_FOR_FULL_SHARE)
        if self.scenes and (rng.random() < share if rendered is None else rendered):
            return self.scenes.pick(rng, frames=frames, size=size, far=far)
        return compose(self.assets, rng, frames=frames, size=size, far=far)


class ClipDataset(IterableDataset[Sample]):
    """Endless dataset of the samples with the numbers `start`, `start + stride`, ..; each is made when it is read."""

    def __init__(self, folders: tuple[Path, Path | None], config: TrainConfig, *, start: int, stride: int) -> None:
        """Store the settings; `folders` are the folder of prepared pictures and that of rendered scenes, if any."""
        self._folders = folders
        self._config = config
        self._start = start
        self._stride = stride

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        first, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        generator = SampleGenerator.open(*self._folders)
        index = self._start + first * self._stride
        while True:
            # At each step all processes get samples of one size, so that none waits for another.
            yield generator.sample(self._config, index, size=self._config.side(index // self._stride))
            index += workers * self._stride
