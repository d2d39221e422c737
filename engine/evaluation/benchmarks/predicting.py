"""Predictions of a recipe for a sequence, frame by frame as in the authors' evaluators, and the time that they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ...inference.frame_use import EVERY_FRAME, FrameUse
from ...inference.framing import Framing
from ...inference.propagate import Propagator
from ...inference.sweeps import Sweep, group_by_keyframes, group_jointly, plan_sweeps
from ...media.pictures import read_picture
from ...methods.recipe import Recipe
from ...methods.settings import Numbers
from ...networks.network import Network
from ...quality.account import QualityAccount
from ...runtime.device import memory_errors, peak_memory
from ...shared.errors import FramesUnreadable, MixedSizes
from ...shared.types import Direction
from . import types
from .given import GivenMasks
from .held_frames import find_use
from .sweep_fusion import SweepFusion

Labels = NDArray[np.uint8]  # (H, W)
Probabilities = NDArray[np.float32]  # (1 + O, H, W), background first


@dataclass(frozen=True)
class View:
    """One way in which a frame is shown to the network; several are merged."""

    framing: Framing
    flip: bool = False  # mirrored left to right

    def show(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an image or mask (H, W, ...) as it is shown."""
        return np.ascontiguousarray(pixels[:, ::-1]) if self.flip else pixels

    def restore(self, probabilities: Probabilities) -> Probabilities:
        """Return probabilities (1 + O, H, W) as of the image itself."""
        return probabilities[..., ::-1] if self.flip else probabilities


@dataclass(frozen=True)
class LoadedMethod:
    """A recipe with its weights on a device."""

    recipe: Recipe
    numbers: Numbers
    network: Network
    device: torch.device


@dataclass
class Clock:
    """Time that predictions take, as authors count it: without reading files, and without the first frame."""

    frames: int = 0
    seconds: float = 0.0
    reading: float = 0.0  # seconds since the current frame began
    _device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def begin(self, device: torch.device) -> None:
        """Forget the peak of memory, where the system can."""
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with suppress(OSError):  # Linux only; elsewhere the peak is that of the process so far
                Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def peak(self) -> int:
        """Return the peak of memory in bytes since `begin`: of the GPU, else of the process."""
        cuda = self._device.type == "cuda"
        return torch.cuda.max_memory_allocated(self._device) if cuda else peak_memory()


class _Reader:
    """Reads the images of a sequence, each once for all views, and counts the time that takes."""

    def __init__(self, sequence: types.Sequence, size: tuple[int, int], clock: Clock) -> None:
        self._sequence = sequence
        self._size = size
        self._clock = clock
        self._kept: tuple[int, NDArray[np.uint8]] | None = None

    def read(self, frame: int) -> NDArray[np.uint8]:
        """Return an image (H, W, 3). Raises FramesUnreadable, MixedSizes."""
        if self._kept is not None and self._kept[0] == frame:
            return self._kept[1]
        start = time.perf_counter()
        path = self._sequence.frames[frame]
        try:
            pixels = read_picture(path)
        except FramesUnreadable as error:
            raise FramesUnreadable(f"{path}: {error.message}", remedy=error.remedy) from error
        if pixels.shape[:2] != self._size:
            height, width = pixels.shape[:2]
            raise MixedSizes(
                f"image {path} is {width}x{height}, but the first of the sequence {self._size[1]}x{self._size[0]}",
                remedy="Unpack the data set again.",
            )
        self._kept = frame, pixels
        self._clock.reading += time.perf_counter() - start
        return pixels


Merge = Callable[[list[Probabilities]], Probabilities]  # of all views of a frame; may also change their size


