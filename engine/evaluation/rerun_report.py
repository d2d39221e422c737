"""Report of the study of re-runs: a table, a CSV and a plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from .plots import new_figure
from .report import Table
from .rerun import Rerun

TITLE = "One more keyframe: what has changed is redone, against the first run and a run of everything"
NOTE = (
    "Seconds are of the processor. Kept J compares mattes that were kept with those of the run of everything; J&F is "
    "against the true masks."
)


def as_table(runs: Sequence[Rerun]) -> Table:
    """Return a row of text for each re-run."""
    header = (
        "clip", "given", "added", "early end", "redone", "first s", "redo s", "times faster", "all s", "kept J",
        "worst", "J&F redo", "J&F all",
    )  # fmt: skip
    rows = [
        (
            run.clip, run.keyframes, f"{run.added}", run.early_end, f"{run.computed} of {run.frames} ({run.share:.0%})",
            f"{run.first_seconds:.1f}", f"{run.changed_seconds:.1f}", f"{run.speed_up:.1f}", f"{run.full_seconds:.1f}",
            "-" if run.kept_mean is None else f"{run.kept_mean:.3f}",
            "-" if run.kept_worst is None else f"{run.kept_worst:.3f}",
            f"{run.changed_score:.1f}", f"{run.full_score:.1f}",
        )
        for run in runs
    ]  # fmt: skip
    return [header, *rows]


def as_csv(runs: Sequence[Rerun]) -> str:
    """Format every re-run as a line of CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Rerun)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(run) for run in runs)
    return text.getvalue()


def draw(path: Path, runs: Sequence[Rerun]) -> None:
    """Plot how many times faster each re-run was over the fraction of frames redone. Raises BadSetting."""
    figure = new_figure((6, 4), path.with_suffix(".csv"))
    axes = figure.subplots()
    for count in sorted({len(run.keyframes.split()) for run in runs}):
        chosen = [run for run in runs if len(run.keyframes.split()) == count]
        label = f"{count} keyframe{'s' * (count > 1)} before"
        axes.plot([100 * run.share for run in chosen], [run.speed_up for run in chosen], "o", label=label)
    axes.set_xlabel("frames redone (%)")
    axes.set_ylabel("times faster than the first run (processor time)")
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.legend()
    figure.savefig(path, dpi=120)
