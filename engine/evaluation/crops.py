"""Study of crops: mattes of small objects in films with exact masks, with crops that follow them and without."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from ..inference.crops import box_of, joined
from ..jobs.propagate import run
from ..media.frames import FrameReader
from ..media.keyframe_folders import read_keyframes
from ..media.label_images import read_matte, write_labels
from ..shared.files import atomic_write
from ..shared.matte_folder import MatteFolder
from ..shared.types import PropagationJob, Settings
from .measures import EDGE
from .report import Table
from .score import contour_accuracy, region_similarity
from .small_film import KINDS, SmallFilm

TITLE = "Small objects in large frames: the whole frame, and crops that follow them"
NOTE = (
    "Means over all frames but the keyframe, which is the first. J and F, at 2 pixels of the full frame, are 1 where "
    "rightly nothing is shown, and 0 where an object is missed or something wrong is shown. Seconds are of the "
    "processor, per frame."
)
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]
_MARGIN = 20  # pixels around masks that are compared
Show = Callable[[str], None]


@dataclass(frozen=True)
class CropScore:
    """Scores of the mattes of one object of a film."""

    film: str
    side: int  # of the object, pixels
    object: int
    crop: bool  # whether it was followed
    region: float  # J, 0..1
    contour: float  # F at 2 pixels, 0..1
    worst: float  # lowest J
    seconds: float  # of the processor, per frame


def films(seeds: Sequence[int]) -> Iterator[SmallFilm]:
    """Yield a film of each kind for each seed, which also chooses a size of 60 to 150 pixels."""
    for seed in seeds:
        side = int(np.random.default_rng(seed).integers(60, 151))
        yield from (SmallFilm(kind, seed, side=side) for kind in KINDS)


def scores_of(film: SmallFilm, out: Path, settings: Settings, show: Show, *, again: bool = False) -> list[CropScore]:
    """Make the mattes of a film without and with crops in the folder `out`, and score them; results are reused."""
    name = f"{film.kind}-{film.seed}"
    results = out / name / "scores.json"
    if results.is_file() and not again:
        return [CropScore(**one) for one in json.loads(results.read_text(encoding="utf-8"))]
    show(f"{name}: making the film")
    truth = _write(film, out / name)
    scores: list[CropScore] = []
    for crop in (False, True):
        show(f"{name}: {'crops' if crop else 'the whole frame'}")
        folder = out / name / ("crops" if crop else "whole")
        began = time.process_time()
        run(_job(out / name, folder, settings, crop=crop), lambda answer: None, lambda: False)
        seconds = (time.process_time() - began) / film.count
        scores += [_score(film, number, crop, folder, truth, seconds) for number in range(1, film.objects + 1)]
    with atomic_write(results) as part:
        part.write_text(json.dumps([asdict(one) for one in scores]), encoding="utf-8")
    return scores


def as_table(scores: Sequence[CropScore]) -> Table:
    """Return a row of text for each object of each film, and one of means."""
    header = "film", "pixels", "J whole", "J crops", "F whole", "F crops", "worst whole", "worst crops", "s"
    pairs = [(one, two) for one in scores for two in scores if _is_pair(one, two)]
    rows = [_row(f"{one.film} {one.object}", f"{one.side}", [(one, two)]) for one, two in pairs]
    means = [_row("mean", "", pairs)] if len(pairs) > 1 else []
    return [header, *rows, *means]


def _is_pair(one: CropScore, two: CropScore) -> bool:
    return (one.film, one.object, one.crop, two.crop) == (two.film, two.object, False, True)


def _row(name: str, pixels: str, pairs: Sequence[tuple[CropScore, CropScore]]) -> tuple[str, ...]:
    cells = [
        f"{np.mean([getattr(pair[side], field) for pair in pairs]):.3f}"
        for field in ("region", "contour", "worst")
        for side in (0, 1)
    ]
    before, after = (np.mean([pair[side].seconds for pair in pairs]) for side in (0, 1))
    return name, pixels, *cells, f"{before:.2f} -> {after:.2f}"


def _write(film: SmallFilm, root: Path) -> list[np.ndarray]:
    """Write a film's images and its keyframe; return the labels (H, W) of all frames."""
    (root / "clip").mkdir(parents=True, exist_ok=True)
    truth = []
    for frame, (picture, labels) in enumerate(film.frames()):
        encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), _JPEG)[1]
        (root / "clip" / f"{frame:04d}.jpg").write_bytes(encoded.tobytes())
        truth.append(labels)
    write_labels(root / "keys" / "0000.png", truth[0])
    return truth


def _job(root: Path, folder: Path, settings: Settings, *, crop: bool) -> PropagationJob:
    with FrameReader.open(root / "clip") as reader:
        clip, numbers = reader.clip, reader.numbers
    keyframes = read_keyframes(root / "keys", numbers, (clip.height, clip.width))
    frames = range(clip.frame_count)
    return PropagationJob("study", clip, frames, keyframes, folder, settings=settings, crop=crop, feature_bytes=0)


def _score(
    film: SmallFilm, number: int, crop: bool, folder: Path, truth: Sequence[np.ndarray], seconds: float
) -> CropScore:
    regions, contours = [], []
    for frame in range(1, film.count):
        true = truth[frame] == number
        found = read_matte(MatteFolder(folder).matte(number, frame)) >= 0.5
        true, found = _near(true, found)
        regions.append(region_similarity(found, true))
        contours.append(contour_accuracy(found, true, radius=EDGE))
    means = float(np.mean(regions)), float(np.mean(contours)), float(min(regions))
    return CropScore(f"{film.kind}-{film.seed}", film.side, number, crop, *means, seconds)


def _near(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of two masks (H, W) around what they show, as contours of a whole frame take long."""
    boxes = [box for box in (box_of(one), box_of(other)) if box is not None]
    if not boxes:
        return one[:1, :1], other[:1, :1]
    left, top, right, bottom = (int(value) for value in joined(boxes[0], boxes[-1]))
    part = slice(max(top - _MARGIN, 0), bottom + _MARGIN), slice(max(left - _MARGIN, 0), right + _MARGIN)
    return one[part], other[part]
