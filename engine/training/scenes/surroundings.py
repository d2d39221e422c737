"""Where a scene takes place: ground, walls, pictures behind, clutter around, lamps and a sky."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .contraptions import grass_field, make_contraption
from .creatures import Being
from .furniture import Furniture
from .moving import look, turned_about
from .plans import Lamp, Thing, View
from .scene_sampler import SceneSampler
from .shapes import Coat, Shape, box, joined, sheet, tube
from .zeroad_actors import BUILDINGS, GEAR, STONES, TREES, ZeroADActors


@dataclass(frozen=True)
class Props:
    """Where ready-made things come from; None: this machine has not got them."""

    troupe: ZeroADActors | None
    furniture: Furniture | None


@dataclass(frozen=True)
class Spot:
    """Where the action is, in metres."""

    middle: np.ndarray  # (3,) on the ground
    reach: float  # how far the objects get from there
    extent: float  # how large they are
    view: View


def surround(sampler: SceneSampler, props: Props, spot: Spot, *, ground: bool, level: float) -> list[Thing]:
    """Everything that is not the action; pictures that shine by themselves are as bright as `level` tells."""
    things = []
    far = np.linalg.norm(spot.view.places[:, :2, 3] - spot.middle[:2], axis=1).max() + 1.5 * spot.reach
    room = ground and sampler.chance(0.3)
    if ground:
        things.append(_floor(sampler, spot, wide=30 * spot.extent + 4 * far))
    if room:
        things += _walls(sampler, spot, far * sampler.between(1.05, 1.8) + spot.extent, level)
    elif sampler.chance(0.75):
        things.append(_picture_behind(sampler, spot, far, level))
    for _ in range(sampler.whole(2, 12)):
        things.append(_clutter(sampler, props, spot, indoors=room, ground=ground))
    if ground and not room and sampler.chance(0.2):
        field = grass_field(sampler, min(3.0, 2.5 * spot.extent) + 0.5, sampler.whole(2000, 6000))
        place = np.eye(4)
        place[:3, 3] = spot.middle
        things.append(Thing(field.shape, field.coats, place[None], kind=field.kind, shadows=False))
    if sampler.chance(0.5):
        things += [_occluder(sampler, props, spot, ground=ground) for _ in range(sampler.whole(1, 2))]
    return things


def _floor(sampler: SceneSampler, spot: Spot, wide: float) -> Thing:
    """A plane, at times wet or polished so that it shows what stands on it."""
    corners = np.array([[[-1.0, -1, 0], [1, -1, 0]], [[-1, 1, 0], [1, 1, 0]]])[None] * wide
    coat = replace(sampler.coat(pictures=0.93), metallic=0.0)
    if coat.picture is not None:
        coat = replace(coat, repeat=2 * wide / (spot.extent * sampler.ratio(0.7, 4)))
    if sampler.chance(0.2):
        coat = replace(coat, roughness=sampler.between(0.02, 0.25))
    place = turned_about("z", np.array([sampler.between(0, 6)]))
    place[:, :3, 3] = spot.middle
    return Thing(sheet(corners), (coat,), place, kind="floor")


def _walls(sampler: SceneSampler, spot: Spot, away: float, level: float) -> list[Thing]:
    """Four walls around the camera and all else, and often things on them."""
    high, things = away * sampler.between(0.7, 1.6) + spot.view.places[:, 2, 3].max(), []
    coat = sampler.coat(pictures=0.7)
    turn = sampler.between(0, 6)
    for side in range(4):
        wall = np.array([[[away, -away, 0], [away, away, 0]], [[away, -away, high], [away, away, high]]])[None]
        own = coat if sampler.chance(0.7) else sampler.coat(pictures=0.7)
        place = turned_about("z", np.array([turn + side * np.pi / 2]))
        place[:, :3, 3] = spot.middle
        things.append(Thing(sheet(wall), (replace(own, repeat=sampler.ratio(1, 5)),), place, kind="wall"))
        for _ in range(sampler.whole(0, 3)):  # pictures, windows
            wide, tall = away * sampler.ratio(0.1, 0.5), away * sampler.ratio(0.1, 0.4)
            y, z = sampler.between(-0.8, 0.8) * away, sampler.between(0.1, 0.7) * away
            corners = np.array([[[0, 0, 0], [0, wide, 0]], [[0, 0, tall], [0, wide, tall]]])[None]
            shown = Coat(
                (1, 1, 1), sampler.picture(photographs=0.9), roughness=0.4, lit=sampler.chance(0.7), glow=level
            )
            hung = sheet(corners + np.array([away * 0.99, y, z]))
            things.append(Thing(hung, (shown,), place, kind="picture"))
    return things


def _picture_behind(sampler: SceneSampler, spot: Spot, far: float, level: float) -> Thing:
    """A photograph on a bent screen, as a landscape behind the action, as seen from the camera."""
    away = far * sampler.between(1.2, 2.5) + 4 * spot.extent
    eye = spot.view.places[:, :3, 3].mean(axis=0)
    ahead = np.arctan2(*(spot.middle - eye)[1::-1])
    bend = sampler.between(1.0, 2.4)
    angle, rise = np.meshgrid(np.linspace(-bend / 2, bend / 2, 17), np.array([0.0, 1.0]))
    photograph = sampler.picture(photographs=0.92, side=960)
    high = bend * away * photograph.shape[0] / photograph.shape[1] * sampler.between(0.8, 1.3)
    low = -sampler.between(0.0, 0.35) * high
    points = np.stack([away * np.cos(-angle), away * np.sin(-angle), low + high * rise], 2)[None]
    place = turned_about("z", np.array([ahead]))
    place[:, :3, 3] = [*eye[:2], spot.middle[2]]
    coat = Coat((1, 1, 1), photograph, roughness=1.0, glow=level * sampler.ratio(0.5, 1.3), lit=False)
    return Thing(sheet(points), (coat,), place, kind="landscape", shadows=False)


def _clutter(sampler: SceneSampler, props: Props, spot: Spot, *, indoors: bool, ground: bool) -> Thing:
    """A thing that stands around, beside or behind the action."""
    being = _ready_made(sampler, props, indoors=indoors) if sampler.chance(0.75) else None
    if being is None:
        being = make_contraption(sampler, _STANDING)
    size = spot.extent * sampler.ratio(0.3, 3.0)
    shape = sized(being.shape, size)
    eye = spot.view.places[:, :3, 3].mean(axis=0)
    for _ in range(30):  # neither in the midst of the action nor before the camera
        angle, away = sampler.between(0, 2 * np.pi), spot.reach + size / 2 + spot.extent * sampler.ratio(0.3, 6)
        where = spot.middle + away * np.array([np.cos(angle), np.sin(angle), 0])
        along = np.clip((where - eye)[:2] @ (spot.middle - eye)[:2] / ((spot.middle - eye)[:2] ** 2).sum(), 0, 1)
        beside = np.linalg.norm((where - eye)[:2] - along * (spot.middle - eye)[:2])
        if beside > 0.7 * size + 0.3 * spot.extent:
            break
    if not ground:
        where = where + np.array([0, 0, sampler.between(-2, 2) * spot.extent])
    place = turned_about("z", np.array([sampler.between(0, 6)]))
    place[:, :3, 3] = where
    return Thing(shape, being.coats, place, source=being.source, kind="clutter")


_STANDING = {"plant": 2, "stool": 1, "car": 1, "arm": 0.5, "tuft": 1, "flag": 0.5, "wires": 0.5}


def _ready_made(sampler: SceneSampler, props: Props, *, indoors: bool) -> Being | None:
    """Furniture indoors, trees, stones and houses outdoors, mostly; None when there is none, or a box was meant."""
    if sampler.chance(0.2):
        return Being(box(sampler.rng.uniform(0.2, 1, 3)), (sampler.coat(),), "stand")
    if props.furniture and (indoors or sampler.chance(0.25)):
        return props.furniture.pick(sampler)
    if props.troupe:
        kind = sampler.one_of({TREES: 4, STONES: 2, BUILDINGS: 2, GEAR: 1})
        return props.troupe.pick(sampler, kind)
    return None


def _occluder(sampler: SceneSampler, props: Props, spot: Spot, *, ground: bool) -> Thing:
    """A thing between the camera and the action: a post, bars, leaves, at times passing by."""
    part = sampler.between(0.25, 0.75)
    eyes = spot.view.places[:, :3, 3]
    aim = spot.middle + np.array([0, 0, 0.4 * spot.extent])
    where = eyes.mean(axis=0) * (1 - part) + aim * part
    right = spot.view.places[:, :3, 0].mean(axis=0)
    wide = spot.extent * (1 - part * 0.3)
    kind = sampler.one_of({"post": 3, "bars": 0.6, "leaves": 2, "thing": 3})
    if kind == "post":
        shape, coats = (
            tube(np.array([[[0.1, 0, -9], [0, 0, 9.0]]]), np.full(2, wide * sampler.ratio(0.015, 0.12))),
            (sampler.coat(),),
        )
    elif kind == "bars":
        shape, coats = _bars(sampler, wide), (sampler.coat(),)
    else:
        being = (
            make_contraption(sampler, {"plant": 2, "tuft": 1})
            if kind == "leaves"
            else _ready_made(sampler, props, indoors=False)
        )
        being = being or make_contraption(sampler)
        shape, coats = sized(being.shape, wide * sampler.ratio(0.25, 0.8)), being.coats
        shape = shape.moved(np.array([0, 0, -0.5 * (shape.low + shape.high)[2]]))
    places = turned_about("z", np.full(len(sampler.seconds), sampler.between(0, 6)))
    seconds = sampler.seconds - sampler.seconds.mean()
    drift = (
        sampler.between(-0.6, 0.6) * wide
        + sampler.chance(0.6) * sampler.sign() * wide * sampler.ratio(0.4, 2.5) * seconds
    )
    places[:, :3, 3] = where + drift[:, None] * right + np.array([0, 0, sampler.between(-0.25, 0.25) * wide])
    return Thing(shape, coats, places, kind="occluder", shadows=sampler.chance(0.5))


def _bars(sampler: SceneSampler, wide: float) -> Shape:
    thin, apart = wide * sampler.ratio(0.006, 0.025), wide * sampler.ratio(0.15, 0.6)
    lines = [np.array([[[0, y * apart, -3 * wide], [0, y * apart, 3 * wide]]]) for y in range(-6, 7)]
    if sampler.chance(0.3):
        lines += [line[..., [0, 2, 1]] for line in lines]
    shapes = [tube(line, np.full(2, thin), sides=5) for line in lines]
    return joined(*shapes)


def sized(shape: Shape, extent: float) -> Shape:
    """So large, over the origin, standing on the ground."""
    low, high = np.percentile(shape.points[0], [1, 99], axis=0)
    middle = np.array([*(low + high)[:2] / 2, shape.points[0, :, 2].min()])
    return shape.moved(-middle).scaled(extent / max(1e-6, (high - low).max()))


def light(sampler: SceneSampler, spot: Spot) -> tuple[list[Lamp], Coat, np.ndarray]:
    """Lamps, the sky, and how strong the sky is over time; in part of the scenes they change."""
    lamps = []
    steady = np.ones(1)
    if sampler.chance(0.72):
        high = np.radians(sampler.between(12, 80))
        around = sampler.between(0, 6) + sampler.chance(0.2) * sampler.between(-0.8, 0.8) * sampler.seconds
        eye = 10 * np.stack(
            [np.cos(high) * np.cos(around), np.cos(high) * np.sin(around), 0 * around + np.sin(high)], 1
        )
        warm = np.array([1.0, sampler.between(0.8, 1), sampler.between(0.6, 1)])
        strength = sampler.ratio(1.0, 6) * _changing(sampler)
        lamps.append(Lamp("SUN", look(eye, 0 * eye, 0.0), strength, tuple(warm), sampler.ratio(0.005, 0.2)))
    for _ in range(sampler.whole(0 if lamps else 1, 2)):
        away = spot.extent * sampler.ratio(1.2, 4)
        turn = sampler.between(0, 6) + sampler.chance(0.3) * sampler.wander(1.0, 0.3)
        eye = spot.middle + np.stack(
            [away * np.cos(turn), away * np.sin(turn), away * sampler.between(0.4, 1.2) + 0 * sampler.seconds], 1
        )  # fmt: skip
        colour = (1.0, 0.95, 0.9) if sampler.chance(0.6) else tuple(0.4 + 0.6 * np.array(sampler.colour()))
        strength = 30 * away**2 * sampler.ratio(0.3, 3) * _changing(sampler)
        aim = np.broadcast_to(spot.middle + np.array([0, 0, 0.4 * spot.extent]), eye.shape)
        lamps.append(Lamp("AREA", look(eye, aim, 0.0), strength, colour, away * sampler.ratio(0.08, 0.8)))
    photo = sampler.picture(photographs=0.95, side=640) if sampler.chance(0.6) else None
    tint = tuple(0.55 + 0.45 * np.array(sampler.colour()))
    return lamps, Coat(tint, photo), sampler.ratio(0.35, 1.6) * (_changing(sampler) if sampler.chance(0.4) else steady)


def light_level(lamps: list[Lamp], strength: np.ndarray, spot: Spot) -> float:
    """About how bright a white wall is in this light, so that what shines by itself is neither lost nor blinding."""
    level = 0.45 * strength.mean()
    for lamp in lamps:
        away = np.linalg.norm(lamp.places[:, :3, 3] - spot.middle, axis=1).mean()
        given = lamp.strength.mean() / (1 if lamp.kind == "SUN" else np.pi * away**2)  # W/m2
        level += 0.5 * given / np.pi
    return float(level)


def _changing(sampler: SceneSampler) -> np.ndarray:
    """(1 or K,) steady light, or a cloud, a lamp that is switched, a flicker."""
    kind = sampler.one_of({"steady": 6, "cloud": 2, "switch": 0.6, "flicker": 0.6})
    if kind == "cloud":
        return 0.62 + 0.38 * np.clip(sampler.wander(1.2, 0.5), -1, 1)
    if kind == "switch":
        when = sampler.rng.choice(sampler.seconds)
        return np.where(sampler.seconds < when, 1.0, sampler.between(0.25, 0.6))
    if kind == "flicker":
        return sampler.rng.uniform(0.6, 1.0, len(sampler.seconds))
    return np.ones(1)
