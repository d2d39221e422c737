"""Made-up things that live: figures and beasts on legs, fish, snakes, birds, jellyfish; some with hair."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .scene_sampler import SceneSampler
from .shapes import Coat, Shape, ball, joined, scattered, sheet, strands, tube


@dataclass(frozen=True)
class Being:
    """Something that can be placed in a scene; it looks along x, and if it stands, it stands on z = 0."""

    shape: Shape
    coats: tuple[Coat, ...]
    gait: str  # how it gets about: walk, fly, swim, roll, drive, throw, hang, stand, hand
    source: str = ""  # the asset's package and file
    kind: str = ""


def make_creature(sampler: SceneSampler) -> Being:
    """Any of them."""
    kind = sampler.one_of({"figure": 3, "beast": 3, "fish": 2, "snake": 1.5, "bird": 2, "jelly": 1.5, "star": 1})
    being = _MAKE[kind](sampler)
    if kind in ("beast", "figure", "star", "bird") and sampler.chance(0.55):
        being = furred(sampler, being)
    return replace(being, kind=kind)


def furred(sampler: SceneSampler, being: Being, *, length: float | None = None) -> Being:
    """The being with hair that moves with its skin."""
    size = np.linalg.norm(being.shape.high - being.shape.low)
    roots, normals, faces = scattered(sampler.rng, being.shape, sampler.whole(1200, 3500))
    lean = sampler.rng.normal(0, 0.35, (1, len(faces), 3)) + np.array([-0.5, 0, -0.2]) * sampler.between(0, 1)
    length = (length or sampler.ratio(0.015, 0.07)) * size * sampler.rng.uniform(0.6, 1.2, len(faces))[None, :, None]
    tips = roots + (normals + lean) * length
    hair = strands(roots, tips, np.full(len(faces), sampler.ratio(0.003, 0.008) * size), droop=sampler.between(0, 0.5))
    coats = list(being.coats)
    looks = being.shape.coats[faces]  # hair has its skin's colour, or one of its own
    if sampler.chance(0.4):
        coats.append(sampler.coat(pictures=0.2))
        looks = np.full(len(faces), len(coats) - 1)
    hair = replace(hair, coats=np.repeat(looks, len(hair.faces) // len(faces)))
    if len(coats) == len(being.coats):  # and the skin's colour at its root
        own = being.shape.places[faces].mean(axis=1)
        hair = replace(hair, places=np.repeat(own, len(hair.faces) // len(faces), axis=0)[:, None].repeat(3, axis=1))
    return replace(being, shape=joined(being.shape, hair), coats=tuple(coats))


def _figure(sampler: SceneSampler) -> Being:
    """A person of tubes that walks, waves or dances."""
    pace, swing = sampler.ratio(0.6, 1.8), sampler.between(0.25, 0.8)
    stout = sampler.ratio(0.75, 1.6)
    phase = 2 * np.pi * (pace * sampler.seconds + sampler.rng.random())
    bob = 0.02 * np.abs(np.sin(phase))
    lean = sampler.wander(0.12, 0.4)
    hip = np.stack([0 * phase, 0 * phase, 0.92 + bob], 1)
    chest = hip + np.stack([np.sin(lean), sampler.wander(0.05, 0.5), np.cos(lean)], 1) * 0.48
    head = chest + np.stack([0.03 + sampler.wander(0.05, 0.5), sampler.wander(0.05, 0.5), np.full_like(phase, 0.3)], 1)
    parts = [
        tube(_line(hip, chest, 5), np.array([0.14, 0.15, 0.15, 0.17, 0.1]) * stout, coat=0),
        tube(_line(chest, head, 2), np.array([0.055, 0.05]), coat=2),
        carried(ball(sampler.between(0.11, 0.17), coat=2), head),
    ]
    waving = sampler.chance(0.5)
    for side in (-1, 1):
        turn = swing * np.sin(phase + (np.pi if side > 0 else 0))
        foot, knee = _limb(hip + _by(0, 0.1 * side, 0), turn, np.maximum(0, -1.2 * turn) + 0.1, 0.44, 0.44)
        parts.append(
            tube(_joint(hip + _by(0, 0.1 * side, 0), knee, foot), np.array([0.1, 0.075, 0.06]) * stout, coat=1)
        )
        parts.append(tube(_line(foot, foot + _by(0.18, 0, -0.02), 2), np.array([0.055, 0.035]), coat=3))
        arm = -0.8 * turn
        if waving and side > 0:
            arm = 2.4 + 0.5 * np.sin(2 * phase)
        hand, elbow = _limb(
            chest + _by(0, 0.2 * side, -0.02), arm, -0.5 + sampler.wander(0.3, 1), 0.29, 0.28, side * 0.15
        )
        parts.append(tube(_joint(chest + _by(0, 0.2 * side, -0.02), elbow, hand), np.array([0.07, 0.05, 0.035]) * stout,
                          coat=0 if sampler.chance(0.5) else 2))  # fmt: skip
        parts.append(carried(ball(0.05, rows=6, columns=8, coat=2), hand))
    skin = Coat(tuple(np.array([0.9, 0.7, 0.58]) * sampler.between(0.3, 1.0)), roughness=0.6)
    if sampler.chance(0.4):  # hair, or a hat
        parts.append(
            carried(ball(0.16, rows=8, columns=10, coat=3).scaled(np.array([1, 1, 0.8])), head + _by(-0.03, 0, 0.05))
        )
    return Being(_grounded(joined(*parts)), (sampler.coat(), sampler.coat(), skin, sampler.coat()), "walk")


def _beast(sampler: SceneSampler) -> Being:
    """Four legs, a neck, a head, ears or horns, a tail that wags."""
    long, high, stout = sampler.ratio(0.7, 1.5), sampler.ratio(0.4, 1.2), sampler.ratio(0.6, 1.5)
    pace, swing = sampler.ratio(0.7, 2.5), sampler.between(0.2, 0.7)
    phase = 2 * np.pi * (pace * sampler.seconds + sampler.rng.random())
    up = high + 0.04 * np.sin(2 * phase)
    bow = 0.08 * np.sin(phase)
    spine = np.stack(
        [
            np.stack([0 * up + along * long / 2, bow * along, up + 0.05 * np.cos(along * 3)], 1)
            for along in np.linspace(-1, 1, 7)
        ],
        axis=1,
    )
    girth = np.array([0.1, 0.2, 0.21, 0.19, 0.21, 0.2, 0.1]) * stout
    parts = [tube(spine, girth, sides=10)]
    nod = 0.6 + sampler.wander(0.35, 0.6)
    neck = sampler.ratio(0.2, 0.7)
    head = spine[:, -1] + neck * np.stack([np.cos(nod), sampler.wander(0.35, 0.4), np.sin(nod)], 1)
    parts.append(tube(_line(spine[:, -2], head, 4), np.array([0.15, 0.11, 0.09, 0.09]) * stout))
    nose = head + _by(sampler.between(0.15, 0.35), 0, sampler.between(-0.12, 0.02))
    parts.append(tube(_line(head - _by(0.08, 0, 0), nose, 4), np.array([0.1, 0.13, 0.09, 0.05]) * stout))
    pointed = sampler.ratio(0.08, 0.4)
    for side in (-1, 1):
        ear = head + _by(-0.03, 0.06 * side * stout, 0.08)
        parts.append(
            tube(_line(ear, ear + _by(-0.05, 0.07 * side, pointed), 3), np.array([0.045, 0.035, 0.006]), coat=1)
        )
    tail = spine[:, 0] + np.stack([-0.35 + 0 * phase, sampler.wave(1.8, 0.25), sampler.wander(0.25, 0.7)], 1)
    parts.append(tube(_line(spine[:, 0], tail, 4), np.array([0.05, 0.035, 0.03, 0.02]) * sampler.ratio(0.7, 2), coat=1))
    for number, (at, side) in enumerate(((1, -1), (1, 1), (5, -1), (5, 1))):
        top = spine[:, at] + _by(0, 0.12 * side * stout, -0.05)
        turn = swing * np.sin(phase + np.pi * (number in (1, 2)))
        foot, knee = _limb(top, turn, np.maximum(0, -turn) * (1 if at == 1 else 0.8), 0.5 * high, 0.5 * high)
        parts.append(tube(_joint(top, knee, foot), np.array([0.09, 0.055, 0.05]) * stout, coat=2))
    return Being(_grounded(joined(*parts)), (sampler.coat(), sampler.coat(), sampler.coat()), "walk")


def _fish(sampler: SceneSampler) -> Being:
    """A body that waves from head to tail, and fins."""
    along = np.linspace(0, 1, 12)
    rate, length, reach = sampler.ratio(0.8, 3), sampler.ratio(0.6, 1.6), sampler.between(0.05, 0.16)
    phase = 2 * np.pi * (rate * sampler.seconds[:, None] - along * sampler.between(0.5, 1.1))
    middle = np.stack(np.broadcast_arrays(length * (0.5 - along), reach * (0.15 + along) * np.sin(phase), 0 * phase), 2)
    depth = sampler.ratio(0.1, 0.32) * length * np.sin(np.pi * along**0.7) ** 0.8 + 0.015
    parts = [tube(middle, depth, sides=12, flat=sampler.between(0.25, 0.6))]
    for at, tall, back, lift in ((11, 0.28, 0.22, 0), (5, 0.22, 0.2, 1), (7, 0.16, 0.14, -1)):
        root = middle[:, [at - 1, at]] + (np.array([0, 0, lift]) * 0.8 * depth[at])
        fan = np.stack([root + _by(-back * spread * length, 0, tall * length * (spread if lift else rise) * (lift or 1))
                        for spread, rise in ((0.0, 0.0), (0.5, 0.4), (1.0, 1.0))], axis=1)  # fmt: skip
        parts.append(sheet(fan, coat=1))
        if not lift:
            parts.append(sheet(fan * [1, 1, -1], coat=1))
    return Being(joined(*parts), (sampler.coat(pictures=0.8), sampler.coat()), "swim")


def _snake(sampler: SceneSampler) -> Being:
    along = np.linspace(0, 1, 24)
    rate, turns, reach = sampler.ratio(0.5, 1.5), sampler.between(1, 2.2), sampler.between(0.08, 0.2)
    phase = 2 * np.pi * (rate * sampler.seconds[:, None] - turns * along)
    thick = (
        sampler.ratio(0.025, 0.08)
        * np.minimum(1, 6 * (1 - along) + 0.1)
        * (1 + 0.4 * np.exp(-(((along - 0.03) * 30) ** 2)))
    )
    middle = np.stack(np.broadcast_arrays(0.8 - 1.6 * along, reach * (0.4 + along) * np.sin(phase), thick), 2)
    return Being(tube(middle, thick), (sampler.coat(pictures=0.9),), "walk")


def _bird(sampler: SceneSampler) -> Being:
    """A body between two wings that beat."""
    rate, span = sampler.ratio(0.8, 4), sampler.ratio(0.5, 1.1)
    beat = sampler.wave(rate, sampler.between(0.4, 1.0))
    bend = np.roll(beat, 1) * 0.8
    line = np.broadcast_to(np.linspace([-0.35, 0, 0], [0.35, 0, 0.03], 7), (len(beat), 7, 3)).copy()
    line[:, :, 2] -= 0.05 * beat[:, None]
    parts = [tube(line, np.array([0.02, 0.07, 0.11, 0.12, 0.1, 0.08, 0.02]) * sampler.ratio(0.7, 1.4))]
    for side in (-1, 1):
        columns = []
        for out, width in ((0.0, 1.0), (0.35, 1.0), (0.7, 0.75), (1.0, 0.15)):
            angle = beat if out <= 0.35 else beat + bend * (out - 0.35)
            root = np.stack([0 * beat, side * out * span * np.cos(angle), out * span * np.sin(angle)], 1)
            columns.append(np.stack([root + _by(0.15 * width, 0, 0.03), root - _by(0.2 * width, 0, 0)], axis=1))
        parts.append(sheet(np.stack(columns, axis=1), coat=1))
    fan = np.stack([line[:, :2], line[:, :2] + np.array([[-0.25, 0.12, 0], [-0.25, -0.12, 0]])], axis=1)
    return Being(joined(*parts, sheet(fan, coat=1)), (sampler.coat(), sampler.coat(pictures=0.7)), "fly")


def _jelly(sampler: SceneSampler) -> Being:
    """A bell that pumps, and tentacles that follow."""
    pump = sampler.wave(sampler.ratio(0.4, 1.2), 0.18)
    rows = np.linspace(0.02, 1, 9)
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    wide = 0.4 * (1 + pump[:, None] * rows**2) * np.sin(0.5 * np.pi * rows) ** 0.8
    high = 0.45 * np.cos(0.55 * np.pi * rows) * (1 - 0.5 * pump[:, None])
    ring = np.stack([np.cos(around), np.sin(around), 0 * around], 1)
    bell = wide[:, :, None, None] * ring + high[:, :, None, None] * np.array([0, 0, 1.0])
    parts = [sheet(bell, across=True)]
    length = sampler.ratio(0.4, 1.3)
    for angle in np.linspace(0, 2 * np.pi, sampler.whole(4, 10), endpoint=False):
        root = wide[:, -1, None] * 0.9 * np.array([np.cos(angle), np.sin(angle)])
        down = np.linspace(0, 1, 8)
        sway = np.sin(2 * np.pi * (0.7 * sampler.seconds[:, None] - 0.8 * down) + angle * 2) * 0.12 * down
        xy = root[:, None] * (1 + 0.2 * down[None, :, None]) + np.stack([sway, sway[:, ::-1] * 0.5], 2)
        line = np.concatenate([xy, (high[:, -1:] - length * down)[..., None]], axis=2)
        parts.append(tube(line, np.linspace(0.035, 0.01, 8), sides=5, coat=1))
    return Being(joined(*parts), (sampler.coat(), sampler.coat()), "swim")


def _star(sampler: SceneSampler) -> Being:
    """Arms around a body, each curling in its own time: an octopus, a hand, a spider."""
    arms, reach = sampler.whole(4, 8), sampler.ratio(0.4, 0.8)
    parts = [ball(0.22, coat=1).moved(np.array([0, 0, 0.3]))]
    for angle in np.linspace(0, 2 * np.pi, arms, endpoint=False):
        out = np.linspace(0, 1, 9)
        curl = sampler.wander(1.2, 0.7)[:, None] * out
        lift = 0.3 + reach * np.cumsum(np.sin(curl + 0.5 - 2.2 * out), axis=1) / 9
        far = 0.1 + reach * np.cumsum(np.abs(np.cos(curl * 0.7)), axis=1) / 9
        side = angle + sampler.wander(0.4, 0.6)[:, None] * out
        line = np.stack([far * np.cos(side), far * np.sin(side), np.maximum(lift, 0.04)], 2)
        parts.append(tube(line, np.linspace(0.09, 0.02, 9)))
    return Being(_grounded(joined(*parts)), (sampler.coat(pictures=0.7), sampler.coat()), "walk")


_MAKE = {
    "figure": _figure,
    "beast": _beast,
    "fish": _fish,
    "snake": _snake,
    "bird": _bird,
    "jelly": _jelly,
    "star": _star,
}


def _by(x: float, y: float, z: float) -> np.ndarray:
    return np.array([x, y, z])


def _line(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """(K, steps, 3) straight from one point to another."""
    part = np.linspace(0, 1, steps)[None, :, None]
    return start[:, None] * (1 - part) + end[:, None] * part


def _joint(start: np.ndarray, bend: np.ndarray, end: np.ndarray) -> np.ndarray:
    return np.stack([start, bend, end], axis=1)


def _limb(
    top: np.ndarray, turn: np.ndarray, bend: np.ndarray, upper: float, lower: float, aside: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """The end and the joint of a limb that hangs from `top`, swung forward by `turn` and bent back by `bend`."""
    knee = top + upper * np.stack([np.sin(turn), 0 * turn + aside, -np.cos(turn)], 1)
    other = turn - bend
    return knee + lower * np.stack([np.sin(other), 0 * turn + aside / 2, -np.cos(other)], 1), knee


def carried(shape: Shape, line: np.ndarray) -> Shape:
    """A shape that goes along (K, 3) places."""
    return replace(shape, points=shape.points + line[:, None])


def _grounded(shape: Shape) -> Shape:
    """Its lowest point at every moment on the ground."""
    return replace(shape, points=shape.points - shape.points[..., 2].min(axis=1)[:, None, None] * np.array([0, 0, 1.0]))
