"""Made-up things that do not live: vehicles, wheels, cloth, plants, wires, furniture of poles, things to throw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .creatures import Being, furred
from .scene_sampler import SceneSampler
from .shapes import Shape, ball, box, joined, sheet, strands, tube


def make_contraption(sampler: SceneSampler, odds: dict[str, float] | None = None) -> Being:
    """Any of them."""
    kind = sampler.one_of(odds or dict.fromkeys(_MAKE, 1.0))
    return replace(_MAKE[kind](sampler), kind=kind)


def _car(sampler: SceneSampler) -> Being:
    """A body with a cabin on wheels that turn."""
    long, wide, high = sampler.ratio(1.2, 2.4), sampler.ratio(0.7, 1.1), sampler.ratio(0.3, 0.6)
    radius = sampler.ratio(0.16, 0.32)
    body = _rounded(np.array([long, wide, high])).moved(np.array([0, 0, radius]))
    cabin = _rounded(np.array([long * sampler.between(0.35, 0.7), wide * 0.9, high * sampler.between(0.6, 1.2)]))
    cabin = cabin.moved(np.array([sampler.between(-0.2, 0.1) * long, 0, radius + high * 0.95])).painted(1)
    speed = sampler.ratio(1, 5)
    turn = speed * sampler.seconds / radius
    parts = [body, cabin]
    for x in (-0.32 * long, 0.32 * long):
        for y in (-wide / 2, wide / 2):
            wheel = _wheel(sampler, radius, 0.12, spokes=5, coat=2)
            parts.append(_spun(wheel, turn).moved(np.array([x, y, radius])))
    if sampler.chance(0.5):  # a load, or an aerial
        tip = np.stack([sampler.wave(2.5, 0.06) - 0.3, sampler.wave(2, 0.06), np.full_like(turn, 0.9)], 1)
        line = np.stack([np.zeros_like(tip), 0.5 * tip, tip], 1) + np.array([-0.35 * long, 0.3 * wide, radius + high])
        parts.append(tube(line, np.array([0.014, 0.012, 0.008]), sides=5, coat=2))
    return Being(joined(*parts), (sampler.coat(pictures=0.4), sampler.coat(), sampler.coat(pictures=0.2)), "drive")


def _cycle(sampler: SceneSampler) -> Being:
    """Two wheels with spokes and a frame of pipes, at times with a rider."""
    radius, apart, thin = sampler.between(0.3, 0.42), sampler.between(0.95, 1.2), sampler.ratio(0.012, 0.03)
    turn = sampler.ratio(1.5, 5) * sampler.seconds / radius
    spokes = sampler.whole(6, 14)
    wheels = [_spun(_wheel(sampler, radius, 0.03, spokes=spokes, coat=1), turn).moved(np.array([x, 0, radius]))
              for x in (-apart / 2, apart / 2)]  # fmt: skip
    rear, front = np.array([-apart / 2, 0, radius]), np.array([apart / 2, 0, radius])
    seat, head, foot = np.array([-0.2, 0, 0.9]), np.array([0.36, 0, 0.95]), np.array([-0.05, 0, radius])
    bar = np.array([0, 0.28, 0.08])
    pipes = [(rear, seat), (seat, head), (head, front), (foot, head), (foot, seat), (foot, rear),
             (head + bar, head - bar * [1, 1, -1])]  # fmt: skip
    parts = [tube(np.stack(pipe)[None], np.array([thin, thin]), sides=6) for pipe in pipes]
    parts.append(ball(0.1, rows=6, columns=8, coat=1).scaled(np.array([1.6, 1, 0.5])).moved(seat))
    return Being(joined(*wheels, *parts), (sampler.coat(pictures=0.2), sampler.coat(pictures=0.1)), "drive")


def _flag(sampler: SceneSampler) -> Being:
    """Cloth that waves, from a pole or from nothing."""
    wide, high = sampler.ratio(0.6, 1.6), sampler.ratio(0.4, 1.2)
    u, v = np.meshgrid(np.linspace(0, 1, 18), np.linspace(0, 1, 10))
    rate, waves, reach = sampler.ratio(0.6, 2.2), sampler.between(0.6, 2), sampler.between(0.05, 0.2)
    phase = 2 * np.pi * (rate * sampler.seconds[:, None, None] - waves * (u + 0.25 * v))
    fold = reach * u**0.7 * np.sin(phase) + 0.4 * reach * u * np.sin(2.3 * phase + 1)
    x = wide * u * (1 - 0.25 * reach) - 0.1 * np.abs(fold)
    z = 1.2 + high * v - sampler.between(0, 0.5) * high * u**2
    cloth = sheet(np.stack(np.broadcast_arrays(x, fold, z + 0 * fold), 3))
    parts = [cloth]
    if sampler.chance(0.7):
        parts.append(tube(np.array([[[0, 0, 0], [0, 0, 1.3 + high]]]), np.full(2, sampler.ratio(0.012, 0.035)), coat=1))
    return Being(
        joined(*parts),
        (sampler.coat(pictures=0.8, repeat=1), sampler.coat(pictures=0.1)),
        "stand" if len(parts) > 1 else "hand",
    )


def _towel(sampler: SceneSampler) -> Being:
    """Cloth that hangs by its upper edge, by two corners or by one, and swings."""
    u, v = np.meshgrid(np.linspace(-1, 1, 16), np.linspace(0, 1, 16))
    wide, high, gather = sampler.ratio(0.3, 0.8), sampler.ratio(0.5, 1.4), sampler.between(0, 0.9)
    swing = sampler.wave(0.7, 0.5)[:, None, None] * v**1.2
    phase = (
        2 * np.pi * (sampler.ratio(0.4, 1.4) * sampler.seconds[:, None, None] + sampler.between(0.5, 2) * u - 0.6 * v)
    )
    ruffle = 0.12 * (0.2 + v) * np.sin(phase) + 0.06 * gather * np.cos(9 * u)
    x = wide * u * (1 - gather * (1 - v) ** 2) + 0.1 * np.sin(phase * 0.5) * v
    y = high * v * np.sin(swing) + ruffle
    z = 1.8 - high * v * np.cos(swing) + 0.1 * gather * (1 - np.abs(u))
    cloth = sheet(np.stack(np.broadcast_arrays(x, y, z), 3))
    return Being(cloth, (sampler.coat(pictures=0.7, repeat=1),), "hand")


def _plant(sampler: SceneSampler) -> Being:
    """Stems that sway, with leaves."""
    parts: list[Shape] = []
    gust = sampler.wander(0.25, 0.7)
    for _ in range(sampler.whole(3, 9)):
        height, angle = sampler.ratio(0.5, 1.5), sampler.between(0, 2 * np.pi)
        up = np.linspace(0, 1, 7)
        lean = (sampler.between(0.1, 0.6) + gust + sampler.wave(1.2, 0.08))[:, None] * up**1.6
        line = height * np.stack([lean * np.cos(angle), lean * np.sin(angle), np.broadcast_to(up, lean.shape)], 2)
        parts.append(tube(line, np.linspace(0.02, 0.006, 7), sides=5))
        for _ in range(sampler.whole(3, 10)):
            at, turn = sampler.whole(2, 6), sampler.between(0, 2 * np.pi)
            out = np.array([np.cos(turn), np.sin(turn), sampler.between(-0.5, 0.8)]) * sampler.ratio(0.1, 0.35)
            aside = np.cross(out, [0, 0, 1.0]) * sampler.between(0.2, 0.6)
            root = line[:, at]
            tip = root + out + gust[:, None] * 0.1
            middle = (root + tip) / 2
            edges = [np.stack(pair, 1) for pair in ((root, root), (middle + aside, middle - aside), (tip, tip))]
            leaf = np.stack(edges, axis=1)
            parts.append(sheet(leaf, coat=1))
    return Being(joined(*parts), (sampler.coat(pictures=0.2), sampler.coat()), "stand")


def _tuft(sampler: SceneSampler) -> Being:
    """Grass or reed, in the wind."""
    count = sampler.whole(150, 500)
    roots = np.concatenate([sampler.rng.normal(0, sampler.ratio(0.05, 0.3), (count, 2)), np.zeros((count, 1))], axis=1)
    tips = roots + sampler.rng.normal(0, 0.25, (count, 3)) * [1, 1, 0.4] + [0, 0, sampler.ratio(0.5, 1.1)]
    bend = np.stack([sampler.wander(0.25, 0.7), sampler.wander(0.25, 0.7), 0 * sampler.seconds], 1)
    grass = strands(np.broadcast_to(roots, (len(bend), count, 3)), tips + bend[:, None],
                    np.full(count, sampler.ratio(0.03, 0.08)), droop=0.2)  # fmt: skip
    return Being(grass, (sampler.coat(pictures=0.5),), "stand")


def _wires(sampler: SceneSampler) -> Being:
    """A sculpture of bent wire."""
    knots = np.cumsum(sampler.rng.normal(0, 0.35, (sampler.whole(6, 14), 3)), axis=0)
    knots = (knots - knots.mean(axis=0)) * 0.5
    smooth = np.stack(
        [np.interp(np.linspace(0, 1, 50), np.linspace(0, 1, len(knots)), knots[:, axis]) for axis in range(3)], 1
    )
    for _ in range(4):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    tremble = np.stack([sampler.wave(1.5, 0.05) for _ in range(3)], 1)[:, None] * np.linspace(-1, 1, 50)[None, :, None]
    return Being(_on_ground(tube(smooth + tremble, np.full(50, sampler.ratio(0.012, 0.04)), sides=6)),
                 (sampler.coat(pictures=0.1),), sampler.one_of({"hand": 1, "stand": 1, "throw": 1}))  # fmt: skip


def _stool(sampler: SceneSampler) -> Being:
    """A chair, stool or ladder of poles."""
    thin, high, wide = sampler.ratio(0.012, 0.035), sampler.between(0.4, 0.8), sampler.between(0.2, 0.35)
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * wide
    poles, splay = [], sampler.between(1.0, 1.4)
    for number, corner in enumerate(corners):
        above = corners[(number + 1) % 4]
        poles.append(([*(corner * splay), 0], [*corner, high]))
        for level in (0.35, 1.0):
            poles.append(([*corner, high * level], [*above, high * level]))
        if corner[0] < 0:
            poles.append(([*corner, high], [*(corner * [1.2, 1]), 2 * high]))
    for level in np.linspace(1.3, 2, sampler.whole(2, 5)):
        poles.append(([-wide * 1.1, -wide, high * level], [-wide * 1.1, wide, high * level]))
    parts = [tube(np.array([pole]), np.full(2, thin), sides=6) for pole in poles]
    if sampler.chance(0.6):
        parts.append(box(np.array([2 * wide, 2 * wide, 0.04]), coat=1).moved(np.array([0, 0, high])))
    return Being(
        joined(*parts), (sampler.coat(), sampler.coat()), sampler.one_of({"stand": 1, "hand": 1, "throw": 0.5})
    )


def _toy(sampler: SceneSampler) -> Being:
    """A ball, a box, a bottle, a lump; at times furry."""
    kind = sampler.one_of({"ball": 2, "box": 1, "turned": 2, "lump": 2})
    if kind == "ball":
        shape, gait = ball(0.4), "roll"
    elif kind == "box":
        shape, gait = _rounded(sampler.rng.uniform(0.25, 0.8, 3)).moved(np.array([0, 0, -0.25])), "throw"
    elif kind == "turned":
        line = np.stack([np.zeros(12), np.zeros(12), np.linspace(-0.5, 0.5, 12)], 1)[None]
        radii = np.interp(np.arange(12), [0, 3, 6, 9, 11], sampler.rng.uniform(0.05, 0.35, 5))
        shape, gait = tube(line, radii, sides=18, coat=0), "throw"
    else:
        shape, gait = ball(0.4, rows=16, columns=24), "throw"
        waves = sampler.rng.normal(0, 4, (6, 3))
        bumps = sum(np.sin(shape.points @ wave + sampler.between(0, 6)) for wave in waves)
        pulse = (
            1 + sampler.wave(1.0, 0.25)[:, None, None] * np.sin(shape.points[..., :1] * 6) if sampler.chance(0.5) else 1
        )
        shape = replace(shape, points=shape.points * (1 + 0.09 * bumps[..., None]) * pulse)
    being = Being(shape, (sampler.coat(pictures=0.7),), gait if sampler.chance(0.6) else "hand")
    return furred(sampler, being) if sampler.chance(0.3) else being


def _arm(sampler: SceneSampler) -> Being:
    """A crane or a robot's arm: stiff pieces that turn in their joints."""
    parts = [box(np.array([0.5, 0.5, 0.15]), coat=1)]
    at = np.broadcast_to(np.array([0, 0, 0.15]), (len(sampler.seconds), 3))
    tilt, turn = sampler.wander(0.4, 0.3), sampler.wander(1.5, 0.25)
    for number in range(sampler.whole(2, 4)):
        length, thick = sampler.ratio(0.35, 0.8), 0.09 - 0.015 * number
        end = at + length * np.stack([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)], 1)
        parts.append(tube(np.stack([at, (at + end) / 2, end], 1), np.full(3, thick), sides=6, coat=number % 2))
        knob = ball(thick * 1.4, rows=8, columns=10, coat=1)
        parts.append(replace(knob, points=knob.points + end[:, None]))
        at, tilt = end, tilt + 0.5 + sampler.wander(0.9, 0.4)
    return Being(joined(*parts), (sampler.coat(), sampler.coat()), "stand")


