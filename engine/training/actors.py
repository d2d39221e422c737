"""Actors of composed films, and compositing of their colours and labels onto frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from .motion import Motion


@dataclass(frozen=True)
class Patch:
    """Premultiplied RGBA picture and the position of its top left corner on the frame."""

    rgba: np.ndarray  # (h, w, 4) uint8
    x: int
    y: int


@dataclass(frozen=True)
class Appearance:
    """Label, visibility and rendering of an actor."""

    label: int = 0  # 0: not to be tracked
    opacity: float = 1.0
    shutter: float = 0.0  # motion blur, as a share of the movement between two frames
    softness: float = 0.0  # standard deviation of the defocus blur, pixels
    shadow: float = 0.0  # darkness of the cast shadow, 0..1
    shadow_shift: tuple[float, float] = (0.0, 0.0)  # pixels
    hidden: frozenset[int] = frozenset()  # frames on which the actor is not shown


class Drawable(Protocol):
    """Anything that can be drawn on the frames of a film."""

    def draw(self, frame: int, *, size: int, margin: int) -> Patch | None:
        """Draw the object on a frame of `size` pixels, extended by `margin` on each side; None if it is outside."""

    def centre(self, frame: int) -> np.ndarray:
        """Return the position (2,) of the object's centre on a frame, in pixels."""


@dataclass(frozen=True)
class Actor:
    """Drawable object of a film, with its appearance."""

    drawable: Drawable
    appearance: Appearance


@dataclass(frozen=True)
class Sprite:
    """Flat object, shown as one picture or as a picture per frame, that moves, rotates, scales and bends."""

    pictures: tuple[np.ndarray, ...]  # T of (h, w, 4) uint8 premultiplied; may be the same array
    motion: Motion
    view: np.ndarray  # (T, 3, 3), the camera's maps at this sprite's depth
    folds: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 2, 2), np.float32))  # (K, g, g, 2) pixels
    bends: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # (T, K)

    def matrix(self, frame: int) -> np.ndarray:
        """Return the map (3, 3) from pixels of the picture to pixels of the frame."""
        height, width = self.pictures[frame].shape[:2]
        to_centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
        return self.view[frame] @ self.motion.affine(frame) @ to_centre

    def centre(self, frame: int) -> np.ndarray:
        """Return the position (2,) of the picture's centre on a frame, in pixels."""
        return (self.view[frame] @ (self.motion.x[frame], self.motion.y[frame], 1.0))[:2]

    def draw(self, frame: int, *, size: int, margin: int) -> Patch | None:
        """Warp the picture to where it appears on a frame; see `Drawable.draw`."""
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
        coarse = np.tensordot(self.bends[frame], self.folds, 1).astype(np.float32)  # (g, g, 2)
        fine = cv2.resize(coarse, (32, 32), interpolation=cv2.INTER_CUBIC)
        cell = np.diag([(width - 1) / 31, (height - 1) / 31, 1.0])
        bend = cv2.warpAffine(fine, (matrix @ cell)[:2], shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        back = cv2.invertAffineTransform(matrix[:2])
        across = np.arange(shape[0], dtype=np.float32)[None, :]
        down = np.arange(shape[1], dtype=np.float32)[:, None]
        map_x = np.float32(back[0, 0]) * across + np.float32(back[0, 1]) * down + np.float32(back[0, 2]) + bend[..., 0]
        map_y = np.float32(back[1, 0]) * across + np.float32(back[1, 1]) * down + np.float32(back[1, 2]) + bend[..., 1]
        return Patch(cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR), int(low[0]), int(low[1]))


@dataclass(frozen=True)
class Strands:
    """Thin moving lines, such as strings, wires, poles and branches; each line runs through P points."""

    curves: tuple[np.ndarray, ...]  # each (T, P, 2) pixels
    colours: tuple[tuple[int, int, int], ...]
    widths: tuple[float, ...]  # pixels

    def centre(self, frame: int) -> np.ndarray:
        """Return the mean position (2,) of the first line on a frame, in pixels."""
        return self.curves[0][frame].mean(axis=0)

    def draw(self, frame: int, *, size: int, margin: int) -> Patch | None:
        """Draw the lines on a frame; see `Drawable.draw`."""
        points = np.concatenate([curve[frame] for curve in self.curves])
        stray = margin + int(max(self.widths)) + 3
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - stray, -margin)
        high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + stray, size + margin)
        if (high - low < 2).any():
            return None
        rgba = np.zeros((int(high[1] - low[1]), int(high[0] - low[0]), 4), np.uint8)
        for curve, colour, width in zip(self.curves, self.colours, self.widths):
            line = [np.round((curve[frame] - low) * 16).astype(np.int32)]
            coverage = min(1.0, width)  # lines thinner than a pixel are fainter
            ink = [round(value * coverage) for value in (*colour, 255)]
            cv2.polylines(rgba, line, False, ink, max(1, round(width)), cv2.LINE_AA, shift=4)
        return Patch(rgba, int(low[0]), int(low[1]))


