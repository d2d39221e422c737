"""Study of the account of quality: fits the calibration on composed films, and tests it on other clips."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..quality.calibration import FILE, Calibration
from ..shared.files import atomic_write
from ..shared.quality import FIX_BELOW
from .calibrating import as_row, fit
from .clips import Case, StudyClip
from .composed import CALIBRATION, composed_films
from .methods import RecipeMethod
from .parts import ClipFolders, gather_parts
from .reliability import Reliability, Sample, reliability, samples_of
from .running import run_case

FILMS = 44  # for calibration
_PART = "calibration"  # name of their part
_GIVEN = {  # frames, by part; of other clips see `_ends_and_middle`
    "caps": ((0,), (14,), (33,), (43,), (66,), (0, 66), (33, 66), (0, 14, 33)),
    "chair": ((0,), (30,), (59,), (0, 59), (0, 20, 45)),
}

ReportText = Callable[[str], None]


def calibration_cases(films: Path, prepared: Path | None, *, count: int = FILMS) -> list[Case]:
    """Return the cases of the films for calibration, which are composed beside `films` if they are missing."""
    clips = composed_films(films.with_name(f"{films.name}-{_PART}"), prepared, count=count, style=CALIBRATION)
    opened = [StudyClip.open(clip.name, clip / "frames", clip / "masks") for clip in clips]
    return [case for clip in opened for case in _cases(_PART, clip, _ends_and_middle(clip))]


def trial_cases(folders: ClipFolders, parts: Iterable[str], report: ReportText) -> list[Case]:
    """Return the cases of the named parts on which the calibration is tested: clips that it was not fitted on.

    Parts whose clips are not available are left out; `report` is told how to get them.
    """
    cases: list[Case] = []
    for part in parts:
        clips = {case.clip.name: case.clip for one in gather_parts(folders, [part], report) for case in one.cases}
        for clip in clips.values():
            cases += _cases(part, clip, _GIVEN.get(part) or _ends_and_middle(clip), seen_only=part == "caps")
    return cases


def gather(cases: Sequence[Case], method: RecipeMethod, out: Path, report: ReportText) -> list[Sample]:
    """Run a recipe on all cases, or reuse results in `out`; return the samples of all of them."""
    samples: list[Sample] = []
    for case in cases:
        samples += samples_of(run_case(case, method, out, report))
    return samples


def write_calibration(samples: Sequence[Sample], recipe: str) -> Calibration:
    """Fit the calibration of a recipe, and put it into the file that comes with Keymatte."""
    calibration = fit(samples, recipe)
    content = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"recipes": {}}
    content["recipes"][recipe] = as_row(calibration)
    with atomic_write(FILE) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return calibration


def by_part(samples: Sequence[Sample], calibration: Calibration) -> dict[str, Reliability]:
    """Return the reliability on each part and, except for films, on each case."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.part, []).append(sample)
        if sample.part in ("chair", "caps", "folder"):
            groups.setdefault(sample.case, []).append(sample)
    return {
        name: reliability([calibration.probability(one.signals) for one in group], [one.is_good for one in group])
        for name, group in groups.items()
    }


def as_table(results: dict[str, Reliability]) -> str:
    """Format the reliability of each part and case as a text table."""
    lines = [f"{'clip':<24} {'mattes':>7} {'good':>6} {'AUROC':>6} {'ECE':>6}"]
    for name, result in results.items():
        auroc = "-" if result.auroc is None else f"{result.auroc:.3f}"
        lines.append(f"{name:<24} {result.count:>7} {result.good:>6.2f} {auroc:>6} {result.error:>6.3f}")
    return "\n".join(lines)


def as_csv(samples: Iterable[Sample], calibration: Calibration) -> str:
    """Format every sample as a line of CSV, with its quality and whether it is flagged."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("part", "case", "object", "frame", "J&F", "quality", "flagged", "reason"))
    for one in samples:
        value = calibration.probability(one.signals)
        row = one.part, one.case, one.object_id, one.number, f"{one.score:.4f}", f"{value:.4f}"
        writer.writerow((*row, int(value < FIX_BELOW), calibration.reason(one.signals)))
    return text.getvalue()


def write_report(out: Path, samples: Sequence[Sample], calibration: Calibration) -> dict[str, Reliability]:
    """Write the table and a CSV of all samples to `out`; return the reliability by part and case."""
    results = by_part(samples, calibration)
    for name, text in (("quality.txt", as_table(results)), ("quality.csv", as_csv(samples, calibration))):
        with atomic_write(out / name) as part:
            part.write_text(text, encoding="utf-8")
    return results


def _ends_and_middle(clip: StudyClip) -> tuple[tuple[int, ...], ...]:
    last = len(clip.numbers) - 1
    return (0,), (last // 2,), (0, last)


def _cases(part: str, clip: StudyClip, given: Iterable[tuple[int, ...]], *, seen_only: bool = False) -> Iterator[Case]:
    for frames in given:
        wanted = tuple(frame for frame in clip.masks if frame not in frames)
        name = f"{clip.name}-{'-'.join(map(str, frames))}"
        if any(clip.object_shares.get(frame) for frame in frames):
            yield Case(part, name, clip, frames, wanted, seen_only=seen_only)
