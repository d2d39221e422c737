"""Directs a scene: who appears, who is an object to follow, where they go, and where the camera stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..assets import Assets
from .contraptions import make_contraption
from .creatures import Being, furred, make_creature
from .dancers import make_dancer
from .furniture import Furniture
from .moving import film, go
from .plans import HEIGHT, MOST_OBJECTS, WIDTH, Scene, Thing, View, is_held_out_scene
from .scene_sampler import SceneSampler
from .shapes import Coat, tube
from .surroundings import Props, Spot, light, light_level, sized, surround
from .zeroad_actors import ANIMALS, PEOPLE, ZeroADActors

CAMERA_TRIES = 25
# Of scenes for training only, in shares.
_DANCERS, _TUMBLING = 0.12, 0.3  # of all beings; of those that could
_PAINTED_ALIKE, _OF_ONE_TONE = 0.1, 0.15
_ACROBATS = ("dancer", "figure", PEOPLE, "star")
ASPECT = WIDTH / HEIGHT
Maker = Callable[[SceneSampler], Being]


@dataclass(frozen=True)
class SceneAssets:
    """All that scenes are made of: one for training, one of what is held out."""

    assets: Assets
    props: Props

    @staticmethod
    def open(prepared: Path, fetched: Path | None, *, held_out: bool) -> SceneAssets:
        """Ready-made things are left out where `fetched` is None or lacks them."""
        return SceneAssets(
            Assets(prepared, held_out=held_out, remember=40),
            Props(_there(ZeroADActors, fetched, held_out), _there(Furniture, fetched, held_out)),
        )


def _there(kind: type, fetched: Path | None, held_out: bool) -> ZeroADActors | Furniture | None:
    if fetched is None:
        return None
    try:
        return kind(fetched, held_out=held_out)
    except FileNotFoundError:
        return None


def plan_scene(scene_assets: SceneAssets, seed: int, attempt: int, *, frames: int) -> Scene:
    """The scene of a seed; another `attempt` is another scene, for when nothing was to be seen in the first."""
    rng = np.random.default_rng([seed, attempt])
    rate = rng.uniform(8, 22)  # frames a second
    train_only_rng = None if is_held_out_scene(seed) else np.random.default_rng([seed, attempt, 1])
    sampler = SceneSampler(rng, (np.arange(frames + 2) - 1) / rate, scene_assets.assets, train_only_rng=train_only_rng)
    actors = _cast(sampler, scene_assets.props)
    main = actors[0]
    middle = _middle(main)
    extent = _extent(main)
    ground = any(actor.kind not in ("fish", "jelly", "bird") for actor in actors) and not sampler.chance(0.08)
    view = _film(sampler, actors, middle, extent, ground=ground)
    reach = max(np.linalg.norm(_middle(actor)[:, :2] - middle.mean(axis=0)[:2], axis=1).max() for actor in actors)
    spot = Spot(np.array([*middle.mean(axis=0)[:2], 0.0]), min(reach, 4 * extent) + 0.4 * extent, extent, view)
    lamps, sky, strength = light(sampler, spot)
    around = surround(sampler, scene_assets.props, spot, ground=ground, level=light_level(lamps, strength, spot))
    things = tuple(_toned(sampler, actors, around))
    about = {
        "seed": seed,
        "held_out": is_held_out_scene(seed),
        "frames_per_second": round(rate, 2),
        "objects": {str(actor.label): actor.kind for actor in actors if actor.label},
        "others": sorted(thing.kind for thing in things if not thing.label),
        "sources": sorted({thing.source for thing in things if thing.source} | {f"{p}: {f}" for p, f in sampler.used}),
    }
    return Scene(
        things,
        tuple(lamps),
        view,
        sky,
        strength,
        sampler.between(0, 6),
        sampler.between(0.28, 0.55),
        sampler.chance(0.4),
        about,
    )


def _cast(sampler: SceneSampler, props: Props) -> list[Thing]:
    """Objects with labels 1, 2, .. and others of their kind without; the first is what the camera is for."""
    count = int(sampler.rng.choice([1, 2, 3, 4], p=[0.38, 0.34, 0.18, 0.1]))
    actors: list[Thing] = []
    labels = 0
    while labels < count:
        maker = _maker(sampler, props)
        seed = int(sampler.rng.integers(2**40))
        size = 1.7 * sampler.ratio(0.65, 1.5)
        copies = 1
        if sampler.chance(0.45 if labels == 0 else 0.15):
            copies += sampler.whole(1, 2)
        for copy in range(copies):
            shift = 0.0 if copy == 0 else sampler.between(0.1, 3.0)
            own = np.random.default_rng(seed)
            being = maker(replace(sampler, rng=own, seconds=sampler.seconds + shift))
            if copy and sampler.chance(0.3):
                being = replace(
                    being, coats=tuple(sampler.coat() if sampler.chance(0.5) else coat for coat in being.coats)
                )
            label = 0
            if labels < count and (copy == 0 or sampler.chance(0.6)):
                labels += 1
                label = labels
            actors.append(_act(sampler, being, size * (1.0 if copy == 0 else sampler.ratio(0.8, 1.25)), actors, label))
            if label and sampler.chance(0.15):
                labels = _accompany(sampler, actors, labels)
    for _ in range(sampler.whole(0, 2) if sampler.chance(0.4) else 0):
        actors.append(_act(sampler, _maker(sampler, props)(sampler), 1.7 * sampler.ratio(0.4, 1.5), actors, 0))
    return actors


def _maker(sampler: SceneSampler, props: Props) -> Maker:
    """What makes a random being, and the same one again from the same dice."""
    odds = {"creature": 2.0, "contraption": 3.0}
    if props.troupe:
        odds |= {PEOPLE: 2.6, ANIMALS: 2.8}
    if props.furniture:
        odds["furniture"] = 1.4
    kind = sampler.one_of(odds)
    kind = "dancer" if sampler.train_only_chance(_DANCERS) else kind
    action = sampler.one_of({"walk": 4, "run": 3, "": 3})
    hairy = sampler.chance(0.2)

    def make(own: SceneSampler) -> Being:
        if kind == "creature":
            return make_creature(own)
        if kind == "contraption":
            return make_contraption(own)
        if kind == "dancer":
            return make_dancer(own)
        if kind == "furniture":
            return props.furniture.pick(own)
        being = props.troupe.pick(own, kind, action=action)
        return furred(own, being, length=own.ratio(0.01, 0.03)) if kind == ANIMALS and hairy else being

    return make


def _act(sampler: SceneSampler, being: Being, extent: float, others: list[Thing], label: int) -> Thing:
    """Give a being its size, its place beside the others, and its way."""
    if being.kind in _ACROBATS and sampler.train_only_chance(_TUMBLING):
        being = replace(being, gait="tumble")
    shape = sized(being.shape, extent)
    where = np.zeros(3)
    if others:
        first = _middle(others[0]).mean(axis=0)
        for _ in range(20):
            angle, away = sampler.between(0, 2 * np.pi), (extent + _extent(others[0])) / 2 * sampler.ratio(0.6, 2.2)
            where = np.array([first[0] + away * np.cos(angle), first[1] + away * np.sin(angle), 0.0])
            apart = [np.linalg.norm(_middle(other).mean(axis=0)[:2] - where[:2]) for other in others]
            if all(gap > 0.35 * (extent + _extent(other)) for gap, other in zip(apart, others)):
                break
    if being.gait in ("roll", "throw", "hand", "fly", "swim"):  # these turn about their middle
        shape = shape.moved(np.array([0, 0, -0.5 * (shape.low + shape.high)[2]]))
    places = go(sampler, being, where, extent=extent)
    return Thing(shape, being.coats, places, label, being.source, being.kind)


def _accompany(sampler: SceneSampler, actors: list[Thing], labels: int) -> int:
    """Give the last one something that it carries or is tied to; returns how many labels there are then."""
    carrier, extent = actors[-1], _extent(actors[-1])
    label = int(sampler.rng.choice([0, carrier.label, labels + 1]))
    if label > MOST_OBJECTS:
        label = 0
    if sampler.chance(0.5):
        being = make_contraption(sampler, {"toy": 2, "stool": 1, "wires": 1, "flag": 1, "towel": 1})
        shape = sized(being.shape, extent * sampler.ratio(0.25, 0.6))
        grip = np.eye(4)
        grip[:3, 3] = carrier.shape.points[0][sampler.rng.integers(carrier.shape.points.shape[1])]
        actors.append(Thing(shape, being.coats, carrier.places @ grip, label, kind=f"carried {being.kind}"))
    else:
        held = np.stack([_middle(carrier)], 1)
        end = held.mean(axis=0) + sampler.rng.normal(0, 1.2, 3) * extent
        part = np.linspace(0, 1, 14)[None, :, None]
        sag = sampler.between(0, 0.3) * extent * np.sin(np.pi * part) * (1 + 0.2 * sampler.wave(1.0)[:, None, None])
        line = held * (1 - part) + end * part - sag * np.array([0, 0, 1.0])
        line[..., 2] = np.maximum(line[..., 2], 0.02)
        thick = extent * sampler.ratio(0.006, 0.02)
        actors.append(
            Thing(tube(line, np.full(14, thick), sides=6), (sampler.coat(pictures=0.1),), label=label, kind="rope")
        )
    return max(labels, label)


def _toned(sampler: SceneSampler, actors: Sequence[Thing], around: Sequence[Thing]) -> Iterator[Thing]:
    """All things; now and then actors are painted like what is around them, or everything is of one tone."""
    if sampler.train_only_chance(_PAINTED_ALIKE):
        paints = [replace(coat, lit=True, glow=1.0) for thing in around for coat in thing.coats]
        actors = [replace(one, coats=tuple(_repainted(sampler, one.coats, paints))) for one in actors]
    toned: dict[int, Coat] = {}  # each once, as things share coats
    if sampler.train_only_chance(_OF_ONE_TONE):
        tone = sampler.train_only_rng.uniform(0.15, 1.0, 3)
        every = {id(coat): coat for thing in (*actors, *around) for coat in thing.coats}
        toned = {one: replace(coat, colour=tuple(tone * coat.colour)) for one, coat in every.items()}
    for thing in (*actors, *around):
        yield replace(thing, coats=tuple(toned.get(id(coat), coat) for coat in thing.coats))


def _repainted(sampler: SceneSampler, coats: Sequence[Coat], paints: Sequence[Coat]) -> Iterator[Coat]:
    for coat in coats:
        yield (
            paints[sampler.train_only_rng.integers(len(paints))] if paints and sampler.train_only_chance(0.7) else coat
        )


def _film(sampler: SceneSampler, actors: list[Thing], middle: np.ndarray, extent: float, *, ground: bool) -> View:
    """A camera to which the first one is well in the picture; the best of several when none is perfect."""
    best, most = None, -1.0
    lowest = 0.12 * extent if ground else -np.inf
    for _ in range(CAMERA_TRIES):
        view = film(sampler, middle, extent, lowest=lowest)
        points = actors[0].at(1)
        seen = [
            _in_picture(view, actors[0].at(knot)[:: max(1, len(points) // 300)], knot)
            for knot in (1, len(middle) - 2, len(middle) // 2)
        ]
        others = np.mean([_in_picture(view, actor.at(1), 1) > 0.3 for actor in actors if actor.label])
        worth = min(seen[0], 0.85) + 0.3 * min(seen[1], 0.5) + 0.3 * min(seen[2], 0.5) + 0.3 * others
        eyes = view.places[:, :3, 3]
        close = min(np.linalg.norm(eyes - _middle(actor), axis=1).min() / _extent(actor) for actor in actors)
        worth -= 1.0 * (close < 0.8)  # it must not stand within somebody
        if worth > most:
            best, most = view, worth
        if worth > 1.2:
            break
    return best


def _in_picture(view: View, points: np.ndarray, knot: int) -> float:
    """The part of some points that is within the picture."""
    x, y, distance = view.project(points, knot % len(view.places), ASPECT).T
    return float(((x > 0) & (x < 1) & (y > 0) & (y < 1) & (distance > 0)).mean())


def _middle(thing: Thing) -> np.ndarray:
    """(K, 3) the middle of a thing over time."""
    knots = max(len(thing.places), len(thing.shape.points))
    middles = [np.median(thing.at(knot), axis=0) for knot in range(knots)]
    return np.array(middles)


def _extent(thing: Thing) -> float:
    """Metres: its longest side."""
    low, high = np.percentile(thing.shape.points[0], [1, 99], axis=0)
    return float((high - low).max())
