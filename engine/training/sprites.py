"""RGBA sprites: random shapes, fringes of hair, and changes of size, texture and colour."""

from __future__ import annotations

import cv2
import numpy as np


def resize_to_extent(rgba: np.ndarray, *, extent: float) -> np.ndarray:
    """Scale RGBA (H, W, 4) to sides of geometric mean `extent`, or less if a side would exceed 1.8 * `extent`."""
    height, width = rgba.shape[:2]
    scale = extent / np.sqrt(height * width)
    scale = min(scale, 1.8 * extent / max(height, width))
    new = max(4, round(width * scale)), max(4, round(height * scale))
    return cv2.resize(rgba, new, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def premultiply(rgba: np.ndarray) -> np.ndarray:
    """Multiply the colours of an RGBA picture by its alpha, and add a transparent rim of 2 pixels."""
    rgba = np.ascontiguousarray(rgba)
    alpha = cv2.extractChannel(rgba, 3)
    colours = cv2.multiply(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), cv2.merge([alpha] * 3), scale=1 / 255)
    both = cv2.merge([*cv2.split(colours), alpha])
    return cv2.copyMakeBorder(both, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))


def blob_mask(rng: np.random.Generator, *, side: int) -> np.ndarray:
    """Make a smooth random alpha mask (side, side) uint8: round, lobed, in pieces or with holes."""
    if rng.random() < 0.55:
        turns = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        order = np.arange(1, 9)
        weights = rng.normal(0, 0.35, (2, 8)) / order ** rng.uniform(0.6, 1.6)
        radius = 1 + weights[0] @ np.cos(np.outer(order, turns)) + weights[1] @ np.sin(np.outer(order, turns))
        radius = np.clip(radius, 0.15, None)
        points = np.stack([np.cos(turns), np.sin(turns) * rng.uniform(0.4, 1.0)], 1) * radius[:, None]
        points = points / np.abs(points).max() * (side / 2 - 2) + side / 2
        mask = np.zeros((side, side), np.uint8)
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], (255,), cv2.LINE_AA, shift=4)
        return mask
    cells = int(rng.integers(3, 8))
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    field: np.ndarray = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    field += 1.2 - 2.6 * (ramp[:, None] ** 2 + ramp[None, :] ** 2)
    return np.clip(field * side * 4 + 127, 0, 255).astype(np.uint8)


def blob(rng: np.random.Generator, picture: np.ndarray, *, extent: float) -> np.ndarray:
    """Make an RGBA picture of a random shape that is filled with a random crop of an RGB picture (H, W, 3)."""
    side = max(12, round(extent * 1.2))
    return np.dstack([crop(rng, picture, width=side, height=side), blob_mask(rng, side=side)])


def crop(rng: np.random.Generator, picture: np.ndarray, *, width: int, height: int) -> np.ndarray:
    """Crop a random part of a picture at a random scale: (height, width, 3)."""
    high, wide = picture.shape[:2]
    part = rng.uniform(0.25, 1.0) * min(high / height, wide / width)
    part = min(max(part, 0.4), high / height, wide / width)
    y = int(rng.integers(0, high - int(part * height) + 1))
    x = int(rng.integers(0, wide - int(part * width) + 1))
    piece = picture[y : y + max(1, int(part * height)), x : x + max(1, int(part * width))]
    return cv2.resize(piece, (width, height), interpolation=cv2.INTER_AREA if part > 1 else cv2.INTER_LINEAR)


