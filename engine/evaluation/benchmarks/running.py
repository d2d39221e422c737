"""Running a recipe over a benchmark: each sequence once, in several processes if asked; failures end no other one."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...checkpoints.download import sha256_of
from ...inference.framing import Framing
from ...jobs.setup import with_precision
from ...methods.registry import find_recipe
from ...runtime.device import pick_device
from ...shared.errors import Cancelled, EngineError
from ...shared.files import atomic_write
from ...shared.types import Direction, Settings
from . import types
from .evaluators import output_size
from .given import given_masks
from .predicting import Clock, LoadedMethod, Probabilities, View, predict
from .results_folder import ResultsFolder, encode_mask, files_identity, palette_of
from .types import Benchmark, Given, SequenceRun
from .views import merge, resized, views

_log = logging.getLogger(__name__)
_OWN = "keymatte"  # the recipe whose authors we are
_MAX_BREAKS = 3  # processes that end one after the other, after which no more are started
_FORMAT = 1  # results of another are not reused

OnFrame = Callable[[int, int], None]  # called with the frames of a sequence that are done, and their number
OnSequence = Callable[[SequenceRun], None]


@dataclass(frozen=True)
class Plan:
    """What is run, the same for all sequences; it is sent to other processes."""

    benchmark: Benchmark
    recipe: str
    weights: Path | None
    settings: Settings
    given: Given | int
    out: Path
    authors: bool = True  # frames are scaled as in the authors' evaluator; else as for artists
    height: int | None = None  # working height in pixels; None: the evaluator's
    flip: bool = False  # mirrored frames as well
    scales: tuple[float, ...] = (1.0,)  # factors of the height, or pixels

    def identity(self) -> dict[str, Any]:
        """Return all that results depend on apart from the sequence's files, such as to be shown. Raises BadSetting."""
        recipe = find_recipe(self.recipe)
        weights = self.weights or recipe.settings.weights_file()
        return {
            "data set": self.benchmark.name,
            "recipe": self.recipe,
            "weights": sha256_of(weights) if weights else None,
            "height": self.height,
            "framing": "authors" if self.authors else "artist",
            "flip": self.flip,
            "scales": list(self.scales),
            "precision": self.settings.precision,
            "device": pick_device(self.settings.device).type,
            "masks given": self.given.value if isinstance(self.given, Given) else f"{self.given} keyframes",
            "format": _FORMAT,
            **{f"--set {name}": value for name, value in recipe.with_settings(self.settings.overrides)[1].items()},
        }


def run_all(
    plan: Plan, sequences: Sequence[types.Sequence], *, jobs: int, on_sequence: OnSequence, on_frame: OnFrame
) -> list[SequenceRun]:
    """Run a recipe over sequences; return what was measured of each, in their order, also of those that failed.

    `on_sequence` is called with each when it ends, `on_frame` during a run in this process. A run that is stopped by
    KeyboardInterrupt leaves finished sequences as they are.
    """
    runs: dict[str, SequenceRun] = {}
    ended = _in_processes(plan, sequences, jobs) if jobs > 1 else _in_turn(plan, sequences, on_frame)
    for run in ended:
        runs[run.name] = run
        on_sequence(run)
    return [runs[sequence.name] for sequence in sequences]


def load_method(plan: Plan) -> LoadedMethod:
    """Load the plan's recipe with its weights. Raises WeightsMissing and other errors of recipes and weights."""
    recipe = find_recipe(plan.recipe)
    recipe.settings.check(plan.settings, plan.weights)
    recipe, numbers = recipe.with_settings(plan.settings.overrides)
    device = pick_device(plan.settings.device)
    network = recipe.network(numbers, weights=plan.weights or recipe.settings.weights_file(), device=device)
    network, _ = with_precision(network, device, plan.settings.precision)
    return LoadedMethod(recipe, numbers, network, device)


def run_sequence(plan: Plan, sequence: types.Sequence, method: LoadedMethod, on_frame: OnFrame) -> SequenceRun:
    """Run a recipe over a sequence, write its masks and record it, or return the record if it was finished before.

    Raises EngineError, and Cancelled if `on_frame` does.
    """
    folder = ResultsFolder(plan.out)
    absent = method.recipe.unlabelled == "absent"
    given = given_masks(sequence, plan.benchmark, plan.given, absent=absent)
    identity = files_identity(sequence, given)
    if earlier := folder.finished(sequence, identity):
        return earlier
    unfinished, clock, palette = folder.begin(sequence.name), Clock(), palette_of(given, plan.benchmark)
    direction = method.recipe.direction if isinstance(plan.given, int) else Direction.FORWARD
    saved, stems = set(sequence.saved), sequence.stems
    merge_views, shown_as = partial(_merge, plan, method, given.size), _views(plan, method, given.size)
    # Recipes of published methods are run as their authors do, who segment every frame.
    hold = method.recipe.skips and (not plan.authors or method.recipe.name == _OWN)
    predictions = predict(sequence, given, method, shown_as, merge_views, clock, direction, hold=hold)

    def write(index: int, labels: NDArray[np.uint8]) -> None:
        if stems[index] in saved:
            with atomic_write(unfinished / f"{stems[index]}.png") as part:
                part.write_bytes(encode_mask(labels, palette))

    try:
        for index in range(min(given.labels)):  # servers expect these too
            write(index, np.zeros(output_size(plan.benchmark, given.size), np.uint8))
        for done, (index, labels) in enumerate(predictions, min(given.labels) + 1):
            write(index, labels)
            on_frame(done, len(stems))
    except BaseException:
        folder.drop_unfinished(sequence.name)  # at once, as what ended it may be lack of space
        raise
    shown = {stems[frame]: given.objects[frame] for frame in given.labels}
    run = SequenceRun(
        sequence.name, clock.frames, round(clock.seconds, 6), clock.peak(), tuple(shown), given_objects=shown
    )
    folder.finish(sequence, run, identity)
    return run


