"""Planning of a random scene from a seed: labelled and unlabelled objects, their trajectories, camera and scenery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..assets import Assets
from .description import HEIGHT, WIDTH, Camera, Scene, SceneObject, is_held_out_scene
from .furniture import Furniture
from .meshes import SurfaceMaterial
from .motion import sample_camera
from .scene_actors import make_actors
from .scene_sampler import SceneSampler
from .scenery import ActionArea, AssetLibraries, light_level, make_lights, make_scenery
from .zeroad_actors import ZeroADActors

CAMERA_TRIES = 25
ASPECT = WIDTH / HEIGHT
# Probabilities, per scene, of variations that held-out scenes never get.
_CAMOUFLAGE_PROB, _SINGLE_TONE_PROB = 0.1, 0.15
_Library = TypeVar("_Library", ZeroADActors, Furniture)


@dataclass(frozen=True)
class SceneAssets:
    """Images and model libraries that scenes are made from, either for training or held out."""

    assets: Assets
    libraries: AssetLibraries

    @staticmethod
    def open(prepared: Path, fetched: Path | None, *, held_out: bool) -> SceneAssets:
        """Open the images below `prepared` and the model libraries below `fetched`.

        A library is None if `fetched` is None or does not contain the package of the library.
        """
        return SceneAssets(
            Assets(prepared, held_out=held_out, cache_size=40),
            AssetLibraries(_open_library(ZeroADActors, fetched, held_out), _open_library(Furniture, fetched, held_out)),
        )


def _open_library(library: type[_Library], fetched: Path | None, held_out: bool) -> _Library | None:
    if fetched is None:
        return None
    try:
        return library(fetched, held_out=held_out)
    except FileNotFoundError:
        return None


def plan_scene(scene_assets: SceneAssets, seed: int, attempt: int, *, frames: int) -> Scene:
    """Plan the scene of a seed; each `attempt` gives another scene, to try again if the last scene shows no object."""
    rng = np.random.default_rng([seed, attempt])
    frame_rate = rng.uniform(8, 22)  # frames a second
    seconds = (np.arange(frames + 2) - 1) / frame_rate
    train_only_rng = None if is_held_out_scene(seed) else np.random.default_rng([seed, attempt, 1])
    sampler = SceneSampler(rng, seconds, scene_assets.assets, train_only_rng=train_only_rng)
    actors = make_actors(sampler, scene_assets.libraries)
    centres, extent = actors[0].centres(), actors[0].extent()
    ground = any(actor.kind not in ("fish", "jelly", "bird") for actor in actors) and not sampler.chance(0.08)
    camera = _best_camera(sampler, actors, centres, extent, ground=ground)
    centre = centres.mean(axis=0)[:2]
    radius = max(np.linalg.norm(actor.centres()[:, :2] - centre, axis=1).max() for actor in actors)
    area = ActionArea(np.array([*centre, 0.0]), min(radius, 4 * extent) + 0.4 * extent, extent, camera)
    lights, sky, sky_strength = make_lights(sampler, area)
    level = light_level(lights, sky_strength, area)
    scenery = make_scenery(sampler, scene_assets.libraries, area, ground=ground, level=level)
    objects = tuple(_recoloured(sampler, actors, scenery))
    sources = {item.source for item in objects if item.source} | {
        f"{package}: {file}" for package, file in sampler.used
    }
    metadata = {
        "seed": seed,
        "held_out": is_held_out_scene(seed),
        "frames_per_second": round(frame_rate, 2),
        "objects": {str(actor.label): actor.kind for actor in actors if actor.label},
        "others": sorted(item.kind for item in objects if not item.label),
        "sources": sorted(sources),
    }
    return Scene(
        objects,
        tuple(lights),
        camera,
        sky,
        sky_strength,
        sky_rotation=sampler.between(0, 6),
        target_brightness=sampler.between(0.28, 0.55),
        filmic=sampler.chance(0.4),
        metadata=metadata,
    )


def _recoloured(
    sampler: SceneSampler, actors: Sequence[SceneObject], scenery: Sequence[SceneObject]
) -> Iterator[SceneObject]:
    """Yield all objects; in some training scenes, they are camouflaged or tinted.

    Camouflaged actors have materials of the scenery. A tint is one tone that multiplies the colours of all materials.
    """
    if sampler.train_only_chance(_CAMOUFLAGE_PROB):
        paints = [replace(material, lit=True, emission_strength=1.0) for item in scenery for material in item.materials]
        actors = [replace(actor, materials=tuple(_camouflaged(sampler, actor.materials, paints))) for actor in actors]
    tinted: dict[int, SurfaceMaterial] = {}  # by id, since objects share materials
    if sampler.train_only_chance(_SINGLE_TONE_PROB):
        assert sampler.train_only_rng is not None  # otherwise the chance is never met
        tone = sampler.train_only_rng.uniform(0.15, 1.0, 3)
        materials = {id(material): material for item in (*actors, *scenery) for material in item.materials}
        tinted = {key: replace(material, colour=tuple(tone * material.colour)) for key, material in materials.items()}
    for item in (*actors, *scenery):
        yield replace(item, materials=tuple(tinted.get(id(material), material) for material in item.materials))


def _camouflaged(
    sampler: SceneSampler, materials: Sequence[SurfaceMaterial], paints: Sequence[SurfaceMaterial]
) -> Iterator[SurfaceMaterial]:
    """Yield the materials, about 70 % of them replaced by random ones of `paints`."""
    for material in materials:
        if paints and sampler.train_only_chance(0.7):
            assert sampler.train_only_rng is not None  # otherwise the chance is never met
            yield paints[sampler.train_only_rng.integers(len(paints))]
        else:
            yield material


def _best_camera(
    sampler: SceneSampler, actors: list[SceneObject], centres: np.ndarray, extent: float, *, ground: bool
) -> Camera:
    """Try random cameras aimed at the first actor; return the first that frames the actors well, or else the best."""
    best, best_score = None, -1.0
    min_height = 0.12 * extent if ground else -np.inf
    for _ in range(CAMERA_TRIES):
        camera = sample_camera(sampler, centres, extent, min_height=min_height)
        score = _framing_score(camera, actors, len(centres))
        if score > best_score:
            best, best_score = camera, score
        if score > 1.2:
            break
    assert best is not None  # -1 would need a camera inside an actor that shows no actor
    return best


def _framing_score(camera: Camera, actors: list[SceneObject], steps: int) -> float:
    """Score how well the camera shows the first actor over time and the labelled actors on the first frame.

    Higher is better.
    """
    stride = max(1, len(actors[0].points_at(1)) // 300)
    first, last, half = (
        _visible_fraction(camera, actors[0].points_at(step)[::stride], step) for step in (1, steps - 2, steps // 2)
    )
    labelled = np.mean([_visible_fraction(camera, actor.points_at(1), 1) > 0.3 for actor in actors if actor.label])
    score = min(first, 0.85) + 0.3 * min(last, 0.5) + 0.3 * min(half, 0.5) + 0.3 * labelled
    eyes = camera.transforms[:, :3, 3]
    nearest = min(np.linalg.norm(eyes - actor.centres(), axis=1).min() / actor.extent() for actor in actors)
    return float(score - 1.0 * (nearest < 0.8))  # the camera must not be inside an actor


def _visible_fraction(camera: Camera, points: np.ndarray, step: int) -> float:
    """Return the fraction of world points (V, 3) that project into the image; occlusion is ignored."""
    x, y, depth = camera.project(points, step % len(camera.transforms), ASPECT).T
    return float(((x > 0) & (x < 1) & (y > 0) & (y < 1) & (depth > 0)).mean())
