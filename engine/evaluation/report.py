"""What a study found, as tables: methods x measures for each part, every clip, every number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from .measures import Means, Row, means
from .parts import FILMS, Part
from .running import Run

_HEAD = ("method", "J&F", "J", "F", "F@2px", "dtSSD", "small", "s/frame")
_NUMBERS = (
    "part", "clip", "case", "method", "object", "frame", "share", "seen", "counts", "J", "F", "F@2px", "dtSSD",
    "seconds_per_frame",
)  # fmt: skip
FLOW = "flow"

Table = list[tuple[str, ...]]


def tables(parts: Sequence[Part], runs: Sequence[Run]) -> dict[str, Table]:
    """Per title: a row of means for each method. Films of both kinds are also told of together."""
    found = {_title(part, runs): _table(runs, (part.name,)) for part in parts}
    films = [part for part in parts if part.name in FILMS]
    if len(films) > 1:
        found[f"all {sum(len(part.cases) for part in films)} films"] = _table(runs, FILMS)
    return found


def by_clip(part: Part, runs: Sequence[Run]) -> Table:
    """Tabulate J&F of each clip by method, and of each object where a clip has several."""
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


def _means_by_method(rows: Sequence[Row], methods: Sequence[str]) -> list[str]:
    """Mean J&F of the rows of each method, in percent."""
    return [_percent(means(row for row in rows if row.method == method).both) for method in methods]


def below_flow(parts: Sequence[Part], runs: Sequence[Run], method: str) -> list[str]:
    """The clips on which `method` has a lower J&F than optical flow, in words."""
    found = []
    for part in parts:
        for clip in dict.fromkeys(case.clip.name for case in part.cases):
            its = [run for run in runs if run.case.part == part.name and run.case.clip.name == clip]
            both = {name: means(row for run in its if run.method == name for row in run.rows()).both
                    for name in (method, FLOW)}  # fmt: skip
            if None not in both.values() and both[method] < both[FLOW]:
                found.append(f"{part.name}/{clip} ({both[method]:.1f} < {both[FLOW]:.1f})")
    return found


def notes(parts: Sequence[Part], methods: Sequence[str], unlabelled: str, runs: Sequence[Run]) -> list[str]:
    """What must be known to read the tables, and where a recipe loses to optical flow, in sentences."""
    said = [
        "All in percent, means over frames and then over objects; frames whose mask was given do not count.",
        "dtSSD: less is better; it needs two frames with masks in a row. small: J&F of objects that cover less than "
        "1 % of the picture on the first mask that shows them. s/frame: without loading the network.",
        f"An object that a given mask does not show is {unlabelled} there (--unlabelled).",
    ]
    if FLOW in {run.method for run in runs}:
        for method in methods:
            lost = below_flow(parts, runs, method)
            said.append(f"{method} below optical flow: {', '.join(lost) if lost else 'on no clip'}.")
    return said


def written(parts: Sequence[Part], runs: Sequence[Run], said: Sequence[str]) -> str:
    """The whole report in Markdown."""
    blocks = ["# Study of the default method", "\n".join(f"- {line}" for line in said)]
    for title, table in tables(parts, runs).items():
        blocks += [f"## {title}", as_markdown(table)]
    blocks.append("# J&F of each clip")
    for part in parts:
        blocks += [f"## {part.title}", as_markdown(by_clip(part, runs))]
    return "\n\n".join(blocks) + "\n"


def as_text(table: Table) -> str:
    """A table in columns."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in table
    )


def as_markdown(table: Table) -> str:
    """A table in Markdown."""
    lines = [table[0], ("---", *("---:" for _ in table[0][1:])), *table[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_csv(runs: Iterable[Run]) -> str:
    """Every number, 0..1, one line per object, frame and method."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_NUMBERS)
    for run in runs:
        for row in run.rows():
            one = row.measured
            writer.writerow((
                row.part, row.clip, row.case, row.method, one.object_id, one.number, f"{one.first_share:.6f}",
                int(one.seen), int(row.counts), f"{one.region:.6f}", f"{one.contour:.6f}", f"{one.edge:.6f}",
                "" if one.flicker is None else f"{one.flicker:.6f}", f"{run.seconds:.4f}" if run.case.timed else "",
            ))  # fmt: skip
    return text.getvalue()


def _table(runs: Sequence[Run], parts: tuple[str, ...]) -> Table:
    mine = [run for run in runs if run.case.part in parts]
    rows: Table = [_HEAD]
    for method in _methods(mine):
        its = [run for run in mine if run.method == method]
        seconds = [run.seconds for run in its if run.case.timed]
        pace = f"{sum(seconds) / len(seconds):.3f}" if seconds else "-"
        rows.append((method, *_cells(means(row for run in its for row in run.rows())), pace))
    return rows


def _cells(found: Means) -> tuple[str, ...]:
    percents = (found.both, found.region, found.contour, found.edge, found.flicker, found.small)
    return tuple(_percent(value) for value in percents)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _methods(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(run.method for run in runs))


def _title(part: Part, runs: Sequence[Run]) -> str:
    done = len({run.case.name for run in runs if run.case.part == part.name})
    return part.title if done == len(part.cases) else f"{part.title} ({done} of {len(part.cases)} cases so far)"
