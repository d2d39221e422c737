"""Makes the things that appear in a composed film and sets them in motion: each kind from its own material."""

from __future__ import annotations

import numpy as np

from .actors import Drawing, Sprite, Strands
from .assets import TURNTABLE
from .motion import parallax, random_motion, wander
from .solids import solid_pictures
from .sources import CUTOUT
from .sprites import blob, fit, fringe, premultiply, recolour, retexture, towards
from .stage import Stage


def make_any(stage: Stage, *, extent: float, place: np.ndarray | None = None) -> Drawing:
    """A thing of any kind, about `extent` pixels large, first at `place` (2,) or anywhere."""
    kinds = {make_cutout: 0.45, make_solid: 0.18, make_blob: 0.13, make_strands: 0.05}
    if stage.assets.count(TURNTABLE):
        kinds[make_turntable] = 0.3
    weights = np.array(list(kinds.values()))
    make = list(kinds)[stage.rng.choice(len(kinds), p=weights / weights.sum())]
    if place is None:
        place = stage.rng.uniform(0.05, 0.95, 2) * stage.size
    return make(stage, extent=extent, place=place)


def make_cutout(stage: Stage, *, extent: float, place: np.ndarray) -> Sprite:
    """A prepared cut-out, perhaps with new colours, a new texture or a fringe of hair."""
    rgba = fit(stage.assets.read(stage.assets.pick(CUTOUT, stage.rng)), extent=extent)
    if stage.chance(0.5):
        rgba = rgba[:, ::-1]
    if stage.chance(0.25):
        picture = stage.picture(photographs=0.5)
        rgba = retexture(stage.rng, rgba, picture)
    rgba = recolour(stage.rng, rgba, strength=1.0 if stage.chance(0.3) else 0.3)
    if stage.chance(0.15):
        rgba = fringe(stage.rng, rgba)
    return _sprite(stage, [rgba], extent=extent, place=place)


def make_blob(stage: Stage, *, extent: float, place: np.ndarray) -> Sprite:
    """A pliant random shape out of a photograph, sometimes out of the background itself."""
    if stage.chance(0.35):
        picture = stage.ground
    else:
        picture = stage.picture(photographs=0.7)
    rgba = recolour(stage.rng, blob(stage.rng, picture, extent=extent), strength=0.3)
    if stage.chance(0.25):
        rgba = fringe(stage.rng, rgba)
    return _sprite(stage, [rgba], extent=extent, place=place, pliant=0.8)


def make_turntable(stage: Stage, *, extent: float, place: np.ndarray) -> Sprite:
    """A thing from a catalogue that turns about its upright axis."""
    item = stage.assets.pick(TURNTABLE, stage.rng)
    spin = wander(stage.rng, stage.times, reach=stage.between(2, 12), speed=stage.ratio(0.05, 1.5))
    views = np.round(spin + stage.between(0, item.views)).astype(int) % item.views
    state = stage.rng.bit_generator.state
    pictures: dict[int, np.ndarray] = {}
    for view in views:
        if view not in pictures:
            stage.rng.bit_generator.state = state  # the same colours for each view
            rgba = fit(stage.assets.read(item, view=int(view)), extent=1.2 * extent)
            pictures[view] = recolour(stage.rng, rgba, strength=0.4)
    return _sprite(stage, [pictures[view] for view in views], extent=extent, place=place, pliant=0.15)


def make_solid(stage: Stage, *, extent: float, place: np.ndarray) -> Sprite:
    """A made-up thing of boxes, balls and rods that turns and moves its limbs."""
    fillings = [stage.picture(photographs=0.3)] if stage.chance(0.7) else []
    pictures = solid_pictures(stage.rng, stage.times, extent=1.2 * extent, fillings=fillings)
    return _sprite(stage, pictures, extent=extent, place=place, pliant=0.0)


