"""Report on a benchmark: scores what a recipe has predicted, writes the tables, and says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import types
from .rules import Given
from .scoring import Scored, score_sequences
from .tables import Speed, Table, as_text, write_tables
from .types import Benchmark, SequenceRun


@dataclass(frozen=True)
class Report:
    """Outcome of scoring, to be printed."""

    text: str
    problems: tuple[str, ...]  # sentences; they are not part of the text


def report(
    benchmark: Benchmark,
    sequences: Sequence[types.Sequence],
    results: Path,
    runs: Sequence[SequenceRun],
    *,
    method: str,
    out: Path,
    jobs: int = 1,
) -> Report:
    """Score the masks in `results`, a folder for each sequence, and write the tables to `out`.

    `runs` says what was measured meanwhile, and which masks were given. A sequence that failed is not scored.
    Raises ScoreIncomplete if no sequence can be scored, FolderTaken, DiskFull and FolderNotWritable.
    """
    failed = {run.name for run in runs if run.problem}
    wanted = [sequence for sequence in sequences if sequence.name not in failed]
    given = {sequence.name: _given(sequence, run) for sequence in wanted for run in runs if run.name == sequence.name}
    scored = score_sequences(benchmark, wanted, results, given=given, jobs=jobs)
    left_out = (*(sequence.name for sequence in sequences if sequence.name in failed), *scored.left_out)
    table = Table(benchmark, method, Scored(scored.objects, scored.problems, left_out), _speed(runs))
    written = write_tables(table, out)
    text = f"{as_text(table)}\n  tables: {', '.join(path.name for path in written)} in {out}"
    return Report(text, scored.problems)


def _given(sequence: types.Sequence, run: SequenceRun) -> Given:
    """Return which objects were given on which frames.

    If the run does not say it, these are all objects on each given frame, but only new ones where objects appear.
    """
    if run.given_objects:
        return run.given_objects
    new: dict[str, list[int]] = {}
    for object_id, stem in sequence.first_seen.items():
        new.setdefault(stem, []).append(object_id)
    return {stem: tuple(new.get(stem, range(1, 256))) for stem in run.given}


def _speed(runs: Sequence[SequenceRun]) -> Speed | None:
    """Return the frames per second of all runs together, and the most memory that one took."""
    timed = [run for run in runs if run.frames and run.seconds > 0]
    if not timed:
        return None
    seconds = sum(run.seconds for run in timed)
    return Speed(sum(run.frames for run in timed) / seconds, max(run.peak_memory for run in timed))
