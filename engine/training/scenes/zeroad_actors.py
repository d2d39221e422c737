"""Textured, animated models of the game 0 A.D.: people, animals, plants, stones, buildings and gear."""

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
from .meshes import Mesh, SurfaceMaterial, joined
from .models import Model3D
from .scene_sampler import SceneSampler
from .skeletal import MalformedFileError, SkinnedMesh, pose_at, read_animation, read_mesh

PACKAGE = "0ad-data"
METRES_PER_UNIT = 0.47  # of the game's coordinates
FRAME_RATE = 30.0  # frames a second of the game's animations
HELD_OUT_PERCENT = 12  # of the meshes
TEXTURE_SIDE = 256  # pixels, at most
MAX_PROP_DEPTH = 3  # of nested props: a rider on a horse has a helmet, which has a feather
MAX_TRIES = 300

PEOPLE, ANIMALS, TREES, STONES, BUILDINGS, GEAR = "people", "animals", "trees", "stones", "buildings", "gear"
_FOLDERS = {
    PEOPLE: ("units/",),
    ANIMALS: ("fauna/",),
    TREES: ("flora/", "props/flora/"),
    STONES: ("geology/",),
    BUILDINGS: ("structures/",),
    GEAR: ("props/units/shields", "props/units/helmets", "props/structures/", "props/units/weapons"),
}
_EXCLUDED = (
    "siege", "ballista", "rock", "lithobolos", "oxybeles", "shoal", "circle", "_dead", "ship", "fogous", "blood",
    "wall", "field", "foundation", "destruct", "smoke", "fire", "decal", "water", "garrison", "flock",
)  # fmt: skip

_IN_PLACE = ("idle", "attack", "gather", "feeding", "build", "promotion", "capture", "death")  # actions without travel
_SWIMMING_OR_FLYING = ("fish", "whale", "shark", "hawk", "crow", "eagle", "gull", "tuna", "dolphin")
_UNUSABLE = (KeyError, IndexError, MalformedFileError, OSError, ElementTree.ParseError)  # absent or damaged files


@dataclass
class ActorVariant:
    """Content of an actor file, in which one variant of each group has been chosen."""

    mesh: str = ""
    texture: str = ""
    colour: tuple[float, ...] | None = None  # RGB 0..1
    material: str = ""
    props: dict[str, list[str]] = field(default_factory=dict)  # attachment point -> actor files
    animations: dict[str, list[str]] = field(default_factory=dict)  # action -> animation files
    names: set[str] = field(default_factory=set)  # of the chosen variants; props choose variants of the same name


@dataclass(frozen=True)
class PosedActor:
    """Animated mesh of an actor with its materials, source file and action."""

    mesh: Mesh
    materials: tuple[SurfaceMaterial, ...]
    source: str  # the actor's file
    action: str  # name of its animation; "" if it has none


