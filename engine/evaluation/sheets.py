"""Contact sheets: pictures of a clip with the true outlines drawn and the masks of each method tinted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torchvision.ops import masks_to_boxes
from torchvision.utils import draw_segmentation_masks

from ..media.frames import FrameReader
from ..media.label_images import PALETTE, read_labels
from ..shared.files import atomic_write
from .running import Run

_MAX_FRAMES = 5  # per row
_CELL = 400  # pixels; longer side of a picture
_TITLE = 22  # pixels above a row
_MARGIN = 2.0  # side of a picture, relative to that of its objects
_TINT = 0.55  # opacity of predicted masks
_MIN_CROP = 0.4  # side of a picture, relative to that of the frame


def write_sheet(path: Path, runs: Sequence[Run]) -> None:
    """Write a PNG that compares methods on one clip: a row per method, with the same frames in each row."""
    methods = list(dict.fromkeys(run.method for run in runs))
    run_of = {(run.method, frame): run for run in runs for frame in run.case.wanted}
    frames = sorted({frame for run in runs for frame in run.case.wanted})
    shown = [frames[round(index)] for index in np.linspace(0, len(frames) - 1, min(_MAX_FRAMES, len(frames)))]
    clip = runs[0].case.clip
    truths = [clip.labels(frame) for frame in shown]
    window = _window(truths)
    rows = []
    with FrameReader.open(clip.clip.path) as reader:
        pictures = [reader.read(frame) for frame in shown]
    for method in methods:
        cells = []
        for frame, picture, truth in zip(shown, pictures, truths):
            run = run_of.get((method, frame))
            file = run.folder.labels(clip.numbers[frame]) if run else None
            pred = read_labels(file) if file and file.is_file() else np.zeros_like(truth)
            cells.append(_cell(picture, pred, truth, window))
        rows.append(
            _titled(np.hstack(cells), f"{method}   frames {', '.join(str(clip.numbers[frame]) for frame in shown)}")
        )
    with atomic_write(path) as part:
        part.write_bytes(cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))[1].tobytes())


def _window(truths: Sequence[np.ndarray]) -> tuple[int, int]:
    """Return the size (h, w) of the crop taken from each picture, smaller than the frame if the objects are small."""
    boxes = [_box(truth) for truth in truths if truth.any()]
    size = truths[0].shape[0], truths[0].shape[1]
    if not boxes:
        return size
    longest = [max(box[axis].stop - box[axis].start for box in boxes) * _MARGIN for axis in (0, 1)]
    scale = min(max(max(longest[axis] / size[axis] for axis in (0, 1)), _MIN_CROP), 1.0)
    return round(size[0] * scale), round(size[1] * scale)


def _box(truth: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns of the bounding box around all objects."""
    left, top, right, bottom = masks_to_boxes(torch.from_numpy(truth > 0)[None])[0].int().tolist()
    return slice(top, bottom + 1), slice(left, right + 1)


def _cell(picture: np.ndarray, pred: np.ndarray, truth: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Crop a picture around its objects, tint the predicted masks and outline the true masks; return (h, w, 3)."""
    centre = (
        [(side.start + side.stop) / 2 for side in _box(truth)]
        if truth.any()
        else [length / 2 for length in truth.shape]
    )
    starts = [
        int(np.clip(round(middle - side / 2), 0, length - side))
        for middle, side, length in zip(centre, window, truth.shape)
    ]
    crop = tuple(slice(start, start + side) for start, side in zip(starts, window))
    picture, pred, truth = picture[crop], pred[crop], truth[crop]
    scale = _CELL / max(window)
    size = max(round(window[1] * scale), 1), max(round(window[0] * scale), 1)
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    pred, truth = (cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST) for labels in (pred, truth))
    shown = _tinted(shown, pred)
    for object_id in np.unique(truth[truth > 0]):
        outlines, _ = cv2.findContours((truth == object_id).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, outlines, -1, (255, 255, 255), 1)
    return cv2.copyMakeBorder(shown, 0, 2, 0, 2, cv2.BORDER_CONSTANT)


def _tinted(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Tint each object of the label image (h, w) in its colour; return the picture (h, w, 3)."""
    ids = np.unique(labels[labels > 0])
    if not ids.size:
        return picture
    masks = torch.from_numpy(labels == ids[:, None, None])
    colours = [tuple(PALETTE[object_id].tolist()) for object_id in ids]
    tinted = draw_segmentation_masks(torch.from_numpy(picture).permute(2, 0, 1), masks, alpha=_TINT, colors=colours)
    return np.ascontiguousarray(tinted.permute(1, 2, 0))


def _titled(row: np.ndarray, title: str) -> np.ndarray:
    """Add a title bar above a row of pictures."""
    bar = np.zeros((_TITLE, row.shape[1], 3), np.uint8)
    cv2.putText(bar, title, (6, _TITLE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([bar, row])
