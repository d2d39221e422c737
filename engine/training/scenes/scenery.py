"""Scenery around the objects of a scene: ground, walls, backdrop, clutter, occluders, lights and sky."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .description import Camera, SceneLight, SceneObject
from .furniture import Furniture
from .meshes import Mesh, SurfaceMaterial, box, grid, joined, tube
from .models import Model3D
from .motion import look_at, rotation_about
from .procedural import grass_field, make_procedural_object
from .scene_sampler import SceneSampler
from .zeroad_actors import BUILDINGS, GEAR, STONES, TREES, ZeroADActors


@dataclass(frozen=True)
class AssetLibraries:
    """Libraries of ready-made models; a library that is not installed is None."""

    actors: ZeroADActors | None
    furniture: Furniture | None


@dataclass(frozen=True)
class ActionArea:
    """Region of a scene in which the moving objects are, in metres, and the camera that films it."""

    centre: np.ndarray  # (3,) on the ground
    radius: float  # that the moving objects stay within, distant ones excepted
    extent: float  # size of the main object
    camera: Camera


def make_scenery(
    sampler: SceneSampler, libraries: AssetLibraries, area: ActionArea, *, ground: bool, level: float
) -> list[SceneObject]:
    """Make all background objects and occluders; `level` is the emission strength of backdrop and wall pictures."""
    objects = []
    radius = np.linalg.norm(area.camera.transforms[:, :2, 3] - area.centre[:2], axis=1).max() + 1.5 * area.radius
    indoors = ground and sampler.chance(0.3)
    if ground:
        objects.append(_floor(sampler, area, width=30 * area.extent + 4 * radius))
    if indoors:
        objects += _walls(sampler, area, radius * sampler.between(1.05, 1.8) + area.extent, level)
    elif sampler.chance(0.75):
        objects.append(_backdrop(sampler, area, radius, level))
    for _ in range(sampler.integer(2, 12)):
        objects.append(_clutter(sampler, libraries, area, indoors=indoors, ground=ground))
    if ground and not indoors and sampler.chance(0.2):
        grass = grass_field(sampler, min(3.0, 2.5 * area.extent) + 0.5, sampler.integer(2000, 6000))
        transform = np.eye(4)
        transform[:3, 3] = area.centre
        objects.append(SceneObject(grass.mesh, grass.materials, transform[None], kind=grass.kind, casts_shadow=False))
    if sampler.chance(0.5):
        objects += [_occluder(sampler, libraries, area) for _ in range(sampler.integer(1, 2))]
    return objects


def _floor(sampler: SceneSampler, area: ActionArea, width: float) -> SceneObject:
    """Return a ground plane; one in five is reflective."""
    corners = np.array([[[-1.0, -1, 0], [1, -1, 0]], [[-1, 1, 0], [1, 1, 0]]])[None] * width
    material = replace(sampler.material(image_prob=0.93), metallic=0.0)
    if material.image is not None:
        material = replace(material, repeat=2 * width / (area.extent * sampler.ratio(0.7, 4)))
    if sampler.chance(0.2):
        material = replace(material, roughness=sampler.between(0.02, 0.25))
    transform = rotation_about("z", np.array([sampler.between(0, 6)]))
    transform[:, :3, 3] = area.centre
    return SceneObject(grid(corners), (material,), transform, kind="floor")


def _walls(sampler: SceneSampler, area: ActionArea, distance: float, level: float) -> list[SceneObject]:
    """Return four walls around camera and objects, each with up to three images as pictures or windows."""
    wall_height = distance * sampler.between(0.7, 1.6) + area.camera.transforms[:, 2, 3].max()
    walls = []
    material = sampler.material(image_prob=0.7)
    rotation = sampler.between(0, 6)
    for side in range(4):
        corners = [[[distance, y, z] for y in (-distance, distance)] for z in (0, wall_height)]
        wall_material = material if sampler.chance(0.7) else sampler.material(image_prob=0.7)
        transform = rotation_about("z", np.array([rotation + side * np.pi / 2]))
        transform[:, :3, 3] = area.centre
        walls.append(
            SceneObject(
                grid(np.array([corners])), (replace(wall_material, repeat=sampler.ratio(1, 5)),), transform, kind="wall"
            )
        )
        for _ in range(sampler.integer(0, 3)):  # pictures, windows
            width, height = distance * sampler.ratio(0.1, 0.5), distance * sampler.ratio(0.1, 0.4)
            y, z = sampler.between(-0.8, 0.8) * distance, sampler.between(0.1, 0.7) * distance
            frame = np.array([[[0, 0, 0], [0, width, 0]], [[0, 0, height], [0, width, height]]])[None]
            image_material = SurfaceMaterial(
                (1, 1, 1),
                sampler.image(photo_prob=0.9),
                roughness=0.4,
                lit=sampler.chance(0.7),
                emission_strength=level,
            )
            image_mesh = grid(frame + np.array([distance * 0.99, y, z]))
            walls.append(SceneObject(image_mesh, (image_material,), transform, kind="picture"))
    return walls


def _backdrop(sampler: SceneSampler, area: ActionArea, radius: float, level: float) -> SceneObject:
    """Return a photograph on an emissive cylindrical screen behind the objects, as seen from the camera."""
    distance = radius * sampler.between(1.2, 2.5) + 4 * area.extent
    eye = area.camera.transforms[:, :3, 3].mean(axis=0)
    azimuth = np.arctan2(*(area.centre - eye)[1::-1])
    bend = sampler.between(1.0, 2.4)
    angle, rise = np.meshgrid(np.linspace(-bend / 2, bend / 2, 17), np.array([0.0, 1.0]))
    photograph = sampler.image(photo_prob=0.92, side=960)
    height = bend * distance * photograph.shape[0] / photograph.shape[1] * sampler.between(0.8, 1.3)
    low = -sampler.between(0.0, 0.35) * height
    points = np.stack([distance * np.cos(-angle), distance * np.sin(-angle), low + height * rise], 2)[None]
    transform = rotation_about("z", np.array([azimuth]))
    transform[:, :3, 3] = [*eye[:2], area.centre[2]]
    material = SurfaceMaterial(
        (1, 1, 1), photograph, roughness=1.0, emission_strength=level * sampler.ratio(0.5, 1.3), lit=False
    )
    return SceneObject(grid(points), (material,), transform, kind="landscape", casts_shadow=False)


def _clutter(
    sampler: SceneSampler, libraries: AssetLibraries, area: ActionArea, *, indoors: bool, ground: bool
) -> SceneObject:
    """Return a stationary object beside or behind the action area, not in the camera's line of sight to it."""
    model = _library_model(sampler, libraries, indoors=indoors) if sampler.chance(0.75) else None
    if model is None:
        model = make_procedural_object(sampler, _STANDING)
    size = area.extent * sampler.ratio(0.3, 3.0)
    mesh = resized(model.mesh, size)
    eye = area.camera.transforms[:, :3, 3].mean(axis=0)
    for _ in range(30):  # until it is neither in the action area nor in front of the camera
        angle, distance = sampler.between(0, 2 * np.pi), area.radius + size / 2 + area.extent * sampler.ratio(0.3, 6)
        position = area.centre + distance * np.array([np.cos(angle), np.sin(angle), 0])
        nearest = np.clip((position - eye)[:2] @ (area.centre - eye)[:2] / ((area.centre - eye)[:2] ** 2).sum(), 0, 1)
        clearance = np.linalg.norm((position - eye)[:2] - nearest * (area.centre - eye)[:2])
        if clearance > 0.7 * size + 0.3 * area.extent:
            break
    if not ground:
        position = position + np.array([0, 0, sampler.between(-2, 2) * area.extent])
    transform = rotation_about("z", np.array([sampler.between(0, 6)]))
    transform[:, :3, 3] = position
    return SceneObject(mesh, model.materials, transform, source=model.source, kind="clutter")


