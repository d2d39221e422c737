"""Procedural models of people made of tubes whose limbs move freely: dancing, kicking, crouching, jumping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .meshes import SurfaceMaterial, joined, sphere, tube
from .models import Model3D, moved_along
from .scene_sampler import SceneSampler

_ARM_LENGTHS, _LEG_LENGTHS = (0.29, 0.28), (0.44, 0.44)  # metres: upper and lower part


def make_dancer(sampler: SceneSampler) -> Model3D:
    """Make a person, modelled from tubes, that moves its limbs at random."""
    frequency, thickness, amplitude = sampler.ratio(0.35, 1.3), sampler.ratio(0.7, 1.5), sampler.between(0.5, 1.3)
    zeros = 0 * sampler.seconds
    upright = _direction(
        sampler.smooth_noise(0.7 * amplitude, frequency) + np.pi, sampler.smooth_noise(0.35 * amplitude, frequency)
    )
    hip = np.stack([zeros, zeros, zeros + 1.0], 1)
    chest = hip + 0.48 * upright
    head = chest + 0.3 * _direction(sampler.smooth_noise(0.5, frequency) + np.pi, sampler.smooth_noise(0.4, frequency))
    parts = [
        tube(
            np.stack([hip, hip + 0.5 * (chest - hip), chest], 1), np.array([0.15, 0.14, 0.16]) * thickness, material=0
        ),
        tube(np.stack([chest, head], 1), np.array([0.06, 0.05]), material=2),
        moved_along(sphere(sampler.between(0.11, 0.16), material=2), head),
    ]
    bare_arms = sampler.chance(0.5)
    for side in (-1.0, 1.0):
        shoulder = chest + 0.19 * side * np.array([0, 1.0, 0])
        swing = sampler.between(-0.5, 2.8) + sampler.smooth_noise(1.2 * amplitude, frequency)
        sideways = side * np.abs(sampler.between(0, 0.8) + sampler.smooth_noise(0.6 * amplitude, frequency))
        elbow = shoulder + _ARM_LENGTHS[0] * _direction(swing, sideways)
        hand = elbow + _ARM_LENGTHS[1] * _direction(swing + 1.1 + sampler.smooth_noise(0.9, frequency), 0.5 * sideways)
        arm = np.array([0.07, 0.05, 0.035]) * thickness
        parts += [tube(np.stack([shoulder, elbow, hand], 1), arm, material=2 if bare_arms else 0)]
        parts += [moved_along(sphere(0.05, rows=6, columns=8, material=2), hand)]
        hip_joint = hip + 0.1 * side * np.array([0, 1.0, 0])
        swing = sampler.smooth_noise(0.9 * amplitude, frequency) + 0.3
        sideways = side * np.abs(sampler.smooth_noise(0.5 * amplitude, frequency))
        knee = hip_joint + _LEG_LENGTHS[0] * _direction(swing, sideways)
        shin_swing = swing - np.abs(sampler.smooth_noise(1.1 * amplitude, frequency))
        foot = knee + _LEG_LENGTHS[1] * _direction(shin_swing, 0.7 * sideways)
        parts += [tube(np.stack([hip_joint, knee, foot], 1), np.array([0.1, 0.075, 0.055]) * thickness, material=1)]
        toe = foot + 0.17 * _direction(shin_swing + np.pi / 2, zeros)
        parts += [tube(np.stack([foot, toe], 1), np.array([0.055, 0.035]), material=3)]
    if sampler.chance(0.3):  # a skirt
        hem = hip - sampler.between(0.25, 0.65) * _direction(
            np.pi + sampler.smooth_noise(0.4, frequency), sampler.smooth_noise(0.3, frequency)
        )
        flare = sampler.between(0.2, 0.45)
        parts += [tube(np.stack([hip, (hip + hem) / 2, hem], 1), np.array([0.15, 0.6 * flare, flare]), material=0)]
    if sampler.chance(0.5):  # hair
        parts += [moved_along(sphere(0.15, rows=8, columns=10, material=3), head + np.array([-0.04, 0, 0.05]))]
    body = joined(*parts)
    jump = sampler.between(0.1, 0.5) * np.maximum(sampler.wave(0.7), 0) if sampler.chance(0.4) else zeros
    points = body.points + (jump - body.points[..., 2].min(axis=1))[:, None, None] * np.array([0, 0, 1.0])
    skin = SurfaceMaterial(tuple(np.array([0.9, 0.7, 0.58]) * sampler.between(0.25, 1.0)), roughness=0.6)
    return Model3D(
        replace(body, points=points),
        (sampler.material(), sampler.material(), skin, sampler.material()),
        "walk" if sampler.chance(0.5) else "stand",
        kind="dancer",
    )


def _direction(swing: np.ndarray, sideways: np.ndarray) -> np.ndarray:
    """Return unit vectors (K, 3): down at `swing` 0, forward at pi / 2, up at pi; `sideways` tilts them to the left."""
    return np.stack([np.sin(swing) * np.cos(sideways), np.sin(sideways), -np.cos(swing) * np.cos(sideways)], 1)