def predict(
    sequence: types.Sequence,
    given: GivenMasks,
    method: LoadedMethod,
    views: Sequence[View],
    merge: Merge,
    clock: Clock,
    direction: Direction = Direction.FORWARD,
    *,
    hold: bool = False,
) -> Iterator[tuple[int, Labels]]:
    """Yield the index and the labels of every frame from the first given mask on; those of given masks are as given.

    Several views are computed in step, and merged. With more than one direction, the results of both are fused. With
    `hold`, frames that show the same as the one before are not segmented again. The time is added to `clock`.

    Raises FramesUnreadable, MixedSizes, OutOfMemory.
    """
    first = min(given.labels)
    sweeps = _sweeps(sequence, given, method, direction)
    reader = _Reader(sequence, given.size, clock)
    clock.begin(method.device)
    with ExitStack() as resources, memory_errors():
        use = _look(sequence, given, reader, clock) if hold else EVERY_FRAME
        mattes = [_propagator(sequence, given, method, view, reader, use).propagate(sweeps) for view in views]
        fusion = resources.enter_context(SweepFusion(sweeps, QualityAccount(method.recipe.name)))
        while True:
            clock.reading, start = 0.0, time.perf_counter()
            step = [next(one, None) for one in mattes]
            if step[0] is None:
                break
            frame = step[0].frame
            parts = [view.restore(matte.probability) for view, matte in zip(views, step, strict=True) if matte]
            probabilities = merge(parts)
            found = fusion.add(frame, step[0], probabilities)
            spent = time.perf_counter() - start - clock.reading
            if frame != first:
                clock.frames, clock.seconds = clock.frames + 1, clock.seconds + spent
            for index, objects, fused in found:
                yield index, _with_given(_labels(objects, fused), index, given)


def _sweeps(
    sequence: types.Sequence, given: GivenMasks, method: LoadedMethod, direction: Direction
) -> tuple[Sweep, ...]:
    policy = method.recipe.keyframe_policy_for(method.numbers)
    group_objects = group_jointly if policy.shared_memory else group_by_keyframes
    groups = group_objects(sorted(given.objects.items()), max_objects=method.network.max_objects)
    wanted = range(min(given.labels), len(sequence.frames))
    return plan_sweeps(groups, wanted, direction)  # no object has results before its first mask, by all rules


def _look(sequence: types.Sequence, given: GivenMasks, reader: _Reader, clock: Clock) -> FrameUse:
    """Look for repeated frames, which takes time as well."""
    start, clock.reading = time.perf_counter(), 0.0
    use = find_use(reader.read, range(min(given.labels), len(sequence.frames)), given.labels.keys())
    clock.seconds += time.perf_counter() - start - clock.reading
    return use


def _propagator(
    sequence: types.Sequence, given: GivenMasks, method: LoadedMethod, view: View, reader: _Reader, use: FrameUse
) -> Propagator:
    recipe, network = method.recipe, method.network
    policy = recipe.keyframe_policy_for(method.numbers)
    group_objects = group_jointly if policy.shared_memory else group_by_keyframes
    return Propagator(
        network,
        lambda: recipe.bank(method.numbers, network, len(sequence.frames)),
        framing=view.framing,
        merger=recipe.mask_merger(view.framing),
        read=lambda frame: view.show(reader.read(frame)),
        truth={frame: view.show(labels) for frame, labels in given.labels.items()},
        groups=group_objects(sorted(given.objects.items()), max_objects=network.max_objects),
        device=method.device,
        keyframe_policy=policy,
        use=use,
        ahead=False,  # so that reading can be told from computing
    )


def _labels(objects: tuple[int, ...], probabilities: Probabilities) -> Labels:
    """Return the ids of the likeliest objects, 0 where none is."""
    ids = np.array([0, *objects], np.uint8)
    labels: Labels = ids[np.argmax(probabilities, axis=0)]
    return labels


def _with_given(labels: Labels, frame: int, given: GivenMasks) -> Labels:
    """Return the labels of a frame with the given masks of its objects as they are."""
    if frame not in given.labels:
        return labels
    mask = given.labels[frame]
    if mask.shape != labels.shape:  # results of another size than the images
        mask = cv2.resize(mask, labels.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    labels = np.where(np.isin(labels, given.objects[frame]), 0, labels)
    return np.where(mask > 0, mask, labels)