_STANDING = {"plant": 2, "stool": 1, "car": 1, "arm": 0.5, "tuft": 1, "flag": 0.5, "wires": 0.5}


def _library_model(sampler: SceneSampler, libraries: AssetLibraries, *, indoors: bool) -> Model3D | None:
    """Sample a box, a piece of furniture or an outdoor model; return None if a library is needed but not installed."""
    if sampler.chance(0.2):
        return Model3D(box(sampler.rng.uniform(0.2, 1, 3)), (sampler.material(),), "stand")
    if libraries.furniture and (indoors or sampler.chance(0.25)):
        return libraries.furniture.sample_model(sampler)
    if libraries.actors:
        kind = sampler.weighted_choice({TREES: 4, STONES: 2, BUILDINGS: 2, GEAR: 1})
        return libraries.actors.sample_model(sampler, kind)
    return None


def _occluder(sampler: SceneSampler, libraries: AssetLibraries, area: ActionArea) -> SceneObject:
    """Return an object between camera and action area that stands still or moves across the view."""
    fraction = sampler.between(0.25, 0.75)
    eyes = area.camera.transforms[:, :3, 3]
    aim = area.centre + np.array([0, 0, 0.4 * area.extent])
    position = eyes.mean(axis=0) * (1 - fraction) + aim * fraction
    right = area.camera.transforms[:, :3, 0].mean(axis=0)
    width = area.extent * (1 - fraction * 0.3)
    mesh, materials = _occluder_mesh(sampler, libraries, width)
    transforms = rotation_about("z", np.full(len(sampler.seconds), sampler.between(0, 6)))
    seconds = sampler.seconds - sampler.seconds.mean()
    drift = (
        sampler.between(-0.6, 0.6) * width
        + sampler.chance(0.6) * sampler.sign() * width * sampler.ratio(0.4, 2.5) * seconds
    )
    transforms[:, :3, 3] = position + drift[:, None] * right + np.array([0, 0, sampler.between(-0.25, 0.25) * width])
    return SceneObject(mesh, materials, transforms, kind="occluder", casts_shadow=sampler.chance(0.5))


