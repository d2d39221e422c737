"""Who appears in a composed film: objects to track, their look-alikes and reflections, passers-by and occluders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .actors import Actor, Manner, Sprite, Strands
from .motion import Motion, parallax, random_motion, wander
from .stage import Stage
from .things import bending, make_any, make_blob, make_cutout, make_strands, smooth_curve

MOST_OBJECTS = 3


def cast_film(stage: Stage, *, besides: bool = False) -> list[Actor]:
    """All actors, from the farthest to the nearest; labels 1.. are the objects to track.

    If `besides`, there are objects in the scenery already: few others are, and none stands behind.
    """
    rng = stage.rng
    count = int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]) if besides else rng.choice([1, 2, 3], p=[0.35, 0.4, 0.25]))
    spot = rng.uniform(0.2, 0.8, 2) * stage.size
    crowd: list[list[Actor]] = []  # groups that stay together in depth
    label = 0
    for _ in range(count):
        if label == MOST_OBJECTS:
            break
        place = spot + rng.normal(0, 0.2, 2) * stage.size if stage.chance(0.5) else None
        principal = _principal(stage, label + 1, place)
        label += 1
        group = [principal]
        sprite = principal.drawing
        if isinstance(sprite, Sprite):
            if stage.chance(0.3):
                own = stage.chance(0.5) and label < MOST_OBJECTS
                label += own
                crowd.append([_twin(stage, principal, sprite, label if own else 0)])
            if stage.chance(0.08):
                group = _with_reflection(stage, principal, sprite)
            if stage.chance(0.12):
                own = stage.chance(0.5) and label < MOST_OBJECTS
                label += own
                group.append(_rider(stage, principal, sprite, label if own else 0))
            if stage.chance(0.1):
                group.insert(int(rng.integers(2)), _string(stage, principal))
        crowd.append(group)
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.4, 0.3, 0.2, 0.1]))):
        crowd.append([_passer_by(stage)])
    rng.shuffle(crowd)
    behind = 0 if besides else int(rng.choice([0, 1, 2, 3], p=[0.5, 0.25, 0.15, 0.1]))
    back = [_clutter(stage) for _ in range(behind)]
    front = [_occluder(stage) for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1])))]
    return back + [actor for group in crowd for actor in group] + front


def _principal(stage: Stage, label: int, place: np.ndarray | None) -> Actor:
    drawing = make_any(stage, extent=_extent(stage), place=place)
    return Actor(drawing, _manner(stage, label))


def _extent(stage: Stage) -> float:
    """Pixels: from 9 % of the frame's side to all of it, half of them above 40 %."""
    return (1 / 0.09) ** (stage.rng.random() ** 0.7) * 0.09 * stage.size


def _passer_by(stage: Stage) -> Actor:
    drawing = make_any(stage, extent=stage.ratio(0.06, 0.5) * stage.size)
    return Actor(drawing, _manner(stage, 0))


def _manner(stage: Stage, label: int) -> Manner:
    frames = len(stage.times)
    hidden: frozenset[int] = frozenset()
    if frames > 2 and stage.chance(0.06):
        start = int(stage.rng.integers(1, frames))
        hidden = frozenset(range(start, min(frames, start + int(stage.rng.integers(1, 4)))))
    return Manner(
        label=label,
        opacity=stage.between(0.35, 0.95) if stage.chance(0.12) else 1.0,
        shutter=stage.shutter(),
        softness=stage.ratio(0.4, 2.5) * stage.size / 256 if stage.chance(0.2) else 0.0,
        shadow=stage.between(0.15, 0.6) if stage.chance(0.25) else 0.0,
        shadow_shift=tuple(stage.rng.normal(0, 0.03, 2) * stage.size),
        hidden=hidden,
    )


def _twin(stage: Stage, actor: Actor, sprite: Sprite, label: int) -> Actor:
    """A second instance of the same thing, perhaps mirrored, near or far, with a life of its own."""
    start = np.array([sprite.motion.x[0], sprite.motion.y[0]])
    if stage.chance(0.6):
        away = stage.rng.normal(0, 1, 2)
        start = start + away / np.linalg.norm(away) * sprite.pictures[0].shape[1] * stage.between(0.5, 1.3)
    else:
        start = stage.rng.uniform(0.05, 0.95, 2) * stage.size
    motion = random_motion(stage.rng, stage.times, x=start[0], y=start[1], size=stage.size, vigour=1.0)
    motion = replace(motion, scale=motion.scale * stage.ratio(0.75, 1.3))
    pictures = sprite.pictures
    if stage.chance(0.5):
        mirrored = {id(rgba): np.ascontiguousarray(rgba[:, ::-1]) for rgba in pictures}
        pictures = tuple(mirrored[id(rgba)] for rgba in pictures)
    drawing = replace(sprite, pictures=pictures, motion=motion)
    manner = replace(_manner(stage, label), opacity=actor.manner.opacity)
    return Actor(drawing, manner)


