"""Tests of smoothing along the motion: flicker goes, and what moves stays where it is."""

import numpy as np
import pytest

from engine.matting.refine import smooth

from .scenes import composite, disc, texture


def moving(step: float, frames: int = 3) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return pictures and alphas of a textured disc that moves to the right over a background that stands still."""
    behind, front = texture(1, (20, 70, 90), (80, 130, 180)), texture(2, (150, 40, 30), (240, 150, 120))
    alphas = [disc(50, (110.0 + step * frame, 120.0)) for frame in range(frames)]
    pictures = [
        np.rint(a[..., None] * np.roll(front, round(step * f), axis=1) + (1 - a[..., None]) * behind).astype(np.uint8)
        for f, a in enumerate(alphas)
    ]
    return pictures, alphas


def test_flicker_of_a_soft_edge_goes():
    rng = np.random.default_rng(0)
    true = np.clip((disc(60) + disc(52) + disc(68)) / 3, 0, 1)
    picture = composite(true)
    soft = (true > 0.1) & (true < 0.9)
    noisy = [np.where(soft, np.clip(true + rng.normal(0, 0.08, true.shape), 0.05, 0.95), true) for _ in range(3)]
    noisy = [alpha.astype(np.float32) for alpha in noisy]
    smoothed = smooth(noisy, [picture] * 3, 1.0)
    before, after = (float(np.abs(alpha - true)[soft].mean()) for alpha in (noisy[1], smoothed))
    assert after < 0.7 * before
    assert (smoothed[~soft] == noisy[1][~soft]).all()


@pytest.mark.parametrize("step", [3.0, 12.0, 40.0])
def test_a_moving_edge_stays_where_it_is(step):
    pictures, alphas = moving(step)
    smoothed = smooth(alphas, pictures, 1.0)
    assert np.abs(smoothed - alphas[1]).sum() < 0.06 * 2 * np.pi * 50  # of a pixel along the edge
    assert (smoothed[alphas[1] == 0] == 0).all() and (smoothed[alphas[1] == 1] == 1).all()  # no ghosts


def test_without_strength_or_neighbours_nothing_changes():
    pictures, alphas = moving(4.0)
    assert (smooth(alphas, pictures, 0.0) == alphas[1]).all()
    assert (smooth([None, alphas[1], None], [None, pictures[1], None], 1.0) == alphas[1]).all()
    one_side = smooth([alphas[0], alphas[1], None], [pictures[0], pictures[1], None], 1.0)
    assert np.isfinite(one_side).all()


def test_a_cut_has_no_say():
    _, alphas = moving(4.0)
    pictures = [np.full((240, 320, 3), 255, np.uint8), composite(alphas[1]), np.zeros((240, 320, 3), np.uint8)]
    assert np.abs(smooth(alphas, pictures, 1.0) - alphas[1]).max() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (9, 9)])
def test_tiny_frames_are_no_error(size):
    picture, alpha = np.zeros((*size, 3), np.uint8), np.full(size, 0.5, np.float32)
    assert np.isfinite(smooth([alpha] * 3, [picture] * 3, 1.0)).all()
