"""Propagation in stabilised space: frames and keyframes are moved to where the camera stands still, and mattes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from ..inference.framing import Framing
from ..inference.mattes import Matte
from ..inference.soft_masks import SoftMasks
from ..inference.spaces import moved_keyframe, with_shapes
from ..shared.errors import BadSetting
from ..shared.types import PropagationJob

_MAX_MARGIN = 0.25  # of the picture's sides, by which the canvas may extend beyond it on either side
_MAX_SCALE = 4.0  # by which a stabilisation may enlarge or reduce the picture

Read = Callable[[int], NDArray[np.uint8] | None]
Annotated = Callable[[int], tuple[int, ...]]


@dataclass(frozen=True)
class StabilizedSpace:
    """Canvas on which the frames of a job lie such that the camera stands still."""

    matrices: Mapping[int, NDArray[np.float64]]  # (2, 3) from pixels of a media frame to those of the canvas
    size: tuple[int, int]  # of the canvas, (H, W)
    picture: tuple[int, int]  # of the clip, (H, W)

    def framing(self, framing: Framing, stride: int) -> Framing:
        """Return the framing of the canvas for a network with a stride: pixels are scaled as in that of the picture."""
        shorter = min(self.size)
        working_height = round(shorter * framing.work_height / framing.height)
        style = replace(framing.style, enlarge=working_height > shorter)
        return Framing.fit(*self.size, working_height=working_height, stride=stride, style=style)

    def read(self, read: Read) -> Read:
        """Return a function that reads frames as `read` does, and moves them to the canvas; borders are continued."""

        def stabilized(frame: int) -> NDArray[np.uint8] | None:
            image = read(frame)
            return None if image is None else self._moved(image, frame)

        return stabilized

    def keyframes(
        self, truth: Mapping[int, NDArray[np.uint8]], soft: Mapping[int, SoftMasks]
    ) -> tuple[dict[int, NDArray[np.uint8]], dict[int, SoftMasks]]:
        """Move keyframe labels (H, W) and soft pixels to the canvas, by media frame; nothing is beyond the picture."""
        labels: dict[int, NDArray[np.uint8]] = {}
        edges: dict[int, SoftMasks] = {}
        for frame, given in truth.items():
            move = partial(self._moved, frame=frame, border=cv2.BORDER_CONSTANT)
            labels[frame], found = moved_keyframe(given, soft.get(frame, {}), move)
            if found:
                edges[frame] = found
        return labels, edges

    def mattes(
        self,
        mattes: Iterator[Matte],
        truth: Mapping[int, NDArray[np.uint8]],
        soft: Mapping[int, SoftMasks],
        annotated: Annotated,
    ) -> Iterator[Matte]:
        """Move mattes back to the picture; on keyframes, objects that are `annotated` there have the user's masks."""
        for matte in mattes:
            alpha, probability = (
                self._back(values, matte.frame) if len(values) else np.zeros((0, *self.picture), np.float32)
                for values in (matte.alpha, matte.probability)
            )
            alpha = with_shapes(matte.frame, matte.objects, alpha, truth, soft, {*annotated(matte.frame)})
            yield replace(matte, alpha=alpha, probability=probability)

    def _moved(self, values: NDArray[np.uint8], frame: int, border: int = cv2.BORDER_REPLICATE) -> NDArray[np.uint8]:
        height, width = self.size
        moved = cv2.warpAffine(values, self.matrices[frame], (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
        return np.asarray(moved, np.uint8)

    def _back(self, values: NDArray[np.float32], frame: int) -> NDArray[np.float32]:
        height, width = self.picture
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        planes = [cv2.warpAffine(plane, self.matrices[frame], (width, height), flags=flags) for plane in values]
        return np.asarray(np.stack(planes), np.float32)


def stabilized_space(job: PropagationJob) -> StabilizedSpace | None:
    """Return the canvas of a job with a stabilisation; None if it has none, or one that moves nothing.

    Raises BadSetting if the stabilisation is not one affine matrix for each frame of the clip, or no camera moves so.
    """
    if not job.stabilization:
        return None
    picture = job.clip.height, job.clip.width
    rows = [np.array(row, np.float64) for row in job.stabilization]
    if len(rows) != job.clip.frame_count or any(row.shape != (6,) or not np.isfinite(row).all() for row in rows):
        raise BadSetting("the stabilization is not one matrix of 2x3 numbers for each frame of the clip")
    matrices = [row.reshape(2, 3) for row in rows]
    scales = [np.sqrt(abs(np.linalg.det(matrix[:, :2]))) for matrix in matrices]
    if not all(1 / _MAX_SCALE <= scale <= _MAX_SCALE for scale in scales):
        raise BadSetting(
            f"the stabilization scales the picture by less than 1/{_MAX_SCALE:g} or more than {_MAX_SCALE:g}"
        )
    if all(np.allclose(matrix, np.eye(3)[:2], atol=1e-6) for matrix in matrices):
        return None
    corner, size = _canvas(matrices, picture)
    moved = [matrix - [[0, 0, corner[0]], [0, 0, corner[1]]] for matrix in matrices]
    return StabilizedSpace(dict(enumerate(moved)), size, picture)


def _canvas(
    matrices: list[NDArray[np.float64]], picture: tuple[int, int]
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Return the upper left corner (2,) and the size (H, W) of a canvas that shows the moved pictures.

    It shows the picture as it is at least, and no more than `_MAX_MARGIN` beyond it.
    """
    height, width = picture
    corners = np.array([(0, 0, 1), (width, 0, 1), (0, height, 1), (width, height, 1)], np.float64)
    places = np.concatenate([corners @ matrix.T for matrix in matrices])
    most = np.ceil(np.array([width, height]) * _MAX_MARGIN)
    low = np.clip(np.floor(places.min(axis=0)), -most, 0)
    high = np.clip(np.ceil(places.max(axis=0)), (width, height), np.array([width, height]) + most)
    across, down = (high - low).astype(int).tolist()
    return low, (down, across)
