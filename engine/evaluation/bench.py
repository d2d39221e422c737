"""How fast a recipe is here: frames per second, where the time goes, and how memory grows with the clip's length.

Everything runs through the same walk as a job; only reading and writing of files are left out. Each figure stands
beside a baseline measured in the same run: the same network as its authors' program computes it (see `plain`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..inference.encoding import can_encode_ahead
from ..inference.framing import Framing
from ..inference.propagate import Matte, Propagator
from ..inference.sweeps import group_by_keyframes, group_jointly, plan_sweeps
from ..jobs.setup import in_precision
from ..layers.affinity import Chosen
from ..memory.bank import MemoryBank, MemoryView
from ..methods.memories import Numbers
from ..methods.recipe import Recipe
from ..networks.network import EncodesAhead, Network, ReadsTopK, verbs_of
from ..runtime.device import memory_now, pick_device
from ..shared.errors import BadSetting
from ..shared.types import Direction, Settings
from .bench_film import Film

_ASPECT = 16 / 9
_WARM_UP = 3  # frames that are not counted
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
    _check(frames, objects, object_size, keyframes)
    device = pick_device(settings.device)
    recipe, numbers = recipe.set_to(settings.overrides)
    network = _network(recipe, numbers, device, weights)
    if plain:
        _make_plain(network)
    if compiled:
        _compile(network)
    # On a processor what is compiled is computed in floats, and the plain way too.
    precision = "float32" if (compiled or plain) and device.type == "cpu" else settings.precision
    network, computed = in_precision(network, device, precision)
    height, width = settings.height, round(settings.height * _ASPECT / 2) * 2
    film = Film(height, width, objects, object_size)
    truth = {frame: film.labels(frame) for frame in (index * frames // keyframes for index in range(keyframes))}
    annotations = [(frame, range(1, objects + 1)) for frame in truth]
    group_objects = group_jointly if recipe.keyframe_policy.shared_memory else group_by_keyframes
    groups = group_objects(annotations, max_objects=network.max_objects)
    framing = Framing.fit(
        height, width, working_height=height, stride=network.stride, style=recipe.framing_style(numbers)
    )
    sweeps = plan_sweeps(groups, range(frames), Direction.FORWARD)
    banks: list[MemoryBank] = []

    def new_bank() -> MemoryBank:
        banks.append(recipe.bank(numbers, network, frames))
        return banks[-1]

    def mattes() -> Iterator[Matte]:
        banks.clear()
        propagator = Propagator(
            network,
            new_bank,
            framing=framing,
            merger=recipe.mask_merger(framing),
            read=film.picture,
            truth=truth,
            groups=groups,
            device=device,
            keyframe_policy=recipe.keyframe_policy_for(numbers),
        )
        return propagator.propagate(sweeps)

    report, clock = Report(frames, str(computed).removeprefix("torch.")), _Clock(network, device)
    with clock.attached():
        counted, spent = _run(mattes(), report, banks, device, clock)
    if device.type == "cuda":
        # A GPU's work is timed by waiting for it after each step. How fast it is shows a walk that does not wait; the
        # first of these makes ready what is made once.
        for _ in range(2):
            report.growth.clear()
            _run(mattes(), report, banks, device)
    report.stages = _stages(clock, counted, spent, ahead=can_encode_ahead(network, device))
    report.peak = (
        torch.cuda.max_memory_allocated() if device.type == "cuda" else max(g.bytes_held for g in report.growth)
    )
    return report


def _check(frames: int, objects: int, object_size: float, keyframes: int) -> None:
    """Raise BadSetting if the clip cannot be made."""
    if frames <= _WARM_UP or not 1 <= objects <= 255 or not 0 < object_size <= 2:
        raise BadSetting(f"a bench needs more than {_WARM_UP} frames, from 1 to 255 objects, sizes above 0 up to 2")
    if not 1 <= keyframes <= frames - _WARM_UP:
        raise BadSetting(f"a bench of {frames} frames can have 1 to {frames - _WARM_UP} keyframes, not {keyframes}")


def _compile(network: Network) -> None:
    """Put the network's parts through PyTorch's compiler."""
    if isinstance(network, torch.nn.Module):
        for part in network.children():
            part.compile()


def _make_plain(network: Network) -> None:
    """Have the network compute one thing after another, and read memory as its authors' program does."""
    if isinstance(network, torch.nn.Module):
        network.to(memory_format=torch.contiguous_format)
    if isinstance(network, EncodesAhead):
        network.encodes_ahead = False
    if isinstance(network, ReadsTopK):
        network.choose = dense_top_k


def _stages(clock: _Clock, counted: int, spent: float, *, ahead: bool) -> dict[str, float]:
    """Seconds per frame of each verb and of the rest; with `ahead` some are computed beside the others."""
    beside = ("encode", "attach_flow") if ahead else ()
    verbs = {name: clock.spent.get(name, 0.0) / counted for name in clock.verbs}
    waited = sum(seconds for name, seconds in verbs.items() if name not in beside)
    named = {f"{name}, beside" if name in beside else name: seconds for name, seconds in verbs.items()}
    return {**named, "the rest": spent / counted - waited}  # also the wait for what is computed beside


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
            tokens = len(view.groups[0].layers[0])
            row = Growth(done, tokens, memory_now(device), _size(view), (now - since) / span)
            report.growth.append(row)
            since = clock_now()
    report.frames_per_second = counted / max(spent, 1e-9)
    report.processor_seconds = (time.process_time() - busy) / counted
    return counted, spent


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
    """Times the verbs of a network while it is attached."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self.spent: dict[str, float] = {}
        self.verbs = verbs_of(network)
        self._network = network
        self._device = device

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Time every call meanwhile. On a GPU frames are encoded one by one, or no step could be timed by itself."""
        batches = (
            self._device.type == "cuda" and isinstance(self._network, EncodesAhead) and self._network.encodes_ahead
        )
        if batches:
            self._network.encodes_ahead = False
        vars(self._network).update({name: self._timed(name, verb) for name, verb in self.verbs.items()})
        try:
            yield
        finally:
            for name in self.verbs:
                del vars(self._network)[name]
            if batches:
                self._network.encodes_ahead = True

    def _timed(self, name: str, verb: Callable) -> Callable:
        def timed(*arguments: object, **options: object) -> object:
            self._synchronize()
            began = time.perf_counter()
            result = verb(*arguments, **options)
            self._synchronize()
            self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - began
            return result

        return timed

    def _synchronize(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()


def _network(recipe: Recipe, numbers: Numbers, device: torch.device, weights: Path | None) -> Network:
    if weights or recipe.weights_there():
        return recipe.network(numbers, weights=weights, device=device)
    network = recipe.build(numbers, {})
    if not isinstance(network, torch.nn.Module):
        return network
    return network.eval().requires_grad_(False).to(device=device, memory_format=torch.channels_last)
