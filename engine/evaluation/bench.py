"""How fast a recipe is here: frames per second, where the time goes, and how memory grows with the clip's length.

Everything runs through the same walk as a job; only reading and writing of files are left out. Each figure stands
beside a baseline measured in the same run: the same network as its authors' program computes it (see `plain`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..inference.encoding import encodes_beside
from ..inference.framing import Framing
from ..inference.propagate import Matte, Walk
from ..inference.sweeps import group_by_keyframes, group_together, plan_sweeps
from ..jobs.setup import in_precision
from ..layers.affinity import Chosen
from ..memory.bank import MemoryBank, MemoryView
from ..methods.memories import Numbers
from ..methods.recipe import Recipe
from ..networks.network import Network
from ..runtime.device import memory_now, pick_device
from ..shared.errors import BadSetting
from ..shared.files import atomic_write
from ..shared.types import Direction, Settings
from .bench_film import Film

_ASPECT = 16 / 9
_WARM_UP = 3  # frames that are not counted
_VERBS = ("encode", "foresee", "segment", "refer", "memorize", "settle")
_SAMPLES = 50  # points of a curve


@dataclass(frozen=True)
class Growth:
    """Memory after so many frames."""

    frames: int
    tokens: int  # that a frame reads, of one object group
    bytes_held: int  # of main memory by this process now, or of the GPU's
    memory: int  # bytes of what is remembered
    seconds: float  # processor seconds a frame since the row before; on a GPU seconds


@dataclass
class Report:
    """What was measured on one clip."""

    frames: int
    precision: str  # that convolutions are computed in
    frames_per_second: float = 0.0
    processor_seconds: float = 0.0  # per frame, of all threads together
    stages: dict[str, float] = field(default_factory=dict)  # seconds per frame, by verb
    growth: list[Growth] = field(default_factory=list)
    peak: int = 0  # bytes: of the GPU where there is one, else of main memory


def measure(
    recipe: Recipe,
    settings: Settings,
    *,
    weights: Path | None,
    frames: int,
    objects: int,
    object_size: float = 0.25,
    keyframes: int = 1,
    plain: bool = False,
    compiled: bool = False,
) -> Report:
    """Propagate through a made-up 16:9 clip of `frames` frames with `objects` objects, `keyframes` of them given.

    Objects are discs, `object_size` of the picture's height across: what is small may be found sooner.

    With `compiled` the network's parts go through PyTorch's compiler first, which needs one for C++ on a processor.
    With `plain` one thing after another, in the memory format as it comes and, in those that read the best tokens,
    every token weighed for every place, as the authors' programs do.
    Weights do not matter for the speed: without a file a published recipe runs on random ones.
    """
    if frames <= _WARM_UP or not 1 <= objects <= 255 or not 0 < object_size <= 2:
        raise BadSetting(f"a bench needs more than {_WARM_UP} frames, from 1 to 255 objects, sizes above 0 up to 2")
    if not 1 <= keyframes <= frames - _WARM_UP:
        raise BadSetting(f"a bench of {frames} frames can have 1 to {frames - _WARM_UP} keyframes, not {keyframes}")
    device = pick_device(settings.device)
    recipe, numbers = recipe.set_to(settings.overrides)
    network = _network(recipe, numbers, device, weights)
    if plain:
        network.to(memory_format=torch.contiguous_format)
        network.encodes_ahead = False
        if hasattr(network, "choose"):
            network.choose = dense_top_k
    if compiled:
        for part in network.children() if isinstance(network, torch.nn.Module) else ():
            part.compile()
    # On a processor what is compiled is computed in floats, and the plain way too.
    precision = "float32" if (compiled or plain) and device.type == "cpu" else settings.precision
    network, computed = in_precision(network, device, precision)
    height, width = settings.height, round(settings.height * _ASPECT / 2) * 2
    film = Film(height, width, objects, object_size)
    given = [index * frames // keyframes for index in range(keyframes)]
    truth = {frame: film.labels(frame) for frame in given}
    annotations = [(frame, range(1, objects + 1)) for frame in truth]
    groups = (group_together if recipe.habits.joint else group_by_keyframes)(annotations, most=network.max_objects)
    banks: list[MemoryBank] = []

    def new_bank() -> MemoryBank:
        banks.append(recipe.bank(numbers, network, frames))
        return banks[-1]

    framing = Framing.fit(
        height, width, working_height=height, stride=network.stride, style=recipe.framing_style(numbers)
    )
    plan = plan_sweeps(groups, range(frames), Direction.FORWARD)

    def mattes(network: Network | _Clock) -> Iterator[Matte]:
        banks.clear()
        walk = Walk(
            network,
            new_bank,
            framing=framing,
            judge=recipe.judge(framing),
            read=film.picture,
            truth=truth,
            groups=groups,
            device=device,
            habits=recipe.keyframe_habits(numbers),
        )
        return walk.propagate(plan)

    report, clock = Report(frames, str(computed).removeprefix("torch.")), _Clock(network, device)
    counted, spent = _run(mattes(clock), report, banks, device, clock)
    beside = ("encode", "foresee") if encodes_beside(network, device) else ()
    stages = {verb: clock.spent.get(verb, 0.0) / counted for verb in _VERBS if hasattr(network, verb)}
    waiting = spent / counted - sum(seconds for verb, seconds in stages.items() if verb not in beside)
    if device.type == "cuda":
        # A GPU's work is timed by waiting for it after each step. How fast it is shows a walk that does not wait; the
        # first of these makes ready what is made once.
        for _ in range(2):
            report.growth.clear()
            _run(mattes(network), report, banks, device)
    report.stages = {f"{verb}, beside" if verb in beside else verb: seconds for verb, seconds in stages.items()}
    report.stages["the rest"] = waiting  # also for what is computed beside
    report.peak = (
        torch.cuda.max_memory_allocated() if device.type == "cuda" else max(g.bytes_held for g in report.growth)
    )
    return report


def _run(
    mattes: Iterator[Matte], report: Report, banks: list[MemoryBank], device: torch.device, clock: _Clock | None = None
) -> tuple[int, float]:
    """Walk, and note in `report` what it took. -> frames counted, and seconds.

    With a clock the first frames are not counted. Without one it is all warm, frames are encoded long before they are
    given out, and every second counts.
    """
    skipped = _WARM_UP if clock else 0
    counted, spent, busy = 0, 0.0, time.process_time()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    clock_now = time.perf_counter if device.type == "cuda" else time.process_time
    since = clock_now()
    for done in range(1, report.frames + 1):
        began = time.perf_counter()
        next(mattes)
        if done > skipped:
            counted, spent = counted + 1, spent + time.perf_counter() - began
        elif done == skipped:
            clock.spent.clear()
            busy = time.process_time()
        if done % max(report.frames // _SAMPLES, 1) == 0:
            now, span = clock_now(), done - (report.growth[-1].frames if report.growth else 0)
            view = banks[0].view()
            tokens = len(view.parts[0].layers[0])
            row = Growth(done, tokens, memory_now(device), _size(view), (now - since) / span)
            report.growth.append(row)
            since = clock_now()
    report.frames_per_second = counted / max(spent, 1e-9)
    report.processor_seconds = (time.process_time() - busy) / counted
    return counted, spent


def write_numbers(path: Path, reports: Mapping[str, Report]) -> None:
    """Time and memory over the clip's length, by recipe, as the .csv beside the picture at `path`."""
    rows = [(name, row) for name, report in reports.items() for row in report.growth]
    with atomic_write(path.with_suffix(".csv")) as part:
        lines = (
            f"{name},{row.frames},{row.seconds:.4f},{row.tokens},{row.memory},{row.bytes_held}" for name, row in rows
        )
        head = "recipe,frames,seconds_per_frame,tokens_read,bytes_remembered,bytes_of_process"
        part.write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def draw(path: Path, reports: Mapping[str, Report]) -> None:
    """The same as a picture. Raises BadSetting where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BadSetting(
            f"a curve needs the package matplotlib; its numbers are in {path.with_suffix('.csv')}",
            remedy="Install matplotlib beside the engine's packages.",
        ) from None
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    time_plot, memory_plot = figure.subplots(1, 2)
    for name, report in reports.items():
        frames = [row.frames for row in report.growth]
        time_plot.plot(frames, [row.seconds for row in report.growth], label=name)
        memory_plot.plot(frames, [row.memory / 2**20 for row in report.growth], label=name)
    time_plot.set(xlabel="frames", ylabel="seconds a frame", ylim=(0, None))
    memory_plot.set(xlabel="frames", ylabel="MiB remembered", ylim=(0, None))
    time_plot.legend()
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)


def _size(view: MemoryView) -> int:  # in bytes
    planes = (plane for entry in view.entries for layer in entry.layers for plane in layer.planes.values())
    return sum(plane.nbytes for plane in planes)


def dense_top_k(scores: Tensor, *, top_k: int) -> Chosen:
    """As XMem's program reads: the weights of all tokens in one matrix, zero but for the best."""
    best, index = scores.topk(min(top_k, scores.shape[1]), dim=1)
    return _Dense(index, best.softmax(1), best[:, 0], scores.shape[1])


