"""Study of splines: how well they follow mattes, with how many points and keys, and how steadily."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

import numpy as np

from ..output.matte_files import read_existing
from ..shared.errors import NoKeyframes
from ..shared.splines import SplineTrack
from ..splines.strands import LeftOut
from ..splines.vectorise import fit_splines
from .clips import StudyClip, evenly_spaced_case
from .known_motion import KnownFilm
from .methods import Method
from .running import run_case
from .spline_raster import painted

PART = "splines"  # name of the study's part, and of its folder of results
TRUE, PREDICTED, KNOWN = "true masks", "mattes", "known motion"  # what splines are fitted to
_GIVEN = 3  # masks from which mattes are made
_MIN_FRAMES = 8  # with true masks, one after another

Mattes = list[tuple[int, np.ndarray]]  # media frames and their alpha (H, W) 0..1


@dataclass(frozen=True)
class SplineResult:
    """What the splines of one object on one clip are like."""

    clip: str
    object: int
    source: str  # what they were fitted to
    frames: int
    tracks: int
    parts: int  # each with its holes one layer of a mask
    left_out: float  # area without splines relative to the matte's, on the frame where it is largest
    points: float  # mean number of points of a track, each counted by the frames on which it is visible
    max_points: int
    shown: int  # frames on which parts are visible, summed over all parts
    keys: int  # frames on which a part has a key, which Blender stores for its whole layer, summed likewise
    iou_mean: float  # of the filled splines and the matte above 0.5, at pixel centres, over frames that show the object
    iou_worst: float
    error: float  # pixels: mean distance to the outline
    percentile95: float  # pixels: mean over frames of the distance that 95 % of the outline are within
    jitter: float  # pixels: root mean square change, between frames, of the points' motion beside the object's
    slip: float | None  # pixels: mean distance of points from where the object has moved their place, where known
    seconds: float  # processor time
    found: tuple[SplineTrack, ...] = field(repr=False, compare=False)

    @property
    def key_share(self) -> float:
        """Return the fraction of the frames on which parts are visible that hold a key."""
        return self.keys / max(self.shown, 1)


def clip_results(
    clip: StudyClip, method: Method | None, out: Path, report: Callable[[str], None], *, again: bool = False
) -> Iterator[SplineResult]:
    """Fit splines to a clip's true masks, if it has enough, and to the mattes that a method makes from three of them.

    Finished mattes are reused from `out`. Without a method, only true masks are used.
    """
    if len(clip.masks) >= _MIN_FRAMES and len(clip.masks) == max(clip.masks) - min(clip.masks) + 1:
        labels = {frame: clip.labels(frame) for frame in clip.masks}
        for object_id in _objects(clip):
            report(f"{clip.name}: object {object_id}, {TRUE}")
            mattes = [(frame, (label == object_id).astype(np.float32)) for frame, label in labels.items()]
            yield measured(clip.name, object_id, TRUE, mattes)
    if method is not None:
        try:
            case = evenly_spaced_case(PART, clip, min(_GIVEN, len(clip.masks) - 1))
        except NoKeyframes:
            return
        folder = run_case(case, method, out, report, again=again).folder
        size = clip.clip.height, clip.clip.width
        for object_id in case.objects:
            report(f"{clip.name}: object {object_id}, {PREDICTED}")
            found = ((frame, read_existing(folder.matte(object_id, clip.numbers[frame]), size)) for frame in case.span)
            yield measured(clip.name, object_id, PREDICTED, [(f, alpha) for f, alpha in found if alpha is not None])


def known_results(films: Iterable[KnownFilm]) -> Iterator[SplineResult]:
    """Fit splines to films whose motion is known at every place of the outline."""
    for film in films:
        yield measured(film.name, 1, KNOWN, film.mattes(), film)


def measured(name: str, object_id: int, source: str, mattes: Mattes, film: KnownFilm | None = None) -> SplineResult:
    """Fit splines to the mattes of an object, and measure them."""
    start = process_time()
    left_out: list[LeftOut] = []
    tracks = fit_splines(mattes, left_out=left_out.append)
    seconds = process_time() - start
    scores = [score for frame, alpha in mattes if (score := agreement(tracks, frame, alpha)) is not None]
    errors = np.concatenate([track.error for track in tracks] or [np.zeros((1, 2), np.float32)])
    points = [len(track.corners) for track in tracks for _ in track.error]
    shown, keys = _shown_and_keyed(tracks)
    slips = [film.slip(track).ravel() for track in tracks] if film else []
    return SplineResult(
        name,
        object_id,
        source,
        len(mattes),
        len(tracks),
        len({track.part for track in tracks}),
        left_out[0].share,
        float(np.mean(points or [0])),
        max(points, default=0),
        shown,
        keys,
        float(np.mean(scores)) if scores else 1.0,
        min(scores, default=1.0),
        float(errors[:, 0].mean()),
        float(errors[:, 1].mean()),
        jitter(tracks),
        float(np.concatenate(slips).mean()) if slips else None,
        seconds,
        tuple(tracks),
    )


def _shown_and_keyed(tracks: Sequence[SplineTrack]) -> tuple[int, int]:
    """Return on how many frames parts are visible, and on how many they have a key, summed over all parts."""
    shown = {(track.part, frame) for track in tracks for frame in range(track.first, track.last + 1)}
    keyed = {(track.part, frame) for track in tracks for frame in track.keys.tolist()}
    return len(shown), len(keyed)


def agreement(tracks: Sequence[SplineTrack], frame: int, alpha: np.ndarray) -> float | None:
    """Return the IoU of the filled splines and the matte above 0.5 on a frame; None if both are empty."""
    made, true = painted(tracks, frame, alpha.shape), alpha > 0.5
    union = np.count_nonzero(made | true)
    return np.count_nonzero(made & true) / union if union else None


def jitter(tracks: Sequence[SplineTrack]) -> float:
    """Return how unsteadily points move beside the object, in pixels; 0 if no track is long enough.

    From the motion of all points of a track from one frame to the next, the similarity transform that fits it best is
    removed. The measure is the root mean square of how much what remains changes from each frame to the next.
    """
    changes = [np.zeros(0)]
    for track in tracks:
        shown = [track.at(frame) for frame in range(track.first, track.last + 1)]
        points = np.array([points[:, 1] for points in shown if points is not None])
        places = points[..., 0] + 1j * points[..., 1]
        before = places[:-1] - places[:-1].mean(axis=1, keepdims=True)
        after = places[1:] - places[1:].mean(axis=1, keepdims=True)
        size = np.maximum((np.abs(before) ** 2).sum(axis=1, keepdims=True), 1e-9)
        rest = after - before * (before.conj() * after).sum(axis=1, keepdims=True) / size
        changes.append(np.abs(np.diff(rest, axis=0)).ravel())
    found = np.concatenate(changes)
    return float(np.sqrt((found**2).mean())) if len(found) else 0.0


def _objects(clip: StudyClip) -> list[int]:
    return sorted({object_id for shares in clip.object_shares.values() for object_id in shares})
