"""Objects of the films with exact alpha: hair, fur, a wheel, a fast toy, a mug and a veil, drawn at any time."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

FINE = 3  # super-sampling
_SHIFT = 4  # fractional bits of corners in OpenCV's drawing


@dataclass
class Canvas:
    """Window of a frame, super-sampled, with the object's colours and how much of each sample it covers."""

    size: tuple[int, int]  # of the window, pixels
    colours: np.ndarray = field(init=False)  # (h, w, 3) float32 0..1
    cover: np.ndarray = field(init=False)  # (h, w) uint8

    def __post_init__(self) -> None:
        fine = self.size[0] * FINE, self.size[1] * FINE
        self.colours, self.cover = np.zeros((*fine, 3), np.float32), np.zeros(fine, np.uint8)

    def fill(self, corners: np.ndarray, level: int = 255) -> None:
        """Cover a polygon (N,) of complex pixels."""
        cv2.fillPoly(self.cover, [_fixed(corners)], (level,), cv2.LINE_AA, _SHIFT)

    def line(self, places: np.ndarray, width: float, colour: np.ndarray | None = None) -> None:
        """Cover a line through places (N,) of complex pixels; `width` in pixels."""
        thick = max(round(width * FINE), 1)
        cv2.polylines(self.cover, [_fixed(places)], False, (255,), thick, cv2.LINE_AA, _SHIFT)
        if colour is not None:
            cv2.polylines(self.colours, [_fixed(places)], False, colour.tolist(), thick + 2, cv2.LINE_8, _SHIFT)

    def texture(self, picture: np.ndarray, turn: complex, place: complex) -> None:
        """Give all samples the colours of a texture that is turned and moved with the object."""
        forward = np.array([[turn.real, -turn.imag, place.real], [turn.imag, turn.real, place.imag]]) * FINE
        centre = np.array([picture.shape[1], picture.shape[0]]) / 2
        forward[:, 2] -= forward[:, :2] @ centre
        size = self.cover.shape[::-1]
        self.colours = cv2.warpAffine(picture, forward, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    def averaged(self) -> tuple[np.ndarray, np.ndarray]:
        """Return premultiplied colours (H, W, 3) and alpha (H, W), 0..1, at the size of the window."""
        cover = self.cover.astype(np.float32) / 255
        size = self.size[::-1]
        premultiplied = cv2.resize(self.colours * cover[..., None], size, interpolation=cv2.INTER_AREA)
        return premultiplied, cv2.resize(cover, size, interpolation=cv2.INTER_AREA)


def _fixed(places: np.ndarray) -> np.ndarray:
    corners = np.stack([places.real, places.imag], axis=-1) * FINE - 0.5
    return np.round(corners * 2**_SHIFT).astype(np.int32)


def ellipse(centre: complex, across: float, down: float, turn: complex = 1) -> np.ndarray:
    """Return the outline of an ellipse."""
    angles = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    return centre + turn * (across * np.cos(angles) + 1j * down * np.sin(angles))


def hair(canvas: Canvas, rng: np.random.Generator, texture: np.ndarray, time: float) -> None:
    """Draw a head that turns a little, whose hair waves."""
    height, width = canvas.size
    head = complex(width / 2 + 18 * np.sin(time / 7), height * 0.45 + 6 * np.sin(time / 5))
    canvas.texture(texture, np.exp(0.02j * np.sin(time / 6)), head)
    canvas.fill(ellipse(head, width * 0.16, height * 0.21))
    canvas.fill(ellipse(complex(head.real, height * 1.02), width * 0.34, height * 0.3))
    canvas.fill(ellipse(complex(head.real, height * 0.7), width * 0.09, height * 0.2))
    base = rng.uniform(0.05, 0.5, 3) * np.array([1, 0.75, 0.5])
    along = np.linspace(0, 1, 20)
    for _ in range(1500):
        angle = rng.uniform(-0.12, np.pi + 0.12)
        root = head + width * 0.15 * np.cos(angle) - 1j * height * 0.19 * np.sin(angle)
        outward = np.cos(angle) - 1j * np.sin(angle)
        length, droop = rng.gamma(4, 26), rng.uniform(0.2, 1.1)
        sway = 0.25 * np.sin(time / 4 + 2 * angle) + rng.normal(0, 0.35)
        wave = rng.uniform(2, 9) * np.sin(rng.uniform(3, 9) * along + rng.random() * 6 + time / 5)
        strand = root + length * along * outward * np.exp(1j * sway * along) + 1j * droop * length * along**2
        strand = strand + wave * along * 1j * outward
        colour = np.clip(base * rng.uniform(0.6, 1.9), 0, 1)
        thick = rng.choice([0.34, 0.67, 1.0, 1.34])
        canvas.line(strand[:14], thick, colour)
        canvas.line(strand[13:], thick * 0.6, colour)


def fur(canvas: Canvas, rng: np.random.Generator, texture: np.ndarray, time: float) -> None:
    """Draw a furry animal that moves to the side."""
    height, width = canvas.size
    centre, turn = complex(width * 0.45 + 5 * time, height / 2 + 8 * np.sin(time / 4)), np.exp(0.02j * time)
    canvas.texture(texture, turn, centre)
    lobes = 1 + 0.12 * np.sin(3 * np.linspace(0, 2 * np.pi, 160, endpoint=False) + 1)
    canvas.fill(centre + turn * (ellipse(0, width * 0.24, height * 0.24) * lobes))
    middle = texture.shape[0] // 2, texture.shape[1] // 2
    for _ in range(5000):
        angle, depth = rng.random() * 2 * np.pi, rng.uniform(0.8, 1.0)
        lobe = 1 + 0.12 * np.sin(3 * angle + 1)
        root = lobe * depth * (width * 0.24 * np.cos(angle) + 1j * height * 0.24 * np.sin(angle))
        outward = root / abs(root)
        length, bend = rng.uniform(14, 48), rng.normal(0.35, 0.3)
        along = np.linspace(0, 1, 7)
        strand = root + length * along * outward * np.exp(1j * (bend + 0.1 * np.sin(time / 3 + angle)) * along)
        row = int(np.clip(middle[0] + root.imag, 0, texture.shape[0] - 1))
        column = int(np.clip(middle[1] + root.real, 0, texture.shape[1] - 1))
        colour = np.clip(texture[row, column] * rng.uniform(0.75, 1.25), 0, 1)
        canvas.line(centre + turn * strand, rng.choice([0.34, 0.67, 1.0]), colour)


def wheel(canvas: Canvas, rng: np.random.Generator, texture: np.ndarray, time: float) -> None:
    """Draw a wheel with thin spokes that rolls, on a bracket with sharp corners."""
    height, width = canvas.size
    centre, turn = complex(width * 0.4 + 6 * time, height / 2), np.exp(0.03j * time)
    canvas.texture(texture, turn, centre)
    radius = 0.34 * height
    canvas.fill(ellipse(centre, radius, radius))
    canvas.fill(ellipse(centre, radius - 22, radius - 22), 0)
    canvas.fill(ellipse(centre, 26, 26))
    for number in range(14):
        direction = turn * np.exp(2j * np.pi * number / 14)
        canvas.line(centre + direction * np.array([0, radius - 10]), 1.0 + 0.67 * (number % 4))
    square = np.array([-60 - 40j, 60 - 70j, 40 + 10j, -75 + 18j]) + complex(0, -radius - 30)
    canvas.fill(centre + turn * square)
    canvas.line(centre + turn * np.array([0, complex(0, -radius - 30), complex(140, -radius - 90)]), 7)
    del rng


def toy(canvas: Canvas, rng: np.random.Generator, texture: np.ndarray, time: float) -> None:
    """Draw a body with two bars that flies fast and spins."""
    height, width = canvas.size
    centre = complex(width * 0.2 + 26 * time, height * 0.5 - 120 * np.sin(time / 5))
    turn = np.exp(0.12j * time)
    canvas.texture(texture, turn, centre)
    canvas.fill(centre + turn * ellipse(0, 130, 80))
    canvas.line(centre + turn * np.array([-210 + 20j, 200 - 30j]), 16)
    canvas.line(centre + turn * np.array([-20 - 150j, 10 + 150j]), 9)
    del rng


def mug(canvas: Canvas, rng: np.random.Generator, texture: np.ndarray, time: float) -> None:
    """Draw a mug with a handle that drifts."""
    height, width = canvas.size
    centre, turn = complex(width * 0.42 + 4 * time, height / 2), np.exp(0.05j * np.sin(time / 4))
    canvas.texture(texture, turn, centre)
    handle = ellipse(complex(0.17 * width, 0), 0.11 * width, 0.17 * height)
    canvas.line(centre + turn * np.append(handle, handle[0]), 26)
    body = np.array([-0.19 - 0.3j, 0.17 - 0.3j, 0.15 + 0.3j, -0.17 + 0.3j])
    canvas.fill(centre + turn * (body.real * width + 1j * body.imag * height))
    del rng


def veil(canvas: Canvas, rng: np.random.Generator, texture: np.ndarray, time: float) -> None:
    """Draw a cloth whose edge becomes transparent, over a distance that varies along it."""
    height, width = canvas.size
    centre = complex(width * 0.45 + 4 * time, height / 2)
    angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    canvas.texture(texture, np.exp(0.01j * time), centre)
    swing = 1 + 0.1 * np.sin(3 * angles + time / 4) + 0.05 * np.sin(7 * angles - time / 3)
    depth = 10 + 22 * (1 + np.sin(2 * angles + time / 9))
    outline = (0.3 * width * np.cos(angles) + 0.33j * height * np.sin(angles)) * swing
    for level in range(1, 25):
        canvas.fill(centre + outline * (1 - depth * level / 24 / np.abs(outline)), round(255 * level / 24))
    del rng


OBJECTS = {"hair": hair, "fur": fur, "wheel": wheel, "toy": toy, "mug": mug, "veil": veil}
