"""Reports of the study: tables of mean scores per part and per clip, and a CSV of all measurements."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from .measures import Means, MeasurementRow, means
from .parts import FILMS, StudyPart
from .running import Run

_HEAD = ("method", "J&F", "J", "F", "F@2px", "dtSSD", "small", "s/frame")
_CSV_COLUMNS = (
    "part", "clip", "case", "method", "object", "frame", "share", "seen", "counts", "J", "F", "F@2px", "dtSSD",
    "seconds_per_frame",
)  # fmt: skip
FLOW = "flow"

Table = list[tuple[str, ...]]


def tables(parts: Sequence[StudyPart], runs: Sequence[Run]) -> dict[str, Table]:
    """Return a table of mean scores for each part, by title, with a row per method.

    If there are composed and rendered films, a further table averages over both.
    """
    titled = {_title(part, runs): _table(runs, (part.name,)) for part in parts}
    films = [part for part in parts if part.name in FILMS]
    if len(films) > 1:
        titled[f"all {sum(len(part.cases) for part in films)} films"] = _table(runs, FILMS)
    return titled


def by_clip(part: StudyPart, runs: Sequence[Run]) -> Table:
    """Tabulate the mean J&F of each method on each clip, and on each object of clips with several objects."""
    runs = [run for run in runs if run.case.part == part.name]
    methods = _methods(runs)
    table: Table = [("clip", *methods)]
    for clip in dict.fromkeys(run.case.clip.name for run in runs):
        rows = [row for run in runs if run.case.clip.name == clip for row in run.rows()]
        table.append((clip, *_means_by_method(rows, methods)))
        objects = sorted({row.measured.object_id for row in rows if row.counts})
        for object_id in objects if len(objects) > 1 else ():
            rows_of_object = [row for row in rows if row.measured.object_id == object_id]
            table.append((f"{clip}, object {object_id}", *_means_by_method(rows_of_object, methods)))
    return table


def _means_by_method(rows: Sequence[MeasurementRow], methods: Sequence[str]) -> list[str]:
    """Return the mean J&F of each method in percent, as text."""
    return [_percent(means(row for row in rows if row.method == method).j_and_f) for method in methods]


def below_flow(parts: Sequence[StudyPart], runs: Sequence[Run], method: str) -> list[str]:
    """List the clips on which `method` has a lower J&F than the optical flow baseline, with both scores."""
    worse = []
    for part in parts:
        for clip in dict.fromkeys(case.clip.name for case in part.cases):
            runs_of_clip = [run for run in runs if run.case.part == part.name and run.case.clip.name == clip]
            score, flow_score = (
                means(row for run in runs_of_clip if run.method == name for row in run.rows()).j_and_f
                for name in (method, FLOW)
            )
            if score is not None and flow_score is not None and score < flow_score:
                worse.append(f"{part.name}/{clip} ({score:.1f} < {flow_score:.1f})")
    return worse


def notes(parts: Sequence[StudyPart], methods: Sequence[str], unlabelled: str, runs: Sequence[Run]) -> list[str]:
    """Return sentences that explain the tables and list the clips on which a method scores below optical flow."""
    sentences = [
        "All in percent: means over frames, then over objects, without the frames whose masks were given.",
        "dtSSD: lower is better; it needs true masks of two successive frames. small: J&F of objects that cover less "
        "than 1 % of the frame in the first mask that shows them. s/frame: without loading the network.",
        f"The state of objects that a given mask does not show is taken as {unlabelled} (--unlabelled).",
    ]
    if FLOW in {run.method for run in runs}:
        for method in methods:
            clips = below_flow(parts, runs, method)
            sentences.append(f"{method} below optical flow: {', '.join(clips) if clips else 'on no clip'}.")
    return sentences


def as_markdown_report(parts: Sequence[StudyPart], runs: Sequence[Run], sentences: Sequence[str]) -> str:
    """Format the whole report in Markdown; `sentences` come from `notes`."""
    blocks = ["# Study of the default method", "\n".join(f"- {line}" for line in sentences)]
    for title, table in tables(parts, runs).items():
        blocks += [f"## {title}", as_markdown(table)]
    blocks.append("# J&F of each clip")
    for part in parts:
        blocks += [f"## {part.title}", as_markdown(by_clip(part, runs))]
    return "\n\n".join(blocks) + "\n"


def as_text(table: Table) -> str:
    """Format a table as aligned text columns."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in table
    )


def as_markdown(table: Table) -> str:
    """Format a table in Markdown."""
    lines = [table[0], ("---", *("---:" for _ in table[0][1:])), *table[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_csv(runs: Iterable[Run]) -> str:
    """Format all measurements, 0..1, as CSV: a line per object, frame and method."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for run in runs:
        for row in run.rows():
            measured = row.measured
            scores = (measured.region, measured.contour, measured.edge)
            writer.writerow((
                row.part, row.clip, row.case, row.method, measured.object_id, measured.number,
                f"{measured.first_share:.6f}", int(measured.seen), int(row.counts),
                *(f"{score:.6f}" for score in scores), "" if measured.flicker is None else f"{measured.flicker:.6f}",
                f"{run.seconds:.4f}" if run.case.timed else "",
            ))  # fmt: skip
    return text.getvalue()


def _table(runs: Sequence[Run], parts: tuple[str, ...]) -> Table:
    """Tabulate the mean scores of each method over the parts whose names are in `parts`."""
    runs = [run for run in runs if run.case.part in parts]
    rows: Table = [_HEAD]
    for method in _methods(runs):
        runs_of_method = [run for run in runs if run.method == method]
        seconds = [run.seconds for run in runs_of_method if run.case.timed]
        seconds_per_frame = f"{sum(seconds) / len(seconds):.3f}" if seconds else "-"
        rows.append((method, *_cells(means(row for run in runs_of_method for row in run.rows())), seconds_per_frame))
    return rows


def _cells(scores: Means) -> tuple[str, ...]:
    percents = (scores.j_and_f, scores.region, scores.contour, scores.edge, scores.flicker, scores.small)
    return tuple(_percent(value) for value in percents)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _methods(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(run.method for run in runs))


def _title(part: StudyPart, runs: Sequence[Run]) -> str:
    """Return the title of a part; if some cases have no results yet, with the number of those that have."""
    done = len({run.case.name for run in runs if run.case.part == part.name})
    return part.title if done == len(part.cases) else f"{part.title} ({done} of {len(part.cases)} cases so far)"
