"""Procedural models of living creatures: people, quadrupeds, fish, snakes, birds, jellyfish, some with hair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .meshes import Mesh, SurfaceMaterial, grid, joined, sphere, tube
from .models import Model3D, moved_along, with_fur
from .scene_sampler import SceneSampler


def make_creature(sampler: SceneSampler) -> Model3D:
    """Make a creature of a random kind."""
    kind = sampler.weighted_choice(
        {"figure": 3, "beast": 3, "fish": 2, "snake": 1.5, "bird": 2, "jelly": 1.5, "star": 1}
    )
    model = _MAKERS[kind](sampler)
    if kind in ("beast", "figure", "star", "bird") and sampler.chance(0.55):
        model = with_fur(sampler, model)
    return replace(model, kind=kind)


def _figure(sampler: SceneSampler) -> Model3D:
    """Return a person made of tubes that walks or waves."""
    frequency, swing = sampler.ratio(0.6, 1.8), sampler.between(0.25, 0.8)
    thickness = sampler.ratio(0.75, 1.6)
    phase = 2 * np.pi * (frequency * sampler.seconds + sampler.rng.random())
    bob = 0.02 * np.abs(np.sin(phase))
    lean = sampler.smooth_noise(0.12, 0.4)
    hip = np.stack([0 * phase, 0 * phase, 0.92 + bob], 1)
    chest = hip + np.stack([np.sin(lean), sampler.smooth_noise(0.05, 0.5), np.cos(lean)], 1) * 0.48
    head = chest + np.stack(
        [0.03 + sampler.smooth_noise(0.05, 0.5), sampler.smooth_noise(0.05, 0.5), np.full_like(phase, 0.3)], 1
    )
    parts = [
        tube(_straight_line(hip, chest, 5), np.array([0.14, 0.15, 0.15, 0.17, 0.1]) * thickness, material=0),
        tube(_straight_line(chest, head, 2), np.array([0.055, 0.05]), material=2),
        moved_along(sphere(sampler.between(0.11, 0.17), material=2), head),
    ]
    waving = sampler.chance(0.5)
    for side in (-1, 1):
        angle = swing * np.sin(phase + (np.pi if side > 0 else 0))
        foot, knee = _limb(hip + _offset(0, 0.1 * side, 0), angle, np.maximum(0, -1.2 * angle) + 0.1, 0.44, 0.44)
        parts.append(
            tube(
                _bent_line(hip + _offset(0, 0.1 * side, 0), knee, foot),
                np.array([0.1, 0.075, 0.06]) * thickness,
                material=1,
            )
        )
        parts.append(
            tube(_straight_line(foot, foot + _offset(0.18, 0, -0.02), 2), np.array([0.055, 0.035]), material=3)
        )
        arm = -0.8 * angle
        if waving and side > 0:
            arm = 2.4 + 0.5 * np.sin(2 * phase)
        shoulder = chest + _offset(0, 0.2 * side, -0.02)
        hand, elbow = _limb(shoulder, arm, -0.5 + sampler.smooth_noise(0.3, 1), 0.29, 0.28, side * 0.15)
        parts.append(
            tube(
                _bent_line(shoulder, elbow, hand),
                np.array([0.07, 0.05, 0.035]) * thickness,
                material=0 if sampler.chance(0.5) else 2,
            )
        )
        parts.append(moved_along(sphere(0.05, rows=6, columns=8, material=2), hand))
    skin = SurfaceMaterial(tuple(np.array([0.9, 0.7, 0.58]) * sampler.between(0.3, 1.0)), roughness=0.6)
    if sampler.chance(0.4):  # hair or a hat
        parts.append(
            moved_along(
                sphere(0.16, rows=8, columns=10, material=3).scaled(np.array([1, 1, 0.8])),
                head + _offset(-0.03, 0, 0.05),
            )
        )
    return Model3D(
        _grounded(joined(*parts)), (sampler.material(), sampler.material(), skin, sampler.material()), "walk"
    )


def _beast(sampler: SceneSampler) -> Model3D:
    """Return a walking quadruped with neck, head, ears or horns, and a moving tail."""
    body_length, height, thickness = sampler.ratio(0.7, 1.5), sampler.ratio(0.4, 1.2), sampler.ratio(0.6, 1.5)
    frequency, swing = sampler.ratio(0.7, 2.5), sampler.between(0.2, 0.7)
    phase = 2 * np.pi * (frequency * sampler.seconds + sampler.rng.random())
    up = height + 0.04 * np.sin(2 * phase)
    bow = 0.08 * np.sin(phase)
    spine = np.stack(
        [
            np.stack([0 * up + along * body_length / 2, bow * along, up + 0.05 * np.cos(along * 3)], 1)
            for along in np.linspace(-1, 1, 7)
        ],
        axis=1,
    )
    radii = np.array([0.1, 0.2, 0.21, 0.19, 0.21, 0.2, 0.1]) * thickness
    parts = [tube(spine, radii, sides=10)]
    neck_angle = 0.6 + sampler.smooth_noise(0.35, 0.6)
    neck = sampler.ratio(0.2, 0.7)
    head = spine[:, -1] + neck * np.stack([np.cos(neck_angle), sampler.smooth_noise(0.35, 0.4), np.sin(neck_angle)], 1)
    parts.append(tube(_straight_line(spine[:, -2], head, 4), np.array([0.15, 0.11, 0.09, 0.09]) * thickness))
    nose = head + _offset(sampler.between(0.15, 0.35), 0, sampler.between(-0.12, 0.02))
    parts.append(
        tube(_straight_line(head - _offset(0.08, 0, 0), nose, 4), np.array([0.1, 0.13, 0.09, 0.05]) * thickness)
    )
    ear_length = sampler.ratio(0.08, 0.4)
    for side in (-1, 1):
        ear = head + _offset(-0.03, 0.06 * side * thickness, 0.08)
        parts.append(
            tube(
                _straight_line(ear, ear + _offset(-0.05, 0.07 * side, ear_length), 3),
                np.array([0.045, 0.035, 0.006]),
                material=1,
            )
        )
    tail = spine[:, 0] + np.stack([-0.35 + 0 * phase, sampler.wave(1.8, 0.25), sampler.smooth_noise(0.25, 0.7)], 1)
    parts.append(
        tube(
            _straight_line(spine[:, 0], tail, 4),
            np.array([0.05, 0.035, 0.03, 0.02]) * sampler.ratio(0.7, 2),
            material=1,
        )
    )
    for number, (index, side) in enumerate(((1, -1), (1, 1), (5, -1), (5, 1))):
        top = spine[:, index] + _offset(0, 0.12 * side * thickness, -0.05)
        angle = swing * np.sin(phase + np.pi * (number in (1, 2)))
        foot, knee = _limb(top, angle, np.maximum(0, -angle) * (1 if index == 1 else 0.8), 0.5 * height, 0.5 * height)
        parts.append(tube(_bent_line(top, knee, foot), np.array([0.09, 0.055, 0.05]) * thickness, material=2))
    return Model3D(_grounded(joined(*parts)), (sampler.material(), sampler.material(), sampler.material()), "walk")


def _fish(sampler: SceneSampler) -> Model3D:
    """Return a fish whose body undulates from head to tail, with fins."""
    along = np.linspace(0, 1, 12)
    frequency, length, amplitude = sampler.ratio(0.8, 3), sampler.ratio(0.6, 1.6), sampler.between(0.05, 0.16)
    phase = 2 * np.pi * (frequency * sampler.seconds[:, None] - along * sampler.between(0.5, 1.1))
    centreline = np.stack(
        np.broadcast_arrays(length * (0.5 - along), amplitude * (0.15 + along) * np.sin(phase), 0 * phase), 2
    )
    depth = sampler.ratio(0.1, 0.32) * length * np.sin(np.pi * along**0.7) ** 0.8 + 0.015
    parts = [tube(centreline, depth, sides=12, flatten=sampler.between(0.25, 0.6))]
    for index, height, backward, lift in ((11, 0.28, 0.22, 0), (5, 0.22, 0.2, 1), (7, 0.16, 0.14, -1)):
        root = centreline[:, [index - 1, index]] + (np.array([0, 0, lift]) * 0.8 * depth[index])
        fan = np.stack(
            [
                root
                + _offset(-backward * spread * length, 0, height * length * (spread if lift else rise) * (lift or 1))
                for spread, rise in ((0.0, 0.0), (0.5, 0.4), (1.0, 1.0))
            ],
            axis=1,
        )
        parts.append(grid(fan, material=1))
        if not lift:
            parts.append(grid(fan * [1, 1, -1], material=1))
    return Model3D(joined(*parts), (sampler.material(image_prob=0.8), sampler.material()), "swim")


def _snake(sampler: SceneSampler) -> Model3D:
    """Return a snake that undulates on the ground."""
    along = np.linspace(0, 1, 24)
    frequency, turns, amplitude = sampler.ratio(0.5, 1.5), sampler.between(1, 2.2), sampler.between(0.08, 0.2)
    phase = 2 * np.pi * (frequency * sampler.seconds[:, None] - turns * along)
    radius = (
        sampler.ratio(0.025, 0.08)
        * np.minimum(1, 6 * (1 - along) + 0.1)
        * (1 + 0.4 * np.exp(-(((along - 0.03) * 30) ** 2)))
    )
    centreline = np.stack(np.broadcast_arrays(0.8 - 1.6 * along, amplitude * (0.4 + along) * np.sin(phase), radius), 2)
    return Model3D(tube(centreline, radius), (sampler.material(image_prob=0.9),), "walk")


def _bird(sampler: SceneSampler) -> Model3D:
    """Return a bird that flaps its wings."""
    frequency, span = sampler.ratio(0.8, 4), sampler.ratio(0.5, 1.1)
    beat = sampler.wave(frequency, sampler.between(0.4, 1.0))
    bend = np.roll(beat, 1) * 0.8
    line = np.broadcast_to(np.linspace([-0.35, 0, 0], [0.35, 0, 0.03], 7), (len(beat), 7, 3)).copy()
    line[:, :, 2] -= 0.05 * beat[:, None]
    parts = [tube(line, np.array([0.02, 0.07, 0.11, 0.12, 0.1, 0.08, 0.02]) * sampler.ratio(0.7, 1.4))]
    for side in (-1, 1):
        columns = []
        for outward, width in ((0.0, 1.0), (0.35, 1.0), (0.7, 0.75), (1.0, 0.15)):
            angle = beat if outward <= 0.35 else beat + bend * (outward - 0.35)
            root = np.stack([0 * beat, side * outward * span * np.cos(angle), outward * span * np.sin(angle)], 1)
            columns.append(np.stack([root + _offset(0.15 * width, 0, 0.03), root - _offset(0.2 * width, 0, 0)], axis=1))
        parts.append(grid(np.stack(columns, axis=1), material=1))
    fan = np.stack([line[:, :2], line[:, :2] + np.array([[-0.25, 0.12, 0], [-0.25, -0.12, 0]])], axis=1)
    return Model3D(joined(*parts, grid(fan, material=1)), (sampler.material(), sampler.material(image_prob=0.7)), "fly")


def _jelly(sampler: SceneSampler) -> Model3D:
    """Return a jellyfish: a pulsating bell with trailing tentacles."""
    pump = sampler.wave(sampler.ratio(0.4, 1.2), 0.18)
    rows = np.linspace(0.02, 1, 9)
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    bell_radius = 0.4 * (1 + pump[:, None] * rows**2) * np.sin(0.5 * np.pi * rows) ** 0.8
    height = 0.45 * np.cos(0.55 * np.pi * rows) * (1 - 0.5 * pump[:, None])
    ring = np.stack([np.cos(around), np.sin(around), 0 * around], 1)
    bell = bell_radius[:, :, None, None] * ring + height[:, :, None, None] * np.array([0, 0, 1.0])
    parts = [grid(bell, closed=True)]
    length = sampler.ratio(0.4, 1.3)
    for angle in np.linspace(0, 2 * np.pi, sampler.integer(4, 10), endpoint=False):
        root = bell_radius[:, -1, None] * 0.9 * np.array([np.cos(angle), np.sin(angle)])
        down = np.linspace(0, 1, 8)
        sway = np.sin(2 * np.pi * (0.7 * sampler.seconds[:, None] - 0.8 * down) + angle * 2) * 0.12 * down
        xy = root[:, None] * (1 + 0.2 * down[None, :, None]) + np.stack([sway, sway[:, ::-1] * 0.5], 2)
        line = np.concatenate([xy, (height[:, -1:] - length * down)[..., None]], axis=2)
        parts.append(tube(line, np.linspace(0.035, 0.01, 8), sides=5, material=1))
    return Model3D(joined(*parts), (sampler.material(), sampler.material()), "swim")


def _star(sampler: SceneSampler) -> Model3D:
    """Return a creature like an octopus: a round body with arms that curl independently."""
    arms, amplitude = sampler.integer(4, 8), sampler.ratio(0.4, 0.8)
    parts = [sphere(0.22, material=1).translated(np.array([0, 0, 0.3]))]
    for angle in np.linspace(0, 2 * np.pi, arms, endpoint=False):
        outward = np.linspace(0, 1, 9)
        curl = sampler.smooth_noise(1.2, 0.7)[:, None] * outward
        lift = 0.3 + amplitude * np.cumsum(np.sin(curl + 0.5 - 2.2 * outward), axis=1) / 9
        radial = 0.1 + amplitude * np.cumsum(np.abs(np.cos(curl * 0.7)), axis=1) / 9
        side = angle + sampler.smooth_noise(0.4, 0.6)[:, None] * outward
        line = np.stack([radial * np.cos(side), radial * np.sin(side), np.maximum(lift, 0.04)], 2)
        parts.append(tube(line, np.linspace(0.09, 0.02, 9)))
    return Model3D(_grounded(joined(*parts)), (sampler.material(image_prob=0.7), sampler.material()), "walk")


_MAKERS = {
    "figure": _figure,
    "beast": _beast,
    "fish": _fish,
    "snake": _snake,
    "bird": _bird,
    "jelly": _jelly,
    "star": _star,
}


def _offset(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z])


def _straight_line(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Return `steps` evenly spaced points (K, steps, 3) from `start` (K, 3) to `end` (K, 3) at each time step."""
    fraction = np.linspace(0, 1, steps)[None, :, None]
    return start[:, None] * (1 - fraction) + end[:, None] * fraction


def _bent_line(start: np.ndarray, bend: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the points `start`, `bend` and `end`, each (K, 3), as a line of three points (K, 3, 3)."""
    return np.stack([start, bend, end], axis=1)


def _limb(
    top: np.ndarray, angle: np.ndarray, bend: np.ndarray, upper: float, lower: float, sideways: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the end and the middle joint of a limb that hangs from `top`, each (K, 3): for a leg, foot and knee.

    The limb swings forward by `angle` (K,), and its lower part bends back by `bend` (K,), in radians.
    """
    knee = top + upper * np.stack([np.sin(angle), 0 * angle + sideways, -np.cos(angle)], 1)
    lower_angle = angle - bend
    return knee + lower * np.stack([np.sin(lower_angle), 0 * angle + sideways / 2, -np.cos(lower_angle)], 1), knee


def _grounded(mesh: Mesh) -> Mesh:
    """Return the mesh, moved up or down at each time step so that its lowest point is on the ground."""
    return replace(mesh, points=mesh.points - mesh.points[..., 2].min(axis=1)[:, None, None] * np.array([0, 0, 1.0]))
