"""Trajectories of objects and of the camera over time, as transforms (K, 4, 4)."""

from __future__ import annotations

import numpy as np

from .description import WIDTH, Camera
from .models import Model3D
from .scene_sampler import SceneSampler

_GROUNDED = ("walk", "drive", "stand", "tumble")


def sample_trajectory(sampler: SceneSampler, model: Model3D, position: np.ndarray, *, extent: float) -> np.ndarray:
    """Sample the transforms (K, 4, 4) of a model that moves as its `motion` says.

    The model is at `position` (3,) halfway through the scene; the speed is proportional to its size, `extent` metres.
    """
    seconds = sampler.seconds - sampler.seconds.mean()
    if model.motion in ("walk", "drive"):
        transforms = _along_ground(sampler, seconds, extent, max_speed=2.2 if model.motion == "drive" else 1.1)
    elif model.motion == "roll":
        transforms = _rolling(sampler, seconds, extent)
    elif model.motion == "throw":
        transforms = _thrown(sampler, seconds, extent)
    elif model.motion in ("fly", "swim"):
        transforms = _floating(sampler, seconds, extent)
    elif model.motion == "tumble":
        transforms = _tumbling(sampler, seconds, extent)
    elif model.motion == "hand":
        transforms = _hand_held(sampler, extent)
    else:
        transforms = _turning_in_place(sampler, seconds)
    if model.motion == "roll":
        position = position + np.array([0, 0, extent / 2])
    elif model.motion not in _GROUNDED:
        position = position + np.array([0, 0, extent * sampler.between(0.7, 1.6)])
    transforms = transforms.copy()
    transforms[:, :3, 3] += position
    if model.motion == "throw":
        transforms[:, 2, 3] = np.maximum(transforms[:, 2, 3], 0.45 * extent)
    return transforms


