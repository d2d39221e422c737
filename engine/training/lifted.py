"""Subjects taken off their photograph: each moves on its own, over what may lie behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from .actors import Actor, Manner, Sprite
from .motion import parallax, random_motion
from .outlined import cut_out
from .sprites import premultiply
from .stage import Stage
from .things import bending

_COARSE = 192  # pixels: the longer side at which what is hidden is guessed
_RIM = 5  # pixels, odd: side of the square around each of a subject's in which something of it may still be seen
_LEFT = 0.8  # of the subjects: cut-outs are without their rim, which must not be much of them
_MOST = 0.6  # of a picture: if subjects fill more, what is behind them cannot be guessed


def without_subjects(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 with something likely where its subjects (H, W) are.

    Its colours are continued from around them (Telea's method, as OpenCV has it), its grain is that of elsewhere.
    """
    high, wide = labels.shape
    scale = min(1.0, _COARSE / max(high, wide))
    coarse = max(2, round(wide * scale)), max(2, round(high * scale))
    hole = cv2.dilate(np.uint8(labels > 0), np.ones((_RIM, _RIM), np.uint8))
    if not hole.any():
        return picture.copy()
    small = cv2.resize(picture, coarse, interpolation=cv2.INTER_AREA)
    small_hole = cv2.resize(hole * 255, coarse, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(small, np.uint8(small_hole > 0), 3, cv2.INPAINT_TELEA)
    smooth = cv2.resize(filled, (wide, high), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain = picture - cv2.resize(small, (wide, high), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain[hole > 0] = 0
    elsewhere = np.roll(grain, (high // 3, wide // 2), (0, 1)) + np.roll(grain, (0, wide // 3), (0, 1))
    soft = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 1.0)[..., None]
    return np.clip(picture * (1 - soft) + (smooth + 0.7 * elsewhere) * soft, 0, 255).astype(np.uint8)


def can_be_lifted(labels: np.ndarray) -> bool:
    """Whether subjects (H, W) can move off a picture: none is cut by its border, too thin, or nearly all there is."""
    if (labels > 0).mean() > _MOST or labels[[0, -1]].any() or labels[:, [0, -1]].any():
        return False
    kept = cv2.erode(np.uint8(labels > 0), np.ones((3, 3), np.uint8)).sum()
    return bool(kept > _LEFT * (labels > 0).sum())


def lift(stage: Stage, picture: np.ndarray, labels: np.ndarray, placing: np.ndarray, *, first: int) -> Iterator[Actor]:
    """Each subject of a picture (H, W, 3) as an actor that starts where it is, labelled `first`, `first` + 1, ..

    `placing` (3, 3) maps pixels of the picture to those of the film's first frame, without any change of size.
    """
    for number in range(1, int(labels.max(initial=0)) + 1):
        own = np.uint8(labels == number)
        rgba = next(cut_out(picture, own), None)
        if rgba is None:
            continue
        x, y, wide, high = cv2.boundingRect(cv2.erode(own, np.ones((3, 3), np.uint8)))
        place = placing[:2] @ (x + (wide - 1) / 2, y + (high - 1) / 2, 1.0)
        motion = random_motion(stage.rng, stage.times, x=place[0], y=place[1], size=stage.size, vigour=1.0)
        motion = replace(
            motion,
            angle=motion.angle - motion.angle[0],
            stretch=motion.stretch / motion.stretch[0],
            shear=motion.shear - motion.shear[0],
        )
        view = parallax(stage.camera, depth=stage.between(0.9, 1.3))
        sprite = Sprite((premultiply(rgba),) * len(stage.times), motion, view)
        if stage.chance(0.6):
            folds, bends = bending(stage, extent=float(np.sqrt(wide * high)))
            sprite = replace(sprite, folds=folds, bends=bends - bends[:1])
        yield Actor(
            sprite,
            Manner(
                label=first + number - 1,
                shutter=stage.shutter(),
                softness=stage.ratio(0.4, 1.5) * stage.size / 256 if stage.chance(0.1) else 0.0,
            ),
        )
