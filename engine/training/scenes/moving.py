"""How beings get about a scene, and the camera that follows them: (K, 4, 4) places over time."""

from __future__ import annotations

import numpy as np

from .creatures import Being
from .dice import Dice
from .plans import WIDTH, View

_GROUNDED = ("walk", "drive", "stand", "tumble")


def go(dice: Dice, being: Being, where: np.ndarray, *, extent: float) -> np.ndarray:
    """Places of a being that is at `where` (3,) in the middle of the scene; `extent` in metres tells how fast."""
    seconds = dice.seconds - dice.seconds.mean()
    if being.gait in ("walk", "drive"):
        places = _along_ground(dice, seconds, extent, fast=2.2 if being.gait == "drive" else 1.1)
    elif being.gait == "roll":
        places = _rolling(dice, seconds, extent)
    elif being.gait == "throw":
        places = _thrown(dice, seconds, extent)
    elif being.gait in ("fly", "swim"):
        places = _floating(dice, seconds, extent)
    elif being.gait == "tumble":
        places = _tumbling(dice, seconds, extent)
    elif being.gait == "hand":
        places = _held(dice, extent)
    else:
        places = _turning(dice, seconds)
    if being.gait == "roll":
        where = where + np.array([0, 0, extent / 2])
    elif being.gait not in _GROUNDED:
        where = where + np.array([0, 0, extent * dice.between(0.7, 1.6)])
    places = places.copy()
    places[:, :3, 3] += where
    if being.gait == "throw":
        places[:, 2, 3] = np.maximum(places[:, 2, 3], 0.45 * extent)
    return places


