"""The mattes and pictures of a clip, from which mattes are refined."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..matting.refine import refine, smooth
from ..media.frames import FrameReader
from ..output.exclusions import Exclusions
from ..output.matte_files import read_existing
from ..shared.alphas import FULL, INSIDE
from ..shared.errors import FramesUnreadable
from ..shared.folder_claim import recorded_cuts, recorded_job
from ..shared.matte_folder import MatteFolder
from ..shared.quality import OWN_EDGE
from ..shared.refinement import EdgeMethod, RefinedObject
from ..shared.written_files import WrittenFiles
from .network_scale import NetworkScale

Alpha = NDArray[np.float32]  # (H, W) 0..1
Picture = NDArray[np.uint8]  # (H, W, 3)
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class _Origin:
    """Where a matte comes from."""

    run: str  # id of the run that has made it; empty: not known
    is_keyframe: bool  # whether its shape is the user's
    has_own_edge: bool  # whether its edge is, too: that of a soft keyframe, or edited


class RefineSource:
    """The mattes and pictures of a clip, from which mattes are refined; the last few are kept in memory."""

    def __init__(self, folder: MatteFolder, reader: FrameReader) -> None:
        self.reader = reader
        self._folder, self._size = folder, (reader.clip.height, reader.clip.width)
        job = recorded_job(folder)
        self._scale = NetworkScale(folder, self._size)
        self._exclusions = Exclusions(job.exclusions if job else (), (), self._size)
        self._cuts = {*recorded_cuts(folder)}
        self._record = WrittenFiles(folder)
        self._pictures = _Window[int, Picture | None](3)  # a frame, and those before and after it
        self._raw = _Window[tuple[int, int], Alpha | None](1)
        self._refined = _Window[tuple[RefinedObject, int], Alpha | None](3)  # before temporal smoothing

    def refined(self, one: RefinedObject, frame: int) -> Alpha | None:
        """Return an object's refined matte on a media frame; None if its matte or the picture cannot be read."""
        alpha = self._base(one, frame)
        if alpha is None or one.refinement.smoothing == 0:
            return alpha
        origin = self._origin(one.object_id, frame)
        if origin.has_own_edge:
            return alpha
        around = [self._beside(frame, -1), frame, self._beside(frame, 1)]
        alphas = [None if at is None else self._base(one, at) for at in around]
        pictures = [None if at is None else self._picture(at) for at in around]
        shape = alpha >= INSIDE / FULL if origin.is_keyframe else None
        smoothed: Alpha = smooth(alphas, pictures, one.refinement.smoothing, shape)
        return self._bounded(one, frame, smoothed)

    def _base(self, one: RefinedObject, frame: int) -> Alpha | None:
        """Return a refined matte before temporal smoothing."""
        return self._refined.get((one, frame), lambda: self.without_smoothing(one, frame))

    def without_smoothing(self, one: RefinedObject, frame: int) -> Alpha | None:
        """Return what `refined` does before temporal smoothing, which needs the frames beside."""
        raw, picture = self.matte(one.object_id, frame), self._picture(frame)
        if raw is None or picture is None:
            return None
        origin, refinement = self._origin(one.object_id, frame), one.refinement
        if origin.has_own_edge:
            refinement = replace(refinement, edges=EdgeMethod.KEEP)
        shape = raw >= INSIDE / FULL if origin.is_keyframe and not origin.has_own_edge else None
        scale = self._scale.of(origin.run, one.object_id, raw)
        alpha = refine(raw, picture, refinement, scale=scale, shape=shape)
        return self._bounded(one, frame, alpha)

    def _origin(self, object_id: int, frame: int) -> _Origin:
        path = self._folder.matte(object_id, self.reader.numbers[frame])
        quality = self._record.quality(path)
        if quality is None:
            return _Origin("", is_keyframe=False, has_own_edge=self._record.is_edited(path))
        return _Origin(quality.run, quality.is_given, has_own_edge=OWN_EDGE in quality.signals)

    def _bounded(self, one: RefinedObject, frame: int, alpha: Alpha) -> Alpha:
        """Return a matte without what is excluded on a frame."""
        cut: Alpha = self._exclusions.cut(frame, (one.object_id,), alpha[None])[0]
        return cut

    def matte(self, object_id: int, frame: int) -> Alpha | None:
        """Return an object's matte as it was propagated; None if it is missing, damaged or of another size."""
        path = self._folder.matte(object_id, self.reader.numbers[frame])
        return self._raw.get((object_id, frame), lambda: read_existing(path, self._size))

    def _picture(self, frame: int) -> Picture | None:
        return self._pictures.get(frame, lambda: _read(self.reader, frame))

    def _beside(self, frame: int, step: int) -> int | None:
        """Return the media frame before or after one in the same shot; None if there is none."""
        number, other = self.reader.numbers[frame], frame + step
        if not 0 <= other < len(self.reader.numbers) or self.reader.numbers[other] != number + step:
            return None
        return None if max(frame, other) in self._cuts else other


class _Window(Generic[Key, Value]):
    """The last few values that were made, by their keys."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made if needed; the oldest is forgotten."""
        if key not in self._values:
            value = make()
            while len(self._values) >= self._size:
                self._values.popitem(last=False)
            self._values[key] = value
        return self._values[key]


def _read(reader: FrameReader, frame: int) -> Picture | None:
    try:
        return reader.read(frame)
    except FramesUnreadable:
        return None
