"""Actors cut out of a photograph: each subject moves on its own over an inpainted background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from .actors import Actor, Appearance, Sprite
from .drawables import bending
from .film_context import FilmContext
from .motion import parallax, random_motion
from .outlined import cut_out
from .sprites import premultiply

_INPAINT_SIDE = 192  # pixels: longer side of the picture while it is inpainted
_DILATION = 5  # pixels, odd: subjects are dilated by a square of this side, as their rims blend into the picture
_MIN_KEPT = 0.8  # share of the subjects' pixels that must be left when their rims are removed
_MAX_COVERAGE = 0.6  # share of a picture that subjects may cover, as they are inpainted from the rest


def inpaint_subjects(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Replace the subjects of a picture (H, W, 3) uint8, labelled in `labels` (H, W), by inpainted background.

    Colours are inpainted at low resolution (Telea's method in OpenCV); grain is copied from elsewhere in the picture.
    """
    high, wide = labels.shape
    scale = min(1.0, _INPAINT_SIDE / max(high, wide))
    coarse = max(2, round(wide * scale)), max(2, round(high * scale))
    hole = cv2.dilate((labels > 0).astype(np.uint8), np.ones((_DILATION, _DILATION), np.uint8))
    if not hole.any():
        return picture.copy()
    small = cv2.resize(picture, coarse, interpolation=cv2.INTER_AREA)
    small_hole = cv2.resize(hole * 255, coarse, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(small, (small_hole > 0).astype(np.uint8), 3, cv2.INPAINT_TELEA)
    smooth = cv2.resize(filled, (wide, high), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain: np.ndarray = picture - cv2.resize(small, (wide, high), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain[hole > 0] = 0
    elsewhere = np.roll(grain, (high // 3, wide // 2), (0, 1)) + np.roll(grain, (0, wide // 3), (0, 1))
    soft = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 1.0)[..., None]
    return np.clip(picture * (1 - soft) + (smooth + 0.7 * elsewhere) * soft, 0, 255).astype(np.uint8)


def can_lift(labels: np.ndarray) -> bool:
    """Return whether the subjects in `labels` (H, W) can be cut out.

    They must not touch the border of the picture, be very thin or cover most of the picture.
    """
    if (labels > 0).mean() > _MAX_COVERAGE or labels[[0, -1]].any() or labels[:, [0, -1]].any():
        return False
    kept = cv2.erode((labels > 0).astype(np.uint8), np.ones((3, 3), np.uint8)).sum()
    return bool(kept > _MIN_KEPT * (labels > 0).sum())


def lift_subjects(
    film: FilmContext, picture: np.ndarray, labels: np.ndarray, placing: np.ndarray, *, first: int
) -> Iterator[Actor]:
    """Yield each subject of a picture (H, W, 3) as an actor that starts where the picture shows the subject.

    The actors get the labels `first`, `first` + 1, .. `placing` (3, 3), a translation, maps pixels of the picture to
    pixels of the film's first frame.
    """
    for number in range(1, int(labels.max(initial=0)) + 1):
        mask = (labels == number).astype(np.uint8)
        rgba = next(cut_out(picture, mask), None)
        if rgba is None:
            continue
        x, y, wide, high = cv2.boundingRect(cv2.erode(mask, np.ones((3, 3), np.uint8)))
        place = placing[:2] @ (x + (wide - 1) / 2, y + (high - 1) / 2, 1.0)
        motion = random_motion(film.rng, film.times, x=place[0], y=place[1], size=film.size, speed_scale=1.0)
        motion = replace(
            motion,
            angle=motion.angle - motion.angle[0],
            stretch=motion.stretch / motion.stretch[0],
            shear=motion.shear - motion.shear[0],
        )
        view = parallax(film.camera, depth=film.between(0.9, 1.3))
        sprite = Sprite((premultiply(rgba),) * len(film.times), motion, view)
        if film.chance(0.6):
            folds, bends = bending(film, extent=float(np.sqrt(wide * high)))
            sprite = replace(sprite, folds=folds, bends=bends - bends[:1])
        yield Actor(
            sprite,
            Appearance(
                label=first + number - 1,
                shutter=film.shutter(),
                softness=film.ratio(0.4, 1.5) * film.size / 256 if film.chance(0.1) else 0.0,
            ),
        )
