"""What a course learns from: clips composed on the fly and rendered ones, made into lessons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from .assets import Assets
from .films import Clip, compose, united
from .rendered import Scenes
from .unroll import Lesson, plan

_ENOUGH_SCENES = 250  # rendered ones, for the whole share of lessons
_SIDES = 32  # which the network's frames are multiples of


@dataclass(frozen=True)
class Course:
    """What to train on and for how long."""

    steps: int = 6000
    batch: int = 4  # clips per step
    frames: int = 4  # per clip
    size: int = 256  # pixels, square
    smallest: int | None = None  # where given, each clip is of a size between this and `size`
    spoiled: float = 0.5  # share of the clips whose first frame is followed with errors
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
    """Where a course's clips come from."""

    assets: Assets
    scenes: Scenes | None = None  # rendered clips

    @classmethod
    def open(cls, prepared: Path, rendered: Path | None, *, held_out: bool = False) -> Material:
        """The pictures below `prepared` and the scenes below `rendered`: those for training, or those held out."""
        return cls(Assets(prepared, held_out=held_out), Scenes(rendered, held_out=held_out) if rendered else None)

    def lesson(
        self,
        course: Course,
        index: int,
        *,
        frames: int | None = None,
        size: int | None = None,
        rendered: bool | None = None,
    ) -> Lesson:
        """Lesson number `index` of a course; the same whenever it is asked for."""
        rng = np.random.default_rng([course.seed, index])
        while True:
            far = course.far > 0 and course.frames > 2 and rng.random() < course.far
            clip = self._film(course, rng, frames or course.frames, rendered, size=size or course.size, far=far)
            if course.united and rng.random() < course.united:
                clip = united(clip, rng)
            found = plan(clip.images, clip.labels, rng, spoiled=course.spoiled, far=far)
            if found is not None:
                return found

    def _film(
        self, course: Course, rng: np.random.Generator, frames: int, rendered: bool | None, *, size: int, far: bool
    ) -> Clip:
        # A few scenes would be learned by heart.
        share = min(course.rendered, len(self.scenes or ()) / _ENOUGH_SCENES)
        if self.scenes and (rng.random() < share if rendered is None else rendered):
            return self.scenes.pick(rng, frames=frames, size=size, far=far)
        return compose(self.assets, rng, frames=frames, size=size, far=far)


class Lessons(IterableDataset):
    """Endless lessons made on the fly: every `stride`-th from number `start` on."""

    def __init__(self, sources: tuple[Path, Path | None], course: Course, *, start: int, stride: int) -> None:
        self._sources = sources
        self._course = course
        self._start = start
        self._stride = stride

    def __iter__(self) -> Iterator[Lesson]:
        worker = get_worker_info()
        first, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        material = Material.open(*self._sources)
        index = self._start + first * self._stride
        while True:
            # Processes that learn together get lessons of one size: none waits for the others.
            yield material.lesson(self._course, index, size=self._course.side(index // self._stride))
            index += workers * self._stride
