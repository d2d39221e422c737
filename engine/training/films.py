"""Composes short films with known masks: moving, deforming, occluded, faint and look-alike objects over scenery."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .actors import paint
from .assets import OUTLINED, Assets
from .casting import MOST_OBJECTS, cast_film
from .lifted import can_be_lifted, lift, without_subjects
from .motion import camera_path, clip_times
from .outlined import Pliant, window_on
from .photometric import develop
from .sources import BACKGROUND, TEXTURE
from .sprites import recolour
from .stage import Stage

SMALLEST = 45  # pixels of a clearly visible object on a film of 256 x 256
TRIES = 40
_ROOM = 0.4  # of the window's side: what is kept around it for a camera that moves
_PHOTOGRAPHS = 0.35  # share of the films that are photographs with outlined subjects, where there are some
_LIFTED = 0.7  # share of those whose subjects move over what is behind them, if they can; the others move whole


@dataclass(frozen=True)
class Clip:
    """A short film and what is on it."""

    images: np.ndarray  # (T, H, W, 3) uint8 RGB
    labels: np.ndarray  # (T, H, W) uint8: 0 background, 1..O objects, each clearly visible on the first frame

    @property
    def objects(self) -> int:
        """O, how many objects there are."""
        return int(self.labels[0].max())


def united(clip: Clip, rng: np.random.Generator) -> Clip:
    """The clip with two objects that touch on the first frame as one; as it is when none do."""
    first = clip.labels[0]
    pairs = []
    for one in range(1, clip.objects + 1):
        near = cv2.dilate(np.uint8(first == one), np.ones((5, 5), np.uint8)) > 0
        pairs += [(one, other) for other in np.unique(first[near]) if other > one]
    if not pairs:
        return clip
    one, other = pairs[rng.integers(len(pairs))]
    table = np.arange(256)
    table[other] = one
    table[other + 1 :] -= 1
    return Clip(clip.images, table[clip.labels].astype(np.uint8))


def compose(assets: Assets, rng: np.random.Generator, *, frames: int, size: int, far: bool = False) -> Clip:
    """A film of `frames` square frames with 1 to 6 objects; the same generator state gives the same film.

    If `far`, the first is from long before the others.
    """
    for _ in range(TRIES):
        clip = _compose_once(assets, rng, clip_times(rng, frames=frames, far=far), size=size)
        if clip is not None:
            return clip
    raise RuntimeError(f"no object became visible in {TRIES} tries: the prepared pictures must be unusable")


def _compose_once(assets: Assets, rng: np.random.Generator, times: np.ndarray, *, size: int) -> Clip | None:
    camera = camera_path(rng, times, size=size)
    # Where nothing is outlined no dice are thrown: films of held-out pictures stay what they were.
    whole = assets.count(OUTLINED) > 0 and rng.random() < _PHOTOGRAPHS
    canvases, grounds = (_photograph if whole else _backdrop)(assets, rng, times, camera, size=size)
    stage = Stage(assets, rng, times, size, camera, canvases[0].copy())
    actors = cast_film(stage, besides=whole)
    labels = grounds
    for frame, canvas in enumerate(canvases):
        for actor in actors:
            paint(canvas, labels[frame], actor, frame)
        if frame == 0:  # objects that cannot be marked on the first frame are no objects
            renamed = numbering(labels[0])
            if renamed.max() == 0:
                return None
    return Clip(develop(rng, canvases, times), renamed[labels])


def _backdrop(
    assets: Assets, rng: np.random.Generator, times: np.ndarray, camera: np.ndarray, *, size: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Scenery as the camera sees it, without an object: T frames (size, size, 3), labels (T, size, size)."""
    canvases = _seen(*_scenery(assets, rng, size=size), camera, size=size)
    return canvases, np.zeros((len(times), size, size), np.uint8)