class ZeroADActors:
    """Reader of actors from the game's archive.

    Raises FileNotFoundError if the game's package is not unpacked below `fetched`.
    """

    def __init__(self, fetched: Path, *, held_out: bool) -> None:
        found = sorted(unpacked(fetched, PACKAGE).glob("usr/share/games/0ad/mods/public/public.zip"))
        if not found:
            raise FileNotFoundError(f"{PACKAGE} is not unpacked below {fetched}")
        self._archive = zipfile.ZipFile(found[0])
        self._held_out = held_out
        self._mesh = lru_cache(60)(self._read_mesh)
        self._texture = lru_cache(60)(self._read_texture)

    @cached_property
    def _file_names(self) -> frozenset[str]:
        return frozenset(self._archive.namelist())

    @cached_property
    def _actors(self) -> dict[str, list[str]]:
        """Return the actor files of each kind, as paths below `art/actors/` in the archive."""
        actors = sorted(
            name.removeprefix("art/actors/")
            for name in self._file_names
            if name.startswith("art/actors/") and name.endswith(".xml") and not any(word in name for word in _EXCLUDED)
        )
        return {kind: [name for name in actors if name.startswith(folders)] for kind, folders in _FOLDERS.items()}

    def sample_model(self, sampler: SceneSampler, kind: str, *, action: str = "") -> Model3D:
        """Sample an actor as a model; its motion (walk, swim or stand) depends on its kind, file name and action."""
        actor = self.sample_actor(sampler.rng, kind, sampler.seconds, action=action)
        motion = "stand" if kind not in (PEOPLE, ANIMALS) or actor.action.startswith(_IN_PLACE) else "walk"
        if any(word in actor.source for word in _SWIMMING_OR_FLYING):
            motion = "swim"
        return Model3D(actor.mesh, actor.materials, motion, f"{PACKAGE}: {actor.source}", kind)

    def sample_actor(self, rng: np.random.Generator, kind: str, seconds: np.ndarray, *, action: str = "") -> PosedActor:
        """Sample an actor of a kind, animated at the times `seconds` (K,), standing on the ground and facing x.

        An actor that lacks the `action` gets a random one. Raises LookupError if no usable actor is found.
        """
        actors = self._actors[kind]
        for _ in range(MAX_TRIES):
            name = actors[rng.integers(len(actors))]
            if kind == PEOPLE and (name.endswith("_r.xml") or (name.endswith("_m.xml") and rng.random() < 0.5)):
                continue  # riders without their horses float in the air; mounted ones are a quarter of the files
            try:
                variant = self._choose_variants(name, rng, set())
                if not variant.mesh or is_held_out(variant.mesh, percent=HELD_OUT_PERCENT) != self._held_out:
                    continue
                actions = sorted(set(variant.animations) - {"death"}) or sorted(variant.animations)
                if kind in (PEOPLE, ANIMALS) and not actions:
                    continue
                chosen = (action if action in actions else actions[rng.integers(len(actions))]) if actions else ""
                team_colour = tuple(rng.uniform(0, 1, 3))
                times = seconds * rng.uniform(0.7, 1.3)
                mesh, materials = self._assemble(variant, rng, times, chosen, team_colour, MAX_PROP_DEPTH, start=0)
            except _UNUSABLE:
                continue
            matrix = METRES_PER_UNIT * np.array([[0, 0, 1.0], [-1, 0, 0], [0, 1, 0]])
            return PosedActor(mesh.rotated(matrix), tuple(materials), name, chosen)
        raise LookupError(f"no usable actor of kind {kind} in {MAX_TRIES} tries")

    def _assemble(
        self,
        variant: ActorVariant,
        rng: np.random.Generator,
        seconds: np.ndarray,
        action: str,
        team_colour: tuple[float, ...],
        depth: int,
        start: int,
    ) -> tuple[Mesh, list[SurfaceMaterial]]:
        """Return the animated mesh of an actor joined with its props, and their materials, in the game's coordinates.

        Props may have props of their own, down to `depth` levels; material indices count from `start`.
        """
        skinned = self._mesh(variant.mesh)
        pose = self._pose(variant, skinned, rng, seconds, action)
        points = skinned.points[None] if pose is None else skinned.deform(pose)
        mesh = Mesh(points, skinned.faces, skinned.uvs[skinned.faces], np.full(len(skinned.faces), start))
        materials = [self._surface_material(variant, rng, team_colour)]
        parts = [mesh]
        for attachment_point, actors in variant.props.items():
            transforms = skinned.attachment_transforms(attachment_point, pose, len(seconds))
            if attachment_point == "root" and transforms is None:
                transforms = np.broadcast_to(np.eye(4), (len(seconds), 4, 4))
            if transforms is None or depth == 0:
                continue
            for actor in actors:
                try:
                    prop = self._choose_variants(actor, rng, variant.names)
                    part, part_materials = self._assemble(
                        prop, rng, seconds, action, team_colour, depth - 1, start + len(materials)
                    )
                except _UNUSABLE:  # the actor goes without this prop
                    continue
                moved = np.einsum("kij,kvj->kvi", transforms[:, :3, :3], np.broadcast_to(
                    part.points, (len(seconds), *part.points.shape[1:])
                )) + transforms[:, None, :3, 3]  # fmt: skip
                parts.append(replace(part, points=moved))
                materials += part_materials
        return joined(*parts), materials

    def _pose(
        self, variant: ActorVariant, mesh: SkinnedMesh, rng: np.random.Generator, seconds: np.ndarray, action: str
    ) -> np.ndarray | None:
        """Return the bones' matrices (K, B, 4, 4) in a random animation of the action, or else of the action "idle".

        Returns None if there is no animation, or if its number of bones differs from that of the mesh.
        """
        files = variant.animations.get(action) or variant.animations.get("idle") or []
        if not files or not len(mesh.rest_pose):
            return None
        name = files[rng.integers(len(files))]
        states = read_animation(self._archive.read(f"art/animation/{name}.cached.psa"))
        if states.shape[1] != len(mesh.rest_pose):
            return None
        return pose_at(states, seconds * FRAME_RATE)

    def _surface_material(
        self, variant: ActorVariant, rng: np.random.Generator, team_colour: tuple[float, ...]
    ) -> SurfaceMaterial:
        """Return a material with the actor's texture, whose alpha may mark areas in the team's colour, or holes."""
        image = self._texture(variant.texture) if variant.texture else None
        if image is None:
            return SurfaceMaterial(colour=tuple(rng.uniform(0.2, 0.8, 3)))
        paint = variant.colour if "objectcolor" in variant.material else team_colour
        if ("player" in variant.material or "objectcolor" in variant.material) and paint is not None:
            alpha = image[..., 3:] / 255.0
            mixed = image[..., :3] * (alpha + (1 - alpha) * np.array(paint))
            return SurfaceMaterial((1, 1, 1), mixed.astype(np.uint8), roughness=rng.uniform(0.4, 0.9))
        holes = "trans" in variant.material and not variant.material.startswith("no_trans")
        return SurfaceMaterial((1, 1, 1), image if holes else image[..., :3], roughness=rng.uniform(0.4, 0.9))

    def _read_mesh(self, name: str) -> SkinnedMesh:
        return read_mesh(self._archive.read(f"art/meshes/{name}.cached.pmd"))

    def _read_texture(self, name: str) -> np.ndarray:
        data = self._archive.read(f"art/textures/skins/{name}.cached.dds")
        image = Image.open(io.BytesIO(data)).convert("RGBA")
        image.thumbnail((TEXTURE_SIDE, TEXTURE_SIDE))
        return np.array(image)

    def _choose_variants(self, actor: str, rng: np.random.Generator, names: set[str]) -> ActorVariant:
        """Return an actor file's content with one variant of each group: one named in `names`, or else a random one."""
        root = self._read_actor(actor)
        result = ActorVariant(material=(root.findtext("material") or "").strip(), names=set(names))
        for group in root.findall("group"):
            variants = [self._with_base_files(variant) for variant in group.findall("variant")]
            if not variants:
                continue
            chosen = _choose_variant(variants, rng, names)
            for element in (element for elements in variants for element in elements):
                _add_animations(result, element)  # of all variants: an animation may be shown without its game state
            result.names.update(_variant_name(element) for element in chosen)
            for element in chosen:
                _apply_variant(result, element)
        return result

    def _read_actor(self, actor: str) -> ElementTree.Element:
        """Return the root element of an actor file; of several quality levels, that of the highest."""
        root = self._parse(f"art/actors/{actor}")
        if root.tag == "qualitylevels":
            level = root[0]  # the most detailed
            inner = level.find("actor")
            root = inner if inner is not None else self._parse(f"art/actors/{level.get('file')}")
        return root

    def _with_base_files(self, variant: ElementTree.Element) -> list[ElementTree.Element]:
        """Return a variant, preceded by the variants that it inherits from through its `file`, most basic first."""
        elements = [variant]
        while elements[0].get("file") and len(elements) < 6:
            name = f"art/variants/{elements[0].get('file')}"
            if name not in self._file_names:
                break
            elements.insert(0, self._parse(name))
        return elements

    def _parse(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self._archive.read(name))