def _with_reflection(stage: Stage, actor: Actor, sprite: Sprite) -> list[Actor]:
    """The thing and its fainter mirror image; either of them may be the one to track."""
    upright = stage.chance(0.7)  # on water or a floor; otherwise in a mirror or a window
    motion, picture = sprite.motion, sprite.pictures[0]
    turned = {id(rgba): np.ascontiguousarray(rgba[::-1] if upright else rgba[:, ::-1]) for rgba in sprite.pictures}
    half = picture.shape[0 if upright else 1] / 2 * stage.between(0.9, 1.2)
    if upright:
        mirrored = replace(motion, y=2 * (motion.y[0] + half) - motion.y, angle=-motion.angle, shear=-motion.shear)
    else:
        side = stage.rng.choice([-1, 1])
        mirrored = replace(
            motion, x=2 * (motion.x[0] + side * half) - motion.x, angle=-motion.angle, shear=-motion.shear
        )
    image = Sprite(tuple(turned[id(rgba)] for rgba in sprite.pictures), mirrored, sprite.view)
    if stage.chance(0.5):
        folds, bends = bending(stage, extent=picture.shape[0] * 0.5)
        image = replace(image, folds=folds, bends=bends)
    faint = replace(actor.manner, opacity=stage.between(0.3, 0.75), shadow=0.0, label=0)
    swap = stage.chance(0.35)
    thing = replace(actor, manner=replace(actor.manner, label=0)) if swap else actor
    return [Actor(image, replace(faint, label=actor.manner.label if swap else 0)), thing]


def _rider(stage: Stage, actor: Actor, sprite: Sprite, label: int) -> Actor:
    """Another thing that moves with the first one: with its own label, with the same one, or with none."""
    extent = sprite.pictures[0].shape[0] * stage.between(0.3, 0.8)
    rider = make_cutout(stage, extent=extent, place=np.zeros(2))
    motion = sprite.motion
    offset = stage.rng.normal(0, 0.3, 2) * sprite.pictures[0].shape[1::-1]
    cosine, sine = np.cos(motion.angle), np.sin(motion.angle)
    joined = Motion(
        x=motion.x + motion.scale * (cosine * offset[0] - sine * offset[1]),
        y=motion.y + motion.scale * (sine * offset[0] + cosine * offset[1]),
        angle=motion.angle + wander(stage.rng, stage.times, reach=0.3, speed=0.03),
        scale=motion.scale,
        stretch=np.ones(len(stage.times)),
        shear=np.zeros(len(stage.times)),
    )
    if not label and stage.chance(0.6):
        label = actor.manner.label
    drawing = replace(rider, motion=joined, view=sprite.view)
    return Actor(drawing, replace(actor.manner, label=label, opacity=1.0))


def _string(stage: Stage, actor: Actor) -> Actor:
    """A string from the thing to somewhere: a kite's line, a leash, a cable; sometimes a part of the thing."""
    held = np.stack([actor.drawing.centre(frame) for frame in range(len(stage.times))])  # (T, 2)
    end = stage.rng.uniform(-0.2, 1.2, 2) * stage.size
    sag = np.array([0.0, stage.between(-0.05, 0.25) * stage.size])
    sway = np.stack([wander(stage.rng, stage.times, reach=0.05 * stage.size, speed=1.0) for _ in range(2)], 1)
    knots = np.stack([held, (held + end) / 2 + sag + sway, np.broadcast_to(end, held.shape)], axis=1)
    colour = tuple(int(value) for value in stage.rng.integers(0, 256, 3))
    drawing = Strands((smooth_curve(knots),), (colour,), (stage.ratio(0.7, 2.5) * stage.size / 256,))
    return Actor(drawing, replace(actor.manner, label=actor.manner.label if stage.chance(0.35) else 0, opacity=1.0))


def _clutter(stage: Stage) -> Actor:
    """A thing that belongs to the scenery: it moves with the camera only."""
    make = make_blob if stage.chance(0.5) else make_cutout
    extent = stage.ratio(0.15, 1.0) * stage.size
    sprite = make(stage, extent=extent, place=stage.rng.uniform(0, 1, 2) * stage.size)
    still = random_motion(
        stage.rng, stage.times, x=sprite.motion.x[0], y=sprite.motion.y[0], size=stage.size, vigour=0.0
    )
    view = parallax(stage.camera, depth=stage.between(0.8, 1.8))
    return Actor(Sprite(sprite.pictures, still, view), Manner(softness=stage.between(0, 1.5)))


def _occluder(stage: Stage) -> Actor:
    """A thing in front of all others: a passing object, a post, a twig."""
    make = make_strands if stage.chance(0.4) else (make_blob if stage.chance(0.4) else make_cutout)
    extent = stage.ratio(0.1, 0.5) * stage.size * (2 if make is make_strands else 1)
    drawing = make(stage, extent=extent, place=stage.rng.uniform(-0.1, 1.1, 2) * stage.size)
    if isinstance(drawing, Strands):
        drawing = replace(drawing, widths=tuple(width * stage.between(1, 4) for width in drawing.widths))
    return Actor(drawing, _manner(stage, 0))
