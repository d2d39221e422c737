"""Composed films with known masks: moving, deforming, occluded, faint and look-alike objects over scenery."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .actors import paint
from .assets import OUTLINED, Assets
from .casting import MAX_OBJECTS, create_actors
from .film_context import FilmContext
from .lifted import can_lift, inpaint_subjects, lift_subjects
from .motion import ANY_PACE, camera_path, clip_times
from .outlined import DeformingPhotograph, random_window
from .photometric import apply_camera_effects
from .sources import BACKGROUND, TEXTURE
from .sprites import recolour

_MIN_OBJECT_PIXELS = 45  # of a clearly visible object on a frame of 256 x 256
_MAX_TRIES = 40
_MARGIN = 0.4  # relative to the window's side: kept around it for the camera to move over
_PHOTOGRAPH_PROB = 0.35  # of a photograph with outlined subjects as scenery, if there are any
_LIFT_PROB = 0.7  # of moving the subjects over an inpainted background; otherwise the whole photograph deforms


@dataclass(frozen=True)
class Clip:
    """Short film of T frames, with a label for every pixel."""

    images: np.ndarray  # (T, H, W, 3) uint8 RGB
    labels: np.ndarray  # (T, H, W) uint8: 0 background, 1..O objects, each clearly visible on the first frame

    @property
    def objects(self) -> int:
        """Return the number of labelled objects."""
        return int(self.labels[0].max())


def merge_touching_objects(clip: Clip, rng: np.random.Generator) -> Clip:
    """Merge a random pair of objects that touch on the first frame; without such a pair, return the clip unchanged."""
    first = clip.labels[0]
    pairs = []
    for label in range(1, clip.objects + 1):
        dilated = cv2.dilate((first == label).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        pairs += [(label, neighbour) for neighbour in np.unique(first[dilated]) if neighbour > label]
    if not pairs:
        return clip
    kept, merged = pairs[rng.integers(len(pairs))]
    table = np.arange(256)
    table[merged] = kept
    table[merged + 1 :] -= 1
    return Clip(clip.images, table[clip.labels].astype(np.uint8))


def compose(
    assets: Assets,
    rng: np.random.Generator,
    *,
    frames: int,
    size: int,
    far: bool = False,
    pace: tuple[float, float] = ANY_PACE,
) -> Clip:
    """Compose a film of `frames` square frames with labelled objects; the same generator state gives the same film.

    If `far`, much time passes between the first frame and the others; `pace` is that of `clip_times`. Raises
    RuntimeError if no object is clearly visible on the first frame in any of `_MAX_TRIES` attempts.
    """
    for _ in range(_MAX_TRIES):
        clip = _compose_once(assets, rng, clip_times(rng, frames=frames, far=far, pace=pace), size=size)
        if clip is not None:
            return clip
    raise RuntimeError(f"no object was visible in {_MAX_TRIES} composed films: check the prepared pictures")


def _compose_once(assets: Assets, rng: np.random.Generator, times: np.ndarray, *, size: int) -> Clip | None:
    """Compose a film; return None if no object is clearly visible on its first frame."""
    camera = camera_path(rng, times, size=size)
    # Without outlined photographs nothing is drawn from `rng`, so that films of held-out pictures never change.
    has_subjects = assets.count(OUTLINED) > 0 and rng.random() < _PHOTOGRAPH_PROB
    canvases, labels = (_photograph if has_subjects else _backdrop)(assets, rng, times, camera, size=size)
    film = FilmContext(assets, rng, times, size, camera, canvases[0].copy())
    actors = create_actors(film, objects_in_scenery=has_subjects)
    for frame, canvas in enumerate(canvases):
        for actor in actors:
            paint(canvas, labels[frame], actor, frame)
        if frame == 0:  # only what can be annotated on the first frame counts as an object
            renamed = visible_label_table(labels[0])
            if renamed.max() == 0:
                return None
    return Clip(apply_camera_effects(rng, canvases, times), renamed[labels])


def _backdrop(
    assets: Assets, rng: np.random.Generator, times: np.ndarray, camera: np.ndarray, *, size: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Make random scenery without objects, as the camera sees it.

    Returns T frames (size, size, 3), and labels (T, size, size) that are all 0.
    """
    canvases = _through_camera(*_scenery(assets, rng, size=size), camera, size=size)
    return canvases, np.zeros((len(times), size, size), np.uint8)


