"""Random moving objects of composed films: cut-outs, blobs, turntables, solids and strands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .actors import Drawable, Sprite, Strands
from .assets import TURNTABLE
from .film_context import FilmContext
from .motion import parallax, random_motion, random_signal
from .solids import solid_pictures
from .sources import CUTOUT
from .sprites import blob, camouflage, fringe, premultiply, recolour, resize_to_extent, retexture


def make_random(film: FilmContext, *, extent: float, place: np.ndarray | None = None) -> Drawable:
    """Make an object of random kind, about `extent` pixels large, that starts at `place` (2,) or, if None, anywhere."""
    kinds: dict[Callable[..., Drawable], float] = {
        make_cutout: 0.45,
        make_solid: 0.18,
        make_blob: 0.13,
        make_strands: 0.05,
    }
    if film.assets.count(TURNTABLE):
        kinds[make_turntable] = 0.3
    weights = np.array(list(kinds.values()))
    make = list(kinds)[film.rng.choice(len(kinds), p=weights / weights.sum())]
    if place is None:
        place = film.rng.uniform(0.05, 0.95, 2) * film.size
    return make(film, extent=extent, place=place)


def make_cutout(film: FilmContext, *, extent: float, place: np.ndarray) -> Sprite:
    """Make a sprite of a random cut-out, perhaps with new colours, a new texture or a fringe of hair."""
    rgba = resize_to_extent(film.assets.read(film.assets.pick(CUTOUT, film.rng)), extent=extent)
    if film.chance(0.5):
        rgba = rgba[:, ::-1]
    if film.chance(0.25):
        picture = film.picture(photographs=0.5)
        rgba = retexture(film.rng, rgba, picture)
    rgba = recolour(film.rng, rgba, strength=1.0 if film.chance(0.3) else 0.3)
    if film.chance(0.15):
        rgba = fringe(film.rng, rgba)
    return _sprite(film, [rgba], extent=extent, place=place)


def make_blob(film: FilmContext, *, extent: float, place: np.ndarray) -> Sprite:
    """Make a random shape, usually bending, filled with a picture or with the background of the film."""
    if film.chance(0.35):
        picture = film.ground
    else:
        picture = film.picture(photographs=0.7)
    rgba = recolour(film.rng, blob(film.rng, picture, extent=extent), strength=0.3)
    if film.chance(0.25):
        rgba = fringe(film.rng, rgba)
    return _sprite(film, [rgba], extent=extent, place=place, bend_prob=0.8)


def make_turntable(film: FilmContext, *, extent: float, place: np.ndarray) -> Sprite:
    """Make a piece of furniture that turns about its vertical axis, from the views of a turntable."""
    item = film.assets.pick(TURNTABLE, film.rng)
    spin = random_signal(film.rng, film.times, reach=film.between(2, 12), speed=film.ratio(0.05, 1.5))
    views = np.round(spin + film.between(0, item.views)).astype(int) % item.views
    state = film.rng.bit_generator.state
    pictures: dict[int, np.ndarray] = {}
    for view in views:
        if view not in pictures:
            film.rng.bit_generator.state = state  # the same colours for each view
            rgba = resize_to_extent(film.assets.read(item, view=int(view)), extent=1.2 * extent)
            pictures[view] = recolour(film.rng, rgba, strength=0.4)
    return _sprite(film, [pictures[view] for view in views], extent=extent, place=place, bend_prob=0.15)


def make_solid(film: FilmContext, *, extent: float, place: np.ndarray) -> Sprite:
    """Make a random object of boxes, balls and rods that turns and moves its parts."""
    fillings = [film.picture(photographs=0.3)] if film.chance(0.7) else []
    pictures = solid_pictures(film.rng, film.times, extent=1.2 * extent, fillings=fillings)
    return _sprite(film, pictures, extent=extent, place=place, bend_prob=0.0)


def make_strands(film: FilmContext, *, extent: float, place: np.ndarray) -> Strands:
    """Make one to six strings, wires or twigs that move together, while each sways on its own."""
    rng = film.rng
    motion = random_motion(rng, film.times, x=place[0], y=place[1], size=film.size, speed_scale=1.0)
    path = np.stack([motion.x, motion.y], 1)[:, None]  # (T, 1, 2)
    colour = rng.integers(0, 256, 3)
    curves, colours, widths = [], [], []
    hub = rng.normal(0, 0.3, 2) * extent
    for _ in range(int(rng.integers(1, 7))):
        ends = np.stack([hub if film.chance(0.6) else rng.normal(0, 0.5, 2) * extent, rng.normal(0, 0.7, 2) * extent])
        bow = rng.normal(0, 0.25, 2) * extent * film.between(0, 1)
        knots = np.stack([ends[0], ends.mean(axis=0) + bow, ends[1]])
        sway = np.stack(
            [
                [random_signal(rng, film.times, reach=0.2 * extent, speed=0.01 * extent) for _ in range(2)]
                for _ in range(3)
            ]
        )  # (3, 2, T)
        curves.append(path + smooth_curve(knots[None] + sway.transpose(2, 0, 1)))
        red, green, blue = (int(value) for value in np.clip(colour + rng.normal(0, 20, 3), 0, 255))
        colours.append((red, green, blue))
        widths.append(film.ratio(0.8, 5.0) * film.size / 256)
    return Strands(tuple(curves), tuple(colours), tuple(widths))


def smooth_curve(knots: np.ndarray) -> np.ndarray:
    """Return points (T, 12, 2) of quadratic Bezier curves with control points `knots` (T, 3, 2)."""
    part = np.linspace(0, 1, 12)[None, :, None]
    return (1 - part) ** 2 * knots[:, :1] + 2 * part * (1 - part) * knots[:, 1:2] + part**2 * knots[:, 2:]


def _sprite(
    film: FilmContext, pictures: list[np.ndarray], *, extent: float, place: np.ndarray, bend_prob: float = 0.45
) -> Sprite:
    """Make a sprite of RGBA pictures (one, or one per frame) that moves from `place` (2,) at random and may bend."""
    rng, frames = film.rng, len(film.times)
    if film.chance(0.12):
        column, row = np.clip(place, 0, film.size - 1).astype(int)
        near = film.ground[max(0, row - 20) : row + 20, max(0, column - 20) : column + 20].mean(axis=(0, 1))
        nearness, contrast = film.between(0.5, 1.0), film.between(0.4, 1.0)
        pictures = [camouflage(rgba, near, contrast=contrast, nearness=nearness) for rgba in pictures]
    premultiplied: dict[int, np.ndarray] = {}
    for rgba in pictures:
        if id(rgba) not in premultiplied:
            premultiplied[id(rgba)] = premultiply(rgba)
    shown = tuple(premultiplied[id(rgba)] for rgba in pictures) * (frames if len(pictures) == 1 else 1)
    speed_scale = 0.0 if film.chance(0.12) else 1.0
    motion = random_motion(rng, film.times, x=place[0], y=place[1], size=film.size, speed_scale=speed_scale)
    view = parallax(film.camera, depth=0.0 if film.chance(0.35) else film.between(0.7, 1.4))
    if not film.chance(bend_prob):
        return Sprite(shown, motion, view)
    return Sprite(shown, motion, view, *bending(film, extent=extent))


def bending(film: FilmContext, *, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """Sample two displacement fields that bend a picture, (2, g, g, 2) in pixels, and their weights over time (T, 2).

    Each field is a grid of g x g displacements (x, y).
    """
    grid = int(film.rng.integers(3, 7))
    folds = film.rng.normal(0, 1, (2, grid, grid, 2)).astype(np.float32) * extent * film.between(0.02, 0.1)
    pace = film.ratio(0.02, 0.4)
    bends = [
        film.rng.normal(0, 0.5) + random_signal(film.rng, film.times, reach=film.between(0.3, 1.2), speed=pace)
        for _ in range(2)
    ]
    return folds, np.clip(np.stack(bends, 1), -1.2, 1.2).astype(np.float32)