def grass_field(sampler: SceneSampler, reach: float, count: int) -> Being:
    """Blades all over the ground within `reach`, in one wind."""
    roots = np.concatenate([sampler.rng.uniform(-reach, reach, (count, 2)), np.zeros((count, 1))], axis=1)
    height = sampler.ratio(0.06, 0.3)
    tips = (
        roots
        + np.concatenate([sampler.rng.normal(0, 0.5, (count, 2)), sampler.rng.uniform(0.6, 1.3, (count, 1))], 1)
        * height
    )
    bend = height * np.stack([sampler.wander(0.5, 0.7), sampler.wander(0.5, 0.7), 0 * sampler.seconds], 1)
    blades = strands(
        np.broadcast_to(roots, (len(bend), count, 3)), tips + bend[:, None], np.full(count, height * 0.12), steps=2
    )
    return Being(blades, (sampler.coat(pictures=0.4),), "stand", kind="grass")


def _wheel(sampler: SceneSampler, radius: float, thick: float, *, spokes: int, coat: int) -> Shape:
    """A wheel around the y axis; spokes show that it turns."""
    around = np.linspace(0, 2 * np.pi, 25)
    rim = radius * 0.93 * np.stack([np.cos(around), 0 * around, np.sin(around)], 1)[None]
    parts = [tube(rim, np.full(25, max(0.08 * radius, thick / 4)), sides=6, coat=coat)]
    thin = max(0.006, thick * 0.12)
    for angle in np.linspace(0, 2 * np.pi, spokes, endpoint=False):
        end = radius * 0.9 * np.array([np.cos(angle), 0, np.sin(angle)])
        parts.append(tube(np.stack([0 * end, end])[None], np.full(2, thin), sides=4, coat=coat))
    return joined(*parts)


def _spun(shape: Shape, angle: np.ndarray) -> Shape:
    """Turned about the y axis over time, as a wheel that goes along x."""
    cosine, sine, zero = np.cos(angle), np.sin(angle), 0 * angle
    turns = np.stack([cosine, zero, sine, zero, zero + 1, zero, -sine, zero, cosine], 1).reshape(-1, 3, 3)
    return replace(shape, points=np.einsum("kij,vj->kvi", turns, shape.points[0]))


def _rounded(size: np.ndarray) -> Shape:
    """A box whose corners are taken off, standing on the ground."""
    shape = ball(1.0, rows=14, columns=20)
    points = np.sign(shape.points) * np.abs(shape.points) ** 0.35
    return replace(shape, points=(points / np.abs(points).max() + [0, 0, 1]) * size / 2)


def _on_ground(shape: Shape) -> Shape:
    return shape.moved(np.array([0, 0, -shape.low[2]]))


_MAKE = {
    "car": _car, "cycle": _cycle, "flag": _flag, "towel": _towel, "plant": _plant, "tuft": _tuft, "wires": _wires,
    "stool": _stool, "toy": _toy, "arm": _arm,
}  # fmt: skip
