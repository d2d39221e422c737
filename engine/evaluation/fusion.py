"""Study of fusion: how the two sweeps' mattes are best made one, by distance to the nearest keyframe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..inference.mattes import Matte
from ..inference.sweeps import Sweep, blend_weight
from ..media.label_images import read_matte
from ..output import fusion
from ..output.mattes import Fuse, MatteWriter
from ..quality.account import QualityAccount
from ..quality.calibration import FILE
from ..shared.errors import NoKeyframes
from ..shared.folder_claim import claim
from ..shared.matte_folder import MatteFolder
from ..shared.types import Direction
from ..shared.written_files import WrittenFiles
from .clips import Case, StudyClip, Unlabelled
from .methods import RecipeMethod, ReportFrames
from .parts import StudyPart
from .running import ReportText, Run, run_case

_CHAIR_GIVEN = (0, 59), (0, 30, 59), (0, 20, 40, 59), (10, 50)
_SURE = 0.5 / 255  # limit of an alpha in log-odds: half a step of 8 bits


def two_sided_cases(parts: Sequence[StudyPart], report: ReportText) -> list[Case]:
    """Make cases of the clips in `parts`, in which the frames between given masks are predicted.

    Of `chair` several sets of masks are given, of other clips the first and the last mask that show an object. Clips
    with too few masks are reported and left out.
    """
    clips = {case.clip.clip.path: (part.name.partition("-")[0], case.clip) for part in parts for case in part.cases}
    cases: list[Case] = []
    for name, clip in clips.values():
        try:
            cases += [_case(name, clip, given) for given in (_CHAIR_GIVEN if name == "chair" else (_ends(clip),))]
        except NoKeyframes as error:
            report(f"{error.message}; it is left out.")
    return cases


def _ends(clip: StudyClip) -> tuple[int, ...]:
    """Return the first and the last frame whose mask shows an object."""
    visible = [frame for frame, shares in clip.object_shares.items() if shares]
    return tuple(dict.fromkeys((*visible[:1], *visible[-1:])))


def _case(part: str, clip: StudyClip, given: tuple[int, ...]) -> Case:
    """Make the case of a clip in which the masks of the frames `given` are given. Raises NoKeyframes."""
    wanted = tuple(frame for frame in clip.masks if given and given[0] < frame < given[-1] and frame not in given)
    if not wanted:
        raise NoKeyframes(f"clip {clip.name} has no mask between its first and its last one")
    return Case(part, "-".join([clip.name, *map(str, given)]), clip, given, wanted, seen_only=True)


def keyframes_by_object(case: Case, unlabelled: Unlabelled) -> dict[int, tuple[int, ...]]:
    """Return the frames on which each object of a case is annotated, ascending."""
    keyframes = case.keyframes(unlabelled)
    return {id_: tuple(sorted(key.frame for key in keyframes if id_ in key.objects)) for id_ in case.objects}


# -- candidates --------------------------------------------------------------------------------------------------------
def mean(first: np.ndarray, second: np.ndarray, weight: float, quality: fusion.Quality | None = None) -> np.ndarray:
    """Mix two mattes linearly by distance to the keyframes."""
    return weight * second + (1 - weight) * first


def pool(first: np.ndarray, second: np.ndarray, weight: float, quality: fusion.Quality | None = None) -> np.ndarray:
    """Pool the log-odds of two mattes, weighted by distance: the surer alpha counts more."""
    odds = [np.log(alpha / (1 - alpha)) for alpha in (first.clip(_SURE, 1 - _SURE), second.clip(_SURE, 1 - _SURE))]
    return 1 / (1 + np.exp(-mean(odds[0], odds[1], weight)))


def nearest(first: np.ndarray, second: np.ndarray, weight: float, quality: fusion.Quality | None = None) -> np.ndarray:
    """Choose the matte of the sweep that comes from the nearer keyframe."""
    return second if weight >= 0.5 else first


def by_distance(
    first: np.ndarray, second: np.ndarray, weight: float, quality: fusion.Quality | None = None
) -> np.ndarray:
    """Fuse two mattes as a job does, but without their quality."""
    return fusion.fuse(first, second, weight)


CANDIDATES: dict[str, Fuse] = {
    "mean": mean,
    "log-odds": pool,
    "nearest": nearest,
    "by distance": by_distance,
    "fused": fusion.fuse,
}


# -- runs --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class FusedSweeps:
    """Method under study that fuses the stored mattes of a forward and a backward sweep."""

    name: str  # of CANDIDATES
    sweeps: tuple[Run, Run]  # forward, backward
    unlabelled: Unlabelled
    recipe: str  # that made the sweeps, and whose calibration says how good their mattes are

    def identity(self) -> dict[str, Any]:
        program = hashlib.sha256(b"".join(Path(str(file)).read_bytes() for file in (fusion.__file__, __file__, FILE)))
        stored = [run.folder.root.name for run in self.sweeps]  # named by what they depend on
        return {"fusion": self.name, "program": program.hexdigest(), "sweeps": stored, "unlabelled": self.unlabelled}

    def run(self, case: Case, folder: Path, report: ReportFrames) -> float:
        """Fuse the mattes and write the results to `folder`; returns 0, as it is not what a job would take."""
        keyframes, span = keyframes_by_object(case, self.unlabelled), case.span
        both = Sweep(span, span), Sweep(span[::-1], span)
        with claim(MatteFolder(folder)) as claimed:
            claimed.mark(self.identity())
            writer = MatteWriter(
                claimed.folder, claimed.written, case.clip.numbers, list(case.objects), span,
                fuse=CANDIDATES[self.name], account=QualityAccount(self.recipe),
            )  # fmt: skip
            records = [WrittenFiles(run.folder) for run in self.sweeps]
            for done, frame in enumerate(span, 1):
                for run, record, sweep in zip(self.sweeps, records, both, strict=True):
                    reached = tuple(id_ for id_, frames in keyframes.items() if sweep.reaches(frames, frame))
                    if reached:
                        paths = [run.folder.matte(id_, case.clip.numbers[frame]) for id_ in reached]
                        found = {id_: record.quality(path) for id_, path in zip(reached, paths, strict=True)}
                        signals = {id_: dict(quality.signals) for id_, quality in found.items() if quality}
                        alpha = np.stack([read_matte(path) for path in paths])
                        weights = tuple(blend_weight(keyframes[id_], frame, sweep) for id_ in reached)
                        writer.write(Matte(frame, reached, alpha, weights, alpha[:0], signals))
                report(done, len(span))
        return 0.0


def run_study(
    cases: Sequence[Case], method: RecipeMethod, out: Path, report: ReportText, *, again: bool = False
) -> Iterator[Run]:
    """Run both sweeps of `method` on each case, then all candidates; yield each run. Finished ones in `out` are reused.

    With `again` they are repeated, also what has not changed.
    """
    for case in cases:
        forward, backward = (
            run_case(case, replace(method, name=way.value, direction=way), out, report, again=again)
            for way in (Direction.FORWARD, Direction.BACKWARD)
        )
        yield from (forward, backward)
        for name in CANDIDATES:
            fused = FusedSweeps(name, (forward, backward), method.unlabelled, method.recipe.name)
            yield run_case(case, fused, out, report, again=again)
