"""What can appear in a composed film, and how it is painted onto a frame: colour and label at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from .motion import Motion


@dataclass(frozen=True)
class Patch:
    """A drawn thing: premultiplied RGBA and where its corner lies on the frame."""

    rgba: np.ndarray  # (h, w, 4) uint8
    x: int
    y: int


@dataclass(frozen=True)
class Manner:
    """How a thing is seen."""

    label: int = 0  # 0: part of the scene, not to be tracked
    opacity: float = 1.0
    shutter: float = 0.0  # motion blur, as a share of the movement between two frames
    softness: float = 0.0  # pixels, out of focus
    shadow: float = 0.0  # 0..1, how dark the shadow that it casts is
    shadow_shift: tuple[float, float] = (0.0, 0.0)  # pixels
    hidden: frozenset[int] = frozenset()  # frames without it


class Drawing(Protocol):
    """Draws itself onto frames of a size."""

    def draw(self, frame: int, *, size: int, margin: int) -> Patch | None:
        """The thing on a frame, with `margin` pixels around it; None when it is out of sight."""

    def centre(self, frame: int) -> np.ndarray:
        """(2,) where it is, in pixels."""


@dataclass(frozen=True)
class Actor:
    """A thing and how it is seen."""

    drawing: Drawing
    manner: Manner


@dataclass(frozen=True)
class Sprite:
    """A flat picture, or one per frame, that moves, turns, scales and bends."""

    pictures: tuple[np.ndarray, ...]  # T times (h, w, 4) uint8 premultiplied; may be the same one T times
    motion: Motion
    view: np.ndarray  # (T, 3, 3), the camera as this thing's layer sees it
    folds: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 2, 2), np.float32))  # (K, g, g, 2) pixels
    bends: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # (T, K)

    def matrix(self, frame: int) -> np.ndarray:
        """(3, 3): from pixels of the picture to pixels of the frame."""
        height, width = self.pictures[frame].shape[:2]
        to_centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
        return self.view[frame] @ self.motion.affine(frame) @ to_centre

    def centre(self, frame: int) -> np.ndarray:
        return (self.view[frame] @ (self.motion.x[frame], self.motion.y[frame], 1.0))[:2]

    def draw(self, frame: int, *, size: int, margin: int) -> Patch | None:
        picture = self.pictures[frame]
        matrix = self.matrix(frame)
        height, width = picture.shape[:2]
        corners = matrix[:2] @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]])
        stray = margin + (3 if not len(self.folds) else 3 + int(0.12 * np.ptp(corners, axis=1).max()))
        low = np.maximum(np.floor(corners.min(axis=1)).astype(int) - stray, -margin)
        high = np.minimum(np.ceil(corners.max(axis=1)).astype(int) + stray, size + margin)
        if (high - low < 2).any():
            return None
        matrix = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]]) @ matrix
        shape = int(high[0] - low[0]), int(high[1] - low[1])
        if not len(self.folds):
            rgba = cv2.warpAffine(picture, matrix[:2], shape, flags=cv2.INTER_LINEAR)
            return Patch(rgba, int(low[0]), int(low[1]))
        bend = np.tensordot(self.bends[frame], self.folds, 1).astype(np.float32)  # (g, g, 2)
        bend = cv2.resize(bend, (32, 32), interpolation=cv2.INTER_CUBIC)
        cell = np.diag([(width - 1) / 31, (height - 1) / 31, 1.0])
        bend = cv2.warpAffine(bend, (matrix @ cell)[:2], shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        back = cv2.invertAffineTransform(matrix[:2])
        across = np.arange(shape[0], dtype=np.float32)[None, :]
        down = np.arange(shape[1], dtype=np.float32)[:, None]
        map_x = np.float32(back[0, 0]) * across + np.float32(back[0, 1]) * down + np.float32(back[0, 2]) + bend[..., 0]
        map_y = np.float32(back[1, 0]) * across + np.float32(back[1, 1]) * down + np.float32(back[1, 2]) + bend[..., 1]
        return Patch(cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR), int(low[0]), int(low[1]))


@dataclass(frozen=True)
class Strands:
    """Strings, wires, poles and branches: smooth thin lines through moving points."""

    curves: tuple[np.ndarray, ...]  # each (T, P, 2) pixels
    colours: tuple[tuple[int, int, int], ...]
    widths: tuple[float, ...]  # pixels

    def centre(self, frame: int) -> np.ndarray:
        return self.curves[0][frame].mean(axis=0)

    def draw(self, frame: int, *, size: int, margin: int) -> Patch | None:
        points = np.concatenate([curve[frame] for curve in self.curves])
        stray = margin + int(max(self.widths)) + 3
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - stray, -margin)
        high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + stray, size + margin)
        if (high - low < 2).any():
            return None
        rgba = np.zeros((int(high[1] - low[1]), int(high[0] - low[0]), 4), np.uint8)
        for curve, colour, width in zip(self.curves, self.colours, self.widths):
            line = [np.round((curve[frame] - low) * 16).astype(np.int32)]
            faint = min(1.0, width)  # lines thinner than a pixel are fainter
            ink = [round(value * faint) for value in (*colour, 255)]
            cv2.polylines(rgba, line, False, ink, max(1, round(width)), cv2.LINE_AA, shift=4)
        return Patch(rgba, int(low[0]), int(low[1]))


def paint(canvas: np.ndarray, labels: np.ndarray, actor: Actor, frame: int) -> None:
    """Paint an actor onto the colours (H, W, 3) uint8 and labels (H, W) uint8 of a frame, in place: in front of
    all that is there."""
    manner, size = actor.manner, canvas.shape[0]
    if frame in manner.hidden:
        return
    smear = _movement(actor.drawing, frame) * manner.shutter if manner.shutter else np.zeros(2)
    margin = int(np.ceil(max(np.abs(smear).max() / 2, 3 * manner.softness, 1)))
    patch = actor.drawing.draw(frame, size=size, margin=min(margin, size // 4))
    if patch is None:
        return
    rgba = _soften(_smear(patch.rgba, smear), manner.softness)
    if manner.shadow > 0:
        _cast(canvas, rgba, patch, manner)
    rows, columns, rgba = _clip(rgba, patch.x, patch.y, size)
    if rgba.size == 0:
        return
    alpha = np.ascontiguousarray(rgba[..., 3])
    cover = cv2.cvtColor(cv2.convertScaleAbs(alpha, alpha=-manner.opacity, beta=255.0), cv2.COLOR_GRAY2RGB)
    colours = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    if manner.opacity < 1.0:
        colours = cv2.convertScaleAbs(colours, alpha=manner.opacity)
    canvas[rows, columns] = cv2.add(cv2.multiply(canvas[rows, columns], cover, scale=1 / 255), colours)
    shape = alpha > 127
    if manner.label or manner.opacity >= 0.5:
        labels[rows, columns][shape] = manner.label


def _movement(drawing: Drawing, frame: int) -> np.ndarray:
    """(2,) how far it moves around this frame, in pixels."""
    return drawing.centre(frame) - drawing.centre(frame - 1) if frame else drawing.centre(1) - drawing.centre(0)


def _smear(rgba: np.ndarray, smear: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(smear))
    if length < 1.5:
        return rgba
    length = min(length, 40.0)
    direction = smear / np.linalg.norm(smear)
    side = int(length) // 2 * 2 + 3
    kernel = np.zeros((side, side), np.uint8)
    ends = [np.round((side // 2 + sign * direction * length / 2) * 16).astype(int).tolist() for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, shift=4)
    weights = kernel.astype(np.float32)
    return cv2.filter2D(rgba, -1, weights / weights.sum(), borderType=cv2.BORDER_CONSTANT)


def _soften(rgba: np.ndarray, softness: float) -> np.ndarray:
    return cv2.GaussianBlur(rgba, (0, 0), softness, borderType=cv2.BORDER_CONSTANT) if softness > 0.3 else rgba


def _cast(canvas: np.ndarray, rgba: np.ndarray, patch: Patch, manner: Manner) -> None:
    shift_x, shift_y = (round(value) for value in manner.shadow_shift)
    blurred = cv2.blur(np.ascontiguousarray(rgba[..., 3]), (7, 7), borderType=cv2.BORDER_CONSTANT)
    rows, columns, alpha = _clip(blurred, patch.x + shift_x, patch.y + shift_y, canvas.shape[0])
    if alpha.size:
        light = cv2.cvtColor(cv2.convertScaleAbs(alpha, alpha=-manner.shadow, beta=255.0), cv2.COLOR_GRAY2RGB)
        canvas[rows, columns] = cv2.multiply(canvas[rows, columns], light, scale=1 / 255)


def _clip(image: np.ndarray, x: int, y: int, size: int) -> tuple[slice, slice, np.ndarray]:
    """The part of an image at (x, y) that lies on the frame: rows and columns of the frame, and that part."""
    top, left = max(y, 0), max(x, 0)
    bottom, right = max(top, min(y + image.shape[0], size)), max(left, min(x + image.shape[1], size))
    part = image[top - y : bottom - y, left - x : right - x]
    return slice(top, bottom), slice(left, right), np.ascontiguousarray(part)
