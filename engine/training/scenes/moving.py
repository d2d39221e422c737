"""How beings get about a scene, and the camera that follows them: (K, 4, 4) places over time."""

from __future__ import annotations

import numpy as np

from .creatures import Being
from .plans import WIDTH, View
from .scene_sampler import SceneSampler

_GROUNDED = ("walk", "drive", "stand", "tumble")


def go(sampler: SceneSampler, being: Being, where: np.ndarray, *, extent: float) -> np.ndarray:
    """Places of a being that is at `where` (3,) in the middle of the scene; `extent` in metres tells how fast."""
    seconds = sampler.seconds - sampler.seconds.mean()
    if being.gait in ("walk", "drive"):
        places = _along_ground(sampler, seconds, extent, fast=2.2 if being.gait == "drive" else 1.1)
    elif being.gait == "roll":
        places = _rolling(sampler, seconds, extent)
    elif being.gait == "throw":
        places = _thrown(sampler, seconds, extent)
    elif being.gait in ("fly", "swim"):
        places = _floating(sampler, seconds, extent)
    elif being.gait == "tumble":
        places = _tumbling(sampler, seconds, extent)
    elif being.gait == "hand":
        places = _held(sampler, extent)
    else:
        places = _turning(sampler, seconds)
    if being.gait == "roll":
        where = where + np.array([0, 0, extent / 2])
    elif being.gait not in _GROUNDED:
        where = where + np.array([0, 0, extent * sampler.between(0.7, 1.6)])
    places = places.copy()
    places[:, :3, 3] += where
    if being.gait == "throw":
        places[:, 2, 3] = np.maximum(places[:, 2, 3], 0.45 * extent)
    return places