def paint(canvas: np.ndarray, labels: np.ndarray, actor: Actor, frame: int) -> None:
    """Paint an actor over the colours (H, W, 3) uint8 and labels (H, W) uint8 of a frame, in place.

    Pixels where the actor's alpha exceeds one half get its label. An actor with label 0 and an opacity below 0.5
    changes the colours only.
    """
    appearance, size = actor.appearance, canvas.shape[0]
    if frame in appearance.hidden:
        return
    blur = _displacement(actor.drawable, frame) * appearance.shutter if appearance.shutter else np.zeros(2)
    margin = int(np.ceil(max(np.abs(blur).max() / 2, 3 * appearance.softness, 1)))
    patch = actor.drawable.draw(frame, size=size, margin=min(margin, size // 4))
    if patch is None:
        return
    rgba = _defocus(_motion_blur(patch.rgba, blur), appearance.softness)
    if appearance.shadow > 0:
        _draw_shadow(canvas, rgba, patch, appearance)
    rows, columns, rgba = _clip(rgba, patch.x, patch.y, size)
    if rgba.size == 0:
        return
    alpha = np.ascontiguousarray(rgba[..., 3])
    cover = cv2.cvtColor(cv2.convertScaleAbs(alpha, alpha=-appearance.opacity, beta=255.0), cv2.COLOR_GRAY2RGB)
    colours = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    if appearance.opacity < 1.0:
        colours = cv2.convertScaleAbs(colours, alpha=appearance.opacity)
    canvas[rows, columns] = cv2.add(cv2.multiply(canvas[rows, columns], cover, scale=1 / 255), colours)
    shape = alpha > 127
    if appearance.label or appearance.opacity >= 0.5:
        labels[rows, columns][shape] = appearance.label


def _displacement(drawable: Drawable, frame: int) -> np.ndarray:
    """Return the movement (2,) in pixels from the previous frame to this one; on frame 0, the movement to frame 1."""
    return drawable.centre(frame) - drawable.centre(frame - 1) if frame else drawable.centre(1) - drawable.centre(0)


def _motion_blur(rgba: np.ndarray, movement: np.ndarray) -> np.ndarray:
    """Blur an RGBA picture along `movement` (2,) in pixels, of which at most 40 count.

    A movement below 1.5 pixels leaves the picture unchanged.
    """
    length = float(np.linalg.norm(movement))
    if length < 1.5:
        return rgba
    length = min(length, 40.0)
    direction = movement / np.linalg.norm(movement)
    side = int(length) // 2 * 2 + 3
    kernel = np.zeros((side, side), np.uint8)
    ends: list[list[int]] = [
        np.round((side // 2 + sign * direction * length / 2) * 16).astype(int).tolist() for sign in (-1, 1)
    ]
    cv2.line(kernel, ends[0], ends[1], (255,), 1, cv2.LINE_AA, shift=4)
    weights = kernel.astype(np.float32)
    return cv2.filter2D(rgba, -1, weights / weights.sum(), borderType=cv2.BORDER_CONSTANT)


def _defocus(rgba: np.ndarray, softness: float) -> np.ndarray:
    """Blur an RGBA picture with standard deviation `softness` in pixels; 0.3 or less leaves it unchanged."""
    return cv2.GaussianBlur(rgba, (0, 0), softness, borderType=cv2.BORDER_CONSTANT) if softness > 0.3 else rgba


def _draw_shadow(canvas: np.ndarray, rgba: np.ndarray, patch: Patch, appearance: Appearance) -> None:
    """Darken the canvas by the shadow of a patch, in place; `rgba` is the patch after motion blur and defocus."""
    shift_x, shift_y = (round(value) for value in appearance.shadow_shift)
    blurred = cv2.blur(np.ascontiguousarray(rgba[..., 3]), (7, 7), borderType=cv2.BORDER_CONSTANT)
    rows, columns, alpha = _clip(blurred, patch.x + shift_x, patch.y + shift_y, canvas.shape[0])
    if alpha.size:
        light = cv2.cvtColor(cv2.convertScaleAbs(alpha, alpha=-appearance.shadow, beta=255.0), cv2.COLOR_GRAY2RGB)
        canvas[rows, columns] = cv2.multiply(canvas[rows, columns], light, scale=1 / 255)


def _clip(image: np.ndarray, x: int, y: int, size: int) -> tuple[slice, slice, np.ndarray]:
    """Crop an image placed at (x, y) to the frame; return the rows and columns that it covers there, and the crop."""
    top, left = max(y, 0), max(x, 0)
    bottom, right = max(top, min(y + image.shape[0], size)), max(left, min(x + image.shape[1], size))
    part = image[top - y : bottom - y, left - x : right - x]
    return slice(top, bottom), slice(left, right), np.ascontiguousarray(part)
