"""Study of edges: ways to refine mattes, each against the exact alpha of rendered films and the masks of real clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import numpy as np

from ..matting.refine import refine, smooth
from ..media.frames import FrameReader
from ..output.matte_files import read_existing
from ..shared.errors import NoKeyframes
from ..shared.refinement import EdgeMethod, Refinement
from ..shared.types import Settings
from .clips import StudyClip, evenly_spaced_case
from .edge_films import EdgeFilm
from .edge_mattes import MadeFilm, make
from .edge_measures import EdgeScores, mean_scores, scores
from .methods import RecipeMethod
from .running import run_case

PART = "edges"  # name of the study's part, and of its folder of results
BILINEAR, GUIDED, DETAIL = "bilinear", "guided", "detail"
HEIGHTS = 480, 240  # of the network's picture, for real clips; these have 480 lines themselves
_GIVEN = 3  # masks from which mattes of real clips are made
_EVERY = 3  # frame of a real clip that is measured
_SMOOTHING = 1.0
_WIDE_BAND = 8.0  # pixels

Report = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """A way to refine mattes."""

    name: str
    refinement: Refinement
    smoothed: str = ""  # "before" or "after" it is refined; empty: not


_KEEP = Refinement(edges=EdgeMethod.KEEP)
SETTINGS = (
    Setting(BILINEAR, _KEEP),
    Setting(GUIDED, Refinement()),
    Setting(f"guided, band of {_WIDE_BAND:.0f} pixels", Refinement(band=_WIDE_BAND)),
    Setting("guided, softness 0.5", Refinement(softness=0.5)),
    Setting("guided, smoothed before", Refinement(), smoothed="before"),
    Setting("guided, smoothed after", Refinement(), smoothed="after"),
    Setting(DETAIL, Refinement(edges=EdgeMethod.DETAIL)),
)


@dataclass(frozen=True)
class EdgeResult:
    """Scores of a setting on a film, averaged over its frames."""

    film: str
    setting: str
    scores: EdgeScores
    seconds: float  # of the processor, per frame, without reading and writing


@dataclass(frozen=True)
class ClipResult:
    """Scores of a setting on a real clip, whose masks were drawn by hand."""

    clip: str
    height: int  # lines of the network's picture
    setting: str
    frames: int
    region: float  # J, 0..1
    boundary: float  # F at 2 pixels, 0..1


def film_results(films: Sequence[EdgeFilm], out: Path, settings: Settings, report: Report) -> Iterator[EdgeResult]:
    """Make the films and their mattes, unless they are there, and measure every setting on the frames not given."""
    for film in films:
        made = make(film, folder_of(film, out), settings, report)
        frames = range(film.frames)
        clip = _Clip([made.picture(frame) for frame in frames], [made.raw(frame) for frame in frames], made.scale)
        true = [made.true(frame) for frame in frames]
        for setting in SETTINGS:
            report(f"{film.name}: {setting.name}")
            alphas, seconds = clip.refined(setting)
            rows, before = [], None
            for frame in frames:
                if frame in made.given:
                    before = None
                    continue
                rows.append(scores(alphas[frame], true[frame], before))
                before = alphas[frame], true[frame]
            yield EdgeResult(film.name, setting.name, mean_scores(rows), seconds)


def folder_of(film: EdgeFilm, out: Path) -> Path:
    """Return the folder of a film and its mattes."""
    return out / "films" / film.name.replace(" ", "-")


def shown(made: MadeFilm, frame: int) -> dict[str, np.ndarray]:
    """Return the alphas (H, W) of a frame, by name: the true one, bilinear, guided and detailed."""
    picture, raw = made.picture(frame), made.raw(frame)
    chosen = {name: next(one.refinement for one in SETTINGS if one.name == name) for name in (GUIDED, DETAIL)}
    found = {name: refine(raw, picture, refinement, scale=made.scale) for name, refinement in chosen.items()}
    return {"true alpha": made.true(frame), BILINEAR: raw, **found}


def clip_results(clip: StudyClip, method: RecipeMethod, out: Path, report: Report) -> Iterator[ClipResult]:
    """Measure bilinear, guided and detailed mattes of a real clip, made at several heights of the network's picture."""
    try:
        case = evenly_spaced_case(PART, clip, min(_GIVEN, len(clip.masks) - 1))
    except NoKeyframes:
        return
    size = clip.clip.height, clip.clip.width
    wanted = case.wanted[:: _EVERY if len(case.wanted) > 2 * _EVERY else 1]
    for height in HEIGHTS:
        at_height = replace(method, settings=replace(method.settings, height=height))
        folder = run_case(case, at_height, out, report).folder
        found: dict[str, list[tuple[float, float]]] = {}
        with FrameReader.open(clip.clip.path) as reader:
            for frame in wanted:
                picture, labels = reader.read(frame), clip.labels(frame)
                for object_id in case.objects:
                    raw = read_existing(folder.matte(object_id, clip.numbers[frame]), size)
                    true = (labels == object_id).astype(np.float32)
                    for setting in (one for one in SETTINGS if one.name in (BILINEAR, GUIDED, DETAIL)):
                        alpha = np.zeros(size, np.float32) if raw is None else raw
                        alpha = refine(alpha, picture, setting.refinement, scale=max(min(size) / height, 1))
                        measured = scores(alpha, true)
                        found.setdefault(setting.name, []).append((measured.region, measured.boundary))
        for name, rows in found.items():
            region, boundary = np.mean(rows, axis=0).tolist()
            yield ClipResult(clip.name, height, name, len(rows), region, boundary)


@dataclass(frozen=True)
class _Clip:
    """Frames of a film with their mattes."""

    pictures: list[np.ndarray]
    raw: list[np.ndarray]
    scale: float

    def refined(self, setting: Setting) -> tuple[list[np.ndarray], float]:
        """Return the mattes refined, and the seconds of the processor per frame."""
        start = process_time()
        alphas = self._smoothed(self.raw) if setting.smoothed == "before" else self.raw
        refined = [
            refine(alpha, picture, setting.refinement, scale=self.scale)
            for alpha, picture in zip(alphas, self.pictures)
        ]
        if setting.smoothed == "after":
            refined = self._smoothed(refined)
        return refined, (process_time() - start) / len(refined)

    def _smoothed(self, alphas: list[np.ndarray]) -> list[np.ndarray]:
        return [smooth(around(alphas, frame), around(self.pictures, frame), _SMOOTHING) for frame in range(len(alphas))]


def around(values: Sequence[np.ndarray], frame: int) -> list[np.ndarray | None]:
    """Return the values of the frame before, the frame and the one after; None where there is none."""
    return [values[place] if 0 <= place < len(values) else None for place in (frame - 1, frame, frame + 1)]
