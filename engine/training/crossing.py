"""Passers-by that cross an object: behind it or in front of it, often of its own kind, as people in a street do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .actors import Actor, Manner, Sprite
from .motion import Motion, wander
from .sprites import recolour
from .stage import Stage
from .things import make_cutout

_ALIKE = 0.65  # share of them that are another of the object's kind
_LARGEST = 0.6  # of the film's side: around a larger object nobody would be seen to pass
_FARTHEST = 5.0  # times an object's size: how far from it they are at most


def crossed(stage: Stage, actors: Sequence[Actor]) -> list[Actor]:
    """The actors, farthest first, and one more that crosses one of the objects, and is none itself, if it can."""
    objects = [at for at, one in enumerate(actors) if _can_be_crossed(one, most=_LARGEST * stage.size)]
    if not objects:
        return list(actors)
    at = objects[stage.rng.integers(len(objects))]
    behind = stage.chance(0.5)
    return [*actors[: at + (not behind)], _passer(stage, actors[at]), *actors[at + (not behind) :]]


def _can_be_crossed(actor: Actor, *, most: float) -> bool:
    sprite = actor.drawing
    return actor.manner.label > 0 and isinstance(sprite, Sprite) and _size(sprite) * sprite.motion.scale[0] < most


def _size(sprite: Sprite) -> float:
    """Pixels: the mean of its sides at its natural scale."""
    return float(np.sqrt(np.prod(sprite.pictures[0].shape[:2])))


def _passer(stage: Stage, actor: Actor) -> Actor:
    rng, sprite = stage.rng, actor.drawing
    motion = sprite.motion
    size = _size(sprite)
    if stage.chance(_ALIKE):
        drawing, angle = _another(stage, sprite), motion.angle[0]
    else:
        drawing, angle = make_cutout(stage, extent=size * stage.ratio(0.6, 1.5), place=np.zeros(2)), 0.0
    # On one of the frames it is where the object is, or close by; from each to the next it goes a part of its size.
    times, meeting = stage.times, int(rng.integers(min(1, len(stage.times) - 1), len(stage.times)))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    extent = size * motion.scale[meeting]
    away = np.clip(stage.ratio(0.1, 1.0) * (times - times[meeting]) / step, -_FARTHEST, _FARTHEST) * extent
    heading = rng.normal(0, 0.35) + np.pi * stage.chance(0.5)
    aside = rng.normal(0, 0.15) * extent
    bob = wander(rng, times, reach=0.04 * extent, speed=0.03 * extent)
    path = Motion(
        x=motion.x[meeting] + away * np.cos(heading) - aside * np.sin(heading),
        y=motion.y[meeting] + away * np.sin(heading) + aside * np.cos(heading) + bob,
        angle=angle + wander(rng, times, reach=0.2, speed=0.03),
        scale=motion.scale[meeting] * stage.ratio(0.75, 1.3) * np.exp(wander(rng, times, reach=0.2, speed=0.02)),
        stretch=np.full(len(times), motion.stretch[meeting]),
        shear=wander(rng, times, reach=0.1, speed=0.02),
    )
    drawing = Sprite(drawing.pictures, path, sprite.view, drawing.folds, drawing.bends)
    return Actor(drawing, Manner(shutter=stage.shutter(), softness=actor.manner.softness))


def _another(stage: Stage, sprite: Sprite) -> Sprite:
    """Another of its kind: perhaps turned the other way, mostly of somewhat other colours."""
    strength = stage.ratio(0.2, 1.2) if stage.chance(0.75) else 0.0
    mirrored, state = stage.chance(0.5), stage.rng.bit_generator.state
    made: dict[int, np.ndarray] = {}
    for rgba in sprite.pictures:
        if id(rgba) not in made:
            stage.rng.bit_generator.state = state  # the same colours on each frame
            other = recolour(stage.rng, rgba[:, ::-1] if mirrored else rgba, strength=strength)
            other[..., :3] = np.minimum(other[..., :3], other[..., 3:])  # they are multiplied by alpha
            made[id(rgba)] = other
    return Sprite(
        tuple(made[id(rgba)] for rgba in sprite.pictures), sprite.motion, sprite.view, sprite.folds, sprite.bends
    )
