"""Reliability of the account of quality: whether its probabilities come true on mattes with known true masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..shared.files import atomic_write
from ..shared.written_files import WrittenFiles
from .plots import new_figure
from .running import Run

GOOD = 0.9  # J&F from which on an artist would leave a matte as it is
_BINS = 10  # of equal width, over which the calibration error is averaged


@dataclass(frozen=True)
class Sample:
    """Signals of an object's matte on one frame, and how good the matte truly is."""

    part: str
    clip: str
    case: str
    object_id: int
    number: int  # of the frame
    score: float  # J&F, 0..1
    signals: Mapping[str, float]

    @property
    def is_good(self) -> bool:
        """Return whether an artist would leave the matte as it is."""
        return self.score >= GOOD


def samples_of(run: Run) -> list[Sample]:
    """Return a sample for each measured matte of a run for which signals are recorded."""
    files = WrittenFiles(run.folder)
    samples = []
    for row in run.rows():
        measured = row.measured
        quality = files.quality(run.folder.matte(measured.object_id, measured.number))
        if row.counts and quality is not None and quality.signals and not quality.is_given:
            score = (measured.region + measured.contour) / 2
            place = row.part, row.clip, row.case, measured.object_id, measured.number
            samples.append(Sample(*place, score, quality.signals))
    return samples


@dataclass(frozen=True)
class Reliability:
    """How probabilities compare with what came true."""

    count: int  # mattes
    good: float  # fraction of them that need no fix
    auroc: float | None  # area under the ROC curve for "this matte needs a fix"; None if all or none do
    error: float  # expected calibration error, 0..1
    bins: tuple[tuple[float, float, int], ...]  # mean probability, fraction that is good, and number of mattes


def reliability(probabilities: Sequence[float], good: Sequence[bool]) -> Reliability:
    """Compare probabilities, 0..1, of being good with what came true."""
    given, true = np.asarray(probabilities, float), np.asarray(good, bool)
    which = np.clip((given * _BINS).astype(int), 0, _BINS - 1)
    bins = []
    for index in range(_BINS):
        members = which == index
        if members.any():
            bins.append((float(given[members].mean()), float(true[members].mean()), int(members.sum())))
    error = sum(abs(mean - fraction) * count for mean, fraction, count in bins) / max(len(given), 1)
    share = float(true.mean()) if len(true) else 0.0
    return Reliability(len(given), share, area_under_roc(given, true), error, tuple(bins))


def area_under_roc(probabilities: np.ndarray, good: np.ndarray) -> float | None:
    """Compute the probability that a bad matte is rated lower than a good one; ties count half. None without both."""
    bad_count, good_count = int((~good).sum()), int(good.sum())
    if not bad_count or not good_count:
        return None
    order = np.argsort(probabilities, kind="stable")
    ranks = np.empty(len(order))
    _, inverse, counts = np.unique(probabilities[order], return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    ranks[order] = mean_rank[inverse]
    return float((ranks[good].sum() - good_count * (good_count + 1) / 2) / (good_count * bad_count))


def draw_reliability(path: Path, results: Mapping[str, Reliability]) -> None:
    """Draw reliability diagrams to a PNG at `path`. Raises BadSetting without matplotlib."""
    columns = min(len(results), 3)
    rows = -(-len(results) // columns)
    figure = new_figure((3.4 * columns, 3.4 * rows), path.with_suffix(".csv"))
    for index, (name, result) in enumerate(results.items(), 1):
        axes = figure.add_subplot(rows, columns, index)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        sizes = [10 + 190 * count / max(result.count, 1) for _, _, count in result.bins]
        axes.scatter([mean for mean, _, _ in result.bins], [share for _, share, _ in result.bins], sizes)
        auroc = "-" if result.auroc is None else f"{result.auroc:.3f}"
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="quality", ylabel=f"fraction with J&F >= {GOOD}")
        axes.set_title(f"{name}: {result.count} mattes\nAUROC {auroc}, ECE {result.error:.3f}", fontsize=9)
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)
