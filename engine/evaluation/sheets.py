"""Contact sheets: some frames of a clip with the true outlines and what each method found, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..media.frames import FrameReader
from ..media.label_images import PALETTE, read_labels
from ..shared.files import atomic_write
from .running import Run

_FRAMES = 5
_CELL = 400  # pixels of a picture's longer side
_TITLE = 22  # pixels above a row
_MARGIN = 2.0  # how much larger than the objects a picture is
_LEAST = 0.4  # of the clip's picture that is always to be seen, along each side


def write_sheet(path: Path, runs: Sequence[Run]) -> None:
    """A PNG of runs on one clip in one part of the study: a row for each method, the same frames in each."""
    methods = list(dict.fromkeys(run.method for run in runs))
    of = {(run.method, frame): run for run in runs for frame in run.case.wanted}
    frames = sorted({frame for run in runs for frame in run.case.wanted})
    some = [frames[round(at)] for at in np.linspace(0, len(frames) - 1, min(_FRAMES, len(frames)))]
    clip = runs[0].case.clip
    truths = [clip.labels(frame) for frame in some]
    window = _window(truths)
    rows = []
    with FrameReader.open(clip.clip.path) as reader:
        pictures = [reader.read(frame) for frame in some]
    for method in methods:
        cells = []
        for frame, picture, truth in zip(some, pictures, truths):
            run = of.get((method, frame))
            file = run.folder.labels(clip.numbers[frame]) if run else None
            made = read_labels(file) if file and file.is_file() else np.zeros_like(truth)
            cells.append(_cell(picture, made, truth, window))
        rows.append(_titled(np.hstack(cells), f"{method}   frames {', '.join(str(clip.numbers[f]) for f in some)}"))
    with atomic_write(path) as part:
        part.write_bytes(cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))[1].tobytes())


def _window(truths: Sequence[np.ndarray]) -> tuple[int, int]:
    """(h, w) of the part of the picture that is shown: objects may be small."""
    boxes = [_box(truth) for truth in truths if truth.any()]
    size = truths[0].shape
    if not boxes:
        return size
    longest = [max(box[axis].stop - box[axis].start for box in boxes) * _MARGIN for axis in (0, 1)]
    share = min(max(max(longest[axis] / size[axis] for axis in (0, 1)), _LEAST), 1.0)
    return round(size[0] * share), round(size[1] * share)


def _box(truth: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns between which anything is seen."""
    rows, columns = (np.flatnonzero(truth.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _cell(picture: np.ndarray, made: np.ndarray, truth: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """The picture (h, w, 3) around the objects, what was found tinted, the truth outlined."""
    centre = [(side.start + side.stop) / 2 for side in _box(truth)] if truth.any() else [s / 2 for s in truth.shape]
    starts = [int(np.clip(round(c - side / 2), 0, whole - side)) for c, side, whole in zip(centre, window, truth.shape)]
    part = tuple(slice(start, start + side) for start, side in zip(starts, window))
    picture, made, truth = picture[part], made[part], truth[part]
    scale = _CELL / max(window)
    size = max(round(window[1] * scale), 1), max(round(window[0] * scale), 1)
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    made, truth = (cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST) for labels in (made, truth))
    tint = PALETTE[made].astype(np.float32)
    shown = np.where(made[..., None] > 0, 0.45 * shown + 0.55 * tint, shown).astype(np.uint8)
    for object_id in np.unique(truth[truth > 0]):
        outlines, _ = cv2.findContours(np.uint8(truth == object_id), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, outlines, -1, (255, 255, 255), 1)
    return cv2.copyMakeBorder(shown, 0, 2, 0, 2, cv2.BORDER_CONSTANT)


def _titled(row: np.ndarray, title: str) -> np.ndarray:
    bar = np.zeros((_TITLE, row.shape[1], 3), np.uint8)
    cv2.putText(bar, title, (6, _TITLE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([bar, row])
