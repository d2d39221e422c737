"""Pixels of garbage and hold-out masks over the clip. Needs a Blender with a GPU but no window."""

from __future__ import annotations

import numpy as np
import pytest

from tests.blender.screen import GREEN, HEIGHT, RED, STEP, WIDTH, YELLOW, assert_equal, disc, half, over, plain
from tests.blender.studio import part


def stripes(role: str) -> np.ndarray:
    """Return where the stripes of a role are (H, W) bool: rising for garbage, falling for a hold-out."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    up = HEIGHT - 1 - rows
    return (columns - up) % 10 < 5 if role == "GARBAGE" else (columns + up + 1) % 10 < 5


@pytest.mark.parametrize("role", ["GARBAGE", "HOLDOUT"])
@pytest.mark.parametrize("kind, strength", [("MATTE", 1.0), ("HELD", 0.55)])
def test_masks_are_hatched_each_role_its_own_way_and_weaker_between_keyframes(screen, role, kind, strength):
    whole = np.full((HEIGHT, WIDTH), 255, np.uint8)
    drawn = screen.draw("TINT", [screen.layer(whole, kind=kind, role=role)], opacity=0.8)
    expected = over(plain(), RED, np.where(stripes(role), 1.0, 0.25) * 0.8 * strength)
    assert (np.abs(drawn - expected).max(axis=2) <= STEP).mean() > 0.99


def test_a_mask_over_an_object_lets_it_show_between_its_stripes(screen):
    whole = np.full((HEIGHT, WIDTH), 255, np.uint8)
    layers = [screen.layer(whole, GREEN), screen.layer(whole, RED, role="GARBAGE")]
    drawn = screen.draw("TINT", layers, opacity=1.0)
    expected = over(np.broadcast_to(GREEN, (HEIGHT, WIDTH, 3)), RED, np.where(stripes("GARBAGE"), 1.0, 0.25))
    assert (np.abs(drawn - expected).max(axis=2) <= STEP).mean() > 0.99


def test_only_a_mask_s_own_keyframe_has_the_yellow_edge(screen):
    def yellow(kind: str) -> int:
        drawn = screen.draw("TINT", [screen.layer(half(), kind=kind, role="GARBAGE")], opacity=1.0)
        return int((np.abs(drawn - YELLOW).max(axis=2) < 0.1).sum())

    assert yellow("KEYFRAME") >= HEIGHT and yellow("HELD") == 0


def test_the_outline_of_a_mask_is_dashed(screen):
    def coloured(role: str) -> np.ndarray:
        drawn = screen.draw("OUTLINE", [screen.layer(half(), GREEN, role=role)])
        return (np.abs(drawn - GREEN).max(axis=2) < 0.1).any(axis=1)

    assert coloured("OBJECT").all()
    assert 0.3 < coloured("HOLDOUT").mean() < 0.8


def test_the_mask_in_grey_is_not_hatched(screen):
    alpha = disc()
    drawn = screen.draw("ALPHA", [screen.layer(alpha, role="GARBAGE")])
    assert_equal(drawn, np.repeat(alpha[..., None] / 255, 3, axis=2))


def test_the_canvas_of_an_inverted_mask_shows_what_lies_outside(screen):
    canvas, whole = part("addon.canvas"), part("ui.screen_mesh").WHOLE
    painted = canvas.Canvas(1, 1, 1, disc())
    (tile,) = part("ui.canvas_tiles").CanvasTiles(painted, inverted=True).tiles(1, whole)
    assert (tile.values == 255 - disc()).all()
