"""Skinned meshes and skeletal animations of the game 0 A.D.: its binary formats PMD and PSA, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_BONE = 255


class MalformedFileError(ValueError):
    """The content of a PMD or PSA file violates its format."""


@dataclass(frozen=True)
class AttachmentPoint:
    """Point of a mesh that another mesh can be attached to."""

    bone: int  # NO_BONE: fixed to the mesh itself
    matrix: np.ndarray  # (4, 4) attachment point to bone


@dataclass(frozen=True)
class SkinnedMesh:
    """Mesh with bones, in its rest pose, in the coordinates of its file: y up, left-handed."""

    points: np.ndarray  # (V, 3)
    uvs: np.ndarray  # (V, 2)
    bones: np.ndarray  # (V, 4) int: the bones that move each vertex; NO_BONE: unused
    weights: np.ndarray  # (V, 4)
    faces: np.ndarray  # (F, 3)
    rest_pose: np.ndarray  # (B, 4, 4) bone to mesh
    attachment_points: dict[str, AttachmentPoint]

    def deform(self, pose: np.ndarray) -> np.ndarray:
        """Return the vertices (K, V, 3) for K poses of the bones (K, B, 4, 4), by linear blend skinning."""
        skinning = pose @ np.linalg.inv(self.rest_pose)
        identity = np.broadcast_to(np.eye(4), (len(pose), 1, 4, 4))
        skinning = np.concatenate([skinning, identity], axis=1)  # the last one is for vertices without a bone
        bones = np.minimum(self.bones, len(self.rest_pose))
        homogeneous = np.concatenate([self.points, np.ones((len(self.points), 1))], axis=1)
        weights = np.where(self.bones == NO_BONE, 0, self.weights)
        weights[weights.sum(axis=1) <= 0, 0] = 1.0
        weights = weights / weights.sum(axis=1, keepdims=True)
        posed = np.zeros((len(pose), len(self.points), 3))
        for influence in range(4):
            matrices = skinning[:, bones[:, influence], :3]
            posed += weights[:, influence, None] * np.einsum("kvij,vj->kvi", matrices, homogeneous)
        return posed

    def attachment_transforms(self, name: str, pose: np.ndarray | None, steps: int) -> np.ndarray | None:
        """Return the transforms (K, 4, 4) of the attachment point `name` for K = `steps` bone poses (K, B, 4, 4).

        If `pose` is None, the rest pose is used. Returns None if the mesh has no attachment point of that name.
        """
        attachment_point = self.attachment_points.get(name)
        if attachment_point is None:
            return None
        if attachment_point.bone >= len(self.rest_pose):
            return np.broadcast_to(attachment_point.matrix, (steps, 4, 4))
        bones = self.rest_pose[None, attachment_point.bone] if pose is None else pose[:, attachment_point.bone]
        return np.broadcast_to(bones @ attachment_point.matrix, (steps, 4, 4))


class _Reader:
    """Sequential reader of little-endian values.

    Raises MalformedFileError if the data begin with a wrong magic number or end too early.
    """

    def __init__(self, data: bytes, magic: bytes) -> None:
        if data[:4] != magic:
            raise MalformedFileError(f"the file begins with {data[:4]!r} instead of {magic!r}")
        self.data, self.position = data, 4

    def number(self) -> int:
        return int(self.array("<u4", 1)[0])

    def array(self, dtype: str | np.dtype, count: int) -> np.ndarray:
        dtype = np.dtype(dtype)
        if self.position + dtype.itemsize * count > len(self.data):
            raise MalformedFileError("the file ends too early")
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position += dtype.itemsize * count
        return values

    def name(self) -> str:
        return self.array("u1", self.number()).tobytes().decode("ascii", "replace")


def read_mesh(data: bytes) -> SkinnedMesh:
    """Parse a mesh, a PMD file of version 3 or 4. Raises MalformedFileError."""
    reader = _Reader(data, b"PSMD")
    version = reader.number()
    reader.number()  # the number of bytes that follow
    if version not in (3, 4):
        raise MalformedFileError(f"PMD version {version} is not supported")
    count = reader.number()
    uv_sets = reader.number() if version == 4 else 1
    vertex = np.dtype(
        [
            ("point", "<f4", 3),
            ("normal", "<f4", 3),
            ("uvs", "<f4", (uv_sets, 2)),
            ("bones", "u1", 4),
            ("weights", "<f4", 4),
        ]
    )
    vertices = reader.array(vertex, count)
    faces = reader.array("<u2", 3 * reader.number()).reshape(-1, 3).astype(int)
    rest_pose = _matrices(reader.array("<f4", 7 * reader.number()).reshape(-1, 7))
    attachment_points = {}
    for _ in range(reader.number()):
        name = reader.name().lower()
        matrix = _matrices(reader.array("<f4", 7)[None])[0]
        bone = int(reader.array("u1", 1)[0])
        attachment_points[name.removeprefix("prop-").removeprefix("prop_")] = AttachmentPoint(bone, matrix)
    if not len(faces) or faces.max() >= count or not np.isfinite(vertices["point"]).all():
        raise MalformedFileError("the mesh has no faces, faces of missing vertices, or vertices that are not finite")
    uvs = vertices["uvs"][:, 0] if uv_sets else np.zeros((count, 2))
    return SkinnedMesh(
        vertices["point"].astype(float),
        uvs.astype(float),
        vertices["bones"].astype(int),
        vertices["weights"].astype(float),
        faces,
        rest_pose,
        attachment_points,
    )


def read_animation(data: bytes) -> np.ndarray:
    """Parse an animation, a PSA file: translation and quaternion (x, y, z, w) of B bones on N frames (N, B, 7).

    The animation has 30 frames a second. Raises MalformedFileError.
    """
    reader = _Reader(data, b"PSSA")
    if reader.number() != 1:
        raise MalformedFileError("only PSA version 1 is supported")
    reader.number()  # the number of bytes that follow
    reader.name()
    reader.array("<f4", 1)  # milliseconds per frame
    bones, frames = reader.number(), reader.number()
    states = reader.array("<f4", 7 * bones * frames).reshape(frames, bones, 7).astype(float)
    if not states.size or not np.isfinite(states).all():
        raise MalformedFileError("the animation has no frames, or values that are not finite")
    return states


def pose_at(states: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the bones' matrices (K, B, 4, 4) at `times` (K,), in frames, of a looping animation (N, B, 7)."""
    times = np.mod(times, max(1, len(states) - 1))
    index = np.floor(times).astype(int)
    fraction = (times - index)[:, None, None]
    first, second = states[index], states[np.minimum(index + 1, len(states) - 1)]
    sign = np.where((first[..., 3:] * second[..., 3:]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    second = np.concatenate([second[..., :3], second[..., 3:] * sign], axis=-1)
    return _matrices(first * (1 - fraction) + second * fraction)


def _matrices(states: np.ndarray) -> np.ndarray:
    """Convert translations and quaternions (..., 7) to matrices (..., 4, 4)."""
    x, y, z, w = np.moveaxis(states[..., 3:] / (np.linalg.norm(states[..., 3:], axis=-1, keepdims=True) + 1e-12), -1, 0)
    matrices = np.zeros((*states.shape[:-1], 4, 4))
    matrices[..., :3, :3] = np.moveaxis(
        np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        ),
        (0, 1),
        (-2, -1),
    )
    matrices[..., :3, 3] = states[..., :3]
    matrices[..., 3, 3] = 1
    return matrices
