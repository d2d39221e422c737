"""J and F written a second time, straight from their definitions and without regard to speed, to check the engine."""

from __future__ import annotations

from math import ceil, hypot


def brute_region(pred: list[list[bool]], true: list[list[bool]]) -> float:
    """Return intersection over union of two masks, pixel by pixel; 1 if both are empty."""
    pairs = [(p, t) for pred_row, true_row in zip(pred, true) for p, t in zip(pred_row, true_row)]
    union = sum(p or t for p, t in pairs)
    return sum(p and t for p, t in pairs) / union if union else 1.0


def brute_outline(mask: list[list[bool]]) -> set[tuple[int, int]]:
    """Return the outline pixels by DAVIS' definition.

    A pixel is on it if it differs from its right, its lower or its lower right neighbour. In the last row only the
    right neighbour counts, in the last column only the lower one, and the last pixel of all is never on it.
    """
    height, width = len(mask), len(mask[0])
    outline = set()
    for y in range(height):
        for x in range(width):
            if y < height - 1 and x < width - 1:
                neighbours = [mask[y][x + 1], mask[y + 1][x], mask[y + 1][x + 1]]
            elif x < width - 1:
                neighbours = [mask[y][x + 1]]
            elif y < height - 1:
                neighbours = [mask[y + 1][x]]
            else:
                neighbours = []
            if any(other != mask[y][x] for other in neighbours):
                outline.add((y, x))
    return outline


def brute_contour(pred: list[list[bool]], true: list[list[bool]]) -> float:
    """Return F: outline pixels match those of the other mask within ceil(0.008 * diagonal) pixels, in a disc."""
    radius = ceil(0.008 * hypot(len(true), len(true[0])))
    pred_outline, true_outline = brute_outline(pred), brute_outline(true)
    if not pred_outline and not true_outline:
        return 1.0
    if not pred_outline or not true_outline:
        return 0.0
    precision = sum(_near(pixel, true_outline, radius) for pixel in pred_outline) / len(pred_outline)
    recall = sum(_near(pixel, pred_outline, radius) for pixel in true_outline) / len(true_outline)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _near(pixel: tuple[int, int], others: set[tuple[int, int]], radius: int) -> bool:
    return any((pixel[0] - y) ** 2 + (pixel[1] - x) ** 2 <= radius**2 for y, x in others)
