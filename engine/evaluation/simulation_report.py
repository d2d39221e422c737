"""Reports of the simulation: J&F against the number of keyframes, as tables, CSV and plot."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..shared.files import atomic_write
from .plots import new_figure
from .report import Table, as_markdown
from .simulation import Trial

GOAL = 90.0  # J&F in percent, keyframes included
_COLUMNS = ("clip", "start", "ranking", "keyframes", "frames", "J&F", "J&F without keyframes")

NOTES = (
    "J&F in percent over all objects and all frames with true masks, keyframes included, whose masks are true; an "
    "object that no keyframe shows yet scores 0 wherever it is visible.",
    "Only frames with true masks can become keyframes. When a clip has no more of them, or a ranking suggests no "
    "further frame, its last J&F stands for more keyframes.",
    "ours: expected gain by the quality of the mattes; oracle: by a quality that knows the true masks; xmem++: "
    "diversity, as published; uniform: farthest from all keyframes in time; worst: lowest true J&F.",
)


def curves(trials: Sequence[Trial], *, predicted: bool = False) -> dict[str, dict[str, list[float]]]:
    """Return the mean J&F over all clips for 1, 2, ... keyframes, by start, then by ranking.

    With `predicted`, keyframes are left out; a clip whose frames are all keyframes counts as 100.
    """
    most = max(trial.keyframes for trial in trials)
    found: dict[str, dict[str, list[float]]] = {}
    for start in dict.fromkeys(trial.start for trial in trials):
        for ranking in dict.fromkeys(trial.ranking for trial in trials):
            rows = [
                _continued(clip_trials, most, predicted=predicted)
                for clip_trials in _by_clip(trials, start, ranking).values()
            ]
            if rows:
                found.setdefault(start, {})[ranking] = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return found


def needed(trials: Sequence[Trial]) -> int | None:
    """Return the number of keyframes with which one simulation reaches `GOAL`; None if it does not."""
    return next((trial.keyframes for trial in trials if trial.scores.mean >= GOAL), None)


def tables(trials: Sequence[Trial]) -> dict[str, Table]:
    """Return the tables of the report, by title."""
    clips = len({trial.clip for trial in trials})
    titled: dict[str, Table] = {}
    for start, by_ranking in curves(trials).items():
        without = curves(trials, predicted=True)[start]
        counts = [str(count) for count in range(1, len(next(iter(by_ranking.values()))) + 1)]
        for what, values in (("J&F", by_ranking), ("J&F without the keyframes", without)):
            titled[f"{what} by number of keyframes, mean of {clips} clips, start: {start}"] = [
                ("ranking", *counts),
                *((ranking, *(f"{value:.1f}" for value in row)) for ranking, row in values.items()),
            ]
        titled[f"Keyframes to reach {GOAL:.0f} J&F, start: {start}"] = _needed_table(trials, start)
    return titled


def as_markdown_report(trials: Sequence[Trial]) -> str:
    """Format the whole report in Markdown."""
    blocks = ["# Keyframes by ranking", "\n".join(f"- {line}" for line in NOTES)]
    for title, table in tables(trials).items():
        blocks += [f"## {title}", as_markdown(table)]
    return "\n\n".join(blocks) + "\n"


def as_csv(trials: Iterable[Trial], numbers: dict[str, tuple[int, ...]]) -> str:
    """Format all trials as CSV, in percent; `numbers` maps a clip's name to the file numbers of its frames."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for trial in trials:
        frames = " ".join(str(numbers[trial.clip][frame]) for frame in trial.scores.given)
        without = trial.scores.mean_predicted
        writer.writerow((
            trial.clip, trial.start, trial.ranking, trial.keyframes, frames, f"{trial.scores.mean:.2f}",
            "" if without is None else f"{without:.2f}",
        ))  # fmt: skip
    return text.getvalue()


def draw(path: Path, trials: Sequence[Trial]) -> None:
    """Plot the mean J&F against the number of keyframes to a PNG at `path`. Raises BadSetting without matplotlib."""
    found = curves(trials)
    figure = new_figure((1 + 4.5 * len(found), 3.8), path.with_suffix(".csv"))
    plots = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for plot, (start, by_ranking) in zip(plots, found.items(), strict=True):
        for ranking, row in by_ranking.items():
            plot.plot(range(1, len(row) + 1), row, marker="o", markersize=3, label=ranking)
        plot.axhline(GOAL, color="grey", linewidth=0.8, linestyle=":")
        plot.set(xlabel="keyframes", ylabel="J&F (%)", title=f"start: {start}")
    plots[0].legend()
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)


def _needed_table(trials: Sequence[Trial], start: str) -> Table:
    """Tabulate for each clip and ranking how many keyframes reach the goal, and their sums."""
    rankings = list(dict.fromkeys(trial.ranking for trial in trials))
    most = max(trial.keyframes for trial in trials)
    by_ranking = {ranking: _by_clip(trials, start, ranking) for ranking in rankings}
    table: Table = [("clip", *rankings)]
    sums = dict.fromkeys(rankings, 0)
    for clip in dict.fromkeys(trial.clip for trial in trials):
        cells = []
        for ranking in rankings:
            count = needed(by_ranking[ranking].get(clip, []))
            sums[ranking] += most + 1 if count is None else count
            cells.append(f"> {most}" if count is None else str(count))
        table.append((clip, *cells))
    table.append((f"sum (> {most} as {most + 1})", *(str(sums[ranking]) for ranking in rankings)))
    return table


def _by_clip(trials: Iterable[Trial], start: str, ranking: str) -> dict[str, list[Trial]]:
    """Return the trials of one start and ranking for each clip, by number of keyframes."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        if (trial.start, trial.ranking) == (start, ranking):
            found.setdefault(trial.clip, []).append(trial)
    return {clip: sorted(of_clip, key=lambda trial: trial.keyframes) for clip, of_clip in found.items()}


def _continued(trials: Sequence[Trial], most: int, *, predicted: bool) -> list[float]:
    """Return J&F for 1 to `most` keyframes; the last value stands for those that were not tried."""
    values = [trial.scores.mean for trial in trials]
    if predicted:
        values = [100.0 if trial.scores.mean_predicted is None else trial.scores.mean_predicted for trial in trials]
    return [*values, *[values[-1]] * (most - len(values))]
