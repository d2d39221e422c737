"""How near mattes are to the truth: J (region) and F (contour) as the DAVIS benchmark defines them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from ..media.label_images import label_files, read_labels
from ..shared.errors import NoKeyframes, ScoreIncomplete, ScoreSizeMismatch
from ..shared.matte_folder import number_in

_TOLERANCE = 0.008  # of the picture's diagonal: how far two outlines may be apart and still agree


@dataclass(frozen=True)
class Score:
    """J and F of each object on each frame, 0..1. J&F is the mean of both means over frames, then over objects."""

    objects: tuple[int, ...]  # O ids
    numbers: tuple[int, ...]  # T frame numbers, as file names carry them
    regions: np.ndarray  # (O, T) J
    contours: np.ndarray  # (O, T) F
    missing: tuple[int, ...] = ()  # numbers of true frames without prediction, left out of all the above

    @property
    def region(self) -> float:
        """J, the mean over frames and objects."""
        return float(self.regions.mean())

    @property
    def contour(self) -> float:
        """F, the mean over frames and objects."""
        return float(self.contours.mean())

    @property
    def both(self) -> float:
        """J&F."""
        return (self.region + self.contour) / 2


def score_folders(pred: Path, truth: Path, *, allow_missing: bool = False) -> Score:
    """Compare label images of two folders by the frame number in their names, on the frames of the truth.

    Either may be a folder of label images or a results folder with `labels/` in it. The objects are those seen in
    the truth; other ids in the prediction count as background. With `allow_missing`, frames without prediction are
    left out and named in the result. Raises ScoreIncomplete, ScoreSizeMismatch, and what `read_labels` raises.
    """
    true_files, made_files = _by_number(truth), _by_number(pred)
    missing = tuple(number for number in true_files if number not in made_files)
    numbers = tuple(number for number in true_files if number in made_files)
    if (missing and not allow_missing) or not numbers:
        raise ScoreIncomplete(f"{pred} has no label image for frame{_listed(missing)}")
    objects = sorted(
        {id_ for number in true_files for id_ in _ids(read_labels(true_files[number]))}
    )  # all of them first: one that is unseen on a frame must be unseen in the prediction too
    if not objects:
        raise ScoreIncomplete(f"no object is seen in {truth}")
    regions, contours = (np.empty((len(objects), len(numbers))) for _ in range(2))
    for column, number in enumerate(numbers):
        true, made = _read_pair(true_files[number], made_files[number])
        for row, id_ in enumerate(objects):
            regions[row, column] = region_similarity(made == id_, true == id_)
            contours[row, column] = contour_accuracy(made == id_, true == id_)
    return Score(tuple(objects), numbers, regions, contours, missing)


def _read_pair(true_file: Path, made_file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the true and the predicted labels of one frame. Raises ScoreSizeMismatch."""
    true, made = read_labels(true_file), read_labels(made_file)
    if true.shape != made.shape:
        raise ScoreSizeMismatch(
            f"{made_file.name} is {made.shape[1]}x{made.shape[0]} in {made_file.parent}, "
            f"{true.shape[1]}x{true.shape[0]} in {true_file.parent}"
        )
    return true, made


def region_similarity(made: np.ndarray, true: np.ndarray) -> float:
    """J of two masks (H, W) bool: intersection over union; 1 if both are empty."""
    union = np.count_nonzero(made | true)
    return np.count_nonzero(made & true) / union if union else 1.0


def contour_accuracy(made: np.ndarray, true: np.ndarray, *, radius: int | None = None) -> float:
    """F of two masks (H, W) bool: harmonic mean of the parts of either outline that lie near the other.

    Near is within `radius` pixels; without it 0.008 of the diagonal, rounded up. Both outlines empty: 1; one: 0.
    """
    radius = ceil(_TOLERANCE * float(np.hypot(*true.shape))) if radius is None else radius
    made_edge, true_edge = outline_pixels(made), outline_pixels(true)
    made_count, true_count = int(made_edge.sum()), int(true_edge.sum())
    if not made_count or not true_count:
        return float(made_count == true_count)
    precision = int((made_edge & _widened(true_edge, radius)).sum()) / made_count
    recall = int((true_edge & _widened(made_edge, radius)).sum()) / true_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def outline_pixels(mask: np.ndarray) -> np.ndarray:
    """Pixels (H, W) uint8 that differ from a neighbour to the right, below or diagonally below right."""
    mask = np.pad(mask.astype(np.uint8), ((0, 1), (0, 1)), mode="edge")
    here, right, below, across = mask[:-1, :-1], mask[:-1, 1:], mask[1:, :-1], mask[1:, 1:]
    edge = (here != right) | (here != below) | (here != across)
    return edge.astype(np.uint8)


def as_table(score: Score, *, worst: int = 3) -> str:
    """The scores in percent as text: a line per object with its worst frames by J, and the means."""
    rows = [f"{'object':>6} {'J':>6} {'F':>6} {'J&F':>6}   worst frames (J)"]
    for row, id_ in enumerate(score.objects):
        lowest = np.argsort(score.regions[row], kind="stable")[:worst]
        frames = ", ".join(f"{score.numbers[at]} ({100 * score.regions[row, at]:.1f})" for at in lowest)
        rows.append(_line(str(id_), score.regions[row].mean(), score.contours[row].mean()) + f"   {frames}")
    rows.append(_line("mean", score.region, score.contour) + f"   over {len(score.numbers)} frames")
    if score.missing:
        rows.append(f"left out, as they have no prediction: frame{_listed(score.missing)}")
    return "\n".join(rows)


def as_csv(score: Score) -> str:
    """Every number, 0..1, one line per object and frame."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("object", "frame", "J", "F"))
    for row, id_ in enumerate(score.objects):
        for column, number in enumerate(score.numbers):
            region, contour = score.regions[row, column], score.contours[row, column]
            writer.writerow((id_, number, f"{region:.6f}", f"{contour:.6f}"))
    return text.getvalue()


def _by_number(folder: Path) -> dict[int, Path]:
    """The label images of a folder by the number in their names, ascending."""
    inner = folder / "labels"
    try:
        files = label_files(inner if inner.is_dir() else folder)
    except NoKeyframes as error:
        raise ScoreIncomplete(error.message) from error
    found: dict[int, Path] = {}
    for file in files:
        number = number_in(file.stem)
        if number is None or number in found:
            same = "carries no frame number" if number is None else f"and {found[number].name} are of one frame"
            raise ScoreIncomplete(f"{file} {same}", remedy="Give each label image the number of its frame.")
        found[number] = file
    return dict(sorted(found.items()))


def _ids(labels: np.ndarray) -> list[int]:
    return [int(id_) for id_ in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)) if id_]


def _widened(edge: np.ndarray, radius: int) -> np.ndarray:
    across, down = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (across**2 + down**2 <= radius**2).astype(np.uint8)
    return cv2.dilate(edge, disk, borderType=cv2.BORDER_CONSTANT, borderValue=0)


def _line(name: str, region: float, contour: float) -> str:
    return f"{name:>6} {100 * region:6.1f} {100 * contour:6.1f} {50 * (region + contour):6.1f}"


def _listed(numbers: tuple[int, ...]) -> str:
    named = ", ".join(str(number) for number in numbers[:8])
    return f"{'s' if len(numbers) > 1 else ''} {named}" + (f" and {len(numbers) - 8} more" if len(numbers) > 8 else "")
