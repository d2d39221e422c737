"""Moving objects of a scene, labelled and not: their models, sizes, positions, and objects attached to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .creatures import make_creature
from .dancers import make_dancer
from .description import MAX_OBJECTS, SceneObject
from .meshes import SurfaceMaterial, tube
from .models import Model3D, with_fur
from .motion import sample_trajectory
from .procedural import make_procedural_object
from .scene_sampler import SceneSampler
from .scenery import AssetLibraries, resized
from .zeroad_actors import ANIMALS, PEOPLE

# Probabilities of variations that held-out scenes never get.
_DANCER_PROB, _TUMBLE_PROB = 0.12, 0.3  # of all models; of models that can tumble
_CAN_TUMBLE = ("dancer", "figure", PEOPLE, "star")
ModelMaker = Callable[[SceneSampler], Model3D]


def make_actors(sampler: SceneSampler, libraries: AssetLibraries) -> list[SceneObject]:
    """Make the moving objects, with labels 1, 2, .. or 0 (unlabelled); the camera is aimed at the first object."""
    count = int(sampler.rng.choice([1, 2, 3, 4], p=[0.38, 0.34, 0.18, 0.1]))
    actors: list[SceneObject] = []
    labels = 0
    while labels < count:
        labels = _add_instances(sampler, libraries, actors, labels, count)
    for _ in range(sampler.integer(0, 2) if sampler.chance(0.4) else 0):
        model = _sample_model_maker(sampler, libraries)(sampler)
        actors.append(_place_actor(sampler, model, 1.7 * sampler.ratio(0.4, 1.5), actors, 0))
    return actors


def _add_instances(
    sampler: SceneSampler, libraries: AssetLibraries, actors: list[SceneObject], labels: int, count: int
) -> int:
    """Append one to three instances of the same model to `actors`, some with an attached object.

    Labels 1 to `labels` are in use; instances get new labels up to `count`, or 0. Returns the highest label now in use.
    """
    make = _sample_model_maker(sampler, libraries)
    seed = int(sampler.rng.integers(2**40))  # every instance is made from the same seed
    extent = 1.7 * sampler.ratio(0.65, 1.5)
    instances = 1
    if sampler.chance(0.45 if labels == 0 else 0.15):
        instances += sampler.integer(1, 2)
    for instance in range(instances):
        is_copy = instance > 0
        shift = sampler.between(0.1, 3.0) if is_copy else 0.0  # copies are at another phase of their movement
        model = make(replace(sampler, rng=np.random.default_rng(seed), seconds=sampler.seconds + shift))
        if is_copy and sampler.chance(0.3):
            model = replace(model, materials=_partly_replaced(sampler, model.materials))
        label = 0
        if labels < count and (not is_copy or sampler.chance(0.6)):
            labels += 1
            label = labels
        scale = sampler.ratio(0.8, 1.25) if is_copy else 1.0
        actors.append(_place_actor(sampler, model, extent * scale, actors, label))
        if label and sampler.chance(0.15):
            labels = _add_attachment(sampler, actors, labels)
    return labels


def _partly_replaced(sampler: SceneSampler, materials: Sequence[SurfaceMaterial]) -> tuple[SurfaceMaterial, ...]:
    """Return the materials, about half of them replaced by random new ones."""
    return tuple(sampler.material() if sampler.chance(0.5) else material for material in materials)


def _sample_model_maker(sampler: SceneSampler, libraries: AssetLibraries) -> ModelMaker:
    """Choose a random kind of model, and return a function that makes random models of this kind.

    The function takes a sampler; samplers in the same state give the same model.
    """
    weights = {"creature": 2.0, "procedural": 3.0}
    if libraries.actors:
        weights |= {PEOPLE: 2.6, ANIMALS: 2.8}
    if libraries.furniture:
        weights["furniture"] = 1.4
    kind = sampler.weighted_choice(weights)
    kind = "dancer" if sampler.train_only_chance(_DANCER_PROB) else kind
    action = sampler.weighted_choice({"walk": 4, "run": 3, "": 3})
    hairy = sampler.chance(0.2)

    def make(model_sampler: SceneSampler) -> Model3D:
        if kind == "creature":
            return make_creature(model_sampler)
        if kind == "procedural":
            return make_procedural_object(model_sampler)
        if kind == "dancer":
            return make_dancer(model_sampler)
        if kind == "furniture":
            assert libraries.furniture is not None  # otherwise this kind has no weight
            return libraries.furniture.sample_model(model_sampler)
        assert libraries.actors is not None  # otherwise this kind has no weight
        model = libraries.actors.sample_model(model_sampler, kind, action=action)
        if kind == ANIMALS and hairy:
            return with_fur(model_sampler, model, length=model_sampler.ratio(0.01, 0.03))
        return model

    return make


def _place_actor(
    sampler: SceneSampler, model: Model3D, extent: float, others: list[SceneObject], label: int
) -> SceneObject:
    """Return the model as a moving object of `extent` metres, at a free place near the first of `others`."""
    if model.kind in _CAN_TUMBLE and sampler.train_only_chance(_TUMBLE_PROB):
        model = replace(model, motion="tumble")
    mesh = resized(model.mesh, extent)
    position = np.zeros(3)
    if others:
        first = others[0].centres().mean(axis=0)
        for _ in range(20):
            angle, distance = sampler.between(0, 2 * np.pi), (extent + others[0].extent()) / 2 * sampler.ratio(0.6, 2.2)
            position = np.array([first[0] + distance * np.cos(angle), first[1] + distance * np.sin(angle), 0.0])
            gaps = [np.linalg.norm(other.centres().mean(axis=0)[:2] - position[:2]) for other in others]
            if all(gap > 0.35 * (extent + other.extent()) for gap, other in zip(gaps, others)):
                break
    if model.motion in ("roll", "throw", "hand", "fly", "swim"):  # these rotate about their centre
        mesh = mesh.translated(np.array([0, 0, -0.5 * (mesh.lower_corner + mesh.upper_corner)[2]]))
    transforms = sample_trajectory(sampler, model, position, extent=extent)
    return SceneObject(mesh, model.materials, transforms, label, model.source, model.kind)


def _add_attachment(sampler: SceneSampler, actors: list[SceneObject], labels: int) -> int:
    """Append an object that the last actor carries, or a rope that is tied to it.

    Labels 1 to `labels` are in use; the new object gets 0, the actor's label or a new label. Returns the highest label
    now in use.
    """
    carrier = actors[-1]
    label = int(sampler.rng.choice([0, carrier.label, labels + 1]))
    if label > MAX_OBJECTS:
        label = 0
    attach = _carried_object if sampler.chance(0.5) else _rope
    actors.append(attach(sampler, carrier, label))
    return max(labels, label)


def _carried_object(sampler: SceneSampler, carrier: SceneObject, label: int) -> SceneObject:
    """Return a small procedural object at a random vertex of the carrier.

    The object follows the transform of the carrier, but not its deformation.
    """
    model = make_procedural_object(sampler, {"toy": 2, "stool": 1, "wires": 1, "flag": 1, "towel": 1})
    mesh = resized(model.mesh, carrier.extent() * sampler.ratio(0.25, 0.6))
    offset = np.eye(4)
    offset[:3, 3] = carrier.mesh.points[0][sampler.rng.integers(carrier.mesh.points.shape[1])]
    return SceneObject(mesh, model.materials, carrier.transforms @ offset, label, kind=f"carried {model.kind}")


def _rope(sampler: SceneSampler, carrier: SceneObject, label: int) -> SceneObject:
    """Return a sagging rope from the carrier's centre to a random fixed point."""
    extent = carrier.extent()
    start = np.stack([carrier.centres()], 1)
    end = start.mean(axis=0) + sampler.rng.normal(0, 1.2, 3) * extent
    t = np.linspace(0, 1, 14)[None, :, None]
    sag = sampler.between(0, 0.3) * extent * np.sin(np.pi * t) * (1 + 0.2 * sampler.wave(1.0)[:, None, None])
    line = start * (1 - t) + end * t - sag * np.array([0, 0, 1.0])
    line[..., 2] = np.maximum(line[..., 2], 0.02)
    radius = extent * sampler.ratio(0.006, 0.02)
    mesh = tube(line, np.full(14, radius), sides=6)
    return SceneObject(mesh, (sampler.material(image_prob=0.1),), label=label, kind="rope")
