"""What is measured of a method's results: region, contours, edges, flicker; and their means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..media.label_images import read_labels, read_matte
from ..shared.errors import ScoreIncomplete
from ..shared.matte_folder import MatteFolder
from .clips import Case
from .score import contour_accuracy, region_similarity

EDGE = 2  # pixels of the full picture: as far as outlines may be apart for "F at 2 px"
SMALL = 0.01  # of the picture: objects that cover less on the first mask that shows them are small


@dataclass(frozen=True)
class Measured:
    """One object on one frame."""

    object_id: int
    number: int  # of the frame
    first_share: float  # of the picture, that the object covers on the first mask that shows it
    seen: bool  # whether the truth shows it here
    region: float  # J, 0..1
    contour: float  # F, 0..1
    edge: float  # F at 2 pixels, 0..1
    flicker: float | None  # dtSSD x 100, against the frame before; None if that one has no mask or was given


def measure(case: Case, folder: MatteFolder) -> list[Measured]:
    """Every wanted object and frame. A frame without result counts as one on which nothing was found.

    Raises ScoreIncomplete if there is no result at all, and what reading label images raises.
    """
    if not folder.numbers_done():
        raise ScoreIncomplete(f"{folder.root} holds no results")
    rows = []
    for object_id in case.objects:
        share = case.clip.first_share(object_id)
        before: tuple[int, np.ndarray, np.ndarray] | None = None
        for frame in case.wanted:
            true = case.clip.labels(frame) == object_id
            made, alpha = _made(folder, object_id, case.clip.numbers[frame], true.shape)
            follows = before is not None and before[0] == frame - 1
            rows.append(
                Measured(
                    object_id,
                    case.clip.numbers[frame],
                    share,
                    bool(true.any()),
                    region_similarity(made, true),
                    contour_accuracy(made, true),
                    contour_accuracy(made, true, radius=EDGE),
                    flicker(before[1], alpha, before[2], true) if follows else None,
                )
            )
            before = (frame, alpha, true)
    return rows


def flicker(before: np.ndarray, now: np.ndarray, true_before: np.ndarray, true_now: np.ndarray) -> float:
    """dtSSD x 100 of mattes (H, W) 0..1: how much they change from frame to frame otherwise than the true ones do."""
    change = now.astype(np.float32) - before
    true_change = true_now.astype(np.float32) - true_before
    return 100 * float(np.sqrt(np.mean(np.square(change - true_change))))


def _made(folder: MatteFolder, object_id: int, number: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Which pixels are the object's, (H, W) bool, and its matte, (H, W) 0..1."""
    if not folder.labels(number).is_file():
        return np.zeros(size, bool), np.zeros(size, np.float32)
    made = read_labels(folder.labels(number), size=size) == object_id
    matte = folder.matte(object_id, number)
    return made, read_matte(matte) if matte.is_file() else made.astype(np.float32)


@dataclass(frozen=True)
class Row:
    """A measured object and frame, and where it belongs."""

    part: str
    clip: str
    case: str
    method: str
    measured: Measured
    counts: bool  # in means


@dataclass(frozen=True)
class Means:
    """Means over frames, then over objects; None where there is nothing to take a mean of. All in percent."""

    both: float | None  # J&F
    region: float | None
    contour: float | None
    edge: float | None
    flicker: float | None
    small: float | None  # J&F of small objects
    objects: int


def means(rows: Iterable[Row]) -> Means:
    """Means of one method's rows."""
    of: dict[tuple[str, str, int], list[Measured]] = {}
    for row in rows:
        if row.counts:
            of.setdefault((row.part, row.clip, row.measured.object_id), []).append(row.measured)
    small = [every for every in of.values() if every[0].first_share < SMALL]
    region, contour = _mean(of.values(), lambda one: one.region), _mean(of.values(), lambda one: one.contour)
    return Means(
        both=None if region is None else (region + contour) / 2,
        region=region,
        contour=contour,
        edge=_mean(of.values(), lambda one: one.edge),
        flicker=_mean(of.values(), lambda one: one.flicker, unit=1),
        small=_mean(small, lambda one: (one.region + one.contour) / 2),
        objects=len(of),
    )


def _mean(
    objects: Iterable[list[Measured]], value: Callable[[Measured], float | None], *, unit: float = 100
) -> float | None:
    values = [[value(one) for one in every if value(one) is not None] for every in objects]
    every = [np.mean(some) for some in values if some]
    return unit * float(np.mean(every)) if every else None
