"""Frames as a network sees them, one after another; where it pays, while those before them are being used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from ..networks.network import AttachesFlow, EncodesAhead, EncodesBatches, Features, Network
from ..runtime.threads import Prefetcher, can_split_cpu, run_alongside
from .framing import Framing

ReadFrame = Callable[[int], np.ndarray | None]  # media frame -> (H, W, 3) uint8 RGB, or None if it cannot be read
Seen = tuple[int, Features]  # a media frame and what the network saw there

_TOGETHER = 8  # frames that a GPU encodes at once
_PIXELS = _TOGETHER * 480 * 864  # of these together at most: of larger ones as many as take no more memory
_SEARCHES = min(8, max((os.cpu_count() or 1) - 2, 1))  # threads that find what a GPU does not, such as optical flow


def can_encode_ahead(network: Network, device: torch.device) -> bool:
    """Whether half of the processor encodes the next frame while the other half does all the rest of this one.

    It gains where the two take a network about as long: more than both halves gain by working on one thing.
    """
    return can_split_cpu(device) and isinstance(network, EncodesAhead) and network.encodes_ahead


def can_encode_batches(network: Network, device: torch.device) -> bool:
    """Whether several frames are encoded at once, because one by one they would leave a GPU idle."""
    ahead = isinstance(network, EncodesAhead) and network.encodes_ahead
    return ahead and isinstance(network, EncodesBatches) and device.type == "cuda"


class FrameEncoder:
    """Reads frames, fits them to the network and encodes them."""

    def __init__(self, network: Network, framing: Framing, read: ReadFrame, device: torch.device) -> None:
        self._network = network
        self._framing = framing
        self._read = read
        self._device = device

    def one(self, frame: int) -> Features | None:
        """None if it cannot be read."""
        image = self._image(frame)
        return None if image is None else self._encode(image)

    @contextmanager
    def each(self, frames: Iterable[int]) -> Iterator[Iterator[Seen]]:
        """Meanwhile those of `frames` that can be read, in this order, told how they differ from the one before."""
        if can_encode_ahead(self._network, self._device):
            with run_alongside(self._one_by_one(frames), self._device) as ahead:
                yield ahead
        elif can_encode_batches(self._network, self._device):
            with self._batches_ahead(frames) as ahead:
                yield ahead
        else:
            yield self._one_by_one(frames)

    def _one_by_one(self, frames: Iterable[int]) -> Iterator[Seen]:
        before = None
        for frame, image in self._images(frames):
            before = self._foreseen(self._encode(image), before)
            yield frame, before

    @contextmanager
    def _batches_ahead(self, frames: Iterable[int]) -> Iterator[Iterator[Seen]]:
        every, searches = torch.get_num_threads(), ThreadPoolExecutor(_SEARCHES, "search")
        ahead = Prefetcher(self._batches(frames, searches), threads=every, all_threads=every)
        try:
            yield ((frame, coming.result()) for batch in ahead for frame, coming in batch)
        finally:
            ahead.close()
            searches.shutdown(cancel_futures=True)

    def _batches(self, frames: Iterable[int], searches: ThreadPoolExecutor) -> Iterator[list[tuple[int, Future]]]:
        images, before, wrong = self._images(frames), None, None
        while wrong is None:
            batch, wrong = self._batch(images)
            if not batch:
                break
            with torch.inference_mode():  # each thread has its own
                every = self._network.encode_batch(torch.cat([image for _, image in batch]))
            coming = []
            for (frame, _), features in zip(batch, every, strict=True):
                coming.append((frame, searches.submit(self._foreseen, features, before)))
                before = features
            yield coming
        if wrong:
            raise wrong

    def _batch(self, images: Iterator[tuple[int, Tensor]]) -> tuple[list[tuple[int, Tensor]], Exception | None]:
        """The next ones that are encoded together, and what went wrong at the one after them."""
        batch: list[tuple[int, Tensor]] = []
        try:
            for frame, image in images:
                batch.append((frame, image))
                if len(batch) == _TOGETHER or (len(batch) + 1) * image[0, 0].numel() > _PIXELS:
                    break
        except Exception as error:
            return batch, error
        return batch, None

    def _images(self, frames: Iterable[int]) -> Iterator[tuple[int, Tensor]]:
        for frame in frames:
            image = self._image(frame)
            if image is not None:
                yield frame, image

    @torch.inference_mode()
    def _image(self, frame: int) -> Tensor | None:
        pixels = self._read(frame)
        return None if pixels is None else self._framing.apply(pixels, self._device)

    @torch.inference_mode()
    def _encode(self, image: Tensor) -> Features:
        return self._network.encode(image)

    @torch.inference_mode()
    def _foreseen(self, features: Features, before: Features | None) -> Features:
        if before is None or not isinstance(self._network, AttachesFlow):
            return features
        return self._network.attach_flow(features, before)
