"""Measures of a method's results: region accuracy, contour accuracy and flicker, and their means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..media.label_images import read_labels, read_matte
from ..shared.errors import ScoreIncomplete
from ..shared.matte_folder import MatteFolder
from .clips import Case
from .score import contour_accuracy, region_similarity

EDGE = 2  # tolerance of "F at 2 px", in pixels of the full frame
SMALL = 0.01  # fraction of the frame; objects that cover less in the first mask that shows them are small


@dataclass(frozen=True)
class Measurement:
    """Scores of the predicted mask of one object on one frame."""

    object_id: int
    number: int  # of the frame
    first_share: float  # fraction of the frame that the object covers in the first mask that shows it
    seen: bool  # whether the true mask of this frame shows it
    region: float  # J, 0..1
    contour: float  # F, 0..1
    edge: float  # F at 2 pixels, 0..1
    flicker: float | None  # dtSSD x 100 since the previous frame; None if that has no true mask or was given


def measure(case: Case, folder: MatteFolder) -> list[Measurement]:
    """Compare the results in `folder` with the true masks, for every object on every frame to be predicted.

    A frame without a result counts as an empty mask. Raises ScoreIncomplete if the folder holds no results at all, and
    the errors of `read_labels` and `read_matte`.
    """
    if not folder.numbers_done():
        raise ScoreIncomplete(f"the folder {folder.root} contains no results")
    rows: list[Measurement] = []
    for object_id in case.objects:
        share = case.clip.first_share(object_id)
        previous: tuple[int, np.ndarray, np.ndarray] | None = None
        for frame in case.wanted:
            true = case.clip.labels(frame) == object_id
            pred, alpha = predicted(folder, object_id, case.clip.numbers[frame], true.shape)
            change = None
            if previous is not None and previous[0] == frame - 1:
                change = flicker(previous[1], alpha, previous[2], true)
            rows.append(
                Measurement(
                    object_id,
                    case.clip.numbers[frame],
                    share,
                    bool(true.any()),
                    region_similarity(pred, true),
                    contour_accuracy(pred, true),
                    contour_accuracy(pred, true, radius=EDGE),
                    change,
                )
            )
            previous = (frame, alpha, true)
    return rows


def flicker(previous: np.ndarray, current: np.ndarray, true_previous: np.ndarray, true_current: np.ndarray) -> float:
    """Compute dtSSD x 100 of two successive mattes (H, W) 0..1 against the true mattes of the same frames.

    dtSSD is the RMS difference between the predicted and the true change from one frame to the next.
    """
    change = current.astype(np.float32) - previous
    true_change = true_current.astype(np.float32) - true_previous
    return 100 * float(np.sqrt(np.mean(np.square(change - true_change))))


def predicted(folder: MatteFolder, object_id: int, number: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Read an object's predicted mask (H, W) bool and matte (H, W) 0..1; both are empty if the frame has no result."""
    if not folder.labels(number).is_file():
        return np.zeros(size, bool), np.zeros(size, np.float32)
    mask = read_labels(folder.labels(number), size=size) == object_id
    matte = folder.matte(object_id, number)
    return mask, read_matte(matte) if matte.is_file() else mask.astype(np.float32)


@dataclass(frozen=True)
class MeasurementRow:
    """Measurement, with the names of the study part, clip, case and method that it belongs to."""

    part: str
    clip: str
    case: str
    method: str
    measured: Measurement
    counts: bool  # whether it is part of means


@dataclass(frozen=True)
class Means:
    """Mean scores, averaged over frames, then over objects; in percent, flicker as dtSSD x 100. None: no values."""

    j_and_f: float | None
    region: float | None
    contour: float | None
    edge: float | None
    flicker: float | None
    small: float | None  # J&F of small objects
    objects: int


def means(rows: Iterable[MeasurementRow]) -> Means:
    """Average the measurements of one method."""
    by_object: dict[tuple[str, str, int], list[Measurement]] = {}
    for row in rows:
        if row.counts:
            by_object.setdefault((row.part, row.clip, row.measured.object_id), []).append(row.measured)
    objects = list(by_object.values())
    small = [rows_of_object for rows_of_object in objects if rows_of_object[0].first_share < SMALL]
    region, contour = _mean(objects, lambda row: row.region), _mean(objects, lambda row: row.contour)
    return Means(
        j_and_f=None if region is None or contour is None else (region + contour) / 2,
        region=region,
        contour=contour,
        edge=_mean(objects, lambda row: row.edge),
        flicker=_mean(objects, lambda row: row.flicker, unit=1),
        small=_mean(small, lambda row: (row.region + row.contour) / 2),
        objects=len(objects),
    )


def _mean(
    objects: Iterable[list[Measurement]], value: Callable[[Measurement], float | None], *, unit: float = 100
) -> float | None:
    """Average a value over the measurements of each object, then over objects, and multiply by `unit`.

    Returns None if there are no values.
    """
    values = [[number for row in rows if (number := value(row)) is not None] for rows in objects]
    object_means = [np.mean(numbers) for numbers in values if numbers]
    return unit * float(np.mean(object_means)) if object_means else None
