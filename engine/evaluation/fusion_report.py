"""Report of the study of fusion: J&F and dtSSD by distance to the nearest keyframe, as tables, CSV and a plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..shared.errors import BadSetting
from ..shared.files import atomic_write
from .clips import Unlabelled
from .fusion import keyframes_by_object
from .measures import Means, MeasurementRow, means
from .report import Table, as_markdown
from .running import Run

DISTANCES = (1, 1), (2, 3), (4, 7), (8, 15), (16, None)  # frames to the object's nearest keyframe; None: no limit
_HEADS = tuple(str(low) if low == high else f"{low}+" if high is None else f"{low}-{high}" for low, high in DISTANCES)

NOTE = (
    "J&F in percent, dtSSD x 100 (lower is better), on frames between two keyframes of the object that show it: means "
    "over frames, then over objects. forward, backward: one sweep; mean: linear by distance; log-odds: the same of "
    "log-odds; nearest: the sweep of the nearer keyframe; fused: what a job writes."
)
_MEASURES: dict[str, Callable[[Means], float | None]] = {
    "J&F": lambda scores: scores.j_and_f,
    "dtSSD": lambda scores: scores.flicker,
}


@dataclass(frozen=True)
class _Row:
    """Measurement of an object on a frame between two of its keyframes."""

    distance: int  # frames to the nearest keyframe
    row: MeasurementRow


def _rows(runs: Sequence[Run], unlabelled: Unlabelled) -> list[_Row]:
    """Return the measurements of all frames between two keyframes of the object."""
    rows = []
    for run in runs:
        keyframes = keyframes_by_object(run.case, unlabelled)
        frame_of = {number: frame for frame, number in enumerate(run.case.clip.numbers)}
        for row in run.rows():
            frame, keys = frame_of[row.measured.number], keyframes[row.measured.object_id]
            if keys[0] < frame < keys[-1] and frame not in keys:
                rows.append(_Row(min(abs(frame - key) for key in keys), row))
    return rows


def _by_distance(rows: Sequence[_Row], method: str) -> list[Means]:
    """Return the mean scores of a method for each of DISTANCES, then for all."""
    own = [row for row in rows if row.row.method == method]
    return [
        means(row.row for row in own if low <= row.distance and (high is None or row.distance <= high))
        for low, high in (*DISTANCES, (1, None))
    ]


def tables(runs: Sequence[Run], unlabelled: Unlabelled) -> dict[str, Table]:
    """Return a table for each part and measure, by title, with a row per method and a column per distance."""
    found: dict[str, Table] = {}
    for part in dict.fromkeys(run.case.part for run in runs):
        rows = _rows([run for run in runs if run.case.part == part], unlabelled)
        methods = dict.fromkeys(row.row.method for row in rows)
        for measure, value_of in _MEASURES.items():
            table: Table = [("frames to the nearest keyframe", *_HEADS, "all")]
            for method in methods:
                values = (value_of(scores) for scores in _by_distance(rows, method))
                table.append((method, *("-" if value is None else f"{value:.2f}" for value in values)))
            found[f"{part}: {measure}"] = table
    return found


def write_report(out: Path, runs: Sequence[Run], unlabelled: Unlabelled) -> dict[str, Table]:
    """Write `fusion.csv` and `fusion.md` to the folder `out`, and return the tables."""
    found = tables(runs, unlabelled)
    lines = [",".join(("part", "measure", "method", *_HEADS, "all"))]
    for title, table in found.items():
        lines += [",".join((*title.split(": "), *row)) for row in table[1:]]
    with atomic_write(out / "fusion.csv") as part:
        part.write_text("\n".join([*lines, ""]), encoding="utf-8")
    blocks = [f"## {title}\n\n{as_markdown(table)}" for title, table in found.items()]
    head = "# Fusion of the two sweeps, by distance to the nearest keyframe\n\n" + NOTE
    with atomic_write(out / "fusion.md") as part:
        part.write_text("\n\n".join([head, *blocks, ""]), encoding="utf-8")
    return found


def draw(path: Path, found: dict[str, Table]) -> None:
    """Plot every table to a PNG at `path`. Raises BadSetting without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BadSetting(
            f"a plot needs the package matplotlib; its numbers are in {path.with_suffix('.csv')}",
            remedy="Install matplotlib in the engine's environment.",
        ) from None
    columns = len(found) // 2
    figure = Figure(figsize=(4.6 * columns, 6.4), layout="constrained")
    plots = figure.subplots(2, columns, squeeze=False)
    for index, (title, table) in enumerate(found.items()):
        plot = plots[index % 2][index // 2]
        for method, *cells in table[1:]:
            values = [float("nan") if cell == "-" else float(cell) for cell in cells[:-1]]
            plot.plot(_HEADS, values, marker="o", linewidth=2.5 if method == "fused" else 1.2, label=method)
        plot.set(title=title, xlabel="frames to the nearest keyframe")
    plots[0][0].legend()
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)