def _through_camera(scenery: np.ndarray, placing: np.ndarray, camera: np.ndarray, *, size: int) -> list[np.ndarray]:
    """Warp scenery to T frames (size, size, 3) by the maps of `camera` (T, 3, 3).

    `placing` (3, 3) maps pixels of the scenery to pixels of the first frame.
    """
    return [
        cv2.warpAffine(
            scenery, (matrix @ placing)[:2], (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        for matrix in camera
    ]


def _photograph(
    assets: Assets, rng: np.random.Generator, times: np.ndarray, camera: np.ndarray, *, size: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Use a random photograph with outlined subjects as scenery: T frames (size, size, 3), and labels (T, size, size).

    The subjects move over an inpainted background, or the photograph deforms as a whole. Their labels start at
    `MAX_OBJECTS` + 1.
    """
    picture, subjects = assets.read_outlined(assets.pick(OUTLINED, rng))
    if rng.random() < 0.5:
        picture, subjects = picture[:, ::-1], subjects[:, ::-1]
    window = random_window(rng, subjects)
    subjects, _ = _crop_with_margin(np.ascontiguousarray(subjects), *window, size=size)
    picture, placing = _crop_with_margin(picture, *window, size=size)
    picture = _recoloured(rng, picture, strength=0.3)
    if rng.random() < _LIFT_PROB and can_lift(subjects):
        canvases = _through_camera(inpaint_subjects(picture, subjects), placing, camera, size=size)
        labels = np.zeros((len(times), size, size), np.uint8)
        film = FilmContext(assets, rng, times, size, camera, canvases[0])
        for actor in lift_subjects(film, picture, subjects, placing, first=MAX_OBJECTS + 1):
            for frame, canvas in enumerate(canvases):
                paint(canvas, labels[frame], actor, frame)
        return canvases, labels
    deforming = DeformingPhotograph(rng, times, subjects)
    subjects = np.where(subjects > 0, subjects + MAX_OBJECTS, 0).astype(np.uint8)
    frames = [
        deforming.render(picture, subjects, frame, matrix @ placing, size=size) for frame, matrix in enumerate(camera)
    ]
    return [image for image, _ in frames], np.stack([labels for _, labels in frames])


def visible_label_table(labels: np.ndarray) -> np.ndarray:
    """Return a table (256,) uint8 that maps clearly visible labels of a frame (H, W) to 1, 2, .., and others to 0."""
    counts = np.bincount(labels.ravel(), minlength=256)
    table = np.zeros(256, np.uint8)
    min_pixels = _MIN_OBJECT_PIXELS * labels.size / 256**2
    visible = [label for label in range(1, 256) if min_pixels <= counts[label] < 0.85 * labels.size]
    table[visible] = np.arange(1, len(visible) + 1)
    return table


def _scenery(assets: Assets, rng: np.random.Generator, *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Make a random background (h, w, 3) uint8, and the map (3, 3) from its pixels to pixels of the first frame."""
    kind = rng.random()
    if kind < 0.08:
        picture = _gradient(rng, side=2 * size)
    else:
        picture = assets.read(assets.pick(BACKGROUND if kind < 0.88 else TEXTURE, rng))
        if min(picture.shape[:2]) < 1.2 * size:
            high, wide = picture.shape[:2]
            picture = cv2.copyMakeBorder(picture, high, high, wide, wide, cv2.BORDER_REFLECT_101)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    high, wide = picture.shape[:2]
    window = int(min(high, wide) * rng.uniform(0.45, 0.95))
    x, y = rng.integers(0, wide - window + 1), rng.integers(0, high - window + 1)
    scenery, placing = _crop_with_margin(picture, int(x), int(y), window, size=size)
    if rng.random() < 0.5:
        scenery = _recoloured(rng, scenery, strength=0.4)
    return scenery, placing


def _crop_with_margin(picture: np.ndarray, x: int, y: int, side: int, *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Crop the square of `side` pixels at (x, y), with a margin, and scale it so that the square has `size` pixels.

    Returns the scaled crop, and the map (3, 3) from pixels of the crop to pixels of the scaled square.
    """
    scale = size / side
    left, top = max(0, int(x - _MARGIN * side)), max(0, int(y - _MARGIN * side))
    part = picture[top : int(y + (1 + _MARGIN) * side), left : int(x + (1 + _MARGIN) * side)]
    new = max(2, round(part.shape[1] * scale)), max(2, round(part.shape[0] * scale))
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = cv2.resize(part, new, interpolation=cv2.INTER_NEAREST_EXACT if part.ndim == 2 else smooth)
    return part, np.array([[1.0, 0, -(x - left) * scale], [0, 1.0, -(y - top) * scale], [0, 0, 1]])


def _recoloured(rng: np.random.Generator, picture: np.ndarray, *, strength: float) -> np.ndarray:
    """Change the colours of an RGB picture (H, W, 3) at random, as `recolour` does."""
    alpha = np.empty((*picture.shape[:2], 1), np.uint8)  # dropped again
    return np.ascontiguousarray(recolour(rng, np.dstack([picture, alpha]), strength=strength)[..., :3])


def _gradient(rng: np.random.Generator, *, side: int) -> np.ndarray:
    """Make a smooth random colour gradient (side, side, 3) uint8, like that of a wall, the sky or a studio."""
    base = rng.uniform(0, 255, 3)
    cells = base + rng.normal(0, rng.uniform(5, 50), (int(rng.integers(2, 5)), 2, 3))
    return np.clip(cv2.resize(cells.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR), 0, 255).astype(
        np.uint8
    )