class _Dense(Chosen):
    """Weights as a matrix (Q, N)."""

    def __init__(self, index: Tensor, weight: Tensor, nearest: Tensor, tokens: int) -> None:
        super().__init__(index, weight, nearest)
        object.__setattr__(self, "matrix", weight.new_zeros(len(index), tokens).scatter_(1, index, weight))

    def read(self, value: Tensor, rows: Tensor | None = None) -> Tensor:
        return value @ self.matrix.T


class _Clock:
    """A network whose verbs are timed."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self.stride, self.max_objects = network.stride, network.max_objects
        self.spent: dict[str, float] = {}
        self._device = device
        self._network = network
        for verb in (verb for verb in _VERBS if hasattr(network, verb)):
            setattr(self, verb, self._timed(verb, getattr(network, verb)))

    def __getattr__(self, name: str) -> object:
        """What it has beside the verbs. Frames are encoded one by one, or there would be nothing to time by itself."""
        if name == "encode_all":
            raise AttributeError(name)
        return getattr(self._network, name)

    def _timed(self, verb: str, does: Callable) -> Callable:
        def timed(*given: object) -> object:
            with self._counting(verb):
                return does(*given)

        return timed

    @contextmanager
    def _counting(self, verb: str) -> Iterator[None]:
        self._finish()
        began = time.perf_counter()
        yield
        self._finish()
        self.spent[verb] = self.spent.get(verb, 0.0) + time.perf_counter() - began

    def _finish(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()


def _network(recipe: Recipe, numbers: Numbers, device: torch.device, weights: Path | None) -> Network:
    if weights or recipe.weights_there():
        return recipe.network(numbers, weights=weights, device=device)
    network = recipe.build(numbers, {})
    if not isinstance(network, torch.nn.Module):
        return network
    return network.eval().requires_grad_(False).to(device=device, memory_format=torch.channels_last)