def _seen(scenery: np.ndarray, placing: np.ndarray, camera: np.ndarray, *, size: int) -> list[np.ndarray]:
    return [
        cv2.warpAffine(
            scenery, (matrix @ placing)[:2], (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        for matrix in camera
    ]


def _photograph(
    assets: Assets, rng: np.random.Generator, times: np.ndarray, camera: np.ndarray, *, size: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """The same of a photograph whose subjects are objects, labelled after all others."""
    picture, marks = assets.read_outlined(assets.pick(OUTLINED, rng))
    if rng.random() < 0.5:
        picture, marks = picture[:, ::-1], marks[:, ::-1]
    window = window_on(rng, marks)
    marks, _ = _framed(np.ascontiguousarray(marks), *window, size=size)
    picture, placing = _framed(picture, *window, size=size)
    picture = _recoloured(rng, picture, strength=0.3)
    if rng.random() < _LIFTED and can_be_lifted(marks):
        canvases = _seen(without_subjects(picture, marks), placing, camera, size=size)
        labels = np.zeros((len(times), size, size), np.uint8)
        stage = Stage(assets, rng, times, size, camera, canvases[0])
        for actor in lift(stage, picture, marks, placing, first=MOST_OBJECTS + 1):
            for frame, canvas in enumerate(canvases):
                paint(canvas, labels[frame], actor, frame)
        return canvases, labels
    pliant = Pliant(rng, times, marks)
    marks = np.where(marks > 0, marks + MOST_OBJECTS, 0).astype(np.uint8)
    shown = [pliant.show(picture, marks, frame, matrix @ placing, size=size) for frame, matrix in enumerate(camera)]
    return [image for image, _ in shown], np.stack([labels for _, labels in shown])


def numbering(labels: np.ndarray) -> np.ndarray:
    """(256,) uint8 table for a first frame (H, W): the clearly visible labels become 1, 2, ..; the others 0."""
    counts = np.bincount(labels.ravel(), minlength=256)
    table = np.zeros(256, np.uint8)
    enough = SMALLEST * labels.size / 256**2
    visible = [label for label in range(1, 256) if enough <= counts[label] < 0.85 * labels.size]
    table[visible] = np.arange(1, len(visible) + 1)
    return table


def _scenery(assets: Assets, rng: np.random.Generator, *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A background (h, w, 3) uint8, and the (3, 3) map from its pixels to those of the first frame."""
    kind = rng.random()
    if kind < 0.08:
        picture = _gradient(rng, side=2 * size)
    else:
        picture = assets.read(assets.pick(BACKGROUND if kind < 0.88 else TEXTURE, rng))
        if min(picture.shape[:2]) < 1.2 * size:
            picture = cv2.copyMakeBorder(picture, *(np.array(picture.shape[:2]).repeat(2)), cv2.BORDER_REFLECT_101)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    high, wide = picture.shape[:2]
    window = int(min(high, wide) * rng.uniform(0.45, 0.95))
    x, y = rng.integers(0, wide - window + 1), rng.integers(0, high - window + 1)
    scenery, placing = _framed(picture, int(x), int(y), window, size=size)
    if rng.random() < 0.5:
        scenery = _recoloured(rng, scenery, strength=0.4)
    return scenery, placing


def _framed(picture: np.ndarray, x: int, y: int, side: int, *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of a picture around a square, scaled so that the square has `size` pixels, and the (3, 3) map from the
    part's pixels to those of the square."""
    scale = size / side
    left, top = max(0, int(x - _ROOM * side)), max(0, int(y - _ROOM * side))
    part = picture[top : int(y + (1 + _ROOM) * side), left : int(x + (1 + _ROOM) * side)]
    new = max(2, round(part.shape[1] * scale)), max(2, round(part.shape[0] * scale))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = cv2.resize(part, new, interpolation=cv2.INTER_NEAREST_EXACT if part.ndim == 2 else smooth)
    return part, np.array([[1.0, 0, -(x - left) * scale], [0, 1.0, -(y - top) * scale], [0, 0, 1]])


def _recoloured(rng: np.random.Generator, picture: np.ndarray, *, strength: float) -> np.ndarray:
    opaque = np.empty((*picture.shape[:2], 1), np.uint8)
    return np.ascontiguousarray(recolour(rng, np.dstack([picture, opaque]), strength=strength)[..., :3])


def _gradient(rng: np.random.Generator, *, side: int) -> np.ndarray:
    """(side, side, 3) a wall, a sky, a studio: soft colours without detail."""
    base = rng.uniform(0, 255, 3)
    cells = base + rng.normal(0, rng.uniform(5, 50), (int(rng.integers(2, 5)), 2, 3))
    return np.clip(cv2.resize(cells.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR), 0, 255).astype(
        np.uint8
    )
