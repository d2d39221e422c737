"""Signals of a sweep on small synthetic masks whose right values are known."""

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from engine.quality.exemplars import Exemplars
from engine.quality.signals import Signals, SweepSignals
from engine.shared.quality import GIVEN

SIZE, CELL = 64, 8
GRID = (SIZE // CELL, SIZE // CELL)
OBJECT, TWIN, SCENE = torch.eye(3).unbind(1)


def texture(seed: int = 0) -> Tensor:
    """Return a thumb (64, 64) uint8 with detail everywhere, on which optical flow is well defined."""
    noise = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    smooth = cv2.GaussianBlur(np.tile(noise, (3, 3)), (0, 0), 1.5)[SIZE : 2 * SIZE, SIZE : 2 * SIZE]  # can be rolled
    return torch.from_numpy(np.clip(128 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8))


def square(top: int, left: int, side: int = 16, value: float = 1.0) -> Tensor:
    """Return a mask (64, 64) with a square of `value`."""
    mask = torch.zeros(SIZE, SIZE)
    mask[top : top + side, left : left + side] = value
    return mask


def looks(*places: tuple[Tensor, Tensor]) -> Tensor:
    """Return keys (3, N): those of the scene, except where a mask (64, 64) says otherwise."""
    keys = SCENE[:, None].repeat(1, GRID[0] * GRID[1])
    for mask, key in places:
        inside = torch.nn.functional.avg_pool2d(mask[None], CELL)[0].flatten() > 0.5
        keys[:, inside] = key[:, None]
    return keys


def measure(
    sweep: SweepSignals, mask: Tensor, *, thumb: Tensor, keys: Tensor, given: bool = False, head: float | None = None
) -> Signals:
    estimates = {} if head is None else {1: head}
    found = sweep.measure(thumb, keys, GRID, {1: mask}, {1: mask}, annotated=[1] if given else [], estimates=estimates)
    return found[1]


def after_keyframe(mask: Tensor, *, keys: Tensor | None = None, thumb: Tensor | None = None) -> SweepSignals:
    """Return the signals of a sweep that has just passed a keyframe with `mask`."""
    exemplars = Exemplars()
    keys = looks((mask, OBJECT)) if keys is None else keys
    coverage = torch.nn.functional.adaptive_avg_pool2d(mask[None], GRID)[0].flatten()
    exemplars.add(keys, {1: coverage})
    sweep = SweepSignals(exemplars)
    measure(sweep, mask, thumb=texture() if thumb is None else thumb, keys=keys, given=True)
    return sweep


def test_the_mask_of_a_keyframe_is_given() -> None:
    sweep = SweepSignals(Exemplars())
    assert measure(sweep, square(8, 8), thumb=texture(), keys=looks(), given=True) == {GIVEN: 1.0}


def test_a_mask_that_stays_is_explained_by_motion() -> None:
    mask = square(24, 24)
    signals = measure(after_keyframe(mask), mask, thumb=texture(), keys=looks((mask, OBJECT)))
    assert signals["warp"] == pytest.approx(1, abs=0.01)
    assert signals["jump"] == pytest.approx(0, abs=0.01)
    assert signals["grow"] == pytest.approx(0, abs=0.01)


def test_a_mask_that_follows_the_picture_is_explained_by_motion() -> None:
    mask, moved = square(24, 24), square(24, 30)
    sweep = after_keyframe(mask)
    signals = measure(sweep, moved, thumb=texture().roll(6, 1), keys=looks((moved, OBJECT)))
    assert signals["warp"] > 0.9
    assert signals["jump"] < 0.05


def test_a_mask_that_jumps_is_not_explained_by_motion_and_is_remembered() -> None:
    mask, away = square(8, 8), square(40, 40)
    sweep = after_keyframe(mask)
    jumped = measure(sweep, away, thumb=texture(), keys=looks((away, OBJECT)))
    assert jumped["warp"] == pytest.approx(0, abs=0.01)
    assert jumped["jump"] == pytest.approx(math.hypot(32, 32) / 16, abs=0.05)
    stays = measure(sweep, away, thumb=texture(), keys=looks((away, OBJECT)))
    assert stays["warp"] == pytest.approx(1, abs=0.01)
    assert stays["worst"] == pytest.approx(0, abs=0.01)
    assert stays["leap"] == jumped["jump"]
    assert stays["drift"] == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("hidden", [1, 5])
def test_an_object_that_was_lost_and_is_found_elsewhere_has_leapt(hidden: int) -> None:
    mask, away = square(8, 8), square(40, 40)
    sweep = after_keyframe(mask)
    for _ in range(hidden):
        signals = measure(sweep, torch.zeros(SIZE, SIZE), thumb=texture(), keys=looks())
        assert signals["leap"] == 0
    found = measure(sweep, away, thumb=texture(), keys=looks((away, OBJECT)))
    assert found["leap"] == found["jump"] == pytest.approx(math.hypot(32, 32) / 16, abs=0.05)


def test_an_object_found_again_where_the_camera_has_moved_it_has_not_leapt() -> None:
    mask, frames, pan = square(24, 8), 6, 5
    sweep = after_keyframe(mask)
    for frame in range(1, frames):
        measure(sweep, torch.zeros(SIZE, SIZE), thumb=texture().roll(frame * pan, 1), keys=looks())
    again = square(24, 8 + frames * pan)
    signals = measure(sweep, again, thumb=texture().roll(frames * pan, 1), keys=looks((again, OBJECT)))
    assert signals["leap"] < 0.1


def test_a_keyframe_ends_what_is_remembered() -> None:
    mask, away = square(8, 8), square(40, 40)
    sweep = after_keyframe(mask)
    measure(sweep, away, thumb=texture(), keys=looks((away, OBJECT)), head=0.2)
    measure(sweep, mask, thumb=texture(), keys=looks((mask, OBJECT)), given=True)
    signals = measure(sweep, mask, thumb=texture(), keys=looks((mask, OBJECT)), head=0.9)
    assert signals["worst"] == pytest.approx(1, abs=0.01)
    assert signals["head_worst"] == pytest.approx(0.9)


def test_a_twin_elsewhere_is_seen() -> None:
    mask, other = square(8, 8), square(40, 40)
    alone = measure(after_keyframe(mask), mask, thumb=texture(), keys=looks((mask, OBJECT)))
    beside = measure(after_keyframe(mask), mask, thumb=texture(), keys=looks((mask, OBJECT), (other, OBJECT)))
    assert alone["twin"] < -1.5  # the scene looks like the scene
    assert beside["twin"] == pytest.approx(0, abs=0.01)


def test_a_twin_that_the_keyframe_shows_is_told_apart() -> None:
    mask, other = square(8, 8), square(40, 40)
    like = OBJECT + 0.5 * TWIN
    keys = looks((mask, OBJECT), (other, like))
    signals = measure(after_keyframe(mask, keys=keys), mask, thumb=texture(), keys=keys)
    assert signals["twin"] < -signals["margin"] < 0  # elsewhere is more like something else on the keyframe


def test_looks_that_no_keyframe_shows_are_seen() -> None:
    mask = square(24, 24)
    same = measure(after_keyframe(mask), mask, thumb=texture(), keys=looks((mask, OBJECT)))
    other = measure(after_keyframe(mask), mask, thumb=texture(), keys=looks((mask, TWIN)))
    assert same["looks"] == pytest.approx(1)
    assert other["looks"] == pytest.approx(0, abs=1e-6)


def test_an_empty_mask_is_lost() -> None:
    mask = square(24, 24)
    signals = measure(after_keyframe(mask), torch.zeros(SIZE, SIZE), thumb=texture(), keys=looks((mask, OBJECT)))
    assert signals["lost"] == 1
    assert signals["warp"] == pytest.approx(0, abs=0.01)
    assert "looks" not in signals  # there is nothing to look at


def test_pieces_and_unsure_edges_are_measured() -> None:
    two = square(8, 8) + square(40, 40)
    assert measure(after_keyframe(two), two, thumb=texture(), keys=looks())["pieces"] == pytest.approx(0.5)
    hard, vague = square(24, 24), square(24, 24, value=0.7)
    sure = measure(after_keyframe(hard), hard, thumb=texture(), keys=looks())
    unsure = measure(after_keyframe(hard), vague, thumb=texture(), keys=looks())
    assert (sure["sure"], sure["soft"]) == (1, pytest.approx(0))
    assert unsure["sure"] == pytest.approx(0.7)
    assert unsure["soft"] == pytest.approx(0.3 * 16**2 / 60)  # per pixel of the rim


def test_probabilities_are_measured_at_the_size_of_the_thumb() -> None:
    mask = square(24, 24)
    large = mask.repeat_interleave(3, 0).repeat_interleave(3, 1)
    sweep, keys = after_keyframe(mask), looks((mask, OBJECT))
    found = sweep.measure(texture(), keys, GRID, {1: large}, {1: mask}, annotated=[], estimates={})
    assert found[1]["warp"] == pytest.approx(1, abs=0.01)
    assert found[1]["size"] == pytest.approx(0)
