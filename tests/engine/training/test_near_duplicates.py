"""Near duplicates of held-out pictures are dropped from training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.training.assets import Item
from engine.training.near_duplicates import drop_near_duplicates


@pytest.fixture
def ship() -> np.ndarray:
    """Draw a cut-out (120, 160, 4) BGRA, an ellipse of coloured patches that stands for a picture of a ship."""
    rng = np.random.default_rng(3)
    picture = cv2.resize(rng.integers(0, 256, (6, 8, 4), np.uint8), (160, 120), interpolation=cv2.INTER_CUBIC)
    alpha = np.zeros((120, 160), np.uint8)
    cv2.ellipse(alpha, (80, 60), (75, 40), 20, 0, 360, 255, -1)
    picture[..., 3] = alpha
    return picture


def is_kept(folder: Path, held_out: np.ndarray, training: np.ndarray, kind: str = "cutout") -> bool:
    """Return whether `drop_near_duplicates` keeps the training picture, given the held-out picture."""
    items = []
    for name, picture, held in (("held", held_out, True), ("training", training, False)):
        cv2.imwrite(str(folder / f"{name}.png"), picture)
        items.append(Item(f"{name}.png", kind, name, "CC0", held_out=held))
    kept = drop_near_duplicates(items, folder)
    assert items[0] in kept, "held-out items are never dropped"
    return items[1] in kept


def test_variants_of_held_out_cut_outs_are_dropped(ship, tmp_path):
    marked = ship.copy()
    cv2.putText(marked, "B", (60, 70), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255, 255), 2)
    smaller = cv2.resize(ship, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    for variant in (ship, marked, smaller, ship[:, ::-1]):
        assert not is_kept(tmp_path, ship, variant)


def test_pictures_with_only_the_same_outline_or_colours_are_kept(ship, tmp_path):
    repainted, reshaped = ship.copy(), ship.copy()
    repainted[..., :3] = 255 - repainted[..., :3]
    reshaped[..., 3] = cv2.flip(ship[..., 3], 0)
    for different in (repainted, reshaped, cv2.resize(ship, (160, 180))):
        assert is_kept(tmp_path, ship, different)


def test_textures_are_kept_and_photographs_are_compared_by_their_bytes(ship, tmp_path):
    assert is_kept(tmp_path, ship, ship, kind="texture")
    assert not is_kept(tmp_path, ship, ship, kind="background")
    assert is_kept(tmp_path, ship, ship[:, ::-1], kind="background")