def _along_ground(sampler: SceneSampler, seconds: np.ndarray, extent: float, fast: float) -> np.ndarray:
    """It goes where it looks, straight or in a bow, or hardly at all."""
    speed = extent * (sampler.ratio(0.15, 1.0) * fast if sampler.chance(0.85) else 0.0)
    heading = (
        sampler.between(0, 2 * np.pi)
        + sampler.between(-1.6, 1.6) * sampler.chance(0.6) * seconds
        + sampler.wander(0.15, 0.3)
    )
    steps = speed * np.gradient(seconds)[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
    course = np.cumsum(steps, axis=0)
    places = turned_about("z", heading)
    places[:, :2, 3] = course - course[len(course) // 2]
    if sampler.chance(0.2):  # over bumps
        places[:, 2, 3] = 0.04 * extent * np.abs(sampler.wave(2.0))
    return places


def _rolling(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """A ball: it turns as far as it goes."""
    heading, far = sampler.between(0, 2 * np.pi), extent * sampler.ratio(0.4, 3) * seconds
    start = _any_turn(sampler)
    places = turned_about("z", np.full_like(far, heading)) @ turned_about("y", far / (extent / 2)) @ start
    places[:, 0, 3], places[:, 1, 3] = far * np.cos(heading), far * np.sin(heading)
    if sampler.chance(0.5):
        places[:, 2, 3] = extent * sampler.ratio(0.3, 1.5) * np.abs(sampler.wave(0.8))
    return places


def _thrown(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Tumbling through the air, or falling and springing up again."""
    heading, pace = sampler.between(0, 2 * np.pi), extent * sampler.ratio(0.2, 2)
    spin = turned_about("x", sampler.between(-5, 5) * seconds) @ turned_about("z", sampler.between(-3, 3) * seconds)
    places = spin @ _any_turn(sampler)
    places[:, 0, 3], places[:, 1, 3] = pace * seconds * np.cos(heading), pace * seconds * np.sin(heading)
    if sampler.chance(0.5):
        places[:, 2, 3] = extent * (sampler.between(-1, 2) * seconds - sampler.between(0.5, 3) * seconds**2)
    else:
        places[:, 2, 3] = extent * sampler.ratio(0.5, 2) * np.abs(sampler.wave(0.6)) - 0.5 * extent
    return places


def _tumbling(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Somersaults, cartwheels and twirls, on the spot or on the run, about the middle of what is `extent` high."""
    axis = sampler.one_of({"x": 1, "y": 1, "z": 0.7})
    if axis == "z":
        part, angle = (
            np.zeros_like(seconds),
            sampler.sign() * sampler.between(2, 8) * seconds + sampler.wander(0.5, 0.5),
        )
    else:
        part = np.clip((seconds - sampler.between(-0.4, 0.4)) / sampler.ratio(0.35, 1.3) + 0.5, 0, 1)
        angle = 2 * np.pi * sampler.sign() * sampler.between(0.4, 2) * part**2 * (3 - 2 * part)
    up = extent * (0.5 + sampler.between(0, 0.8) * 4 * part * (1 - part) * sampler.chance(0.7))
    places = _along_ground(sampler, seconds, extent, fast=1.2) @ turned_about(
        "z", np.full_like(seconds, sampler.between(0, 6))
    )
    rise, sink = (np.tile(np.eye(4), (len(seconds), 1, 1)) for _ in range(2))
    rise[:, 2, 3], sink[:, 2, 3] = up, -0.5 * extent
    return places @ rise @ turned_about(axis, angle) @ sink


def _floating(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Through air or water, in bows, leaning into them."""
    speed, bow = extent * sampler.ratio(0.2, 2.0), sampler.between(-1.8, 1.8)
    heading = sampler.between(0, 2 * np.pi) + bow * seconds + sampler.wander(0.25, 0.3)
    pitch = sampler.between(-0.3, 0.3) + sampler.wander(0.25, 0.4)
    steps = speed * np.gradient(seconds)[:, None] * np.stack(
        [np.cos(heading) * np.cos(pitch), np.sin(heading) * np.cos(pitch), np.sin(pitch)], 1
    )  # fmt: skip
    course = np.cumsum(steps, axis=0)
    places = (
        turned_about("z", heading)
        @ turned_about("y", -pitch)
        @ turned_about("x", -0.3 * bow + sampler.wander(0.2, 0.5))
    )
    places[:, :3, 3] = course - course[len(course) // 2]
    return places


def _held(sampler: SceneSampler, extent: float) -> np.ndarray:
    """As if an unseen hand showed it around."""
    turns = turned_about("z", sampler.between(0, 6) + sampler.wander(sampler.between(0.2, 2.5), 0.3))
    places = turns @ turned_about("x", sampler.wander(0.6, 0.35)) @ turned_about("y", sampler.wander(0.6, 0.35))
    if sampler.chance(0.3):
        places = places @ _any_turn(sampler)
    for axis in range(3):
        places[:, axis, 3] = sampler.wander(0.35 * extent, 0.45)
    return places


def _turning(sampler: SceneSampler, seconds: np.ndarray) -> np.ndarray:
    """It stays where it is, or turns on the spot."""
    return turned_about("z", sampler.between(0, 6) + sampler.chance(0.5) * sampler.between(-1.8, 1.8) * seconds)


def turned_about(axis: str, angle: np.ndarray) -> np.ndarray:
    """(K, 4, 4) turns about an axis by (K,) radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrices = np.broadcast_to(np.eye(4), (len(angle), 4, 4)).copy()
    matrices[:, first, first] = matrices[:, second, second] = cosine
    matrices[:, second, first], matrices[:, first, second] = sine, -sine
    return matrices


def _any_turn(sampler: SceneSampler) -> np.ndarray:
    matrix = np.eye(4)
    axes, _ = np.linalg.qr(sampler.rng.normal(size=(3, 3)))
    matrix[:3, :3] = axes * np.sign(np.linalg.det(axes))
    return matrix


def film(sampler: SceneSampler, target: np.ndarray, extent: float, *, lowest: float) -> View:
    """A camera for a thing of `extent` metres whose middle is at `target` (K, 3)."""
    seconds = sampler.seconds - sampler.seconds.mean()
    lens = sampler.ratio(22, 90)
    aspect = 1.75
    share = 0.3 + 0.8 * sampler.rng.random() ** 1.2  # of the picture's height
    away = extent * lens / 36 * aspect / share
    around = sampler.between(0, 2 * np.pi) + sampler.chance(0.45) * sampler.between(-0.7, 0.7) * seconds
    high = np.radians(sampler.between(-4, 16) if sampler.chance(0.75) else sampler.between(16, 60))
    away = away * np.exp(sampler.chance(0.35) * sampler.between(-0.45, 0.45) * seconds)  # dolly
    zoom = lens * np.exp(sampler.chance(0.25) * sampler.between(-0.5, 0.5) * seconds)
    followed = {"all": 1.0, "some": sampler.between(0.3, 0.9), "none": 0.0}[
        sampler.one_of({"all": 4, "some": 4, "none": 2})
    ]
    middle = target.mean(axis=0) + followed * (target - target.mean(axis=0))
    loose = min(0.9, 0.6 * (1 / share - 1)) * extent  # how far the thing may be off the middle
    middle = middle + sampler.rng.uniform(-0.5, 0.5, 3) * loose * np.array([1, 1, 0.6])
    if sampler.chance(0.3):  # pan over it
        sweep = sampler.rng.normal(0, 0.35, 3) * extent * np.array([1, 1, 0.3])
        middle = middle + seconds[:, None] * sweep
    level = np.cos(high) * away
    eye = middle + np.stack([level * np.cos(around), level * np.sin(around), np.sin(high) * away], 1)
    shake = sampler.ratio(0.001, 0.012) * sampler.chance(0.6) * away.mean()
    eye = eye + np.stack([sampler.wander(shake, 1.3) for _ in range(3)], 1)
    middle = middle + np.stack([sampler.wander(1.5 * shake, 1.8) for _ in range(3)], 1)
    eye[:, 2] = np.maximum(eye[:, 2], lowest)
    roll = sampler.between(-0.06, 0.06) + sampler.chance(0.15) * sampler.wander(0.2, 0.3)
    blurred = sampler.chance(0.35)  # what is far away then becomes discs of 2 to 16 pixels
    return View(
        places=look(eye, middle, roll),
        lens=zoom,
        focus=np.linalg.norm(target - eye, axis=1)
        * (sampler.between(0.7, 1.5) if blurred and sampler.chance(0.3) else 1.0),
        aperture=lens**2 / (1000 * away.mean() * sampler.ratio(2, 16) * 36 / WIDTH) if blurred else 0.0,
        shutter=sampler.between(0.2, 0.9) if sampler.chance(0.7) else 0.0,
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