def _along_ground(sampler: SceneSampler, seconds: np.ndarray, extent: float, max_speed: float) -> np.ndarray:
    """Return transforms of an object that moves forward on the ground, sometimes over bumps, or stands still."""
    speed = extent * (sampler.ratio(0.15, 1.0) * max_speed if sampler.chance(0.85) else 0.0)
    heading = (
        sampler.between(0, 2 * np.pi)
        + sampler.between(-1.6, 1.6) * sampler.chance(0.6) * seconds
        + sampler.smooth_noise(0.15, 0.3)
    )
    displacements = speed * np.gradient(seconds)[:, None] * np.stack([np.cos(heading), np.sin(heading)], 1)
    path = np.cumsum(displacements, axis=0)
    transforms = rotation_about("z", heading)
    transforms[:, :2, 3] = path - path[len(path) // 2]
    if sampler.chance(0.2):  # over bumps
        transforms[:, 2, 3] = 0.04 * extent * np.abs(sampler.wave(2.0))
    return transforms


def _rolling(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Return transforms of a ball of diameter `extent` that rolls without slipping and sometimes bounces."""
    heading, distance = sampler.between(0, 2 * np.pi), extent * sampler.ratio(0.4, 3) * seconds
    start = _random_rotation(sampler)
    transforms = (
        rotation_about("z", np.full_like(distance, heading)) @ rotation_about("y", distance / (extent / 2)) @ start
    )
    transforms[:, 0, 3], transforms[:, 1, 3] = distance * np.cos(heading), distance * np.sin(heading)
    if sampler.chance(0.5):
        transforms[:, 2, 3] = extent * sampler.ratio(0.3, 1.5) * np.abs(sampler.wave(0.8))
    return transforms


def _thrown(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Return transforms of an object that tumbles through the air along a parabola, or bounces."""
    heading, speed = sampler.between(0, 2 * np.pi), extent * sampler.ratio(0.2, 2)
    spin = rotation_about("x", sampler.between(-5, 5) * seconds) @ rotation_about("z", sampler.between(-3, 3) * seconds)
    transforms = spin @ _random_rotation(sampler)
    transforms[:, 0, 3], transforms[:, 1, 3] = speed * seconds * np.cos(heading), speed * seconds * np.sin(heading)
    if sampler.chance(0.5):
        transforms[:, 2, 3] = extent * (sampler.between(-1, 2) * seconds - sampler.between(0.5, 3) * seconds**2)
    else:
        transforms[:, 2, 3] = extent * sampler.ratio(0.5, 2) * np.abs(sampler.wave(0.6)) - 0.5 * extent
    return transforms


def _tumbling(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Return transforms of a figure, `extent` metres high, that somersaults, cartwheels or twirls."""
    axis = sampler.weighted_choice({"x": 1, "y": 1, "z": 0.7})
    if axis == "z":
        fraction, angle = (
            np.zeros_like(seconds),
            sampler.sign() * sampler.between(2, 8) * seconds + sampler.smooth_noise(0.5, 0.5),
        )
    else:
        fraction = np.clip((seconds - sampler.between(-0.4, 0.4)) / sampler.ratio(0.35, 1.3) + 0.5, 0, 1)
        angle = 2 * np.pi * sampler.sign() * sampler.between(0.4, 2) * fraction**2 * (3 - 2 * fraction)
    height = extent * (0.5 + sampler.between(0, 0.8) * 4 * fraction * (1 - fraction) * sampler.chance(0.7))
    transforms = _along_ground(sampler, seconds, extent, max_speed=1.2) @ rotation_about(
        "z", np.full_like(seconds, sampler.between(0, 6))
    )
    lift, lower = (np.tile(np.eye(4), (len(seconds), 1, 1)) for _ in range(2))
    lift[:, 2, 3], lower[:, 2, 3] = height, -0.5 * extent
    return transforms @ lift @ rotation_about(axis, angle) @ lower


def _floating(sampler: SceneSampler, seconds: np.ndarray, extent: float) -> np.ndarray:
    """Return transforms of an object that flies or swims on a curved path, banking into turns."""
    speed, turn_rate = extent * sampler.ratio(0.2, 2.0), sampler.between(-1.8, 1.8)
    heading = sampler.between(0, 2 * np.pi) + turn_rate * seconds + sampler.smooth_noise(0.25, 0.3)
    pitch = sampler.between(-0.3, 0.3) + sampler.smooth_noise(0.25, 0.4)
    displacements = speed * np.gradient(seconds)[:, None] * np.stack(
        [np.cos(heading) * np.cos(pitch), np.sin(heading) * np.cos(pitch), np.sin(pitch)], 1
    )  # fmt: skip
    path = np.cumsum(displacements, axis=0)
    transforms = (
        rotation_about("z", heading)
        @ rotation_about("y", -pitch)
        @ rotation_about("x", -0.3 * turn_rate + sampler.smooth_noise(0.2, 0.5))
    )
    transforms[:, :3, 3] = path - path[len(path) // 2]
    return transforms


def _hand_held(sampler: SceneSampler, extent: float) -> np.ndarray:
    """Return transforms of an object that moves and turns slowly, as if held up to the camera by hand."""
    yaw = rotation_about("z", sampler.between(0, 6) + sampler.smooth_noise(sampler.between(0.2, 2.5), 0.3))
    transforms = (
        yaw
        @ rotation_about("x", sampler.smooth_noise(0.6, 0.35))
        @ rotation_about("y", sampler.smooth_noise(0.6, 0.35))
    )
    if sampler.chance(0.3):
        transforms = transforms @ _random_rotation(sampler)
    for axis in range(3):
        transforms[:, axis, 3] = sampler.smooth_noise(0.35 * extent, 0.45)
    return transforms


def _turning_in_place(sampler: SceneSampler, seconds: np.ndarray) -> np.ndarray:
    """Return transforms of an object that stays in place and, in half of all draws, turns about the vertical axis."""
    return rotation_about("z", sampler.between(0, 6) + sampler.chance(0.5) * sampler.between(-1.8, 1.8) * seconds)


def rotation_about(axis: str, angle: np.ndarray) -> np.ndarray:
    """Return rotations (K, 4, 4) about the axis "x", "y" or "z" by angles (K,) in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrices = np.broadcast_to(np.eye(4), (len(angle), 4, 4)).copy()
    matrices[:, first, first] = matrices[:, second, second] = cosine
    matrices[:, second, first], matrices[:, first, second] = sine, -sine
    return matrices


def _random_rotation(sampler: SceneSampler) -> np.ndarray:
    """Sample a uniformly random rotation (4, 4)."""
    matrix = np.eye(4)
    axes, _ = np.linalg.qr(sampler.rng.normal(size=(3, 3)))
    matrix[:3, :3] = axes * np.sign(np.linalg.det(axes))
    return matrix


def sample_camera(sampler: SceneSampler, target: np.ndarray, extent: float, *, min_height: float) -> Camera:
    """Sample a camera that films an object of `extent` metres, centred on `target` (K, 3).

    The camera is never lower than `min_height` metres.
    """
    seconds = sampler.seconds - sampler.seconds.mean()
    lens = sampler.ratio(22, 90)
    aspect = 1.75
    height_fraction = 0.3 + 0.8 * sampler.rng.random() ** 1.2  # of the image height that the object takes up
    distance = extent * lens / 36 * aspect / height_fraction
    azimuth = sampler.between(0, 2 * np.pi) + sampler.chance(0.45) * sampler.between(-0.7, 0.7) * seconds
    elevation = np.radians(sampler.between(-4, 16) if sampler.chance(0.75) else sampler.between(16, 60))
    distance = distance * np.exp(sampler.chance(0.35) * sampler.between(-0.45, 0.45) * seconds)  # dolly
    lens_over_time = lens * np.exp(sampler.chance(0.25) * sampler.between(-0.5, 0.5) * seconds)
    follow = {"all": 1.0, "some": sampler.between(0.3, 0.9), "none": 0.0}[
        sampler.weighted_choice({"all": 4, "some": 4, "none": 2})
    ]
    centre = target.mean(axis=0) + follow * (target - target.mean(axis=0))
    max_offset = min(0.9, 0.6 * (1 / height_fraction - 1)) * extent  # of the aim from the object's centre
    centre = centre + sampler.rng.uniform(-0.5, 0.5, 3) * max_offset * np.array([1, 1, 0.6])
    if sampler.chance(0.3):  # pan across the object
        pan = sampler.rng.normal(0, 0.35, 3) * extent * np.array([1, 1, 0.3])
        centre = centre + seconds[:, None] * pan
    ground_distance = np.cos(elevation) * distance
    eye = centre + np.stack(
        [ground_distance * np.cos(azimuth), ground_distance * np.sin(azimuth), np.sin(elevation) * distance], 1
    )
    shake = sampler.ratio(0.001, 0.012) * sampler.chance(0.6) * distance.mean()
    eye = eye + np.stack([sampler.smooth_noise(shake, 1.3) for _ in range(3)], 1)
    centre = centre + np.stack([sampler.smooth_noise(1.5 * shake, 1.8) for _ in range(3)], 1)
    eye[:, 2] = np.maximum(eye[:, 2], min_height)
    roll = sampler.between(-0.06, 0.06) + sampler.chance(0.15) * sampler.smooth_noise(0.2, 0.3)
    defocused = sampler.chance(0.35)  # points at infinity become discs of 2 to 16 pixels
    return Camera(
        transforms=look_at(eye, centre, roll),
        lens=lens_over_time,
        focus_distance=np.linalg.norm(target - eye, axis=1)
        * (sampler.between(0.7, 1.5) if defocused and sampler.chance(0.3) else 1.0),
        f_number=lens**2 / (1000 * distance.mean() * sampler.ratio(2, 16) * 36 / WIDTH) if defocused else 0.0,
        shutter=sampler.between(0.2, 0.9) if sampler.chance(0.7) else 0.0,
    )


def look_at(eye: np.ndarray, centre: np.ndarray, roll: float | np.ndarray = 0.0) -> np.ndarray:
    """Return transforms (K, 4, 4) of cameras or lights at `eye` (K, 3) that look at `centre` (K, 3).

    `roll` about the viewing axis is in radians, one value or (K,).
    """
    back = eye - centre
    back = back / (np.linalg.norm(back, axis=1, keepdims=True) + 1e-9)
    right = np.cross(np.array([0, 0, 1.0]), back)
    right = right / (np.linalg.norm(right, axis=1, keepdims=True) + 1e-9)
    transforms = np.broadcast_to(np.eye(4), (len(eye), 4, 4)).copy()
    transforms[:, :3, :3] = np.stack([right, np.cross(back, right), back], axis=2)
    transforms = transforms @ rotation_about("z", np.broadcast_to(roll, len(eye)))
    transforms[:, :3, 3] = eye
    return transforms
