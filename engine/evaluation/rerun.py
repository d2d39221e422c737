"""Study of re-runs: what redoing only what one more keyframe can change saves, and how its mattes differ."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from time import process_time

import numpy as np

from ..jobs.propagate import run as propagate
from ..shared.errors import NoKeyframes
from ..shared.files import atomic_write
from ..shared.matte_folder import MatteFolder
from ..shared.protocol import Answer, MatteReady
from ..shared.types import EarlyEnd, Redo
from .clips import Case, StudyClip
from .measures import measure, predicted
from .methods import RecipeMethod
from .score import region_similarity

PART = "rerun"  # name of the study's part, and of its folder of results
_COUNTS = (1, 4)  # keyframes before the further one
_SPACING = 60  # frames between keyframes of long clips, of which there are more then
_RESULT = "rerun.json"


@dataclass(frozen=True)
class Rerun:
    """What one more keyframe cost, redoing only what it can change and redoing everything."""

    clip: str
    keyframes: str  # numbers of the frames given before
    early_end: str  # frames and percent, as in `--early-end`
    added: int  # number of the further keyframe
    frames: int  # of the clip
    computed: int  # frames that were redone
    first_seconds: float  # processor time of the run before
    changed_seconds: float  # of the run that redoes what has changed
    full_seconds: float  # of a run of everything
    kept_mean: float | None  # J between kept mattes and those of the full run, 0..1; None if none were kept
    kept_worst: float | None
    changed_score: float  # J&F of all mattes against the truth after the re-run, in percent
    full_score: float  # after the run of everything

    @property
    def share(self) -> float:
        """Return the fraction of the frames that were redone."""
        return self.computed / self.frames

    @property
    def speed_up(self) -> float:
        """Return how many times as long the first run took."""
        return self.first_seconds / self.changed_seconds


def rerun_cases(clips: Iterable[StudyClip]) -> Iterator[tuple[Case, int]]:
    """Yield cases with one and with more given masks, each with the frame in their widest gap, to be given as well."""
    for clip in clips:
        showing = [frame for frame, shares in clip.object_shares.items() if shares]
        counts = {*_COUNTS, max(*_COUNTS, len(showing) // _SPACING + 1)}
        for count in sorted({min(count, len(showing) - 2) for count in counts} - {-2, -1, 0}):
            last = max(count - 1, 1)
            given = tuple(showing[round(i * (len(showing) - 1) / last)] for i in range(count))
            bounds = [*given, showing[-1]]
            before, after = max(zip(bounds, bounds[1:]), key=lambda gap: gap[1] - gap[0])
            added = min(
                (frame for frame in showing if frame not in given), key=lambda frame: abs(2 * frame - before - after)
            )
            wanted = tuple(frame for frame in clip.masks if frame not in (*given, added))
            yield Case(PART, f"{clip.name}-{count}", clip, given, wanted), added


def run_case(
    case: Case,
    added: int,
    method: RecipeMethod,
    out: Path,
    report: Callable[[str], None],
    *,
    early_end: EarlyEnd,
    again: bool = False,
) -> Rerun:
    """Run a case, then once more with a further keyframe: what has changed, and everything; or reuse its results."""
    rule = f"{early_end.frames}:{100 * early_end.share:g}"
    root = out / "results" / PART / case.name
    if not again and (kept := _read(root / _RESULT)) and kept.early_end == rule:
        return kept
    shutil.rmtree(root, ignore_errors=True)
    first, changed, full = (root / name for name in ("first", "changed", "full"))
    report(f"{case.name}: first run")
    first_seconds, _ = _run(case, method, first, Redo.EVERYTHING, early_end)
    more = replace(case, given=tuple(sorted((*case.given, added))))
    shutil.copytree(first, changed)
    report(f"{case.name}: what has changed")
    changed_seconds, computed = _run(more, method, changed, Redo.CHANGED, early_end)
    report(f"{case.name}: everything")
    full_seconds, _ = _run(more, method, full, Redo.EVERYTHING, early_end)
    numbers = case.clip.numbers
    agreement = _agreement(more, [frame for frame in _span(case) if frame not in computed], changed, full)
    found = Rerun(
        case.clip.name,
        " ".join(str(numbers[frame]) for frame in case.given),
        rule,
        numbers[added],
        len(_span(case)),
        len(computed),
        first_seconds,
        changed_seconds,
        full_seconds,
        float(np.mean(agreement)) if agreement else None,
        min(agreement, default=None),
        _score(more, changed),
        _score(more, full),
    )
    shutil.rmtree(root / "features", ignore_errors=True)
    with atomic_write(root / _RESULT) as part:
        part.write_text(json.dumps(asdict(found)), encoding="utf-8")
    return found


def _span(case: Case) -> range:
    """Return the media frames from the first to the last true mask, for which mattes are made."""
    frames = list(case.clip.masks)
    return range(frames[0], frames[-1] + 1)


def _run(case: Case, method: RecipeMethod, folder: Path, redo: Redo, early_end: EarlyEnd) -> tuple[float, set[int]]:
    """Run a job; return the processor seconds that it took, and the media frames whose mattes it made.

    Features are kept beside the results of the case, so that its first run finds none.
    """
    features = folder.parent / "features"
    job = replace(method.job(case, folder), frames=_span(case), redo=redo, early_end=early_end, features=features)
    frames: set[int] = set()

    def on_answer(answer: Answer) -> None:
        if isinstance(answer, MatteReady):
            frames.add(answer.frame)

    start = process_time()
    propagate(job, on_answer, lambda: False)
    return process_time() - start, frames


def _agreement(case: Case, frames: Iterable[int], one: Path, other: Path) -> list[float]:
    """Return J, 0..1, between the mattes of two folders, of each object on each of the media frames."""
    size = (case.clip.clip.height, case.clip.clip.width)
    pairs = [(object_id, case.clip.numbers[frame]) for object_id in case.objects for frame in frames]
    masks = ([predicted(MatteFolder(folder), *pair, size)[0] for folder in (one, other)] for pair in pairs)
    return [float(region_similarity(*two)) for two in masks]


def _score(case: Case, folder: Path) -> float:
    rows = measure(case, MatteFolder(folder))
    if not rows:
        raise NoKeyframes(f"clip {case.clip.name} has no true masks but those that are given")
    return 100 * float(np.mean([(row.region + row.contour) / 2 for row in rows]))


def _read(path: Path) -> Rerun | None:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        return Rerun(**{field.name: row[field.name] for field in fields(Rerun)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
