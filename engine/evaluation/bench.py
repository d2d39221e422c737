"""Benchmark of a recipe: frames per second, time per step, and growth of memory with the length of the clip.

Frames are propagated as in a job, but no files are read or written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..inference.encoding import can_encode_ahead
from ..inference.mattes import Matte
from ..jobs.setup import with_precision
from ..layers.affinity import TopK
from ..memory.bank import MemoryBank
from ..methods.recipe import Recipe
from ..networks.network import EncodesAhead, Network, ReadsTopK, frame_methods
from ..runtime.device import pick_device
from ..shared.errors import BadSetting
from ..shared.types import Settings
from .bench_film import BenchClip
from .film_run import FilmRun, MemorySample, memory_sample, network_of

_ASPECT = 16 / 9
_WARM_UP = 3  # frames that are not timed
_MAX_SAMPLES = 50  # about


@dataclass
class BenchReport:
    """Results of a benchmark on one clip."""

    frames: int
    precision: str  # of convolutions
    frames_per_second: float = 0.0
    cpu_seconds: float = 0.0  # per frame, sum of all threads
    stages: dict[str, float] = field(default_factory=dict)  # seconds per frame, by network method
    samples: list[MemorySample] = field(default_factory=list)
    peak: int = 0  # bytes of GPU memory if there is a GPU, else of main memory


def run_benchmark(
    recipe: Recipe,
    settings: Settings,
    *,
    weights: Path | None,
    frames: int,
    objects: int,
    object_size: float = 0.25,
    keyframes: int = 1,
    reference: bool = False,
    compiled: bool = False,
) -> BenchReport:
    """Measure the speed and memory of a recipe on a synthetic 16:9 clip with the given numbers of frames and objects.

    Objects are discs with a diameter of `object_size` times the frame height; small objects can be faster to segment.
    With `compiled`, PyTorch first compiles the network's modules, which on a CPU needs a C++ compiler. With
    `reference`, the network computes as its authors' code does: no frame is encoded ahead, the memory format is
    contiguous, and top-k reading multiplies by a dense matrix of weights. Published recipes without a weights file run
    with random weights, which does not change their speed. Raises BadSetting.
    """
    _check(frames, objects, object_size, keyframes)
    device = pick_device(settings.device)
    network = network_of(recipe, settings, device, weights)
    if reference:
        _make_reference(network)
    if compiled:
        _compile(network)
    # On a CPU, compiled networks and the reference are computed in float32.
    precision = "float32" if (compiled or reference) and device.type == "cpu" else settings.precision
    network, computed_in = with_precision(network, device, precision)
    height, width = settings.height, round(settings.height * _ASPECT / 2) * 2
    film = BenchClip(height, width, objects, object_size)
    given = [index * frames // keyframes for index in range(keyframes)]
    run = FilmRun(recipe, settings, network, device, film, frames, given)
    report, timer = BenchReport(frames, str(computed_in).removeprefix("torch.")), _MethodTimer(network, device)
    with timer.attached():
        counted, seconds = _run(run.mattes(), report, run.banks, device, timer)
    if device.type == "cuda":
        # Timing each step on a GPU means waiting for it. The speed is that of a run without waiting; the run before it
        # creates whatever is created only once.
        for _ in range(2):
            report.samples.clear()
            _run(run.mattes(), report, run.banks, device)
    report.stages = _stages(timer, counted, seconds, ahead=can_encode_ahead(network, device))
    report.peak = (
        torch.cuda.max_memory_allocated()
        if device.type == "cuda"
        else max(sample.process_bytes for sample in report.samples)
    )
    return report


def _check(frames: int, objects: int, object_size: float, keyframes: int) -> None:
    """Raise BadSetting if the parameters of the synthetic clip are out of range."""
    if frames <= _WARM_UP or not 1 <= objects <= 255 or not 0 < object_size <= 2:
        raise BadSetting(
            f"a benchmark needs more than {_WARM_UP} frames, 1 to 255 objects, and an object size above 0 and up to 2"
        )
    if not 1 <= keyframes <= frames - _WARM_UP:
        raise BadSetting(f"a benchmark of {frames} frames can have 1 to {frames - _WARM_UP} keyframes, not {keyframes}")


def _compile(network: Network) -> None:
    """Compile the network's modules with PyTorch."""
    if isinstance(network, torch.nn.Module):
        for module in network.children():
            module.compile()