def _choose_variant(
    variants: list[list[ElementTree.Element]], rng: np.random.Generator, names: set[str]
) -> list[ElementTree.Element]:
    """Return the first variant with a name in `names`, or else draw one by the frequencies in the file."""
    frequencies = np.array([max(float(elements[-1].get("frequency", 0) or 0), 0) for elements in variants])
    for elements in variants:
        if any(_variant_name(element) in names for element in elements):
            return elements
    count, total = len(variants), frequencies.sum()
    probabilities = frequencies / total if total > 0 else np.full(count, 1 / count)
    return variants[rng.choice(count, p=probabilities)]


def _variant_name(variant: ElementTree.Element) -> str:
    return (variant.get("name") or "").lower()


def _add_animations(result: ActorVariant, variant: ElementTree.Element) -> None:
    """Add the animation files of a variant's XML element to `result`."""
    for animation in variant.iter("animation"):
        if file := animation.get("file"):
            result.animations.setdefault(animation.get("name", "idle").lower(), []).append(file)


def _apply_variant(result: ActorVariant, variant: ElementTree.Element) -> None:
    """Copy the mesh, colour, texture and props that a variant's XML element contains to `result`."""
    result.mesh = (variant.findtext("mesh") or result.mesh).strip()
    colour = variant.findtext("color")
    if colour:
        result.colour = tuple(float(value) / 255 for value in colour.split())
    for texture in variant.iter("texture"):
        if texture.get("name") == "baseTex":
            result.texture = texture.get("file") or ""
    props: dict[str, list[str]] = {}
    for prop in variant.iter("prop"):
        actors = props.setdefault(prop.get("attachpoint", "root").lower(), [])
        if actor := prop.get("actor"):
            actors.append(actor)
    result.props.update(props)
