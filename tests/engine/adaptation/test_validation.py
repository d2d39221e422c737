"""Walks to keyframes that are not told: over the frames between, as a job would go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn
from torch.nn import functional

from engine.adaptation.validation import MOST_FRAMES, frames_between, steps_of, validate_by_propagation
from tests import films
from tests.engine.jobs.test_adapt import marked, shown


class Changed(nn.Module):
    """A decoder whose logits are changed, by what it was told."""

    def __init__(self, decoder: nn.Module, change: Callable[[Tensor, tuple], Tensor]) -> None:
        super().__init__()
        self._decoder = decoder
        self._change = change

    def forward(self, *told: object) -> object:
        found = self._decoder(*told)
        return replace(found, logits=self._change(found.logits, told))


def leaking(logits: Tensor, told: tuple) -> Tensor:
    """It goes by where an object was alone, and finds it a little larger."""
    was = functional.interpolate(told[3][:, :1], scale_factor=2, mode="bilinear")[:, 0]
    return 20 * functional.max_pool2d(was[None], 3, 1, 1)[0] - 10


def doubling(logits: Tensor, told: tuple) -> Tensor:
    """An object is found again in a corner."""
    logits[:, -32:, -32:] = 10.0
    return logits


def losing(logits: Tensor, told: tuple) -> Tensor:
    """The first object is found alone."""
    logits[1:] = -10.0
    return logits


def test_frames_of_a_walk_lie_between_its_ends_either_way():
    assert frames_between(3, 7) == [4, 5, 6]
    assert frames_between(7, 3) == [6, 5, 4]
    assert frames_between(3, 4) == []
    far = frames_between(0, 100)
    assert len(far) == MOST_FRAMES
    assert far == sorted(set(far))
    assert far[0] > 0
    assert far[-1] < 100


def test_what_leaks_a_little_on_each_frame_shows_on_a_walk(network):
    film = films.moving_disc(10, height=96, width=128)
    group = marked(film, (0, 9))
    changed = Changed(network.decoder, leaking)
    told = list(validate_by_propagation(network, group, lambda at: (network.decoder, changed), shown(film)))
    assert len(told) == steps_of(group) == 2 * 9
    scores = [found for found in told if found]
    assert len(scores) == 2
    assert all(plain > 85 for (plain,), _ in scores)
    near = marked(film, (0, 1))
    (_, (at_once,)), _ = validate_by_propagation(network, near, lambda at: (network.decoder, changed), shown(film))
    assert all(leaked < at_once - 5 for _, (leaked,) in scores), "more than from one frame before"


def test_a_walk_believes_no_more_than_a_job_does(network):
    film = films.moving_disc(6, height=192, width=352)
    changed = Changed(network.decoder, doubling)
    group = marked(film, (0, 5))
    scores = [
        found
        for found in validate_by_propagation(network, group, lambda at: (network.decoder, changed), shown(film))
        if found
    ]
    assert all(plain > 85 and doubled > plain - 1 for (plain,), (doubled,) in scores), scores


def test_a_walk_tells_of_each_object(network):
    film = films.crossing(6)
    changed = Changed(network.decoder, losing)
    group = marked(film, (0, 5), (1, 2))
    scores = [
        found
        for found in validate_by_propagation(network, group, lambda at: (network.decoder, changed), shown(film))
        if found
    ]
    assert len(scores) == 2
    for (first, second), (kept, lost) in scores:
        assert first > 60 and second > 60 and kept > first - 10
        assert lost == 0


def test_frames_that_are_missing_are_walked_past(network):
    film = films.moving_disc(6, height=96, width=128)
    show = shown(film)
    group = marked(film, (0, 5))
    told = list(
        validate_by_propagation(
            network, group, lambda at: [network.decoder], lambda frame: show(frame) if frame % 2 else None
        )
    )
    assert [found is not None for found in told] == 2 * [False, False, False, False, True]
