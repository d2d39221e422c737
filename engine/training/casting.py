"""Random choice of a composed film's actors: objects to track, look-alikes, reflections, distractors, occluders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .actors import Actor, Appearance, Sprite, Strands
from .drawables import bending, make_blob, make_cutout, make_random, make_strands, smooth_curve
from .film_context import FilmContext
from .motion import Motion, parallax, random_motion, random_signal

MAX_OBJECTS = 3


class _Labels:
    """Counter that assigns labels 1, 2, .. to the objects to track."""

    def __init__(self) -> None:
        self.used = 0

    def next(self) -> int:
        """Return the next label."""
        self.used += 1
        return self.used

    def next_or_zero(self, film: FilmContext) -> int:
        """Return, with probability 1/2, the next label if `MAX_OBJECTS` are not yet used; otherwise 0 (not tracked)."""
        return self.next() if film.chance(0.5) and self.used < MAX_OBJECTS else 0


def create_actors(film: FilmContext, *, objects_in_scenery: bool = False) -> list[Actor]:
    """Make random actors for a film, ordered from farthest to nearest; labels 1, 2, .. mark the objects to track.

    If `objects_in_scenery`, the background already shows objects to track: fewer actors and no clutter are added.
    """
    rng = film.rng
    count = int(
        rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]) if objects_in_scenery else rng.choice([1, 2, 3], p=[0.35, 0.4, 0.25])
    )
    centre = rng.uniform(0.2, 0.8, 2) * film.size
    labels = _Labels()
    groups: list[list[Actor]] = []  # actors that stay together in depth
    for _ in range(count):
        if labels.used == MAX_OBJECTS:
            break
        place = centre + rng.normal(0, 0.2, 2) * film.size if film.chance(0.5) else None
        groups += _object_groups(film, labels, place)
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.4, 0.3, 0.2, 0.1]))):
        groups.append([_distractor(film)])
    order = list(range(len(groups)))
    rng.shuffle(order)
    behind = 0 if objects_in_scenery else int(rng.choice([0, 1, 2, 3], p=[0.5, 0.25, 0.15, 0.1]))
    back = [_clutter(film) for _ in range(behind)]
    front = [_occluder(film) for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1])))]
    return back + [actor for index in order for actor in groups[index]] + front


def _object_groups(film: FilmContext, labels: _Labels, place: np.ndarray | None) -> list[list[Actor]]:
    """Make an object to track that starts at `place` (2,) or, if None, anywhere, perhaps with related actors.

    Returns groups of actors that stay together in depth. The last group holds the object, perhaps with a reflection,
    an attached object and a string; a group before it may hold a look-alike.
    """
    tracked = _tracked_object(film, labels.next(), place)
    sprite = tracked.drawable
    if not isinstance(sprite, Sprite):
        return [[tracked]]
    groups = []
    group = [tracked]
    if film.chance(0.3):
        groups.append([_look_alike(film, tracked, sprite, labels.next_or_zero(film))])
    if film.chance(0.08):
        group = _with_reflection(film, tracked, sprite)
    if film.chance(0.12):
        group.append(_attached_object(film, tracked, sprite, labels.next_or_zero(film)))
    if film.chance(0.1):
        group.insert(int(film.rng.integers(2)), _string(film, tracked))
    return [*groups, group]


def _tracked_object(film: FilmContext, label: int, place: np.ndarray | None) -> Actor:
    """Make an object of random kind that starts at `place` (2,), or anywhere if `place` is None."""
    drawable = make_random(film, extent=_extent(film), place=place)
    return Actor(drawable, _random_appearance(film, label))


def _extent(film: FilmContext) -> float:
    """Sample the extent of an object in pixels, from 9 % to 100 % of the frame's side."""
    return (1 / 0.09) ** (film.rng.random() ** 0.7) * 0.09 * film.size


def _distractor(film: FilmContext) -> Actor:
    """Make a random object that is not tracked."""
    drawable = make_random(film, extent=film.ratio(0.06, 0.5) * film.size)
    return Actor(drawable, _random_appearance(film, 0))


def _random_appearance(film: FilmContext, label: int) -> Appearance:
    """Sample an actor's opacity, motion blur, defocus and shadow, and the frames on which it is hidden."""
    frames = len(film.times)
    hidden: frozenset[int] = frozenset()
    if frames > 2 and film.chance(0.06):
        start = int(film.rng.integers(1, frames))
        hidden = frozenset(range(start, min(frames, start + int(film.rng.integers(1, 4)))))
    return Appearance(
        label=label,
        opacity=film.between(0.35, 0.95) if film.chance(0.12) else 1.0,
        shutter=film.shutter(),
        softness=film.ratio(0.4, 2.5) * film.size / 256 if film.chance(0.2) else 0.0,
        shadow=film.between(0.15, 0.6) if film.chance(0.25) else 0.0,
        shadow_shift=_pair(film.rng.normal(0, 0.03, 2) * film.size),
        hidden=hidden,
    )


def _pair(values: np.ndarray) -> tuple[float, float]:
    """Convert an array (2,) to a tuple."""
    x, y = values
    return x, y


def _look_alike(film: FilmContext, actor: Actor, sprite: Sprite, label: int) -> Actor:
    """Make a second instance of an actor's sprite, perhaps mirrored, that starts elsewhere and moves independently."""
    start = np.array([sprite.motion.x[0], sprite.motion.y[0]])
    if film.chance(0.6):
        away = film.rng.normal(0, 1, 2)
        start = start + away / np.linalg.norm(away) * sprite.pictures[0].shape[1] * film.between(0.5, 1.3)
    else:
        start = film.rng.uniform(0.05, 0.95, 2) * film.size
    motion = random_motion(film.rng, film.times, x=start[0], y=start[1], size=film.size, speed_scale=1.0)
    motion = replace(motion, scale=motion.scale * film.ratio(0.75, 1.3))
    pictures = sprite.pictures
    if film.chance(0.5):
        mirrored = {id(rgba): np.ascontiguousarray(rgba[:, ::-1]) for rgba in pictures}
        pictures = tuple(mirrored[id(rgba)] for rgba in pictures)
    drawable = replace(sprite, pictures=pictures, motion=motion)
    appearance = replace(_random_appearance(film, label), opacity=actor.appearance.opacity)
    return Actor(drawable, appearance)


