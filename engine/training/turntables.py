"""Turntable pictures of furniture meshes (Wavefront OBJ in zip archives): views from all around."""

from __future__ import annotations

import hashlib
import io
import posixpath
import zipfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .raster import Light, Surface, render

MAX_FILE_BYTES = 3_000_000  # bytes of OBJ text
MAX_FACES = 15_000
TEXTURE_SIDE = 128
MIN_OPACITY = 0.35  # faces of materials below it are left out


def render_turntable(archive: Path, member: str, *, views: int, side: int) -> list[np.ndarray] | None:
    """Render a mesh from `views` directions at even steps of a full turn, as RGBA pictures of the same size (h, w, 4).

    Returns None if `read_surface` finds the mesh not usable, or if hardly anything of it is visible.
    """
    surface = read_surface(archive, member)
    if surface is None:
        return None
    number = int(hashlib.sha256(member.encode()).hexdigest()[:8], 16)
    pitch = np.radians(2 + number % 30)
    light = Light(np.array([-0.45, 0.7, 0.55]), ambient=0.42)
    pictures = [
        render(surface, _tilt(pitch) @ _yaw(2 * np.pi * view / views), light, side=side, distance=3.5)
        for view in range(views)
    ]
    covered = np.max([picture[..., 3] for picture in pictures], axis=0)
    x, y, width, height = cv2.boundingRect((covered > 8).astype(np.uint8))
    if min(width, height) < 0.12 * side or np.mean([(p[..., 3] > 127).mean() for p in pictures]) < 0.02:
        return None
    return [np.ascontiguousarray(picture[y : y + height, x : x + width]) for picture in pictures]


def read_surface(archive: Path, member: str) -> Surface | None:
    """Read a mesh of the furniture catalogue and fit it into the unit ball.

    Returns None if the mesh is too large, malformed or not usable.
    """
    with zipfile.ZipFile(archive) as files:
        if files.getinfo(member).file_size > MAX_FILE_BYTES:
            return None
        try:
            return _read_surface(files, member)
        except (IndexError, ValueError):  # a damaged file, or an unsupported variant of the format
            return None


def _yaw(angle: float) -> np.ndarray:
    """Return the rotation (3, 3) about the upright axis, by `angle` radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def _tilt(angle: float) -> np.ndarray:
    """Return the rotation (3, 3) about the horizontal axis, by `angle` radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


class _Triangles:
    """Triangles collected from the lines of an OBJ file; polygons are split into triangles at their first corner."""

    def __init__(self) -> None:
        self.points: list[list[float]] = []
        self.texture_points: list[list[float]] = [[0.0, 0.0]]  # the first serves corners without one
        self.faces: list[tuple[int, int, int]] = []
        self.coordinates: list[list[list[float]]] = []  # texture coordinates of each face's corners
        self.materials: list[int] = []

    def add_polygon(self, corners: list[list[str]], material: int) -> None:
        """Add the polygon of an `f` line; each corner is the list of its slash-separated fields."""
        points = [_index(corner[0], len(self.points), first=0) for corner in corners]
        coordinates = [self._texture_point(corner) for corner in corners]
        for last in range(2, len(corners)):
            self.faces.append((points[0], points[last - 1], points[last]))
            self.coordinates.append([coordinates[0], coordinates[last - 1], coordinates[last]])
            self.materials.append(material)

    def _texture_point(self, corner: list[str]) -> list[float]:
        """Return the texture coordinates of a polygon's corner, (0, 0) if the file gives none."""
        if len(corner) > 1 and corner[1]:
            return self.texture_points[_index(corner[1], len(self.texture_points) - 1, first=1)]
        return self.texture_points[0]


