"""People of tubes whose limbs go anywhere: they dance, kick, crouch, reach and jump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .creatures import Being, carried
from .scene_sampler import SceneSampler
from .shapes import Coat, ball, joined, tube

_ARM, _LEG = (0.29, 0.28), (0.44, 0.44)  # metres: upper and lower part


def make_dancer(sampler: SceneSampler) -> Being:
    """Any of them."""
    pace, stout, wild = sampler.ratio(0.35, 1.3), sampler.ratio(0.7, 1.5), sampler.between(0.5, 1.3)
    none = 0 * sampler.seconds
    upright = _way(sampler.wander(0.7 * wild, pace) + np.pi, sampler.wander(0.35 * wild, pace))
    hip = np.stack([none, none, none + 1.0], 1)
    chest = hip + 0.48 * upright
    head = chest + 0.3 * _way(sampler.wander(0.5, pace) + np.pi, sampler.wander(0.4, pace))
    parts = [
        tube(np.stack([hip, hip + 0.5 * (chest - hip), chest], 1), np.array([0.15, 0.14, 0.16]) * stout, coat=0),
        tube(np.stack([chest, head], 1), np.array([0.06, 0.05]), coat=2),
        carried(ball(sampler.between(0.11, 0.16), coat=2), head),
    ]
    bare = sampler.chance(0.5)
    for side in (-1.0, 1.0):
        shoulder = chest + 0.19 * side * np.array([0, 1.0, 0])
        swing = sampler.between(-0.5, 2.8) + sampler.wander(1.2 * wild, pace)
        aside = side * np.abs(sampler.between(0, 0.8) + sampler.wander(0.6 * wild, pace))
        elbow = shoulder + _ARM[0] * _way(swing, aside)
        hand = elbow + _ARM[1] * _way(swing + 1.1 + sampler.wander(0.9, pace), 0.5 * aside)
        arm = np.array([0.07, 0.05, 0.035]) * stout
        parts += [tube(np.stack([shoulder, elbow, hand], 1), arm, coat=2 if bare else 0)]
        parts += [carried(ball(0.05, rows=6, columns=8, coat=2), hand)]
        socket = hip + 0.1 * side * np.array([0, 1.0, 0])
        swing = sampler.wander(0.9 * wild, pace) + 0.3
        aside = side * np.abs(sampler.wander(0.5 * wild, pace))
        knee = socket + _LEG[0] * _way(swing, aside)
        below = swing - np.abs(sampler.wander(1.1 * wild, pace))
        foot = knee + _LEG[1] * _way(below, 0.7 * aside)
        parts += [tube(np.stack([socket, knee, foot], 1), np.array([0.1, 0.075, 0.055]) * stout, coat=1)]
        toe = foot + 0.17 * _way(below + np.pi / 2, none)
        parts += [tube(np.stack([foot, toe], 1), np.array([0.055, 0.035]), coat=3)]
    if sampler.chance(0.3):  # a skirt
        hem = hip - sampler.between(0.25, 0.65) * _way(np.pi + sampler.wander(0.4, pace), sampler.wander(0.3, pace))
        flare = sampler.between(0.2, 0.45)
        parts += [tube(np.stack([hip, (hip + hem) / 2, hem], 1), np.array([0.15, 0.6 * flare, flare]), coat=0)]
    if sampler.chance(0.5):  # hair
        parts += [carried(ball(0.15, rows=8, columns=10, coat=3), head + np.array([-0.04, 0, 0.05]))]
    body = joined(*parts)
    jump = sampler.between(0.1, 0.5) * np.maximum(sampler.wave(0.7), 0) if sampler.chance(0.4) else none
    points = body.points + (jump - body.points[..., 2].min(axis=1))[:, None, None] * np.array([0, 0, 1.0])
    skin = Coat(tuple(np.array([0.9, 0.7, 0.58]) * sampler.between(0.25, 1.0)), roughness=0.6)
    return Being(
        replace(body, points=points),
        (sampler.coat(), sampler.coat(), skin, sampler.coat()),
        "walk" if sampler.chance(0.5) else "stand",
        kind="dancer",
    )


def _way(swing: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """(K, 3) unit vectors: down at 0, ahead at a `swing` of pi/2, up at pi; `aside` to the left."""
    return np.stack([np.sin(swing) * np.cos(aside), np.sin(aside), -np.cos(swing) * np.cos(aside)], 1)
