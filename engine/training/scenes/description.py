"""Description of a scene as numbers over time, independent of Blender: objects, lights, camera and sky."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .meshes import Mesh, SurfaceMaterial

WIDTH, HEIGHT = 448, 256  # pixels of a scene's pictures
MAX_OBJECTS = 4  # the label passes have four channels, one per object
HELD_OUT_INTERVAL = 20


def is_held_out_scene(seed: int) -> bool:
    """Return whether the scene of a seed is held out: for validation only, and made only of held-out assets."""
    return seed % HELD_OUT_INTERVAL == 0


@dataclass(frozen=True)
class SceneObject:
    """Mesh placed in a scene. K is the number of time steps: one before the first frame, one per frame, one after."""

    mesh: Mesh
    materials: tuple[SurfaceMaterial, ...]
    transforms: np.ndarray = field(default_factory=lambda: np.eye(4)[None])  # (1 or K, 4, 4) object to world
    label: int = 0  # 0: background
    source: str = ""  # package and file of the asset; "" if the mesh is procedural
    kind: str = ""
    casts_shadow: bool = True

    def points_at(self, step: int) -> np.ndarray:
        """Return the vertices (V, 3) in world coordinates at a time step."""
        points = self.mesh.points[min(step, len(self.mesh.points) - 1)]
        transform = self.transforms[min(step, len(self.transforms) - 1)]
        return points @ transform[:3, :3].T + transform[:3, 3]

    def centres(self) -> np.ndarray:
        """Return the median of the vertices in world coordinates at each time step: (1 or K, 3)."""
        steps = max(len(self.transforms), len(self.mesh.points))
        return np.array([np.median(self.points_at(step), axis=0) for step in range(steps)])

    def extent(self) -> float:
        """Return the longest side in metres of the mesh at the first time step; outlying vertices are ignored."""
        low, high = np.percentile(self.mesh.points[0], [1, 99], axis=0)
        return float((high - low).max())


@dataclass(frozen=True)
class SceneLight:
    """Light source that shines along its local -z axis."""

    kind: str  # "SUN" or "AREA"
    transforms: np.ndarray  # (1 or K, 4, 4) light to world
    strength: np.ndarray  # (1 or K,) W/m2 of a sun, W of an area light
    colour: tuple[float, float, float]
    size: float  # angle of a sun in radians, side of an area light in metres


@dataclass(frozen=True)
class Camera:
    """Camera that looks along its local -z axis, with y up."""

    transforms: np.ndarray  # (K, 4, 4) camera to world
    lens: np.ndarray  # (K,) focal length in millimetres, on a sensor 36 mm wide
    focus_distance: np.ndarray  # (K,) metres
    f_number: float  # 0: no depth of field
    shutter: float  # exposure time in frames; 0: no motion blur

    def project(self, points: np.ndarray, step: int, aspect: float) -> np.ndarray:
        """Project world points (V, 3) at a time step, for an image of `aspect` width / height.

        Returns (V, 3): x and y from 0 to 1 over the image, y down, and the depth in metres, negative behind the camera.
        """
        transform = self.transforms[min(step, len(self.transforms) - 1)]
        local = (points - transform[:3, 3]) @ transform[:3, :3]
        depth = -local[:, 2]
        divisor = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        scale = self.lens[min(step, len(self.lens) - 1)] / 36
        return np.stack([0.5 + scale * local[:, 0] / divisor, 0.5 - scale * aspect * local[:, 1] / divisor, depth], 1)


@dataclass(frozen=True)
class Scene:
    """Everything that Blender needs to build and render one clip."""

    objects: tuple[SceneObject, ...]
    lights: tuple[SceneLight, ...]
    camera: Camera
    sky: SurfaceMaterial
    sky_strength: np.ndarray  # (1 or K,)
    sky_rotation: float  # radians about z
    target_brightness: float  # sRGB grey 0..1 that the median pixel should have
    filmic: bool  # view transform: Filmic instead of Standard
    metadata: dict[str, Any] = field(default_factory=dict)  # content of about.json