def _make_reference(network: Network) -> None:
    """Make the network compute as its authors' code does: no encoding ahead, contiguous maps, dense memory reading."""
    if isinstance(network, torch.nn.Module):
        network.to(memory_format=torch.contiguous_format)
    if isinstance(network, EncodesAhead):
        network.encodes_ahead = False
    if isinstance(network, ReadsTopK):
        network.select_top_k = dense_top_k


def _stages(timer: _MethodTimer, counted: int, seconds: float, *, ahead: bool) -> dict[str, float]:
    """Return the seconds per frame by network method, and of the rest ("other"). With `ahead`, encoding is parallel."""
    parallel = ("encode", "attach_flow") if ahead else ()
    methods = {name: timer.seconds.get(name, 0.0) / counted for name in timer.methods}
    sequential = sum(duration for name, duration in methods.items() if name not in parallel)
    stages = {f"{name} (parallel)" if name in parallel else name: duration for name, duration in methods.items()}
    return {**stages, "other": seconds / counted - sequential}  # including the wait for parallel methods


def _run(
    mattes: Iterator[Matte],
    report: BenchReport,
    banks: list[MemoryBank],
    device: torch.device,
    timer: _MethodTimer | None = None,
) -> tuple[int, float]:
    """Propagate over all frames and write measurements to `report`; return how many frames were timed, and the seconds.

    With a timer, the first `_WARM_UP` frames are not timed. Without a timer, all frames are timed: the network is warm
    from an earlier run, and frames are encoded long before their mattes are returned.
    """
    skipped = _WARM_UP if timer else 0
    counted, seconds, cpu_start = 0, 0.0, time.process_time()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    sample_start = clock()
    for done in range(1, report.frames + 1):
        start = time.perf_counter()
        next(mattes)
        if done > skipped:
            counted, seconds = counted + 1, seconds + time.perf_counter() - start
        elif done == skipped and timer:
            timer.seconds.clear()
            cpu_start = time.process_time()
        if done % max(report.frames // _MAX_SAMPLES, 1) == 0:
            elapsed, frames = clock() - sample_start, done - (report.samples[-1].frames if report.samples else 0)
            sample = memory_sample(done, banks[0], device, elapsed / frames)
            report.samples.append(sample)
            sample_start = clock()
    report.frames_per_second = counted / max(seconds, 1e-9)
    report.cpu_seconds = (time.process_time() - cpu_start) / counted
    return counted, seconds


def dense_top_k(scores: Tensor, *, top_k: int) -> TopK:
    """Select the `top_k` best tokens of scores (Q, N), to read them by a dense matrix as XMem's code does."""
    best, index = scores.topk(min(top_k, scores.shape[1]), dim=1)
    return _DenseTopK(index, best.softmax(1), best[:, 0], scores.shape[1])


class _DenseTopK(TopK):
    """`TopK` that reads values through a dense weight matrix (Q, N), with zeros for tokens that are not selected."""

    matrix: Tensor

    def __init__(self, index: Tensor, weight: Tensor, best_score: Tensor, tokens: int) -> None:
        super().__init__(index, weight, best_score)
        # The base class is frozen.
        object.__setattr__(self, "matrix", weight.new_zeros(len(index), tokens).scatter_(1, index, weight))

    def read(self, value: Tensor, rows: Tensor | None = None) -> Tensor:
        return value @ self.matrix.T


class _MethodTimer:
    """Measures the time spent in each method of a network."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self.seconds: dict[str, float] = {}  # method -> total
        self.methods = frame_methods(network)
        self._network = network
        self._device = device

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Time all calls of the network's methods inside the `with` block.

        On a GPU, frames are encoded one by one meanwhile, since methods that run in parallel cannot be timed
        separately.
        """
        network = self._network
        ahead = network if self._device.type == "cuda" and isinstance(network, EncodesAhead) else None
        if ahead is not None and not ahead.encodes_ahead:
            ahead = None  # switched off already
        if ahead is not None:
            ahead.encodes_ahead = False
        vars(network).update({name: self._timed(name, method) for name, method in self.methods.items()})
        try:
            yield
        finally:
            for name in self.methods:
                del vars(network)[name]
            if ahead is not None:
                ahead.encodes_ahead = True

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method so that the time of each call is added to `self.seconds[name]`."""

        def timed(*arguments: object, **options: object) -> object:
            self._synchronize()
            start = time.perf_counter()
            result = method(*arguments, **options)
            self._synchronize()
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
            return result

        return timed

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()