def _along_ground(dice: Dice, seconds: np.ndarray, extent: float, fast: float) -> np.ndarray:
    """It goes where it looks, straight or in a bow, or hardly at all."""
    speed = extent * (dice.ratio(0.15, 1.0) * fast if dice.chance(0.85) else 0.0)
    heading = dice.between(0, 2 * np.pi) + dice.between(-1.6, 1.6) * dice.chance(0.6) * seconds + dice.wander(0.15, 0.3)
    steps = speed * np.gradient(seconds)[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
    course = np.cumsum(steps, axis=0)
    places = turned_about("z", heading)
    places[:, :2, 3] = course - course[len(course) // 2]
    if dice.chance(0.2):  # over bumps
        places[:, 2, 3] = 0.04 * extent * np.abs(dice.wave(2.0))
    return places


def _rolling(dice: Dice, seconds: np.ndarray, extent: float) -> np.ndarray:
    """A ball: it turns as far as it goes."""
    heading, far = dice.between(0, 2 * np.pi), extent * dice.ratio(0.4, 3) * seconds
    start = _any_turn(dice)
    places = turned_about("z", np.full_like(far, heading)) @ turned_about("y", far / (extent / 2)) @ start
    places[:, 0, 3], places[:, 1, 3] = far * np.cos(heading), far * np.sin(heading)
    if dice.chance(0.5):
        places[:, 2, 3] = extent * dice.ratio(0.3, 1.5) * np.abs(dice.wave(0.8))
    return places


def _thrown(dice: Dice, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Tumbling through the air, or falling and springing up again."""
    heading, pace = dice.between(0, 2 * np.pi), extent * dice.ratio(0.2, 2)
    spin = turned_about("x", dice.between(-5, 5) * seconds) @ turned_about("z", dice.between(-3, 3) * seconds)
    places = spin @ _any_turn(dice)
    places[:, 0, 3], places[:, 1, 3] = pace * seconds * np.cos(heading), pace * seconds * np.sin(heading)
    if dice.chance(0.5):
        places[:, 2, 3] = extent * (dice.between(-1, 2) * seconds - dice.between(0.5, 3) * seconds**2)
    else:
        places[:, 2, 3] = extent * dice.ratio(0.5, 2) * np.abs(dice.wave(0.6)) - 0.5 * extent
    return places


def _tumbling(dice: Dice, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Somersaults, cartwheels and twirls, on the spot or on the run, about the middle of what is `extent` high."""
    axis = dice.one_of({"x": 1, "y": 1, "z": 0.7})
    if axis == "z":
        part, angle = np.zeros_like(seconds), dice.sign() * dice.between(2, 8) * seconds + dice.wander(0.5, 0.5)
    else:
        part = np.clip((seconds - dice.between(-0.4, 0.4)) / dice.ratio(0.35, 1.3) + 0.5, 0, 1)
        angle = 2 * np.pi * dice.sign() * dice.between(0.4, 2) * part**2 * (3 - 2 * part)
    up = extent * (0.5 + dice.between(0, 0.8) * 4 * part * (1 - part) * dice.chance(0.7))
    places = _along_ground(dice, seconds, extent, fast=1.2) @ turned_about(
        "z", np.full_like(seconds, dice.between(0, 6))
    )
    rise, sink = (np.tile(np.eye(4), (len(seconds), 1, 1)) for _ in range(2))
    rise[:, 2, 3], sink[:, 2, 3] = up, -0.5 * extent
    return places @ rise @ turned_about(axis, angle) @ sink


def _floating(dice: Dice, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Through air or water, in bows, leaning into them."""
    speed, bow = extent * dice.ratio(0.2, 2.0), dice.between(-1.8, 1.8)
    heading = dice.between(0, 2 * np.pi) + bow * seconds + dice.wander(0.25, 0.3)
    pitch = dice.between(-0.3, 0.3) + dice.wander(0.25, 0.4)
    steps = speed * np.gradient(seconds)[:, None] * np.stack(
        [np.cos(heading) * np.cos(pitch), np.sin(heading) * np.cos(pitch), np.sin(pitch)], 1
    )  # fmt: skip
    course = np.cumsum(steps, axis=0)
    places = (
        turned_about("z", heading) @ turned_about("y", -pitch) @ turned_about("x", -0.3 * bow + dice.wander(0.2, 0.5))
    )
    places[:, :3, 3] = course - course[len(course) // 2]
    return places


def _held(dice: Dice, extent: float) -> np.ndarray:
    """As if an unseen hand showed it around."""
    turns = turned_about("z", dice.between(0, 6) + dice.wander(dice.between(0.2, 2.5), 0.3))
    places = turns @ turned_about("x", dice.wander(0.6, 0.35)) @ turned_about("y", dice.wander(0.6, 0.35))
    if dice.chance(0.3):
        places = places @ _any_turn(dice)
    for axis in range(3):
        places[:, axis, 3] = dice.wander(0.35 * extent, 0.45)
    return places


def _turning(dice: Dice, seconds: np.ndarray) -> np.ndarray:
    """It stays where it is, or turns on the spot."""
    return turned_about("z", dice.between(0, 6) + dice.chance(0.5) * dice.between(-1.8, 1.8) * seconds)


def turned_about(axis: str, angle: np.ndarray) -> np.ndarray:
    """(K, 4, 4) turns about an axis by (K,) radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrices = np.broadcast_to(np.eye(4), (len(angle), 4, 4)).copy()
    matrices[:, first, first] = matrices[:, second, second] = cosine
    matrices[:, second, first], matrices[:, first, second] = sine, -sine
    return matrices


def _any_turn(dice: Dice) -> np.ndarray:
    matrix = np.eye(4)
    axes, _ = np.linalg.qr(dice.rng.normal(size=(3, 3)))
    matrix[:3, :3] = axes * np.sign(np.linalg.det(axes))
    return matrix


def film(dice: Dice, target: np.ndarray, extent: float, *, lowest: float) -> View:
    """A camera for a thing of `extent` metres whose middle is at `target` (K, 3)."""
    seconds = dice.seconds - dice.seconds.mean()
    lens = dice.ratio(22, 90)
    aspect = 1.75
    share = 0.3 + 0.8 * dice.rng.random() ** 1.2  # of the picture's height
    away = extent * lens / 36 * aspect / share
    around = dice.between(0, 2 * np.pi) + dice.chance(0.45) * dice.between(-0.7, 0.7) * seconds
    high = np.radians(dice.between(-4, 16) if dice.chance(0.75) else dice.between(16, 60))
    away = away * np.exp(dice.chance(0.35) * dice.between(-0.45, 0.45) * seconds)  # dolly
    zoom = lens * np.exp(dice.chance(0.25) * dice.between(-0.5, 0.5) * seconds)
    followed = {"all": 1.0, "some": dice.between(0.3, 0.9), "none": 0.0}[dice.one_of({"all": 4, "some": 4, "none": 2})]
    middle = target.mean(axis=0) + followed * (target - target.mean(axis=0))
    loose = min(0.9, 0.6 * (1 / share - 1)) * extent  # how far the thing may be off the middle
    middle = middle + dice.rng.uniform(-0.5, 0.5, 3) * loose * np.array([1, 1, 0.6])
    if dice.chance(0.3):  # pan over it
        sweep = dice.rng.normal(0, 0.35, 3) * extent * np.array([1, 1, 0.3])
        middle = middle + seconds[:, None] * sweep
    level = np.cos(high) * away
    eye = middle + np.stack([level * np.cos(around), level * np.sin(around), np.sin(high) * away], 1)
    shake = dice.ratio(0.001, 0.012) * dice.chance(0.6) * away.mean()
    eye = eye + np.stack([dice.wander(shake, 1.3) for _ in range(3)], 1)
    middle = middle + np.stack([dice.wander(1.5 * shake, 1.8) for _ in range(3)], 1)
    eye[:, 2] = np.maximum(eye[:, 2], lowest)
    roll = dice.between(-0.06, 0.06) + dice.chance(0.15) * dice.wander(0.2, 0.3)
    blurred = dice.chance(0.35)  # what is far away then becomes discs of 2 to 16 pixels
    return View(
        places=look(eye, middle, roll),
        lens=zoom,
        focus=np.linalg.norm(target - eye, axis=1) * (dice.between(0.7, 1.5) if blurred and dice.chance(0.3) else 1.0),
        aperture=lens**2 / (1000 * away.mean() * dice.ratio(2, 16) * 36 / WIDTH) if blurred else 0.0,
        shutter=dice.between(0.2, 0.9) if dice.chance(0.7) else 0.0,
    )


def look(eye: np.ndarray, middle: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """(K, 4, 4) cameras or lamps at `eye` (K, 3) that look at `middle` (K, 3)."""
    back = eye - middle
    back = back / (np.linalg.norm(back, axis=1, keepdims=True) + 1e-9)
    right = np.cross(np.array([0, 0, 1.0]), back)
    right = right / (np.linalg.norm(right, axis=1, keepdims=True) + 1e-9)
    places = np.broadcast_to(np.eye(4), (len(eye), 4, 4)).copy()
    places[:, :3, :3] = np.stack([right, np.cross(back, right), back], axis=2)
    places = places @ turned_about("z", np.broadcast_to(roll, len(eye)))
    places[:, :3, 3] = eye
    return places
