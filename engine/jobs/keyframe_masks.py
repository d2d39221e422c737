"""Masks of a job's keyframes: their labels, their soft edges, and which object is in front where they overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..inference.soft_masks import SoftKeyframes, SoftMasks, stack
from ..media.frames import FrameReader
from ..media.label_images import read_keyframe
from ..shared.alphas import hard_alpha, soft_alpha
from ..shared.errors import KeyframeOutsideClip
from ..shared.mask_images import MaskImage
from ..shared.matte_folder import named_spans, spans
from ..shared.types import KeyframeFile, PropagationJob

_MAX_PAIRS = 3  # of overlapping objects that the warning names


def check_frames(job: PropagationJob, reader: FrameReader) -> None:
    """Raise KeyframeOutsideClip if a keyframe is on no frame of the clip."""
    for keyframe in job.keyframes:
        if not 0 <= keyframe.frame < reader.clip.frame_count:
            raise KeyframeOutsideClip(
                f"keyframe {keyframe.labels.name} is on frame {keyframe.frame}, but "
                f"the clip has frames 0 to {reader.clip.frame_count - 1}"
            )


def read_keyframe_masks(
    job: PropagationJob, reader: FrameReader
) -> tuple[dict[int, NDArray[np.uint8]], SoftKeyframes, str]:
    """Read the keyframes' labels and soft pixels by media frame, with a warning for the user if keyframes overlap.

    Where the masks of two objects overlap, the object whose keyframe comes later in the job is in front.
    Raises the errors of `read_keyframe`.
    """
    size = (reader.clip.height, reader.clip.width)
    files: dict[int, list[KeyframeFile]] = {}
    for keyframe in job.keyframes:
        files.setdefault(keyframe.frame, []).append(keyframe)
    truth: dict[int, NDArray[np.uint8]] = {}
    soft: dict[int, SoftMasks] = {}
    overlaps: dict[tuple[int, int], list[int]] = {}  # media frames by the objects in front and behind
    for frame, keyframes in files.items():
        masks = [_only_annotated(read_keyframe(keyframe, size=size), keyframe) for keyframe in keyframes]
        labels = np.zeros(size, np.uint8)
        for mask in masks:
            for pair in _pairs(mask.labels, labels):
                overlaps.setdefault(pair, []).append(frame)
            np.copyto(labels, mask.labels, where=mask.labels > 0)
        if any(mask.alpha is not None for mask in masks):
            labels, found = stack(
                [layer for mask, keyframe in zip(masks, keyframes) for layer in _layers(mask, keyframe)]
            )
            soft |= {frame: found} if found else {}
        truth[frame] = labels
    return truth, soft, _warning({pair: reader.shown_frames(frames) for pair, frames in overlaps.items()})


def note_without_objects(job: PropagationJob, reader: FrameReader) -> str:
    """Say which keyframes are about no object and so count for nothing; empty if all are about some."""
    marked = {one.frame for one in job.keyframes if one.objects}
    frames = sorted({one.frame for one in job.keyframes} - marked)
    if not frames:
        return ""
    where = named_spans("frame", reader.shown_frames(frames))
    return (
        f"The keyframes on {where} show no object, and were ignored. Mark objects there, or mark them as not visible "
        "(--unlabelled absent)."
    )


def _only_annotated(mask: MaskImage, keyframe: KeyframeFile) -> MaskImage:
    """Return the mask without objects that the keyframe does not annotate."""
    return MaskImage(np.where(np.isin(mask.labels, keyframe.objects), mask.labels, 0), mask.unknown, mask.alpha)


def _pairs(above: NDArray[np.uint8], below: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the pairs of objects of two label images that share pixels."""
    both = (above > 0) & (below > 0) & (above != below)
    codes = np.unique(above[both].astype(np.int64) * 256 + below[both])
    return [divmod(int(code), 256) for code in codes]


def _layers(mask: MaskImage, keyframe: KeyframeFile) -> list[tuple[int, NDArray[np.uint8]]]:
    """Return each object of a keyframe with its alpha (H, W)."""
    if mask.alpha is not None:
        number = keyframe.object_id or 1  # a soft mask shows one object
        return [(number, soft_alpha(mask.alpha, mask.labels > 0))] if number in keyframe.objects else []
    return [(number, hard_alpha(mask.labels == number)) for number in keyframe.objects]


def _warning(overlaps: Mapping[tuple[int, int], Sequence[int]]) -> str:
    """Say which keyframes overlap and which object is in front; empty if none do."""
    if not overlaps:
        return ""
    texts = [
        f"object {front} is in front of object {behind} on frame{'s' * (len(numbers) > 1)} {spans(numbers)}"
        for (front, behind), numbers in overlaps.items()
    ]
    more = f"; and {len(texts) - _MAX_PAIRS} more pairs of objects" if len(texts) > _MAX_PAIRS else ""
    return f"Keyframes overlap: {'; '.join(texts[:_MAX_PAIRS])}{more}."