def _with_reflection(film: FilmContext, actor: Actor, sprite: Sprite) -> list[Actor]:
    """Return an actor's fainter reflection, then the actor; one of the two gets the actor's label, the other 0."""
    upright = film.chance(0.7)  # True: reflected in water or a floor, False: in a mirror or a window
    motion, picture = sprite.motion, sprite.pictures[0]
    turned = {id(rgba): np.ascontiguousarray(rgba[::-1] if upright else rgba[:, ::-1]) for rgba in sprite.pictures}
    half = picture.shape[0 if upright else 1] / 2 * film.between(0.9, 1.2)
    if upright:
        mirrored = replace(motion, y=2 * (motion.y[0] + half) - motion.y, angle=-motion.angle, shear=-motion.shear)
    else:
        side = film.rng.choice([-1, 1])
        mirrored = replace(
            motion, x=2 * (motion.x[0] + side * half) - motion.x, angle=-motion.angle, shear=-motion.shear
        )
    image = Sprite(tuple(turned[id(rgba)] for rgba in sprite.pictures), mirrored, sprite.view)
    if film.chance(0.5):
        folds, bends = bending(film, extent=picture.shape[0] * 0.5)
        image = replace(image, folds=folds, bends=bends)
    faint = replace(actor.appearance, opacity=film.between(0.3, 0.75), shadow=0.0, label=0)
    swap = film.chance(0.35)
    original = replace(actor, appearance=replace(actor.appearance, label=0)) if swap else actor
    return [Actor(image, replace(faint, label=actor.appearance.label if swap else 0)), original]


def _attached_object(film: FilmContext, actor: Actor, sprite: Sprite, label: int) -> Actor:
    """Make an object that moves with `actor`. If `label` is 0, the object gets the actor's label or 0, at random."""
    extent = sprite.pictures[0].shape[0] * film.between(0.3, 0.8)
    attached = make_cutout(film, extent=extent, place=np.zeros(2))
    motion = sprite.motion
    offset = film.rng.normal(0, 0.3, 2) * sprite.pictures[0].shape[1::-1]
    cosine, sine = np.cos(motion.angle), np.sin(motion.angle)
    joined = Motion(
        x=motion.x + motion.scale * (cosine * offset[0] - sine * offset[1]),
        y=motion.y + motion.scale * (sine * offset[0] + cosine * offset[1]),
        angle=motion.angle + random_signal(film.rng, film.times, reach=0.3, speed=0.03),
        scale=motion.scale,
        stretch=np.ones(len(film.times)),
        shear=np.zeros(len(film.times)),
    )
    if not label and film.chance(0.6):
        label = actor.appearance.label
    drawable = replace(attached, motion=joined, view=sprite.view)
    return Actor(drawable, replace(actor.appearance, label=label, opacity=1.0))


def _string(film: FilmContext, actor: Actor) -> Actor:
    """Make a leash or cable from `actor` to a random fixed point; its label is the actor's label or 0, at random."""
    start = np.stack([actor.drawable.centre(frame) for frame in range(len(film.times))])  # (T, 2)
    end = film.rng.uniform(-0.2, 1.2, 2) * film.size
    sag = np.array([0.0, film.between(-0.05, 0.25) * film.size])
    sway = np.stack([random_signal(film.rng, film.times, reach=0.05 * film.size, speed=1.0) for _ in range(2)], 1)
    knots = np.stack([start, (start + end) / 2 + sag + sway, np.broadcast_to(end, start.shape)], axis=1)
    red, green, blue = (int(value) for value in film.rng.integers(0, 256, 3))
    drawable = Strands((smooth_curve(knots),), ((red, green, blue),), (film.ratio(0.7, 2.5) * film.size / 256,))
    return Actor(
        drawable, replace(actor.appearance, label=actor.appearance.label if film.chance(0.35) else 0, opacity=1.0)
    )


def _clutter(film: FilmContext) -> Actor:
    """Make an unlabelled static object of the background; only the camera moves it on the frame."""
    make = make_blob if film.chance(0.5) else make_cutout
    extent = film.ratio(0.15, 1.0) * film.size
    sprite = make(film, extent=extent, place=film.rng.uniform(0, 1, 2) * film.size)
    still = random_motion(
        film.rng, film.times, x=sprite.motion.x[0], y=sprite.motion.y[0], size=film.size, speed_scale=0.0
    )
    view = parallax(film.camera, depth=film.between(0.8, 1.8))
    return Actor(Sprite(sprite.pictures, still, view), Appearance(softness=film.between(0, 1.5)))


def _occluder(film: FilmContext) -> Actor:
    """Make an unlabelled object that moves in front of all others, such as strands, a random shape or a cut-out."""
    make = make_strands if film.chance(0.4) else (make_blob if film.chance(0.4) else make_cutout)
    extent = film.ratio(0.1, 0.5) * film.size * (2 if make is make_strands else 1)
    drawable = make(film, extent=extent, place=film.rng.uniform(-0.1, 1.1, 2) * film.size)
    if isinstance(drawable, Strands):
        drawable = replace(drawable, widths=tuple(width * film.between(1, 4) for width in drawable.widths))
    return Actor(drawable, _random_appearance(film, 0))