def _occluder_mesh(
    sampler: SceneSampler, libraries: AssetLibraries, width: float
) -> tuple[Mesh, tuple[SurfaceMaterial, ...]]:
    """Make the mesh and materials of an occluder (post, bars, leaves, model), sized relative to the view's `width`."""
    kind = sampler.weighted_choice({"post": 3, "bars": 0.6, "leaves": 2, "model": 3})
    if kind == "post":
        post = tube(np.array([[[0.1, 0, -9], [0, 0, 9.0]]]), np.full(2, width * sampler.ratio(0.015, 0.12)))
        return post, (sampler.material(),)
    if kind == "bars":
        return _bars(sampler, width), (sampler.material(),)
    if kind == "leaves":
        model = make_procedural_object(sampler, {"plant": 2, "tuft": 1})
    else:
        model = _library_model(sampler, libraries, indoors=False) or make_procedural_object(sampler)
    mesh = resized(model.mesh, width * sampler.ratio(0.25, 0.8))
    return mesh.translated(np.array([0, 0, -0.5 * (mesh.lower_corner + mesh.upper_corner)[2]])), model.materials


def _bars(sampler: SceneSampler, width: float) -> Mesh:
    """Return a fence of vertical bars, or a lattice of vertical and horizontal ones."""
    thickness, spacing = width * sampler.ratio(0.006, 0.025), width * sampler.ratio(0.15, 0.6)
    lines = [np.array([[[0, y * spacing, -3 * width], [0, y * spacing, 3 * width]]]) for y in range(-6, 7)]
    if sampler.chance(0.3):
        lines += [line[..., [0, 2, 1]] for line in lines]
    meshes = [tube(line, np.full(2, thickness), sides=5) for line in lines]
    return joined(*meshes)


def resized(mesh: Mesh, extent: float) -> Mesh:
    """Return the mesh, scaled to a longest side of `extent` metres, with the centre of its base at the origin.

    Outlying vertices are ignored.
    """
    low, high = np.percentile(mesh.points[0], [1, 99], axis=0)
    centre = np.array([*(low + high)[:2] / 2, mesh.points[0, :, 2].min()])
    return mesh.translated(-centre).scaled(extent / max(1e-6, (high - low).max()))


