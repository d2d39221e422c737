"""Simulation of an artist who adds one true mask after another, on the frames that a ranking suggests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..jobs.suggest import run as suggest
from ..media.label_images import read_labels
from ..shared.matte_folder import MatteFolder
from ..shared.types import SuggestionJob
from ..suggestion.first_frame import suggest_first
from ..suggestion.key_cache import KeyFolder
from ..suggestion.selection import coverage, object_weights
from .clips import Case, StudyClip
from .methods import RecipeMethod
from .running import Run, run_case

PART = "suggest"  # name of the study's part, and of its folder of results


@dataclass(frozen=True)
class Scores:
    """J&F of every object of a clip on every frame with a true mask, also of objects that no keyframe shows yet."""

    frames: tuple[int, ...]  # T media frames
    objects: tuple[int, ...]  # O ids
    values: NDArray[np.float64]  # (O, T) 0..1
    given: tuple[int, ...]  # media frames of the keyframes

    @classmethod
    def of(cls, run: Run) -> Scores:
        """Arrange the measurements of a run; an object that it could not predict scores 0 wherever it is visible."""
        clip, frames = run.case.clip, run.case.wanted
        shares = clip.object_shares
        objects = tuple(sorted({id_ for shown in shares.values() for id_ in shown}))
        values = np.array([[float(id_ not in shares[frame]) for frame in frames] for id_ in objects])
        places = {clip.numbers[frame]: place for place, frame in enumerate(frames)}
        for row in run.measured:
            values[objects.index(row.object_id), places[row.number]] = (row.region + row.contour) / 2
        return cls(frames, objects, values, run.case.given)

    @property
    def mean(self) -> float:
        """Return J&F over all frames with true masks, keyframes included, in percent."""
        return 100 * float(self.values.mean())

    @property
    def mean_predicted(self) -> float | None:
        """Return J&F over the frames that are no keyframes, in percent; None if there are no others."""
        predicted = [frame not in self.given for frame in self.frames]
        return 100 * float(self.values[:, predicted].mean()) if any(predicted) else None

    def on(self, frame: int) -> float:
        """Return J&F on a frame, averaged over objects, 0..1."""
        return float(self.values[:, self.frames.index(frame)].mean())


@dataclass(frozen=True)
class Situation:
    """What a ranking knows when it chooses the next keyframe."""

    clip: StudyClip
    span: range  # media frames with mattes
    folder: MatteFolder  # mattes of the last run
    keys: KeyFolder  # of all frames of the span
    scores: Scores  # of the last run; only the oracles look at them

    @property
    def given(self) -> tuple[int, ...]:
        """Return the media frames that are keyframes."""
        return self.scores.given

    @property
    def candidates(self) -> list[int]:
        """List the media frames that can become keyframes: those with a true mask."""
        return [frame for frame in self.scores.frames if frame not in self.given]

    @cached_property
    def masks(self) -> tuple[Mapping[int, Tensor], Mapping[int, float]]:
        """Return the object weight of each cell (N,), and the percentage that objects cover, of each frame."""
        grid, size = self.keys.grid(self.span[0]), (self.clip.clip.height, self.clip.clip.width)
        weights, covered = {}, {}
        for frame in self.span:
            labels = read_labels(self.folder.labels(self.clip.numbers[frame]), size=size)
            mask = torch.from_numpy(labels > 0)[None].float()
            weights[frame], covered[frame] = object_weights(mask, grid), coverage(mask)
        return weights, covered


ChooseFrame = Callable[[Situation], int | None]  # the next keyframe; None: none is worth it


@dataclass(frozen=True)
class Trial:
    """State of a simulation after a number of keyframes."""

    clip: str
    start: str
    ranking: str
    scores: Scores

    @property
    def keyframes(self) -> int:
        """Return the number of keyframes."""
        return len(self.scores.given)


@dataclass(frozen=True)
class Simulator:
    """Runs a method on a clip from different keyframes; runs from the same keyframes are shared and reused."""

    clip: StudyClip
    method: RecipeMethod
    out: Path
    report: Callable[[str], None]
    again: bool = False

    @property
    def span(self) -> range:
        """Return the media frames from the first to the last true mask, for which mattes are made."""
        frames = list(self.clip.masks)
        return range(frames[0], frames[-1] + 1)

    @property
    def _showing(self) -> list[int]:
        """Return the media frames whose true masks show an object."""
        return [frame for frame, shares in self.clip.object_shares.items() if shares]

    @property
    def first_shown(self) -> int:
        """Return the first media frame whose true mask shows an object."""
        return self._showing[0]

    def keys(self) -> KeyFolder:
        """Return the attention keys of all frames of the span, made by a suggestion job unless they are there."""
        folder = self.out / "keys" / self.clip.name
        job = SuggestionJob(
            job_id=PART,
            clip=self.clip.clip,
            frames=self.span,
            chosen=(),
            masks=None,
            keys=folder,
            recipe=self.method.recipe.name,
            weights=self.method.weights,
            settings=self.method.settings,
        )
        suggest(job, lambda answer: None, lambda: False)
        return KeyFolder(folder)

    def first_suggested(self, keys: KeyFolder) -> int:
        """Return the media frame to mark first, among those whose true masks show an object."""
        found = suggest_first(
            list(self.span),
            keys.read,
            keys.grid(self.span[0]),
            candidates=self._showing,
            count=1,
            step=lambda done, total: None,
        )
        return found[0].frame

    def run(self, given: tuple[int, ...]) -> tuple[Run, Scores]:
        """Make mattes from the true masks of the frames `given`, or reuse earlier ones, and measure them."""
        name = f"{self.clip.name}-{'-'.join(str(self.clip.numbers[frame]) for frame in given)}"
        case = Case(PART, name, self.clip, given, tuple(self.clip.masks))
        run = run_case(case, self.method, self.out, self.report, again=self.again)
        return run, Scores.of(run)

    def trials(
        self, start: str, first: int, name: str, ranking: ChooseFrame, keys: KeyFolder, rounds: int
    ) -> Iterator[Trial]:
        """Yield the trial with the keyframe `first` alone, then one for each keyframe that the ranking adds."""
        given: tuple[int, ...] = (first,)
        for added in range(rounds + 1):
            run, scores = self.run(given)
            yield Trial(self.clip.name, start, name, scores)
            situation = Situation(self.clip, self.span, run.folder, keys, scores)
            frame = ranking(situation) if added < rounds and situation.candidates else None
            if frame is None:
                return
            given = tuple(sorted((*given, frame)))
