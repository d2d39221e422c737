"""Tables of a benchmark's scores: CSV of every object, JSON of everything, and Markdown beside the papers' numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

from ...shared.errors import FolderTaken
from ...shared.files import atomic_write, read_json
from .papers import published
from .scoring import Scored
from .summary import Measures, headline, measures_of, summarize
from .types import Benchmark

CSV_NAME, JSON_NAME, MARKDOWN_NAME = "scores.csv", "scores.json", "scores.md"
_MARK = "keymatte_scores"  # key of the JSON file, by which a table is known to be ours
_VERSION = 1


@dataclass(frozen=True)
class Speed:
    """What the runs of a benchmark took, all sequences together."""

    frames_per_second: float
    peak_memory: int  # bytes


@dataclass(frozen=True)
class Table:
    """Scores of a method on a benchmark."""

    benchmark: Benchmark
    method: str
    scored: Scored
    speed: Speed | None = None

    @property
    def means(self) -> Measures:
        """Return the means by the benchmark's rules."""
        return summarize(self.benchmark.rules, self.scored.objects)


def write_tables(table: Table, out: Path) -> tuple[Path, ...]:
    """Write the three tables to the folder `out`, and return their paths; tables that Keymatte wrote are replaced.

    Raises FolderTaken if a file of the same name is not Keymatte's, DiskFull and FolderNotWritable.
    """
    texts = {JSON_NAME: as_json(table), CSV_NAME: as_csv(table), MARKDOWN_NAME: as_markdown(table)}
    _refuse_foreign(out, tuple(texts))
    for name, text in texts.items():
        with atomic_write(out / name) as part:
            part.write_text(text, encoding="utf-8")
    return tuple(out / name for name in texts)


def as_csv(table: Table) -> str:
    """Format the measures of every object, 0..1, as CSV."""
    rules, text = table.benchmark.rules, io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row, one in enumerate(table.scored.objects):
        measures = measures_of(rules, one)
        if not row:
            writer.writerow(("sequence", "object", "frames", *measures))
        values = ("" if isnan(value) else f"{value:.6f}" for value in measures.values())
        writer.writerow((one.sequence, one.object_id, len(one.stems), *values))
    return text.getvalue()


def as_json(table: Table) -> str:
    """Format the means, the measures of every object, J and F of every frame, and what is wrong, as JSON."""
    rules = table.benchmark.rules
    objects = [
        {
            "sequence": one.sequence,
            "object": one.object_id,
            "unseen": one.unseen,
            "measures": _finite(measures_of(rules, one)),
            "frames": list(one.stems),
            "J": one.regions.round(6).tolist(),
            "F": one.contours.round(6).tolist(),
        }
        for one in table.scored.objects
    ]
    papers = [
        {"method": row.method, "percent": row.numbers, "frames_per_second": row.fps, "source": row.source}
        for row in published(table.benchmark.name)
    ]
    content: dict[str, Any] = {
        _MARK: _VERSION,
        "benchmark": table.benchmark.name,
        "rules": rules.value,
        "method": table.method,
        "means": _finite(table.means),
        "frames_per_second": table.speed.frames_per_second if table.speed else None,
        "peak_memory_bytes": table.speed.peak_memory if table.speed else None,
        "left_out": list(table.scored.left_out),
        "problems": list(table.scored.problems),
        "papers": papers,
        "objects": objects,
    }
    return json.dumps(content, indent=1)


def as_markdown(table: Table) -> str:
    """Format the means in percent as a row of a Markdown table, with the papers' rows for the benchmark below it."""
    means, rows = headline(table.means), published(table.benchmark.name)
    names = [*means, *sorted({name for row in rows for name in row.numbers} - {*means})]
    lines = [f"**{table.benchmark.title}**, in percent", ""]
    lines += [_row(["method", *names, "frames/s", "source"]), _row(["---"] * (len(names) + 3))]
    fps = table.speed.frames_per_second if table.speed else None
    percent = {name: 100 * value for name, value in means.items()}
    lines.append(_markdown_row(f"**{table.method}**", names, percent, fps, "this run"))
    lines += [_markdown_row(row.method, names, row.numbers, row.fps, row.source) for row in rows]
    lines += ["", *(f"- {problem}" for problem in table.scored.problems)] if table.scored.problems else []
    return "\n".join(lines) + "\n"


def as_text(table: Table) -> str:
    """Format the means as text: every measure in percent, and of how many objects."""
    counted = [one for one in table.scored.objects if one.stems]
    sequences = len({one.sequence for one in counted})
    lines = [f"{table.benchmark.title}: {table.method}"]
    lines += [f"  {name:<12} {100 * value:6.1f}" for name, value in table.means.items() if not isnan(value)]
    lines.append(f"  {_count(len(counted), 'object')} of {_count(sequences, 'sequence')}")
    if table.scored.left_out:
        lines.append(f"  left out, and not in these means: {', '.join(table.scored.left_out)}")
    return "\n".join(lines)


def _refuse_foreign(out: Path, names: Sequence[str]) -> None:
    """Raise FolderTaken if one of these files exists, and the JSON file does not say that they are Keymatte's."""
    there = [out / name for name in names if (out / name).exists()]
    content = read_json(out / JSON_NAME)
    if there and not (isinstance(content, dict) and _MARK in content):
        raise FolderTaken(
            f"{there[0]} was not written by Keymatte", remedy="Move that file, or choose another folder with --out."
        )


def _markdown_row(
    method: str, names: Sequence[str], percent: Mapping[str, float], fps: float | None, source: str
) -> str:
    values = ["" if isnan(percent.get(name, float("nan"))) else f"{percent[name]:.1f}" for name in names]
    return _row([method.replace("|", "\\|"), *values, "" if fps is None else f"{fps:.1f}", source])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _finite(measures: Measures) -> dict[str, float | None]:
    """Return measures as JSON has them: without NaN."""
    return {name: None if isnan(value) else round(value, 6) for name, value in measures.items()}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
