"""Contact sheet of training samples, to inspect them before training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from .unroll import Sample

_COLOURS = ((255, 60, 60), (60, 255, 60), (80, 140, 255), (255, 220, 60))
_KEYFRAME, _CORRUPTED = (255, 220, 0), (255, 0, 255)  # bars above frames


def write_contact_sheet(path: Path, samples: Iterable[Sample]) -> None:
    """Write a PNG of the frames of samples, two samples to a row, with their objects outlined in colour.

    All samples have the same frame size and number of frames. A yellow bar marks keyframes. If a sample starts
    from corrupted masks, a pink bar marks their frame, and its outlines are those of the corrupted masks.
    """
    strips = [_strip(sample) for sample in samples]
    if len(strips) % 2:
        strips.append(np.zeros_like(strips[0]))
    gap = np.full((strips[0].shape[0], 12, 3), 255, np.uint8)
    rows = [np.hstack([left, gap, right]) for left, right in zip(strips[::2], strips[1::2], strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def _strip(sample: Sample) -> np.ndarray:
    """Draw the frames of a sample side by side, with its objects outlined: (H, T * W, 3) uint8."""
    frames = []
    for number, (image, labels) in enumerate(zip(sample.images, sample.labels, strict=True)):
        picture = np.ascontiguousarray((image.permute(1, 2, 0).numpy() * 255).round(), dtype=np.uint8)
        corrupted = sample.corrupted_masks if number == sample.start else None
        for label in range(1, sample.objects + 1):
            mask = labels == label if corrupted is None else corrupted[label - 1] > 0.5
            outlines, _ = cv2.findContours(mask.numpy().astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, outlines, -1, _COLOURS[(label - 1) % len(_COLOURS)], 1)
        picture[:, -2:] = 255
        picture[-2:] = 255
        if corrupted is not None or number in sample.keyframes:
            picture[:3] = _KEYFRAME if corrupted is None else _CORRUPTED
        frames.append(picture)
    return np.hstack(frames)
