"""The people, animals, plants and things of the game 0 A.D.: its actor files -> textured shapes that move."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from ..assets import is_held_out
from ..sources import unpacked
from .creatures import Being
from .scene_sampler import SceneSampler
from .shapes import Coat, Shape, joined
from .skeletal import Malformed, Mesh, pose_at, read_mesh, read_movement

PACKAGE = "0ad-data"
METRES = 0.47  # a unit of the game
RATE = 30.0  # frames a second of its movements
HELD_OUT_PERCENT = 12  # of the meshes
TEXTURE_SIDE = 256  # pixels, at most
DEEPEST = 3  # a rider on a horse has a helmet, which has a feather
TRIES = 300

PEOPLE, ANIMALS, TREES, STONES, BUILDINGS, GEAR = "people", "animals", "trees", "stones", "buildings", "gear"
_FOLDERS = {
    PEOPLE: ("units/",),
    ANIMALS: ("fauna/",),
    TREES: ("flora/", "props/flora/"),
    STONES: ("geology/",),
    BUILDINGS: ("structures/",),
    GEAR: ("props/units/shields", "props/units/helmets", "props/structures/", "props/units/weapons"),
}
_ODD = ("siege", "ballista", "rock", "lithobolos", "oxybeles", "shoal", "circle", "_dead", "ship", "fogous", "blood",
        "wall", "field", "foundation", "destruct", "smoke", "fire", "decal", "water", "garrison", "flock")  # fmt: skip

_STILL = ("idle", "attack", "gather", "feeding", "build", "promotion", "capture", "death")  # what is done on the spot
_AFLOAT = ("fish", "whale", "shark", "hawk", "crow", "eagle", "gull", "tuna", "dolphin")
_UNUSABLE = (KeyError, IndexError, Malformed, OSError, ElementTree.ParseError)  # files that are absent or damaged


@dataclass
class ActorVariant:
    """An actor file with its random choices made."""

    mesh: str = ""
    texture: str = ""
    colour: tuple[float, float, float] | None = None
    material: str = ""
    props: dict[str, list[str]] = field(default_factory=dict)  # socket -> actors
    movements: dict[str, list[str]] = field(default_factory=dict)  # what it does -> files
    names: set[str] = field(default_factory=set)  # the choices made, which its props follow


@dataclass(frozen=True)
class PosedActor:
    """A posed shape with its coats, source file and action."""

    shape: Shape
    coats: tuple[Coat, ...]
    source: str  # the actor's file
    action: str  # what it does; "" when it cannot move


class ZeroADActors:
    """Reads actors from the game's archive."""

    def __init__(self, fetched: Path, *, held_out: bool) -> None:
        found = sorted(unpacked(fetched, PACKAGE).glob("usr/share/games/0ad/mods/public/public.zip"))
        if not found:
            raise FileNotFoundError(f"{PACKAGE} is not unpacked below {fetched}")
        self._archive = zipfile.ZipFile(found[0])
        self._held_out = held_out
        self._mesh = lru_cache(60)(self._read_mesh)
        self._texture = lru_cache(60)(self._read_texture)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._archive.namelist())

    @cached_property
    def _actors(self) -> dict[str, list[str]]:
        actors = sorted(
            name.removeprefix("art/actors/")
            for name in self._names
            if name.startswith("art/actors/") and name.endswith(".xml") and not any(odd in name for odd in _ODD)
        )
        return {kind: [name for name in actors if name.startswith(roots)] for kind, roots in _FOLDERS.items()}

    def pick(self, sampler: SceneSampler, kind: str, *, action: str = "") -> Being:
        """A random actor as a being; people and animals walk, the rest stands."""
        done = self.perform(sampler.rng, kind, sampler.seconds, action=action)
        gait = "stand" if kind not in (PEOPLE, ANIMALS) or done.action.startswith(_STILL) else "walk"
        if any(word in done.source for word in _AFLOAT):
            gait = "swim"
        return Being(done.shape, done.coats, gait, f"{PACKAGE}: {done.source}", kind)

    def perform(self, rng: np.random.Generator, kind: str, seconds: np.ndarray, *, action: str = "") -> PosedActor:
        """A random actor of a kind at the moments `seconds` (K,), standing on the ground and looking along x."""
        actors = self._actors[kind]
        for _ in range(TRIES):
            name = actors[rng.integers(len(actors))]
            if kind == PEOPLE and (name.endswith("_r.xml") or (name.endswith("_m.xml") and rng.random() < 0.5)):
                continue  # riders sit in the air without their horses; horses with riders are a quarter of the files
            try:
                actor_variant = self._cast(name, rng, set())
                if (
                    not actor_variant.mesh
                    or is_held_out(actor_variant.mesh, percent=HELD_OUT_PERCENT) != self._held_out
                ):
                    continue
                moves = sorted(set(actor_variant.movements) - {"death"}) or sorted(actor_variant.movements)
                if kind in (PEOPLE, ANIMALS) and not moves:
                    continue
                done = (action if action in moves else moves[rng.integers(len(moves))]) if moves else ""
                team = tuple(rng.uniform(0, 1, 3))
                shape, coats = self._play(
                    actor_variant, rng, seconds * rng.uniform(0.7, 1.3), done, team, DEEPEST, start=0
                )
            except _UNUSABLE:
                continue
            matrix = METRES * np.array([[0, 0, 1.0], [-1, 0, 0], [0, 1, 0]])
            return PosedActor(shape.turned(matrix), tuple(coats), name, done)
        raise LookupError(f"no usable actor of kind {kind} in {TRIES} tries")

    def _play(
        self,
        actor_variant: ActorVariant,
        rng: np.random.Generator,
        seconds: np.ndarray,
        action: str,
        team: tuple,
        deep: int,
        start: int,
    ) -> tuple[Shape, list[Coat]]:
        """The actor and what hangs on it, in the game's coordinates; coats count from `start`."""
        mesh = self._mesh(actor_variant.mesh)
        pose = self._pose(actor_variant, mesh, rng, seconds, action)
        points = mesh.points[None] if pose is None else mesh.posed(pose)
        shape = Shape(points, mesh.faces, mesh.places[mesh.faces], np.full(len(mesh.faces), start))
        coats = [self._coat(actor_variant, rng, team)]
        parts = [shape]
        for socket, actors in actor_variant.props.items():
            places = mesh.fixed(socket, pose, len(seconds))
            if socket == "root" and places is None:
                places = np.broadcast_to(np.eye(4), (len(seconds), 4, 4))
            if places is None or deep == 0:
                continue
            for actor in actors:
                try:
                    prop = self._cast(actor, rng, actor_variant.names)
                    part, more = self._play(prop, rng, seconds, action, team, deep - 1, start + len(coats))
                except _UNUSABLE:  # it goes without this prop
                    continue
                moved = np.einsum("kij,kvj->kvi", places[:, :3, :3], np.broadcast_to(
                    part.points, (len(seconds), *part.points.shape[1:])
                )) + places[:, None, :3, 3]  # fmt: skip
                parts.append(replace(part, points=moved))
                coats += more
        return joined(*parts), coats

    def _pose(
        self, actor_variant: ActorVariant, mesh: Mesh, rng: np.random.Generator, seconds: np.ndarray, action: str
    ) -> np.ndarray | None:
        files = actor_variant.movements.get(action) or actor_variant.movements.get("idle") or []
        if not files or not len(mesh.rest):
            return None
        name = files[rng.integers(len(files))]
        states = read_movement(self._archive.read(f"art/animation/{name}.cached.psa"))
        if states.shape[1] != len(mesh.rest):
            return None
        return pose_at(states, seconds * RATE)

    def _coat(self, actor_variant: ActorVariant, rng: np.random.Generator, team: tuple[float, float, float]) -> Coat:
        picture = self._texture(actor_variant.texture) if actor_variant.texture else None
        if picture is None:
            return Coat(colour=tuple(rng.uniform(0.2, 0.8, 3)))
        paint = actor_variant.colour if "objectcolor" in actor_variant.material else team
        if ("player" in actor_variant.material or "objectcolor" in actor_variant.material) and paint is not None:
            cover = picture[..., 3:] / 255.0
            mixed = picture[..., :3] * (cover + (1 - cover) * np.array(paint))
            return Coat((1, 1, 1), np.uint8(mixed), roughness=rng.uniform(0.4, 0.9))
        holes = "trans" in actor_variant.material and not actor_variant.material.startswith("no_trans")
        return Coat((1, 1, 1), picture if holes else picture[..., :3], roughness=rng.uniform(0.4, 0.9))

    def _read_mesh(self, name: str) -> Mesh:
        return read_mesh(self._archive.read(f"art/meshes/{name}.cached.pmd"))

    def _read_texture(self, name: str) -> np.ndarray:
        data = self._archive.read(f"art/textures/skins/{name}.cached.dds")
        image = Image.open(io.BytesIO(data)).convert("RGBA")
        image.thumbnail((TEXTURE_SIDE, TEXTURE_SIDE))
        return np.array(image)

    def _cast(self, actor: str, rng: np.random.Generator, names: set[str]) -> ActorVariant:
        """Make the random choices of an actor file; groups that know one of the `names` choose that."""
        root = self._parse(f"art/actors/{actor}")
        if root.tag == "qualitylevels":
            level = root[0]  # the most detailed
            inner = level.find("actor")
            root = inner if inner is not None else self._parse(f"art/actors/{level.get('file')}")
        actor_variant = ActorVariant(material=(root.findtext("material") or "").strip(), names=set(names))
        for group in root.findall("group"):
            variants = [self._whole(variant) for variant in group.findall("variant")]
            known = [parts for parts in variants if any(_name(part) in names for part in parts)]
            odds = np.array([max(float(part[-1].get("frequency", 0) or 0), 0) for part in variants])
            if not variants:
                continue
            odds = odds / odds.sum() if odds.sum() > 0 else np.full(len(variants), 1 / len(variants))
            chosen = known[0] if known else variants[rng.choice(len(variants), p=odds)]
            for parts in variants:  # every movement may be shown, whatever the game would need to choose it
                for part in parts:
                    _add_movements(actor_variant, part)
            actor_variant.names.update(_name(part) for part in chosen)
            for part in chosen:
                _add_looks(actor_variant, part)
        return actor_variant

    def _whole(self, variant: ElementTree.Element) -> list[ElementTree.Element]:
        """A variant, after those that its file tells it to build on."""
        parts = [variant]
        while parts[0].get("file") and len(parts) < 6:
            name = f"art/variants/{parts[0].get('file')}"
            if name not in self._names:
                break
            parts.insert(0, self._parse(name))
        return parts

    def _parse(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self._archive.read(name))


def _name(variant: ElementTree.Element) -> str:
    return (variant.get("name") or "").lower()


def _add_movements(actor_variant: ActorVariant, variant: ElementTree.Element) -> None:
    for animation in variant.iter("animation"):
        if animation.get("file"):
            files = actor_variant.movements.setdefault(animation.get("name", "idle").lower(), [])
            files.append(animation.get("file"))


def _add_looks(actor_variant: ActorVariant, variant: ElementTree.Element) -> None:
    actor_variant.mesh = (variant.findtext("mesh") or actor_variant.mesh).strip()
    colour = variant.findtext("color")
    if colour:
        actor_variant.colour = tuple(float(value) / 255 for value in colour.split())
    for texture in variant.iter("texture"):
        if texture.get("name") == "baseTex":
            actor_variant.texture = texture.get("file")
    fresh: dict[str, list[str]] = {}
    for prop in variant.iter("prop"):
        actors = fresh.setdefault(prop.get("attachpoint", "root").lower(), [])
        if prop.get("actor"):
            actors.append(prop.get("actor"))
    actor_variant.props.update(fresh)
