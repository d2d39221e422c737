"""Time and memory of refining frames of 1080p, 4K and 8K, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter, process_time

import cv2
import numpy as np

from ..matting.refine import foreground, refine, smooth
from ..shared.refinement import EdgeMethod, Refinement

SIZES = {"1080p": (1080, 1920), "4K": (2160, 3840), "8K": (4320, 7680)}
CUTOUT, SMOOTHING = "foreground colours", "smoothing"
WAYS = ("guided", "detail", SMOOTHING, CUTOUT)
_LINES = 480  # of the network's picture
_MIB = 1024.0  # KiB


@dataclass(frozen=True)
class SizeResult:
    """What one way to refine costs at one size."""

    size: str
    way: str
    seconds: float  # of the processor
    elapsed: float  # seconds on the clock
    memory: float | None  # MiB that the process has grown by at most; None: unknown on this system
    inputs: float  # MiB of the picture and the matte themselves


def size_results(picture: np.ndarray, alpha: np.ndarray) -> Iterator[SizeResult]:
    """Refine a picture (H, W, 3) uint8 and a matte (H, W), enlarged to each size, in each way."""
    context = multiprocessing.get_context("spawn")
    for name, size in SIZES.items():
        for way in WAYS:
            here, there = context.Pipe()
            process = context.Process(target=_measure, args=(there, way, size, picture, alpha))
            process.start()
            there.close()
            try:
                seconds, elapsed, memory = here.recv()
            except EOFError:
                continue  # the process was ended, as for want of memory
            finally:
                process.join()
            yield SizeResult(name, way, seconds, elapsed, memory, size[0] * size[1] * 7 / _MIB**2)


def _measure(answer: Connection, way: str, size: tuple[int, int], picture: np.ndarray, alpha: np.ndarray) -> None:
    """Send the seconds and the memory of one refinement."""
    larger = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_CUBIC)
    matte = cv2.resize(alpha, size[::-1], interpolation=cv2.INTER_LINEAR)
    _refine(way, picture, alpha)  # so that libraries are loaded
    before, start, clock = _peak(), process_time(), perf_counter()
    _refine(way, larger, matte)
    used, elapsed, after = process_time() - start, perf_counter() - clock, _peak()
    answer.send((used, elapsed, None if before is None or after is None else after - before))
    answer.close()


def _refine(way: str, picture: np.ndarray, alpha: np.ndarray) -> None:
    if way == CUTOUT:
        foreground(picture, alpha)
    elif way == SMOOTHING:
        smooth([alpha] * 3, [picture] * 3, 1.0)
    else:
        refine(alpha, picture, Refinement(edges=EdgeMethod(way)), scale=min(alpha.shape) / _LINES)


def _peak() -> float | None:
    """Return the most memory that this process has had, in MiB; None if the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB
