"""Scores J (region similarity) and F (contour accuracy) of label images, as the DAVIS benchmark defines them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from ..media.label_images import label_files, mask_meanings, read_objects
from ..shared.errors import NoKeyframes, ScoreIncomplete, ScoreSizeMismatch
from ..shared.mask_images import EXACT_NUMBERS, Masks, Meaning
from ..shared.names import numbers_in

_TOLERANCE = 0.008  # maximum distance of matching outline pixels, as a fraction of the image diagonal


@dataclass(frozen=True)
class Score:
    """J and F of each object on each frame, 0..1. Means are taken over frames, then over objects."""

    objects: tuple[int, ...]  # O ids
    numbers: tuple[int, ...]  # T frame numbers, as in file names
    regions: np.ndarray  # (O, T) J
    contours: np.ndarray  # (O, T) F
    missing: tuple[int, ...] = ()  # numbers of frames without prediction, which are not scored

    @property
    def region(self) -> float:
        """Return J, averaged over frames, then over objects."""
        return float(self.regions.mean())

    @property
    def contour(self) -> float:
        """Return F, averaged over frames, then over objects."""
        return float(self.contours.mean())

    @property
    def j_and_f(self) -> float:
        """Return J&F, the mean of J and F."""
        return (self.region + self.contour) / 2


@dataclass(frozen=True)
class _LabelFile:
    """A label image, and how its values are read."""

    path: Path
    meaning: Meaning


def score_folders(pred: Path, truth: Path, *, allow_missing: bool = False, masks: Masks = Masks.AUTO) -> Score:
    """Score the label images in `pred` against the true ones in `truth`; files with the same frame number are compared.

    Each folder holds label images, or is a results folder with label images in `labels/`. All frames and objects of the
    truth are scored; other ids in the prediction count as background. With `allow_missing`, frames without a prediction
    are not scored but listed in the result. `masks` says what the images hold, except those of a results folder. Pixels
    that the truth calls unknown count as background in both.
    Raises ScoreIncomplete, ScoreSizeMismatch, and the errors of `mask_meanings` and `read_objects`.
    """
    true_files, pred_files = _by_number(truth, masks), _by_number(pred, masks)
    missing = tuple(number for number in true_files if number not in pred_files)
    numbers = tuple(number for number in true_files if number in pred_files)
    if (missing and not allow_missing) or not numbers:
        raise ScoreIncomplete(f"the folder {pred} has no label image for frame{_listed(missing)}")
    objects = sorted(
        {id_ for number in true_files for id_ in _ids(_read(true_files[number]))}
    )  # of all frames, since an object that is absent from a frame must be absent from the prediction too
    if not objects:
        raise ScoreIncomplete(f"the label images in {truth} show no objects")
    regions, contours = (np.empty((len(objects), len(numbers))) for _ in range(2))
    for column, number in enumerate(numbers):
        true_labels, pred_labels = _read_pair(true_files[number], pred_files[number])
        for row, id_ in enumerate(objects):
            regions[row, column] = region_similarity(pred_labels == id_, true_labels == id_)
            contours[row, column] = contour_accuracy(pred_labels == id_, true_labels == id_)
    return Score(tuple(objects), numbers, regions, contours, missing)


def _read_pair(true_file: _LabelFile, pred_file: _LabelFile) -> tuple[np.ndarray, np.ndarray]:
    """Read the true and the predicted labels of one frame. Raises ScoreSizeMismatch."""
    true_mask = read_objects(true_file.path, true_file.meaning)
    true, pred = true_mask.labels, _read(pred_file)
    if true.shape != pred.shape:
        raise ScoreSizeMismatch(
            f"{pred_file.path.name} is {pred.shape[1]}x{pred.shape[0]} in {pred_file.path.parent}, "
            f"{true.shape[1]}x{true.shape[0]} in {true_file.path.parent}"
        )
    return true, pred if true_mask.unknown is None else np.where(true_mask.unknown, 0, pred)


def _read(file: _LabelFile) -> np.ndarray:
    return read_objects(file.path, file.meaning).labels


def region_similarity(pred: np.ndarray, true: np.ndarray) -> float:
    """Compute J of two masks (H, W) bool: intersection over union; 1 if both are empty."""
    union = np.count_nonzero(pred | true)
    return np.count_nonzero(pred & true) / union if union else 1.0


def contour_accuracy(pred: np.ndarray, true: np.ndarray, *, radius: int | None = None) -> float:
    """Compute F of two masks (H, W) bool: the F-measure of outline pixels that lie near the other mask's outline.

    Near means within `radius` pixels, by default 0.008 of the image diagonal, rounded up. F is 1 if both masks have no
    outline, and 0 if only one has none.
    """
    radius = ceil(_TOLERANCE * float(np.hypot(true.shape[0], true.shape[1]))) if radius is None else radius
    pred_edge, true_edge = outline_pixels(pred), outline_pixels(true)
    pred_count, true_count = int(pred_edge.sum()), int(true_edge.sum())
    if not pred_count or not true_count:
        return float(pred_count == true_count)
    precision = int((pred_edge & _dilated(true_edge, radius)).sum()) / pred_count
    recall = int((true_edge & _dilated(pred_edge, radius)).sum()) / true_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def outline_pixels(mask: np.ndarray) -> np.ndarray:
    """Mark outline pixels (H, W) uint8: those that differ from their right, lower or lower right neighbour."""
    mask = np.pad(mask.astype(np.uint8), ((0, 1), (0, 1)), mode="edge")
    centre, right, below, diagonal = mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]
    edge = (centre != right) | (centre != below) | (centre != diagonal)
    return edge.astype(np.uint8)


def as_table(score: Score, *, worst: int = 3) -> str:
    """Format scores in percent as a text table: the means, and per object its mean and its `worst` frames by J."""
    rows = [f"{'object':>6} {'J':>6} {'F':>6} {'J&F':>6}   worst frames (J)"]
    for row, id_ in enumerate(score.objects):
        lowest = np.argsort(score.regions[row], kind="stable")[:worst]
        frames = ", ".join(f"{score.numbers[column]} ({100 * score.regions[row, column]:.1f})" for column in lowest)
        rows.append(_line(str(id_), score.regions[row].mean(), score.contours[row].mean()) + f"   {frames}")
    rows.append(_line("mean", score.region, score.contour) + f"   over {len(score.numbers)} frames")
    if score.missing:
        rows.append(f"left out, since they have no prediction: frame{_listed(score.missing)}")
    return "\n".join(rows)


def as_csv(score: Score) -> str:
    """Format all scores, 0..1, as CSV: a line per object and frame."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("object", "frame", "J", "F"))
    for row, id_ in enumerate(score.objects):
        for column, number in enumerate(score.numbers):
            region, contour = score.regions[row, column], score.contours[row, column]
            writer.writerow((id_, number, f"{region:.6f}", f"{contour:.6f}"))
    return text.getvalue()


def _by_number(folder: Path, masks: Masks) -> dict[int, _LabelFile]:
    """Return the label images in a folder by frame number, ascending. Raises ScoreIncomplete, KeyframeNotLabels."""
    inner = folder / "labels"
    try:
        files = label_files(inner if inner.is_dir() else folder)
    except NoKeyframes as error:
        raise ScoreIncomplete(error.message) from error
    numbered: dict[int, Path] = {}
    for file, number in zip(files, numbers_in(files)):
        if number is None or number in numbered:
            problem = "has no frame number" if number is None else f"and {numbered[number].name} have the same number"
            raise ScoreIncomplete(f"{file} {problem}", remedy="Name each label image by the number of its frame.")
        numbered[number] = file
    meanings = [EXACT_NUMBERS] * len(files) if inner.is_dir() else mask_meanings(files, masks)
    meaning_of = dict(zip(files, meanings))
    return {number: _LabelFile(file, meaning_of[file]) for number, file in sorted(numbered.items())}


def _ids(labels: np.ndarray) -> list[int]:
    """Return the object ids in labels, ascending."""
    return [int(id_) for id_ in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)) if id_]


def _dilated(edge: np.ndarray, radius: int) -> np.ndarray:
    """Dilate outline pixels by a disc of `radius` pixels."""
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
    return cv2.dilate(edge, disk, borderType=cv2.BORDER_CONSTANT, borderValue=(0,))


def _line(name: str, region: float, contour: float) -> str:
    """Format one line of the table: a name, and J, F and J&F in percent."""
    return f"{name:>6} {100 * region:6.1f} {100 * contour:6.1f} {50 * (region + contour):6.1f}"


def _listed(numbers: tuple[int, ...]) -> str:
    """Format frame numbers, at most eight of them, as text that follows the word "frame", such as "s 1, 2, 3"."""
    text = ", ".join(str(number) for number in numbers[:8])
    return f"{'s' if len(numbers) > 1 else ''} {text}" + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
