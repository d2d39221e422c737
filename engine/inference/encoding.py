"""Frame encoder: reads frames, fits them to the network's input and encodes them, in parallel where that is faster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..networks.network import AttachesFlow, EncodesAhead, EncodesBatches, Features, KeepsFeatures, Network
from ..runtime.threads import Prefetcher, can_split_cpu, run_alongside
from .feature_cache import FeatureCache
from .framing import Framing

ReadFrame = Callable[[int], NDArray[np.uint8] | None]  # media frame -> (H, W, 3) RGB; None: unreadable
EncodedFrame = tuple[int, Features]  # media frame and its features

_MAX_BATCH_FRAMES = 8  # that a GPU encodes at once
_MAX_BATCH_PIXELS = _MAX_BATCH_FRAMES * 480 * 864  # limits the memory that a batch of larger frames takes
_FLOW_THREADS = min(8, max((os.cpu_count() or 1) - 2, 1))  # that compute optical flow on the CPU


def can_encode_ahead(network: Network, device: torch.device) -> bool:
    """Return whether half of the CPU threads encode the next frame while the other half segments the current one.

    This is faster for networks that take about as long to encode a frame as for all other steps: two tasks side by
    side, each on half of the threads, take less time than one after the other on all threads.
    """
    return can_split_cpu(device) and isinstance(network, EncodesAhead) and network.encodes_ahead


def can_encode_batches(network: Network, device: torch.device) -> bool:
    """Return whether to encode several frames at once, since single frames do not saturate a GPU."""
    encodes_ahead = isinstance(network, EncodesAhead) and network.encodes_ahead
    return encodes_ahead and isinstance(network, EncodesBatches) and device.type == "cuda"


class FrameEncoder:
    """Reads frames, fits them to the network's input and encodes them."""

    def __init__(
        self,
        network: Network,
        framing: Framing,
        read: ReadFrame,
        device: torch.device,
        cache: FeatureCache | None = None,
        *,
        ahead: bool = True,
    ) -> None:
        """Set up encoding; on a CPU, `cache` keeps the features of a network that `KeepsFeatures`.

        Unless `ahead`, a frame is read and encoded only when it is asked for.
        """
        self._ahead = ahead
        self._cache = cache if device.type == "cpu" and isinstance(network, KeepsFeatures) else None
        self._network = network
        self._framing = framing
        self._read = read
        self._device = device

    def encode(self, frame: int) -> Features | None:
        """Read and encode one frame; return its features, or None if the frame cannot be read."""
        image = self._read_image(frame)
        return None if image is None else self._encoded(frame, image)

    @contextmanager
    def encode_all(self, frames: Iterable[int]) -> Iterator[Iterator[EncodedFrame]]:
        """Give the `with` block an iterator over (frame, features) of those `frames` that can be read, in order.

        If the network uses optical flow, the features include the flow to the frame before.
        """
        if not self._ahead:
            yield self._encode_singly(frames)
        elif can_encode_ahead(self._network, self._device):
            with run_alongside(self._encode_singly(frames), self._device) as encoded:
                yield encoded
        elif can_encode_batches(self._network, self._device):
            with self._batches_ahead(frames) as encoded:
                yield encoded
        else:
            yield self._encode_singly(frames)

    def _encode_singly(self, frames: Iterable[int]) -> Iterator[EncodedFrame]:
        previous = None
        for frame, image in self._read_images(frames):
            previous = self._with_flow(self._encoded(frame, image), previous)
            yield frame, previous

    @contextmanager
    def _batches_ahead(self, frames: Iterable[int]) -> Iterator[Iterator[EncodedFrame]]:
        threads, flow_pool = torch.get_num_threads(), ThreadPoolExecutor(_FLOW_THREADS, "flow")
        batches = Prefetcher(self._encode_batches(frames, flow_pool), threads=threads, all_threads=threads)
        try:
            yield ((frame, future.result()) for batch in batches for frame, future in batch)
        finally:
            batches.close()
            flow_pool.shutdown(cancel_futures=True)

    def _encode_batches(
        self, frames: Iterable[int], flow_pool: ThreadPoolExecutor
    ) -> Iterator[list[tuple[int, Future[Features]]]]:
        network = self._network
        assert isinstance(network, EncodesBatches), "checked by can_encode_batches"
        images, previous, error = self._read_images(frames), None, None
        while error is None:
            batch, error = self._next_batch(images)
            if not batch:
                break
            with torch.inference_mode():  # a mode of the thread
                encoded = network.encode_batch(torch.cat([image for _, image in batch]))
            futures = []
            for (frame, _), features in zip(batch, encoded, strict=True):
                futures.append((frame, flow_pool.submit(self._with_flow, features, previous)))
                previous = features
            yield futures
        if error:
            raise error

    def _next_batch(self, images: Iterator[tuple[int, Tensor]]) -> tuple[list[tuple[int, Tensor]], Exception | None]:
        """Return the images of the next batch, and the error that ended reading; None if there was no error."""
        batch: list[tuple[int, Tensor]] = []
        try:
            for frame, image in images:
                batch.append((frame, image))
                if len(batch) == _MAX_BATCH_FRAMES or (len(batch) + 1) * image[0, 0].numel() > _MAX_BATCH_PIXELS:
                    break
        except Exception as error:
            return batch, error
        return batch, None

    def _read_images(self, frames: Iterable[int]) -> Iterator[tuple[int, Tensor]]:
        for frame in frames:
            image = self._read_image(frame)
            if image is not None:
                yield frame, image

    @torch.inference_mode()
    def _read_image(self, frame: int) -> Tensor | None:
        pixels = self._read(frame)
        return None if pixels is None else self._framing.apply(pixels, self._device)

    @torch.inference_mode()
    def _encoded(self, frame: int, image: Tensor) -> Features:
        """Return the features of a frame with this image, from the cache if they are there."""
        if self._cache is None:
            return self._network.encode(image)
        network = self._network
        assert isinstance(network, KeepsFeatures), "else there is no cache"
        kept = self._cache.get(frame)
        if kept is not None:
            with suppress(KeyError):
                return network.features_from(image, kept)
        features = self._network.encode(image)
        self._cache.put(frame, network.tensors_of(features))
        return features

    @torch.inference_mode()
    def _with_flow(self, features: Features, previous: Features | None) -> Features:
        if previous is None or not isinstance(self._network, AttachesFlow):
            return features
        return self._network.attach_flow(features, previous)