def _views(plan: Plan, method: LoadedMethod, size: tuple[int, int]) -> list[View]:
    """Return the views of a sequence's images. Raises BadSetting."""
    recipe, numbers, stride = method.recipe, method.numbers, method.network.stride
    if plan.authors:
        height, flip, scales = plan.height, plan.flip, plan.scales
        return views(recipe, numbers, plan.benchmark, size, stride=stride, height=height, flip=flip, scales=scales)
    height, style = plan.height or plan.settings.height, recipe.framing_style(numbers)
    return [View(Framing.fit(*size, working_height=height, stride=stride, style=style))]


def _merge(
    plan: Plan, method: LoadedMethod, size: tuple[int, int], probabilities: list[Probabilities]
) -> Probabilities:
    """Merge the probabilities of all views of an image of this size, at the size of the benchmark's results."""
    return resized(merge(probabilities, method.recipe), output_size(plan.benchmark, size))


def _attempt(plan: Plan, sequence: types.Sequence, method: LoadedMethod, on_frame: OnFrame) -> SequenceRun:
    """Run a recipe over a sequence; an error becomes the problem of the run, so that others can follow."""
    try:
        return run_sequence(plan, sequence, method, on_frame)
    except Cancelled:
        return failed(sequence, "it was stopped")
    except EngineError as error:
        return failed(sequence, error.sentence())
    except OSError as error:
        return failed(sequence, f"{error.filename or 'a file'} cannot be used: {error.strerror}.")
    except Exception as error:  # a bug of ours must not cost the results of all other sequences
        _log.exception("%s", sequence.name)
        return failed(sequence, f"an unexpected error ended it: {type(error).__name__}: {error}")


def failed(sequence: types.Sequence, problem: str) -> SequenceRun:
    """Return the record of a sequence that failed."""
    return SequenceRun(sequence.name, 0, 0.0, 0, (), problem)


def _in_turn(plan: Plan, sequences: Sequence[types.Sequence], on_frame: OnFrame) -> Iterator[SequenceRun]:
    method = load_method(plan)
    for sequence in sequences:
        yield _attempt(plan, sequence, method, on_frame)


# -- other processes ---------------------------------------------------------------------------------------------------
_worker: dict[str, Any] = {}  # what a worker process keeps between sequences


def _in_processes(plan: Plan, sequences: Sequence[types.Sequence], jobs: int) -> Iterator[SequenceRun]:
    """Run sequences in `jobs` processes, and yield each that ends; raises what loading the recipe does.

    If a process is ended, as for lack of memory, the others are too. What is left then runs in one process, where it
    is plain which sequence ends it.
    """
    load_method(plan)  # an error of the weights is told once, and not by every process
    left, breaks = list(sequences), 0
    while left:
        for run in _in_pool(plan, left, jobs):
            left = [sequence for sequence in left if sequence.name != run.name]
            breaks = 0
            yield run
        if left and jobs == 1:
            breaks += 1
            for sequence in left[: len(left) if breaks == _MAX_BREAKS else 1]:
                left = left[1:]
                yield failed(sequence, "its process was ended, perhaps for lack of memory.")
        jobs = 1


def _in_pool(plan: Plan, sequences: Sequence[types.Sequence], jobs: int) -> Iterator[SequenceRun]:
    """Yield the sequences that end in a pool of processes, until all have or one of the processes is ended."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    threads = max(torch.get_num_threads() // jobs, 1)
    pool = ProcessPoolExecutor(jobs, context, _start_worker, (plan, threads, stop))
    try:
        with _interrupts_ignored():  # by the processes too, which begin as this one is
            futures = [pool.submit(_work, sequence) for sequence in sequences]
        with suppress(BrokenProcessPool):
            for future in as_completed(futures):
                yield future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl+C during the `with` block, if this is the thread that it reaches."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker(plan: Plan, threads: int, stop: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C goes to all processes; the first one tells the others
    torch.set_num_threads(threads)
    _worker.update(plan=plan, stop=stop, method=load_method(plan))


def _work(sequence: types.Sequence) -> SequenceRun:
    stop: Event = _worker["stop"]

    def on_frame(done: int, total: int) -> None:
        if stop.is_set():
            raise Cancelled

    return _attempt(_worker["plan"], sequence, _worker["method"], on_frame)