def _read_surface(files: zipfile.ZipFile, member: str) -> Surface | None:
    """Read the mesh of an OBJ file and fit it into the unit ball.

    Returns None if the mesh has no faces, too many faces, or a texture with holes. Raises IndexError or ValueError if
    the file is malformed.
    """
    folder = posixpath.dirname(member)
    triangles = _Triangles()
    textures: list[np.ndarray] = []
    materials: dict[str, int] = {}  # material name -> texture index; -1: faces are left out
    current = 0
    for line in files.read(member).decode("utf-8", "replace").splitlines():
        key, _, rest = line.strip().partition(" ")
        if key == "v":
            triangles.points.append([float(value) for value in rest.split()[:3]])
        elif key == "vt":
            triangles.texture_points.append([float(value) for value in rest.split()[:2]])
        elif key == "mtllib":
            library = _read_materials(files, posixpath.join(folder, rest.strip()), textures)
            if library is None:
                return None
            materials.update(library)
        elif key == "usemtl":
            current = materials.get(rest.strip(), 0)
        elif key == "f" and current >= 0:
            triangles.add_polygon([corner.split("/") for corner in rest.split()], current)
            if len(triangles.faces) > MAX_FACES:
                return None
    return _in_unit_ball(triangles, textures)


def _in_unit_ball(triangles: _Triangles, textures: list[np.ndarray]) -> Surface | None:
    """Centre triangles and scale them to fit the unit ball.

    Returns None if there are no faces or no textures, or if all corners coincide.
    """
    if not triangles.faces or not textures:
        return None
    points = np.array(triangles.points)
    used = points[np.unique(triangles.faces)]
    middle = (used.min(axis=0) + used.max(axis=0)) / 2
    radius = np.linalg.norm(used - middle, axis=1).max()
    if radius <= 0:
        return None
    return Surface(
        (points - middle) / radius,
        np.array(triangles.faces),
        np.array(triangles.coordinates),
        np.array(triangles.materials),
        np.stack(textures),
    )


def _index(text: str, count: int, *, first: int) -> int:
    """Convert an OBJ index (1, 2, .., or -1, -2, .. from the end) to a list index; OBJ index 1 becomes `first`."""
    number = int(text)
    return number - 1 + first if number > 0 else count + number + first


def _read_materials(files: zipfile.ZipFile, name: str, textures: list[np.ndarray]) -> dict[str, int] | None:
    """Read a material library, append its textures to `textures`, and return the texture index of each material name.

    A nearly transparent material has the index -1. Returns None if a texture has holes, like a picture of leaves.
    """
    materials: dict[str, int] = {}
    try:
        lines = files.read(name).decode("utf-8", "replace").splitlines()
    except KeyError:
        lines = []
    material = ""
    textures.append(_plain_texture())
    for line in lines:
        key, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if key == "newmtl":
            material = rest
            textures.append(_plain_texture())
            materials[material] = len(textures) - 1
        elif key == "Kd" and material and materials[material] >= 0:
            colour = np.clip([float(value) for value in rest.split()[:3]], 0.04, 1) * 255
            textures[materials[material]][:] = colour.astype(np.uint8)
        elif key == "d" and material and float(rest.split()[-1]) < MIN_OPACITY:
            materials[material] = -1
        elif key == "map_Kd" and materials.get(material, -1) >= 0:
            picture = _read_texture(files, posixpath.join(posixpath.dirname(name), rest.split()[-1]))
            if picture is None:
                return None
            textures[materials[material]] = picture
    return materials


def _plain_texture() -> np.ndarray:
    """Return a grey texture (side, side, 3) uint8, for materials without a colour or picture."""
    return np.full((TEXTURE_SIDE, TEXTURE_SIDE, 3), 160, np.uint8)


def _read_texture(files: zipfile.ZipFile, name: str) -> np.ndarray | None:
    """Read a texture (side, side, 3) uint8; return a grey one if it cannot be read, and None if it has holes."""
    try:
        image = Image.open(io.BytesIO(files.read(name))).convert("RGBA")
    except (KeyError, OSError):
        return _plain_texture()
    pixels = np.array(image.resize((TEXTURE_SIDE, TEXTURE_SIDE), Image.Resampling.BOX))
    return None if (pixels[..., 3] < 128).mean() > 0.02 else pixels[..., :3]
