"""Synthetic films with ground truth: textured shapes that move, cross, are occluded, enter late or look alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from engine.media.label_images import encode_matte, write_labels
from engine.shared.files import atomic_write

Point = tuple[float, float]  # x, y of a centre in pixels, x right, y down
Trajectory = Callable[[int], Point | None]  # where a shape is on a frame; None: not in the picture


@dataclass(frozen=True)
class Film:
    """Frames of a synthetic film, with their true labels."""

    frames: np.ndarray  # (T, H, W, 3) uint8 RGB
    labels: np.ndarray  # (T, H, W) uint8: pixel = object id, 0 = background

    def mask(self, frame: int, object_id: int) -> np.ndarray:
        """Return the true mask (H, W) bool of an object on a frame."""
        return self.labels[frame] == object_id

    def write_images(self, folder: Path, *, start: int = 0, step: int = 1, suffix: str = ".png") -> Path:
        """Write `shot_0000.png` and so on, numbered from `start`. Returns the first file."""
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"shot_{start + step * index:04d}{suffix}" for index in range(len(self.frames))]
        for file, pixels in zip(files, self.frames):
            Image.fromarray(pixels).save(file, **({"quality": 95} if suffix in (".jpg", ".jpeg") else {}))
        return files[0]

    def write_movie(self, path: Path, *, fps: float = 25.0, codec: str = "mp4v") -> Path:
        """Write a movie with OpenCV, whose lossy pictures are close to the frames but not equal. Returns the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = self.frames.shape[1:3]
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, (width, height))
        if not writer.isOpened():
            raise RuntimeError(f"OpenCV cannot write {path} with {codec}")
        for pixels in self.frames:
            writer.write(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        writer.release()
        return path

    def write_labels(self, folder: Path, *, start: int = 0, step: int = 1) -> Path:
        """Write the true labels of every frame, numbered as `write_images` does. Returns the folder."""
        return self.write_keyframes(folder, range(len(self.frames)), start=start, step=step)

    def write_keyframes(
        self,
        folder: Path,
        frames: Iterable[int],
        objects: Iterable[int] | None = None,
        *,
        start: int = 0,
        step: int = 1,
    ) -> Path:
        """Write the true labels of some frames, of all objects or only of `objects`. Returns the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for frame in frames:
            labels = self.labels[frame]
            if objects is not None:
                labels = np.where(np.isin(labels, list(objects)), labels, 0).astype(np.uint8)
            write_labels(folder / f"shot_{start + step * frame:04d}.png", labels)
        return folder


@dataclass(frozen=True)
class Shape:
    """One textured object and its trajectory."""

    object_id: int  # 0: an occluder that is part of the background
    kind: str  # disc, box or star
    radius: float  # pixels
    colour: tuple[int, int, int]
    trajectory: Trajectory
    turn: float = 0.0  # degrees per frame


def write_matte(path: Path, alpha: np.ndarray) -> None:
    """Write alpha (H, W) float, 0..1, as 8-bit grey PNG, atomically. Raises DiskFull, FolderNotWritable."""
    with atomic_write(path) as part:
        part.write_bytes(encode_matte(alpha))


def render(shapes: list[Shape], *, count: int, height: int = 96, width: int = 128, seed: int = 0) -> Film:
    """Return a film of the shapes over a textured background. Later shapes lie on top."""
    ground = _texture(np.random.default_rng(seed), height, width, (110, 120, 100), spread=28)
    textures = [
        _texture(np.random.default_rng([seed, index + 1]), height, width, shape.colour, spread=25)
        for index, shape in enumerate(shapes)
    ]
    frames = np.repeat(ground[None], count, axis=0)
    labels = np.zeros((count, height, width), np.uint8)
    for frame in range(count):
        for shape, texture in zip(shapes, textures):
            centre = shape.trajectory(frame)
            if centre is None:
                continue
            inside = _inside(shape, centre, frame, height, width)
            # the texture travels with the shape
            moved = np.roll(texture, (round(centre[1]), round(centre[0])), axis=(0, 1))
            frames[frame][inside] = moved[inside]
            labels[frame][inside] = shape.object_id
    return Film(frames, labels)


def joined(*films: Film) -> Film:
    """Return films of one size, one after another."""
    return Film(np.concatenate([film.frames for film in films]), np.concatenate([film.labels for film in films]))


def moving_disc(count: int = 12, *, height: int = 96, width: int = 128) -> Film:
    """Return a film of a red disc that moves steadily from left to right."""
    trajectory = _line((width * 0.2, height * 0.5), (width * 0.8, height * 0.55), count)
    return render([Shape(1, "disc", height * 0.2, (200, 60, 50), trajectory)], count=count, height=height, width=width)


def crossing(count: int = 16, *, height: int = 96, width: int = 128) -> Film:
    """Return a film of a blue box that passes in front of a red disc moving the other way."""
    disc = _line((width * 0.2, height * 0.5), (width * 0.8, height * 0.5), count)
    box = _line((width * 0.8, height * 0.4), (width * 0.2, height * 0.6), count)
    shapes = [
        Shape(1, "disc", height * 0.18, (200, 60, 50), disc),
        Shape(2, "box", height * 0.14, (50, 70, 210), box, turn=4),
    ]
    return render(shapes, count=count, height=height, width=width, seed=1)


def vanishing(count: int = 18, *, height: int = 96, width: int = 128) -> Film:
    """Return a film of a disc that a pillar of the background occludes completely for some frames."""
    trajectory = _line((width * 0.12, height * 0.5), (width * 0.88, height * 0.5), count)
    pillar = Shape(0, "box", height * 0.24, (150, 150, 150), lambda frame: (width * 0.5, height * 0.5))
    disc = Shape(1, "disc", height * 0.14, (210, 170, 40), trajectory)
    return render([disc, pillar], count=count, height=height, width=width, seed=2)


def late_entry(count: int = 16, *, height: int = 96, width: int = 128, enters: int = 6) -> Film:
    """Return a film of a disc, and of a star that appears on frame `enters`."""
    star = _line((width * 0.8, height * 0.25), (width * 0.5, height * 0.7), count)
    shapes = [
        Shape(
            1,
            "disc",
            height * 0.17,
            (200, 60, 50),
            _line((width * 0.2, height * 0.6), (width * 0.4, height * 0.5), count),
        ),
        Shape(2, "star", height * 0.2, (60, 180, 70), lambda frame: star(frame) if frame >= enters else None, turn=3),
    ]
    return render(shapes, count=count, height=height, width=width, seed=3)


def look_alikes(count: int = 12, *, height: int = 96, width: int = 128) -> Film:
    """Return a film of two discs of the same colour, of which only the left one is a labelled object."""
    left = _line((width * 0.22, height * 0.4), (width * 0.3, height * 0.6), count)
    right = _line((width * 0.78, height * 0.6), (width * 0.7, height * 0.4), count)
    shapes = [
        Shape(0, "disc", height * 0.17, (200, 60, 50), right),
        Shape(1, "disc", height * 0.17, (200, 60, 50), left),
    ]
    return render(shapes, count=count, height=height, width=width, seed=4)


def _line(start: Point, end: Point, count: int) -> Trajectory:
    def point_at(frame: int) -> Point:
        fraction = frame / max(1, count - 1)
        return start[0] + (end[0] - start[0]) * fraction, start[1] + (end[1] - start[1]) * fraction

    return point_at


def _inside(shape: Shape, centre: Point, frame: int, height: int, width: int) -> np.ndarray:
    """Return the mask (H, W) bool of the shape on a frame, with the shape's centre at `centre`."""
    y, x = np.mgrid[:height, :width] + 0.5
    angle = np.radians(shape.turn * frame)
    across = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    down = (y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)
    distance = np.hypot(across, down)
    if shape.kind == "disc":
        return distance <= shape.radius
    if shape.kind == "box":
        return np.maximum(np.abs(across), np.abs(down)) <= shape.radius
    if shape.kind == "star":
        return distance <= shape.radius * (0.7 + 0.3 * np.cos(5 * np.arctan2(down, across)))
    raise ValueError(f"no shape {shape.kind!r}; there are disc, box and star")


def _texture(
    random: np.random.Generator, height: int, width: int, colour: tuple[int, int, int], *, spread: float
) -> np.ndarray:
    """Return a texture (H, W, 3) uint8 of soft blotches around a colour."""
    coarse = random.normal(0, spread, (max(2, height // 12), max(2, width // 12), 3)).astype(np.float32)
    fine = random.normal(0, spread / 4, (height, width, 3)).astype(np.float32)
    blotches = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) + fine
    return np.clip(blotches + np.array(colour, np.float32), 0, 255).astype(np.uint8)
