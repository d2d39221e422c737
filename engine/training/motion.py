"""Motion in composed films: smooth random signals over time, and affine maps made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_GAP = (3, 25)  # factor of the first step of a `far` clip


@dataclass(frozen=True)
class Motion:
    """Position, rotation, scale, stretch and shear of an object on T frames; every field is an array (T,)."""

    x: np.ndarray  # pixels
    y: np.ndarray  # pixels
    angle: np.ndarray  # radians
    scale: np.ndarray  # 1.0: natural size
    stretch: np.ndarray  # width over height, 1.0: natural
    shear: np.ndarray

    def affine(self, frame: int) -> np.ndarray:
        """Return the map (3, 3) from coordinates around the object's centre to pixels of the frame."""
        cosine, sine = np.cos(self.angle[frame]), np.sin(self.angle[frame])
        turn = np.array([[cosine, -sine], [sine, cosine]])
        form = np.array([[np.sqrt(self.stretch[frame]), self.shear[frame]], [0.0, 1 / np.sqrt(self.stretch[frame])]])
        matrix = np.eye(3)
        matrix[:2, :2] = self.scale[frame] * turn @ form
        matrix[:2, 2] = self.x[frame], self.y[frame]
        return matrix


ANY_PACE = 0.15, 10.0  # steps between two frames, in units of the usual time: slow motion to skipped frames


def clip_times(
    rng: np.random.Generator, *, frames: int, far: bool = False, pace: tuple[float, float] = ANY_PACE
) -> np.ndarray:
    """Sample the times (T,) of a clip's frames, from 0 on, in units of the usual time between two frames.

    The mean step of a clip is between those of `pace`. If `far`, the first step is 3 to 25 times as long as it would be
    otherwise.
    """
    stride = np.exp(rng.uniform(*np.log(pace)))
    steps = stride * rng.uniform(0.7, 1.3, frames)
    if far and frames > 1:
        steps[1] *= rng.uniform(*_GAP)
    return np.concatenate([[0.0], np.cumsum(steps[1:])])


def random_signal(rng: np.random.Generator, times: np.ndarray, *, reach: float, speed: float) -> np.ndarray:
    """Sample a smooth random signal (T,) that is 0 on the first frame.

    `reach` is the approximate amplitude, and `speed` the approximate change per unit of time.
    """
    if reach <= 0 or speed <= 0:
        return np.zeros(len(times))
    rates = speed / reach * np.array([0.5, 1.0, 2.1]) * rng.uniform(0.7, 1.3, 3)
    heights = reach * np.array([0.6, 0.3, 0.12])
    phases = rng.uniform(0, 2 * np.pi, 3)
    waves = np.sin(times[:, None] * rates + phases) - np.sin(phases)
    return waves @ heights


def random_motion(
    rng: np.random.Generator, times: np.ndarray, *, x: float, y: float, size: int, speed_scale: float
) -> Motion:
    """Sample a motion that starts at (x, y) in pixels; `speed_scale` is 0 for no movement, 1 for usual speed."""
    pace = speed_scale * np.exp(rng.normal(0, 0.7))
    heading = rng.uniform(0, 2 * np.pi)
    reach = size * np.exp(rng.uniform(np.log(0.05), np.log(0.9)))
    speed = 0.035 * size * pace
    along = random_signal(rng, times, reach=reach, speed=speed)
    across = random_signal(rng, times, reach=0.4 * reach, speed=0.4 * speed)
    bob = random_signal(rng, times, reach=0.02 * size, speed=0.01 * size * pace) if rng.random() < 0.4 else 0.0
    shiver = rng.normal(0, 0.002 * size, (2, len(times))) * (speed_scale > 0) * (rng.random() < 0.3)
    spin = 0.0 if rng.random() < 0.35 else np.exp(rng.normal(-3.6, 1.0)) * pace
    turn = random_signal(rng, times, reach=rng.uniform(0.1, 1.2), speed=spin)
    if rng.random() < 0.12:
        turn = turn + times * spin * rng.choice([-1, 1])
    return Motion(
        x=x + along * np.cos(heading) - across * np.sin(heading) + shiver[0],
        y=y + along * np.sin(heading) + across * np.cos(heading) + bob + shiver[1],
        angle=rng.normal(0, 0.25) + turn,
        scale=np.exp(random_signal(rng, times, reach=0.35, speed=0.02 * pace)),
        stretch=np.exp(random_signal(rng, times, reach=0.25, speed=0.02 * pace)) * np.exp(rng.normal(0, 0.08)),
        shear=rng.normal(0, 0.06) + random_signal(rng, times, reach=0.15, speed=0.01 * pace),
    )


def camera_path(rng: np.random.Generator, times: np.ndarray, *, size: int) -> np.ndarray:
    """Sample a camera movement as maps (T, 3, 3) from pixels of the first frame to pixels of each frame."""
    matrices = np.tile(np.eye(3), (len(times), 1, 1))
    if rng.random() < 0.3:
        return matrices
    pace = np.exp(rng.normal(0, 0.8))
    pan = np.stack([random_signal(rng, times, reach=0.4 * size, speed=0.02 * size * pace) for _ in range(2)])
    pan[1] *= rng.uniform(0.0, 1.0)
    if rng.random() < 0.4:
        pan = pan + rng.normal(0, 0.004 * size, pan.shape) * (times > 0)
    zoom = random_signal(rng, times, reach=0.3, speed=0.01 * pace) if rng.random() < 0.5 else np.zeros(len(times))
    roll = random_signal(rng, times, reach=0.15, speed=0.006 * pace) if rng.random() < 0.4 else np.zeros(len(times))
    half = size / 2
    for frame in range(len(times)):
        cosine, sine = np.exp(zoom[frame]) * np.cos(roll[frame]), np.exp(zoom[frame]) * np.sin(roll[frame])
        turn = np.array([[cosine, -sine], [sine, cosine]])
        matrices[frame, :2, :2] = turn
        matrices[frame, :2, 2] = pan[:, frame] + half - turn @ (half, half)
    return matrices


def parallax(camera: np.ndarray, *, depth: float) -> np.ndarray:
    """Scale a camera movement, maps (T, 3, 3), by `depth`: above 1 for nearer layers, below 1 for farther ones."""
    return np.eye(3) + depth * (camera - np.eye(3))
