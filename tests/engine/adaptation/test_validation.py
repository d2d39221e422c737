"""Validation propagates to held-out keyframes through the frames between keyframes, as a job does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn
from torch.nn import functional

from engine.adaptation.validation import MAX_FRAMES, frames_between, validate_by_propagation, validation_step_count
from tests import films
from tests.engine.jobs.test_adapt import marked, shown


class Changed(nn.Module):
    """A decoder whose output logits are replaced by `change(logits, inputs)`, to make it fail in a known way."""

    def __init__(self, decoder: nn.Module, change: Callable[[Tensor, tuple], Tensor]) -> None:
        super().__init__()
        self._decoder = decoder
        self._change = change

    def forward(self, *inputs: object) -> object:
        output = self._decoder(*inputs)
        return replace(output, logits=self._change(output.logits, inputs))


def leaking(logits: Tensor, inputs: tuple) -> Tensor:
    """Return logits that ignore the image: the previous masks, each grown by a pixel."""
    previous = functional.interpolate(inputs[3][:, :1], scale_factor=2, mode="bilinear")[:, 0]
    return 20 * functional.max_pool2d(previous[None], 3, 1, 1)[0] - 10


def doubling(logits: Tensor, inputs: tuple) -> Tensor:
    """Return the logits with a second copy of every object in a corner."""
    logits[:, -32:, -32:] = 10.0
    return logits


def losing(logits: Tensor, inputs: tuple) -> Tensor:
    """Return the logits with all objects but the first removed."""
    logits[1:] = -10.0
    return logits


def test_frames_between_two_keyframes_run_in_either_direction():
    assert frames_between(3, 7) == [4, 5, 6]
    assert frames_between(7, 3) == [6, 5, 4]
    assert frames_between(3, 4) == []
    far = frames_between(0, 100)
    assert len(far) == MAX_FRAMES
    assert far == sorted(set(far))
    assert far[0] > 0
    assert far[-1] < 100


def test_errors_that_accumulate_over_frames_lower_the_score(network):
    film = films.moving_disc(10, height=96, width=128)
    group = marked(film, (0, 9))
    changed = Changed(network.decoder, leaking)
    results = list(validate_by_propagation(network, group, lambda at: (network.decoder, changed), shown(film)))
    assert len(results) == validation_step_count(group) == 2 * 9
    scores = [result for result in results if result]
    assert len(scores) == 2
    assert all(plain > 85 for (plain,), _ in scores)
    near = marked(film, (0, 1))
    (_, (at_once,)), _ = validate_by_propagation(network, near, lambda at: (network.decoder, changed), shown(film))
    assert all(leaked < at_once - 5 for _, (leaked,) in scores), "errors add up over nine frames"


def test_spurious_components_are_suppressed_as_in_a_job(network):
    film = films.moving_disc(6, height=192, width=352)
    changed = Changed(network.decoder, doubling)
    group = marked(film, (0, 5))
    scores = [
        result
        for result in validate_by_propagation(network, group, lambda at: (network.decoder, changed), shown(film))
        if result
    ]
    assert all(plain > 85 and doubled > plain - 1 for (plain,), (doubled,) in scores), scores


def test_each_object_has_its_own_score(network):
    film = films.crossing(6)
    changed = Changed(network.decoder, losing)
    group = marked(film, (0, 5), (1, 2))
    scores = [
        result
        for result in validate_by_propagation(network, group, lambda at: (network.decoder, changed), shown(film))
        if result
    ]
    assert len(scores) == 2
    for (first, second), (kept, lost) in scores:
        assert first > 60 and second > 60 and kept > first - 10
        assert lost == 0


def test_missing_frames_are_skipped(network):
    film = films.moving_disc(6, height=96, width=128)
    show = shown(film)
    group = marked(film, (0, 5))
    results = list(
        validate_by_propagation(
            network, group, lambda at: [network.decoder], lambda frame: show(frame) if frame % 2 else None
        )
    )
    assert [result is not None for result in results] == 2 * [False, False, False, False, True]