def make_strands(stage: Stage, *, extent: float, place: np.ndarray) -> Strands:
    """Some strings, wires or twigs that sway and travel together."""
    rng = stage.rng
    motion = random_motion(rng, stage.times, x=place[0], y=place[1], size=stage.size, vigour=1.0)
    path = np.stack([motion.x, motion.y], 1)[:, None]  # (T, 1, 2)
    colour = rng.integers(0, 256, 3)
    curves, colours, widths = [], [], []
    hub = rng.normal(0, 0.3, 2) * extent
    for _ in range(int(rng.integers(1, 7))):
        ends = np.stack([hub if stage.chance(0.6) else rng.normal(0, 0.5, 2) * extent, rng.normal(0, 0.7, 2) * extent])
        bow = rng.normal(0, 0.25, 2) * extent * stage.between(0, 1)
        knots = np.stack([ends[0], ends.mean(axis=0) + bow, ends[1]])
        sway = np.stack(
            [[wander(rng, stage.times, reach=0.2 * extent, speed=0.01 * extent) for _ in range(2)] for _ in range(3)]
        )  # (3, 2, T)
        curves.append(path + smooth_curve(knots[None] + sway.transpose(2, 0, 1)))
        colours.append(tuple(int(value) for value in np.clip(colour + rng.normal(0, 20, 3), 0, 255)))
        widths.append(stage.ratio(0.8, 5.0) * stage.size / 256)
    return Strands(tuple(curves), tuple(colours), tuple(widths))


def smooth_curve(knots: np.ndarray) -> np.ndarray:
    """Three knots (T, 3, 2) -> points of a smooth curve (T, 12, 2)."""
    part = np.linspace(0, 1, 12)[None, :, None]
    return (1 - part) ** 2 * knots[:, :1] + 2 * part * (1 - part) * knots[:, 1:2] + part**2 * knots[:, 2:]


def _sprite(
    stage: Stage, pictures: list[np.ndarray], *, extent: float, place: np.ndarray, pliant: float = 0.45
) -> Sprite:
    """Set straight-alpha pictures (one, or one per frame) in motion at a place; `pliant`: how likely they bend."""
    rng, frames = stage.rng, len(stage.times)
    if stage.chance(0.12):
        column, row = np.clip(place, 0, stage.size - 1).astype(int)
        near = stage.ground[max(0, row - 20) : row + 20, max(0, column - 20) : column + 20].mean(axis=(0, 1))
        nearness, contrast = stage.between(0.5, 1.0), stage.between(0.4, 1.0)
        pictures = [towards(rgba, near, contrast=contrast, nearness=nearness) for rgba in pictures]
    ready: dict[int, np.ndarray] = {}
    for rgba in pictures:
        if id(rgba) not in ready:
            ready[id(rgba)] = premultiply(rgba)
    shown = tuple(ready[id(rgba)] for rgba in pictures) * (frames if len(pictures) == 1 else 1)
    vigour = 0.0 if stage.chance(0.12) else 1.0
    motion = random_motion(rng, stage.times, x=place[0], y=place[1], size=stage.size, vigour=vigour)
    view = parallax(stage.camera, depth=0.0 if stage.chance(0.35) else stage.between(0.7, 1.4))
    if not stage.chance(pliant):
        return Sprite(shown, motion, view)
    return Sprite(shown, motion, view, *bending(stage, extent=extent))


def bending(stage: Stage, *, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """Folds (2, g, g, 2) and how strong each is over time (T, 2)."""
    grid = int(stage.rng.integers(3, 7))
    folds = stage.rng.normal(0, 1, (2, grid, grid, 2)).astype(np.float32) * extent * stage.between(0.02, 0.1)
    pace = stage.ratio(0.02, 0.4)
    bends = [
        stage.rng.normal(0, 0.5) + wander(stage.rng, stage.times, reach=stage.between(0.3, 1.2), speed=pace)
        for _ in range(2)
    ]
    return folds, np.clip(np.stack(bends, 1), -1.2, 1.2).astype(np.float32)
