"""Study of long shots: quality, time and memory over hundreds or thousands of frames, of a clip played forth and back.

A clip that is played forth, back and forth again has no cut, and true masks for as many frames as are asked for. So it
shows what a method's memory costs over time, and whether what it remembers holds; not how it copes with new views.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ..jobs.setup import with_precision
from ..media.frames import FrameReader
from ..methods.recipe import Recipe
from ..runtime.device import pick_device
from ..shared.errors import BadSetting
from ..shared.types import Settings
from .clips import StudyClip
from .film_run import FilmRun, MemorySample, memory_sample, network_of
from .report import Table
from .score import region_similarity

SAMPLES = 24  # about, over a run
_MIN_FRAMES = 2 * SAMPLES
_PART = 0.25  # of a run, at its beginning and at its end, that are compared
TITLE = "Long shots"
HEAD = ("recipe", "weights", "frames", "J first quarter", "J last quarter", "s/frame first", "s/frame last",
        "memory MiB first", "memory MiB last", "tokens last", "process grew MiB")  # fmt: skip
NOTE = (
    "A clip of true masks, played forth and back; the mask of the first frame is given, and the run goes forward. J is "
    "the mean over objects, of frames with a true mask. Time is of the processor (on a GPU, of the clock), memory that "
    "of the entries which frames read; the last column is what the process took more at the end than after the first "
    "quarter. With random weights J means nothing and is left out; time and memory are as with the authors' weights."
)


@dataclass(frozen=True)
class LongSample:
    """What was measured between two numbers of frames."""

    memory: MemorySample
    region: float | None  # J of the frames since the previous sample, 0..1; None: none of them has a true mask


@dataclass(frozen=True)
class LongRun:
    """Run of one recipe over a long shot."""

    recipe: str
    weights: str  # "own" or "random"
    samples: tuple[LongSample, ...]


class MirroredFilm:
    """Clip with true masks that is played forth and back as often as needed, at a working height."""

    def __init__(self, clip: StudyClip, reader: FrameReader) -> None:
        """Make a film of a clip. Raises BadSetting if its first frame has no mask, or the clip is one frame long."""
        self.height, self.width = clip.clip.height, clip.clip.width
        self._clip, self._reader = clip, reader
        if clip.clip.frame_count < 2 or 0 not in clip.masks:
            raise BadSetting(f"clip {clip.name} cannot be played forth and back from a true mask on its first frame")

    def place(self, frame: int) -> int:
        """Return the media frame of the clip that a frame of the film shows."""
        last = self._clip.clip.frame_count - 1
        at = frame % (2 * last)
        return min(at, 2 * last - at)

    def picture(self, frame: int) -> np.ndarray:
        """Return the picture (H, W, 3) uint8 of a frame."""
        return self._reader.read(self.place(frame))

    def labels(self, frame: int) -> np.ndarray:
        """Return the true labels (H, W) uint8 of a frame."""
        return self._clip.labels(self.place(frame))

    def has_labels(self, frame: int) -> bool:
        """Return whether there are true labels of a frame."""
        return self.place(frame) in self._clip.masks


def run_long(
    recipe: Recipe,
    settings: Settings,
    clip: StudyClip,
    frames: int,
    *,
    weights: Path | None = None,
    report: Callable[[int], None] = lambda _done: None,
) -> LongRun:
    """Propagate the mask of a clip's first frame over `frames` frames, and measure. `report` takes the frames done.

    Raises BadSetting, ClipNotFound, ClipUnreadable, FramesUnreadable.
    """
    if frames < _MIN_FRAMES:
        raise BadSetting(f"{frames} frames are too few for a long shot; at least {_MIN_FRAMES} are needed")
    device = pick_device(settings.device)
    network = network_of(recipe, settings, device, weights)
    network, _ = with_precision(network, device, settings.precision)
    own = bool(weights or recipe.settings.available_weights() or not isinstance(network, torch.nn.Module))
    with FrameReader.open(clip.clip.path) as reader:
        film = MirroredFilm(clip, reader)
        run = FilmRun(recipe, settings, network, device, film, frames, [0])
        samples = tuple(_samples(run, film, frames, device, report))
    return LongRun(recipe.name, "own" if own else "random", samples)


def _samples(
    run: FilmRun, film: MirroredFilm, frames: int, device: torch.device, report: Callable[[int], None]
) -> Iterator[LongSample]:
    """Yield what is measured over a run; scoring is not timed."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    regions: list[float] = []
    seconds, before, mattes = 0.0, 0, run.mattes()
    for frame in range(frames):
        start = clock()
        matte = next(mattes)
        seconds += clock() - start
        if frame and film.has_labels(frame):
            winner = matte.probability.argmax(axis=0)
            truth = film.labels(frame)
            scores = [region_similarity(winner == row, truth == id_) for row, id_ in enumerate(matte.objects, start=1)]
            regions.append(float(np.mean(scores)))
        done = frame + 1
        report(done)
        if done % max(frames // SAMPLES, 1) == 0:
            memory = memory_sample(done, run.banks[0], device, seconds / (done - before))
            yield LongSample(memory, float(np.mean(regions)) if regions else None)
            regions, seconds, before = [], 0.0, done


def as_table(runs: Sequence[LongRun]) -> Table:
    """Tabulate the first and the last quarter of each run."""
    table: Table = [HEAD]
    for run in runs:
        count = max(1, round(_PART * len(run.samples)))
        # The very first sample holds what is done once, such as filling the memory.
        first, last = run.samples[1 : 1 + count], run.samples[-count:]
        table.append(
            (
                run.recipe,
                run.weights,
                str(run.samples[-1].memory.frames),
                *(_region(part) if run.weights == "own" else "-" for part in (first, last)),
                *(f"{_mean([one.memory.seconds_per_frame for one in part]):.3f}" for part in (first, last)),
                *(f"{part[-1].memory.memory_bytes / 2**20:.1f}" for part in (first, last)),
                str(run.samples[-1].memory.tokens),
                f"{(last[-1].memory.process_bytes - first[-1].memory.process_bytes) / 2**20:.0f}",
            )
        )
    return table


def as_csv(runs: Sequence[LongRun]) -> str:
    """Return all samples as CSV."""
    lines = ["recipe,weights,frames,tokens_read,bytes_of_process,bytes_remembered,seconds_per_frame,J"]
    for run in runs:
        for one in run.samples:
            memory = replace(one.memory, seconds_per_frame=round(one.memory.seconds_per_frame, 4))
            region = "" if one.region is None else f"{one.region:.4f}"
            lines.append(",".join((run.recipe, run.weights, *map(str, astuple(memory)), region)))
    return "\n".join([*lines, ""])


def _region(samples: Sequence[LongSample]) -> str:
    found = [one.region for one in samples if one.region is not None]
    return f"{100 * _mean(found):.1f}" if found else "-"


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