def make_lights(sampler: SceneSampler, area: ActionArea) -> tuple[list[SceneLight], SurfaceMaterial, np.ndarray]:
    """Sample the lights, the sky and the sky's strength (1 or K,); in some scenes they change over time."""
    lights = [_sun(sampler)] if sampler.chance(0.72) else []
    for _ in range(sampler.integer(0 if lights else 1, 2)):
        lights.append(_area_light(sampler, area))
    photo = sampler.image(photo_prob=0.95, side=640) if sampler.chance(0.6) else None
    tint = tuple(0.55 + 0.45 * np.array(sampler.colour()))
    strength = sampler.ratio(0.35, 1.6) * (_light_variation(sampler) if sampler.chance(0.4) else np.ones(1))
    return lights, SurfaceMaterial(tint, photo), strength


def _sun(sampler: SceneSampler) -> SceneLight:
    """Sample a sun; in some scenes its direction changes over time."""
    elevation = np.radians(sampler.between(12, 80))
    azimuth = sampler.between(0, 6) + sampler.chance(0.2) * sampler.between(-0.8, 0.8) * sampler.seconds
    eye = 10 * np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), 0 * azimuth + np.sin(elevation)], 1
    )
    colour = np.array([1.0, sampler.between(0.8, 1), sampler.between(0.6, 1)])
    strength = sampler.ratio(1.0, 6) * _light_variation(sampler)
    return SceneLight("SUN", look_at(eye, 0 * eye), strength, tuple(colour), sampler.ratio(0.005, 0.2))


def _area_light(sampler: SceneSampler, area: ActionArea) -> SceneLight:
    """Sample an area light that points at the action area; in some scenes it moves around the area."""
    distance = area.extent * sampler.ratio(1.2, 4)
    azimuth = sampler.between(0, 6) + sampler.chance(0.3) * sampler.smooth_noise(1.0, 0.3)
    height = distance * sampler.between(0.4, 1.2) + 0 * sampler.seconds
    eye = area.centre + np.stack([distance * np.cos(azimuth), distance * np.sin(azimuth), height], 1)
    colour = (1.0, 0.95, 0.9) if sampler.chance(0.6) else tuple(0.4 + 0.6 * np.array(sampler.colour()))
    strength = 30 * distance**2 * sampler.ratio(0.3, 3) * _light_variation(sampler)
    aim = np.broadcast_to(area.centre + np.array([0, 0, 0.4 * area.extent]), eye.shape)
    return SceneLight("AREA", look_at(eye, aim), strength, colour, distance * sampler.ratio(0.08, 0.8))


def light_level(lights: list[SceneLight], strength: np.ndarray, area: ActionArea) -> float:
    """Estimate the radiance of a white wall under the lights and a sky of the given strength.

    It serves as the emission strength of backdrop and wall pictures.
    """
    level = 0.45 * strength.mean()
    for light in lights:
        distance = np.linalg.norm(light.transforms[:, :3, 3] - area.centre, axis=1).mean()
        irradiance = light.strength.mean() / (1 if light.kind == "SUN" else np.pi * distance**2)  # W/m2
        level += 0.5 * irradiance / np.pi
    return float(level)


def _light_variation(sampler: SceneSampler) -> np.ndarray:
    """Sample a factor of light strength over time (1 or K,): steady, a passing cloud, a switch or a flicker."""
    kind = sampler.weighted_choice({"steady": 6, "cloud": 2, "switch": 0.6, "flicker": 0.6})
    if kind == "cloud":
        return 0.62 + 0.38 * np.clip(sampler.smooth_noise(1.2, 0.5), -1, 1)
    if kind == "switch":
        switch_time = sampler.rng.choice(sampler.seconds)
        return np.where(sampler.seconds < switch_time, 1.0, sampler.between(0.25, 0.6))
    if kind == "flicker":
        return sampler.rng.uniform(0.6, 1.0, len(sampler.seconds))
    return np.ones(1)