def retexture(rng: np.random.Generator, rgba: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Replace the colours of an RGBA picture by those of a picture (H, W, 3), but keep some of its light and shade."""
    light = rgba[..., :3].mean(axis=2, keepdims=True, dtype=np.float32) / 255
    kept = rng.uniform(0.2, 0.8)
    filling = crop(rng, picture, width=rgba.shape[1], height=rgba.shape[0])
    colours = filling * (1 - kept + kept * 1.6 * light)
    return np.dstack([np.clip(colours, 0, 255).astype(np.uint8), rgba[..., 3]])


def recolour(rng: np.random.Generator, rgba: np.ndarray, *, strength: float) -> np.ndarray:
    """Change hue, saturation, brightness and gamma of an RGBA picture at random; a `strength` of 1 is strong."""
    hsv = cv2.cvtColor(np.ascontiguousarray(rgba[..., :3]), cv2.COLOR_RGB2HSV)
    levels = np.arange(256, dtype=np.float32)
    hue = np.uint8((levels + rng.normal(0, 25 * strength)) % 180)
    saturation = np.clip(levels * np.exp(rng.normal(-0.1, 0.4 * strength)), 0, 255).astype(np.uint8)
    value = 255 * (levels / 255) ** np.exp(rng.normal(0, 0.35 * strength)) * np.exp(rng.normal(-0.05, 0.15 * strength))
    table = np.dstack([hue, saturation, np.clip(value, 0, 255).astype(np.uint8)])
    return np.dstack([cv2.cvtColor(cv2.LUT(hsv, table), cv2.COLOR_HSV2RGB), rgba[..., 3]])


def camouflage(rgba: np.ndarray, colour: np.ndarray, *, contrast: float, nearness: float) -> np.ndarray:
    """Move the mean colour of an RGBA picture towards `colour` (3,) by the share `nearness`, and scale its contrast."""
    weight = rgba[..., 3:].astype(np.float32) / 255
    mean = (rgba[..., :3] * weight).sum(axis=(0, 1)) / max(1.0, float(weight.sum()))
    target = mean + nearness * (colour - mean)
    colours = (rgba[..., :3] - mean) * contrast + target
    return np.dstack([np.clip(colours, 0, 255).astype(np.uint8), rgba[..., 3]])


def fringe(rng: np.random.Generator, rgba: np.ndarray) -> np.ndarray:
    """Add hair, fur or grass to an RGBA picture: fine curved strands that grow out of part of its outline."""
    reach = int(max(4, min(rgba.shape[:2]) * rng.uniform(0.06, 0.3)))
    wide = cv2.copyMakeBorder(rgba, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    outlines, _ = cv2.findContours((wide[..., 3] > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return rgba
    outline = max(outlines, key=len)[:, 0].astype(np.float64)
    if len(outline) < 12:
        return rgba
    count = int(min(220, max(12, len(outline) * rng.uniform(0.15, 0.6))))
    start, part = rng.random(), rng.uniform(0.2, 1.0)
    places = ((start + part * rng.random(count)) % 1 * len(outline)).astype(int)
    ahead, behind = outline[(places + 4) % len(outline)], outline[(places - 4) % len(outline)]
    outward = np.stack([(ahead - behind)[:, 1], -(ahead - behind)[:, 0]], 1)
    if cv2.contourArea(outline.astype(np.float32), oriented=True) < 0:
        outward = -outward
    outward = outward / (np.linalg.norm(outward, axis=1, keepdims=True) + 1e-6)
    lean = rng.normal(0, 0.6, 2)  # shared by all strands
    lengths = reach * rng.uniform(0.3, 0.95, (count, 1))
    middle = outline[places] + outward * lengths * 0.5
    tips = middle + (outward + lean + rng.normal(0, 0.3, (count, 2))) * lengths * 0.4
    roots = outline[places] - outward * 3
    steps = np.linspace(0, 1, 5)[None, :, None]
    curves = (1 - steps) ** 2 * roots[:, None] + 2 * steps * (1 - steps) * middle[:, None] + steps**2 * tips[:, None]
    curves = np.round(curves * 16).astype(np.int32)
    inner = np.clip(np.round(outline[places] - outward * 4), 0, [wide.shape[1] - 1, wide.shape[0] - 1]).astype(int)
    colours = np.ascontiguousarray(wide[..., :3])
    alpha = np.ascontiguousarray(wide[..., 3])
    thickness = 2 if reach > 20 and rng.random() < 0.4 else 1
    for curve, (x, y) in zip(curves, inner):
        colour = [int(value) for value in wide[y, x, :3]]
        cv2.polylines(colours, [curve], False, colour, thickness + 2, shift=4)
        cv2.polylines(alpha, [curve], False, (255,), thickness, cv2.LINE_AA, shift=4)
    solid = wide[..., 3] > 200
    colours[solid] = wide[..., :3][solid]
    return np.dstack([colours, np.maximum(alpha, wide[..., 3])])
