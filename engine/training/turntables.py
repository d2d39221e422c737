"""Meshes of a furniture catalogue (Wavefront OBJ in zip archives) -> pictures of them from all around."""

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

LARGEST_FILE = 3_000_000  # bytes of OBJ text
MOST_FACES = 15_000
TEXTURE_SIDE = 128
SEE_THROUGH = 0.35  # materials more transparent than this are left out


def render_turntable(archive: Path, member: str, *, views: int, side: int) -> list[np.ndarray] | None:
    """Pictures RGBA (h, w, 4), all cropped alike, at even steps of a full turn; None when the mesh is not usable."""
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
    reach = np.max([picture[..., 3] for picture in pictures], axis=0)
    x, y, width, height = cv2.boundingRect(np.uint8(reach > 8))
    if min(width, height) < 0.12 * side or np.mean([(p[..., 3] > 127).mean() for p in pictures]) < 0.02:
        return None
    return [np.ascontiguousarray(picture[y : y + height, x : x + width]) for picture in pictures]


def read_surface(archive: Path, member: str) -> Surface | None:
    """A mesh of the catalogue, moved into the unit ball; None when it is not usable."""
    with zipfile.ZipFile(archive) as files:
        if files.getinfo(member).file_size > LARGEST_FILE:
            return None
        try:
            return _read_surface(files, member)
        except (IndexError, ValueError):  # a damaged mesh, or a dialect of the format
            return None


def _yaw(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def _tilt(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def _read_surface(files: zipfile.ZipFile, member: str) -> Surface | None:
    """The mesh of an OBJ file, moved into the unit ball; None without faces, too many, or cut-out textures."""
    folder = posixpath.dirname(member)
    points: list[list[float]] = []
    places: list[list[float]] = [[0.0, 0.0]]
    faces: list[tuple[int, int, int]] = []
    coordinates: list[list[list[float]]] = []
    materials: list[int] = []
    textures: list[np.ndarray] = []
    known: dict[str, int] = {}  # material name -> texture number, -1: left out
    current = 0
    for line in files.read(member).decode("utf-8", "replace").splitlines():
        key, _, rest = line.strip().partition(" ")
        if key == "v":
            points.append([float(value) for value in rest.split()[:3]])
        elif key == "vt":
            places.append([float(value) for value in rest.split()[:2]])
        elif key == "mtllib":
            library = _read_materials(files, posixpath.join(folder, rest.strip()), textures)
            if library is None:
                return None
            known.update(library)
        elif key == "usemtl":
            current = known.get(rest.strip(), 0)
        elif key == "f" and current >= 0:
            corners = [corner.split("/") for corner in rest.split()]
            at = [_index(corner[0], len(points), first=0) for corner in corners]
            there = [
                places[_index(corner[1], len(places) - 1, first=1)] if len(corner) > 1 and corner[1] else places[0]
                for corner in corners
            ]
            for last in range(2, len(corners)):
                faces.append((at[0], at[last - 1], at[last]))
                coordinates.append([there[0], there[last - 1], there[last]])
                materials.append(current)
            if len(faces) > MOST_FACES:
                return None
    if not faces or not textures:
        return None
    used = np.array(points)[np.unique(faces)]
    middle = (used.min(axis=0) + used.max(axis=0)) / 2
    radius = np.linalg.norm(used - middle, axis=1).max()
    if radius <= 0:
        return None
    return Surface(
        (np.array(points) - middle) / radius,
        np.array(faces),
        np.array(coordinates),
        np.array(materials),
        np.stack(textures),
    )


def _index(text: str, count: int, *, first: int) -> int:
    """OBJ counts from 1, or backwards from -1."""
    number = int(text)
    return number - 1 + first if number > 0 else count + number + first


def _read_materials(files: zipfile.ZipFile, name: str, textures: list[np.ndarray]) -> dict[str, int] | None:
    """Material names -> numbers in `textures`, which grows; None when one is a picture with holes, such as leaves."""
    found: dict[str, int] = {}
    try:
        lines = files.read(name).decode("utf-8", "replace").splitlines()
    except KeyError:
        lines = []
    material = ""
    textures.append(np.full((TEXTURE_SIDE, TEXTURE_SIDE, 3), 160, np.uint8))
    for line in lines:
        key, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if key == "newmtl":
            material = rest
            textures.append(np.full((TEXTURE_SIDE, TEXTURE_SIDE, 3), 160, np.uint8))
            found[material] = len(textures) - 1
        elif key == "Kd" and material and found[material] >= 0:
            colour = np.clip([float(value) for value in rest.split()[:3]], 0.04, 1) * 255
            textures[found[material]][:] = colour.astype(np.uint8)
        elif key == "d" and material and float(rest.split()[-1]) < SEE_THROUGH:
            found[material] = -1
        elif key == "map_Kd" and found.get(material, -1) >= 0:
            picture = _read_texture(files, posixpath.join(posixpath.dirname(name), rest.split()[-1]))
            if picture is None:
                return None
            textures[found[material]] = picture
    return found


def _read_texture(files: zipfile.ZipFile, name: str) -> np.ndarray | None:
    try:
        image = Image.open(io.BytesIO(files.read(name))).convert("RGBA")
    except (KeyError, OSError):
        return np.full((TEXTURE_SIDE, TEXTURE_SIDE, 3), 160, np.uint8)
    pixels = np.array(image.resize((TEXTURE_SIDE, TEXTURE_SIDE), Image.Resampling.BOX))
    return None if (pixels[..., 3] < 128).mean() > 0.02 else pixels[..., :3]
