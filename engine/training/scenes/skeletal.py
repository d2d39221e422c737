"""Meshes with skeletons and their movements: the binary formats PMD and PSA of the game 0 A.D., in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_BONE = 255


class Malformed(ValueError):
    """The bytes are not what the format says."""


@dataclass(frozen=True)
class Socket:
    """A place on a mesh where another can be fixed."""

    bone: int  # NO_BONE: it does not move with any
    matrix: np.ndarray  # (4, 4) from the socket to the bone


@dataclass(frozen=True)
class Mesh:
    """A mesh in its rest pose. Coordinates are the file's: y up, left-handed."""

    points: np.ndarray  # (V, 3)
    places: np.ndarray  # (V, 2)
    bones: np.ndarray  # (V, 4) int; NO_BONE: none
    weights: np.ndarray  # (V, 4)
    faces: np.ndarray  # (F, 3)
    rest: np.ndarray  # (B, 4, 4) from bone to mesh
    sockets: dict[str, Socket]

    def posed(self, pose: np.ndarray) -> np.ndarray:
        """(K, V, 3) the points when the bones stand as in `pose` (K, B, 4, 4)."""
        moves = pose @ np.linalg.inv(self.rest)
        still = np.broadcast_to(np.eye(4), (len(pose), 1, 4, 4))
        moves = np.concatenate([moves, still], axis=1)  # the last one serves points that no bone moves
        known = np.minimum(self.bones, len(self.rest))
        homogeneous = np.concatenate([self.points, np.ones((len(self.points), 1))], axis=1)
        weights = np.where(self.bones == NO_BONE, 0, self.weights)
        weights[weights.sum(axis=1) <= 0, 0] = 1.0
        weights = weights / weights.sum(axis=1, keepdims=True)
        posed = np.zeros((len(pose), len(self.points), 3))
        for influence in range(4):
            matrices = moves[:, known[:, influence], :3]
            posed += weights[:, influence, None] * np.einsum("kvij,vj->kvi", matrices, homogeneous)
        return posed

    def fixed(self, name: str, pose: np.ndarray | None, knots: int) -> np.ndarray | None:
        """(K, 4, 4) where a socket is over time; None when there is no such socket."""
        socket = self.sockets.get(name)
        if socket is None:
            return None
        if socket.bone >= len(self.rest):
            return np.broadcast_to(socket.matrix, (knots, 4, 4))
        bones = self.rest[None, socket.bone] if pose is None else pose[:, socket.bone]
        return np.broadcast_to(bones @ socket.matrix, (knots, 4, 4))


class _Reader:
    """Takes little-endian values off a buffer."""

    def __init__(self, data: bytes, magic: bytes) -> None:
        if data[:4] != magic:
            raise Malformed(f"begins with {data[:4]!r} instead of {magic!r}")
        self.data, self.at = data, 4

    def number(self) -> int:
        return int(self.array("<u4", 1)[0])

    def array(self, kind: str | np.dtype, count: int) -> np.ndarray:
        kind = np.dtype(kind)
        if self.at + kind.itemsize * count > len(self.data):
            raise Malformed("ends too early")
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += kind.itemsize * count
        return values

    def name(self) -> str:
        return self.array("u1", self.number()).tobytes().decode("ascii", "replace")


def read_mesh(data: bytes) -> Mesh:
    """A PMD file. Raises Malformed."""
    reader = _Reader(data, b"PSMD")
    version = reader.number()
    reader.number()  # the size of the rest
    if version not in (3, 4):
        raise Malformed(f"is of version {version}")
    count = reader.number()
    sets = reader.number() if version == 4 else 1
    vertex = np.dtype(
        [
            ("point", "<f4", 3),
            ("normal", "<f4", 3),
            ("places", "<f4", (sets, 2)),
            ("bones", "u1", 4),
            ("weights", "<f4", 4),
        ]
    )
    vertices = reader.array(vertex, count)
    faces = reader.array("<u2", 3 * reader.number()).reshape(-1, 3).astype(int)
    rest = _matrices(reader.array("<f4", 7 * reader.number()).reshape(-1, 7))
    sockets = {}
    for _ in range(reader.number()):
        name = reader.name().lower()
        matrix = _matrices(reader.array("<f4", 7)[None])[0]
        sockets[name.removeprefix("prop-").removeprefix("prop_")] = Socket(int(reader.array("u1", 1)[0]), matrix)
    if not len(faces) or faces.max() >= count or not np.isfinite(vertices["point"]).all():
        raise Malformed("has no faces, or faces of points that it has not")
    places = vertices["places"][:, 0] if sets else np.zeros((count, 2))
    return Mesh(
        vertices["point"].astype(float),
        places.astype(float),
        vertices["bones"].astype(int),
        vertices["weights"].astype(float),
        faces,
        rest,
        sockets,
    )


def read_movement(data: bytes) -> np.ndarray:
    """A PSA file: (N, B, 7) translation and quaternion (x, y, z, w) of every bone, 30 a second. Raises Malformed."""
    reader = _Reader(data, b"PSSA")
    if reader.number() != 1:
        raise Malformed("is of a version other than 1")
    reader.number()
    reader.name()
    reader.array("<f4", 1)
    bones, frames = reader.number(), reader.number()
    states = reader.array("<f4", 7 * bones * frames).reshape(frames, bones, 7).astype(float)
    if not states.size or not np.isfinite(states).all():
        raise Malformed("has no movement")
    return states


def pose_at(states: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(K, B, 4, 4) bones at moments in frames of the movement, which goes round."""
    times = np.mod(times, max(1, len(states) - 1))
    before = np.floor(times).astype(int)
    part = (times - before)[:, None, None]
    first, second = states[before], states[np.minimum(before + 1, len(states) - 1)]
    near = np.where((first[..., 3:] * second[..., 3:]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    second = np.concatenate([second[..., :3], second[..., 3:] * near], axis=-1)
    return _matrices(first * (1 - part) + second * part)


def _matrices(states: np.ndarray) -> np.ndarray:
    """(..., 7) translation and quaternion -> (..., 4, 4)."""
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
