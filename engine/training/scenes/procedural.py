"""Procedural models of lifeless objects: vehicles, cloth, plants, wires, chairs, toys, robot arms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .meshes import Mesh, box, grid, joined, sphere, strands, tube
from .models import Model3D, with_fur
from .scene_sampler import SceneSampler


def make_procedural_object(sampler: SceneSampler, weights: dict[str, float] | None = None) -> Model3D:
    """Make an object of random kind; `weights` maps the possible kinds to their weights; None: all kinds, equally."""
    kind = sampler.weighted_choice(weights or dict.fromkeys(_MAKERS, 1.0))
    return replace(_MAKERS[kind](sampler), kind=kind)


def _car(sampler: SceneSampler) -> Model3D:
    """Return a car body with a cabin on rolling wheels, sometimes with an aerial."""
    length, width, height = sampler.ratio(1.2, 2.4), sampler.ratio(0.7, 1.1), sampler.ratio(0.3, 0.6)
    radius = sampler.ratio(0.16, 0.32)
    body = _rounded_box(np.array([length, width, height])).translated(np.array([0, 0, radius]))
    cabin = _rounded_box(
        np.array([length * sampler.between(0.35, 0.7), width * 0.9, height * sampler.between(0.6, 1.2)])
    )
    cabin_position = np.array([sampler.between(-0.2, 0.1) * length, 0, radius + height * 0.95])
    cabin = cabin.translated(cabin_position).with_material(1)
    speed = sampler.ratio(1, 5)
    rotation = speed * sampler.seconds / radius
    parts = [body, cabin]
    for x in (-0.32 * length, 0.32 * length):
        for y in (-width / 2, width / 2):
            wheel = _wheel(sampler, radius, 0.12, spokes=5, material=2)
            parts.append(_spinning(wheel, rotation).translated(np.array([x, y, radius])))
    if sampler.chance(0.5):  # an aerial
        tip = np.stack([sampler.wave(2.5, 0.06) - 0.3, sampler.wave(2, 0.06), np.full_like(rotation, 0.9)], 1)
        line = np.stack([np.zeros_like(tip), 0.5 * tip, tip], 1) + np.array(
            [-0.35 * length, 0.3 * width, radius + height]
        )
        parts.append(tube(line, np.array([0.014, 0.012, 0.008]), sides=5, material=2))
    return Model3D(
        joined(*parts),
        (sampler.material(image_prob=0.4), sampler.material(), sampler.material(image_prob=0.2)),
        "drive",
    )


def _cycle(sampler: SceneSampler) -> Model3D:
    """Return a bicycle: two spoked rolling wheels and a frame of pipes."""
    radius, wheelbase, pipe_radius = sampler.between(0.3, 0.42), sampler.between(0.95, 1.2), sampler.ratio(0.012, 0.03)
    rotation = sampler.ratio(1.5, 5) * sampler.seconds / radius
    spokes = sampler.integer(6, 14)
    wheels = [
        _spinning(_wheel(sampler, radius, 0.03, spokes=spokes, material=1), rotation).translated(
            np.array([x, 0, radius])
        )
        for x in (-wheelbase / 2, wheelbase / 2)
    ]
    rear, front = np.array([-wheelbase / 2, 0, radius]), np.array([wheelbase / 2, 0, radius])
    seat, head, foot = np.array([-0.2, 0, 0.9]), np.array([0.36, 0, 0.95]), np.array([-0.05, 0, radius])
    bar = np.array([0, 0.28, 0.08])
    pipes = [(rear, seat), (seat, head), (head, front), (foot, head), (foot, seat), (foot, rear),
             (head + bar, head - bar * [1, 1, -1])]  # fmt: skip
    parts = [tube(np.stack(pipe)[None], np.array([pipe_radius, pipe_radius]), sides=6) for pipe in pipes]
    parts.append(sphere(0.1, rows=6, columns=8, material=1).scaled(np.array([1.6, 1, 0.5])).translated(seat))
    return Model3D(
        joined(*wheels, *parts), (sampler.material(image_prob=0.2), sampler.material(image_prob=0.1)), "drive"
    )


def _flag(sampler: SceneSampler) -> Model3D:
    """Return waving cloth, usually on a pole."""
    width, height = sampler.ratio(0.6, 1.6), sampler.ratio(0.4, 1.2)
    u, v = np.meshgrid(np.linspace(0, 1, 18), np.linspace(0, 1, 10))
    frequency, waves, amplitude = sampler.ratio(0.6, 2.2), sampler.between(0.6, 2), sampler.between(0.05, 0.2)
    phase = 2 * np.pi * (frequency * sampler.seconds[:, None, None] - waves * (u + 0.25 * v))
    fold = amplitude * u**0.7 * np.sin(phase) + 0.4 * amplitude * u * np.sin(2.3 * phase + 1)
    x = width * u * (1 - 0.25 * amplitude) - 0.1 * np.abs(fold)
    z = 1.2 + height * v - sampler.between(0, 0.5) * height * u**2
    cloth = grid(np.stack(np.broadcast_arrays(x, fold, z + 0 * fold), 3))
    parts = [cloth]
    if sampler.chance(0.7):
        parts.append(
            tube(np.array([[[0, 0, 0], [0, 0, 1.3 + height]]]), np.full(2, sampler.ratio(0.012, 0.035)), material=1)
        )
    return Model3D(
        joined(*parts),
        (sampler.material(image_prob=0.8, repeat=1), sampler.material(image_prob=0.1)),
        "stand" if len(parts) > 1 else "hand",
    )


def _towel(sampler: SceneSampler) -> Model3D:
    """Return swinging cloth that hangs by its upper edge, which may be gathered into folds."""
    u, v = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(0, 1, 16))
    width, height, gather = sampler.ratio(0.3, 0.8), sampler.ratio(0.5, 1.4), sampler.between(0, 0.9)
    swing = sampler.wave(0.7, 0.5)[:, None, None] * v**1.2
    phase = (
        2 * np.pi * (sampler.ratio(0.4, 1.4) * sampler.seconds[:, None, None] + sampler.between(0.5, 2) * u - 0.6 * v)
    )
    ruffle = 0.12 * (0.2 + v) * np.sin(phase) + 0.06 * gather * np.cos(9 * u)
    x = width * u * (1 - gather * (1 - v) ** 2) + 0.1 * np.sin(phase * 0.5) * v
    y = height * v * np.sin(swing) + ruffle
    z = 1.8 - height * v * np.cos(swing) + 0.1 * gather * (1 - np.abs(u))
    cloth = grid(np.stack(np.broadcast_arrays(x, y, z), 3))
    return Model3D(cloth, (sampler.material(image_prob=0.7, repeat=1),), "hand")


def _plant(sampler: SceneSampler) -> Model3D:
    """Return swaying stems with leaves."""
    parts: list[Mesh] = []
    gust = sampler.smooth_noise(0.25, 0.7)
    for _ in range(sampler.integer(3, 9)):
        height, angle = sampler.ratio(0.5, 1.5), sampler.between(0, 2 * np.pi)
        up = np.linspace(0, 1, 7)
        lean = (sampler.between(0.1, 0.6) + gust + sampler.wave(1.2, 0.08))[:, None] * up**1.6
        line = height * np.stack([lean * np.cos(angle), lean * np.sin(angle), np.broadcast_to(up, lean.shape)], 2)
        parts.append(tube(line, np.linspace(0.02, 0.006, 7), sides=5))
        for _ in range(sampler.integer(3, 10)):
            joint, rotation = sampler.integer(2, 6), sampler.between(0, 2 * np.pi)
            outward = np.array([np.cos(rotation), np.sin(rotation), sampler.between(-0.5, 0.8)]) * sampler.ratio(
                0.1, 0.35
            )
            sideways = np.cross(outward, [0, 0, 1.0]) * sampler.between(0.2, 0.6)
            root = line[:, joint]
            tip = root + outward + gust[:, None] * 0.1
            centre = (root + tip) / 2
            edges = [np.stack(pair, 1) for pair in ((root, root), (centre + sideways, centre - sideways), (tip, tip))]
            leaf = np.stack(edges, axis=1)
            parts.append(grid(leaf, material=1))
    return Model3D(joined(*parts), (sampler.material(image_prob=0.2), sampler.material()), "stand")


def _grass_tuft(sampler: SceneSampler) -> Model3D:
    """Return a tuft of grass or reed in the wind."""
    count = sampler.integer(150, 500)
    roots = np.concatenate([sampler.rng.normal(0, sampler.ratio(0.05, 0.3), (count, 2)), np.zeros((count, 1))], axis=1)
    tips = roots + sampler.rng.normal(0, 0.25, (count, 3)) * [1, 1, 0.4] + [0, 0, sampler.ratio(0.5, 1.1)]
    bend = np.stack([sampler.smooth_noise(0.25, 0.7), sampler.smooth_noise(0.25, 0.7), 0 * sampler.seconds], 1)
    grass = strands(np.broadcast_to(roots, (len(bend), count, 3)), tips + bend[:, None],
                    np.full(count, sampler.ratio(0.03, 0.08)), droop=0.2)  # fmt: skip
    return Model3D(grass, (sampler.material(image_prob=0.5),), "stand")


def _wires(sampler: SceneSampler) -> Model3D:
    """Return a trembling sculpture of bent wire."""
    control_points = np.cumsum(sampler.rng.normal(0, 0.35, (sampler.integer(6, 14), 3)), axis=0)
    control_points = (control_points - control_points.mean(axis=0)) * 0.5
    smooth = np.stack(
        [
            np.interp(np.linspace(0, 1, 50), np.linspace(0, 1, len(control_points)), control_points[:, axis])
            for axis in range(3)
        ],
        1,
    )
    for _ in range(4):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    tremble = np.stack([sampler.wave(1.5, 0.05) for _ in range(3)], 1)[:, None] * np.linspace(-1, 1, 50)[None, :, None]
    return Model3D(
        _on_ground(tube(smooth + tremble, np.full(50, sampler.ratio(0.012, 0.04)), sides=6)),
        (sampler.material(image_prob=0.1),),
        sampler.weighted_choice({"hand": 1, "stand": 1, "throw": 1}),
    )


def _stool(sampler: SceneSampler) -> Model3D:
    """Return a chair made of poles, usually with a seat."""
    pipe_radius, height, width = sampler.ratio(0.012, 0.035), sampler.between(0.4, 0.8), sampler.between(0.2, 0.35)
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * width
    poles, splay = [], sampler.between(1.0, 1.4)
    for number, corner in enumerate(corners):
        above = corners[(number + 1) % 4]
        poles.append(([*(corner * splay), 0], [*corner, height]))
        for level in (0.35, 1.0):
            poles.append(([*corner, height * level], [*above, height * level]))
        if corner[0] < 0:
            poles.append(([*corner, height], [*(corner * [1.2, 1]), 2 * height]))
    for level in np.linspace(1.3, 2, sampler.integer(2, 5)):
        poles.append(([-width * 1.1, -width, height * level], [-width * 1.1, width, height * level]))
    parts = [tube(np.array([pole]), np.full(2, pipe_radius), sides=6) for pole in poles]
    if sampler.chance(0.6):
        parts.append(box(np.array([2 * width, 2 * width, 0.04]), material=1).translated(np.array([0, 0, height])))
    return Model3D(
        joined(*parts),
        (sampler.material(), sampler.material()),
        sampler.weighted_choice({"stand": 1, "hand": 1, "throw": 0.5}),
    )


def _toy(sampler: SceneSampler) -> Model3D:
    """Return a ball, box, solid of revolution or lump, sometimes with fur."""
    kind = sampler.weighted_choice({"ball": 2, "box": 1, "turned": 2, "lump": 2})
    if kind == "ball":
        mesh, motion = sphere(0.4), "roll"
    elif kind == "box":
        mesh, motion = _rounded_box(sampler.rng.uniform(0.25, 0.8, 3)).translated(np.array([0, 0, -0.25])), "throw"
    elif kind == "turned":
        line = np.stack([np.zeros(12), np.zeros(12), np.linspace(-0.5, 0.5, 12)], 1)[None]
        radii = np.interp(np.arange(12), [0, 3, 6, 9, 11], sampler.rng.uniform(0.05, 0.35, 5))
        mesh, motion = tube(line, radii, sides=18, material=0), "throw"
    else:
        mesh, motion = sphere(0.4, rows=16, columns=24), "throw"
        waves = sampler.rng.normal(0, 4, (6, 3))
        bumps = sum(np.sin(mesh.points @ wave + sampler.between(0, 6)) for wave in waves)
        pulse = (
            1 + sampler.wave(1.0, 0.25)[:, None, None] * np.sin(mesh.points[..., :1] * 6) if sampler.chance(0.5) else 1
        )
        mesh = replace(mesh, points=mesh.points * (1 + 0.09 * bumps[..., None]) * pulse)
    model = Model3D(mesh, (sampler.material(image_prob=0.7),), motion if sampler.chance(0.6) else "hand")
    return with_fur(sampler, model) if sampler.chance(0.3) else model


def _robot_arm(sampler: SceneSampler) -> Model3D:
    """Return a crane or robot arm: rigid segments that turn in their joints."""
    parts = [box(np.array([0.5, 0.5, 0.15]), material=1)]
    joint = np.broadcast_to(np.array([0, 0, 0.15]), (len(sampler.seconds), 3))
    tilt, rotation = sampler.smooth_noise(0.4, 0.3), sampler.smooth_noise(1.5, 0.25)
    for number in range(sampler.integer(2, 4)):
        length, thickness = sampler.ratio(0.35, 0.8), 0.09 - 0.015 * number
        end = joint + length * np.stack(
            [np.sin(tilt) * np.cos(rotation), np.sin(tilt) * np.sin(rotation), np.cos(tilt)], 1
        )
        parts.append(
            tube(np.stack([joint, (joint + end) / 2, end], 1), np.full(3, thickness), sides=6, material=number % 2)
        )
        knob = sphere(thickness * 1.4, rows=8, columns=10, material=1)
        parts.append(replace(knob, points=knob.points + end[:, None]))
        joint, tilt = end, tilt + 0.5 + sampler.smooth_noise(0.9, 0.4)
    return Model3D(joined(*parts), (sampler.material(), sampler.material()), "stand")


def grass_field(sampler: SceneSampler, radius: float, count: int) -> Model3D:
    """Return `count` blades of grass that sway in the wind, on a square of side 2 * `radius` around the origin."""
    roots = np.concatenate([sampler.rng.uniform(-radius, radius, (count, 2)), np.zeros((count, 1))], axis=1)
    height = sampler.ratio(0.06, 0.3)
    tips = (
        roots
        + np.concatenate([sampler.rng.normal(0, 0.5, (count, 2)), sampler.rng.uniform(0.6, 1.3, (count, 1))], 1)
        * height
    )
    bend = height * np.stack([sampler.smooth_noise(0.5, 0.7), sampler.smooth_noise(0.5, 0.7), 0 * sampler.seconds], 1)
    blades = strands(
        np.broadcast_to(roots, (len(bend), count, 3)), tips + bend[:, None], np.full(count, height * 0.12), segments=2
    )
    return Model3D(blades, (sampler.material(image_prob=0.4),), "stand", kind="grass")


def _wheel(sampler: SceneSampler, radius: float, thickness: float, *, spokes: int, material: int) -> Mesh:
    """Return a wheel whose axle is the y axis; spokes make its rotation visible."""
    angles = np.linspace(0, 2 * np.pi, 25)
    rim = radius * 0.93 * np.stack([np.cos(angles), 0 * angles, np.sin(angles)], 1)[None]
    parts = [tube(rim, np.full(25, max(0.08 * radius, thickness / 4)), sides=6, material=material)]
    spoke_radius = max(0.006, thickness * 0.12)
    for angle in np.linspace(0, 2 * np.pi, spokes, endpoint=False):
        end = radius * 0.9 * np.array([np.cos(angle), 0, np.sin(angle)])
        parts.append(tube(np.stack([0 * end, end])[None], np.full(2, spoke_radius), sides=4, material=material))
    return joined(*parts)


def _spinning(mesh: Mesh, angle: np.ndarray) -> Mesh:
    """Return the mesh rotated about the y axis by angles (K,) over time, like a wheel that rolls along x."""
    cosine, sine, zero = np.cos(angle), np.sin(angle), 0 * angle
    turns = np.stack([cosine, zero, sine, zero, zero + 1, zero, -sine, zero, cosine], 1).reshape(-1, 3, 3)
    return replace(mesh, points=np.einsum("kij,vj->kvi", turns, mesh.points[0]))


def _rounded_box(size: np.ndarray) -> Mesh:
    """Return a box with rounded corners, standing on the ground."""
    mesh = sphere(1.0, rows=14, columns=20)
    points = np.sign(mesh.points) * np.abs(mesh.points) ** 0.35
    return replace(mesh, points=(points / np.abs(points).max() + [0, 0, 1]) * size / 2)


def _on_ground(mesh: Mesh) -> Mesh:
    """Return the mesh, moved up or down so that its lowest point over all time steps is on the ground."""
    return mesh.translated(np.array([0, 0, -mesh.lower_corner[2]]))


_MAKERS = {
    "car": _car, "cycle": _cycle, "flag": _flag, "towel": _towel, "plant": _plant, "tuft": _grass_tuft, "wires": _wires,
    "stool": _stool, "toy": _toy, "arm": _robot_arm,
}  # fmt: skip
