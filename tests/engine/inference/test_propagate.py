"""Propagation reaches every object on every frame, keeps keyframes exact, and memorizes all keyframes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from engine.inference.framing import Framing
from engine.inference.mask_merging import SoftMaskMerger
from engine.inference.mattes import Matte
from engine.inference.propagate import Propagator
from engine.inference.sweeps import group_by_keyframes, plan_sweeps
from engine.memory.bank import MemoryBank
from engine.memory.stores import Bounded, Permanent
from engine.memory.worth import recency
from engine.networks.colour import Colour
from engine.networks.network import Features
from engine.output.matte_files import labels_from_alphas
from engine.shared.types import Direction
from tests import films
from tests.films import Film


def propagate(*given: Any, **more: Any) -> list[Matte]:
    """Return a list of all mattes that `iterate_mattes` yields for these arguments."""
    return list(iterate_mattes(*given, **more))


def iterate_mattes(
    film: Film,
    keyframes: Sequence[tuple[int, Sequence[int]]],
    *,
    wanted: range | None = None,
    direction: Direction = Direction.BOTH,
    unreadable: Sequence[int] = (),
    network: Colour | None = None,
) -> Iterator[Matte]:
    """Yield the mattes of a film, propagated from keyframes with the film's true labels.

    `keyframes` are pairs (frame, ids of the objects that are annotated on it).
    """
    groups = group_by_keyframes(keyframes, max_objects=None)
    network = network or Colour()
    height, width = film.frames.shape[1:3]
    truth: dict[int, np.ndarray] = {}
    for frame, objects in keyframes:
        annotated = np.isin(film.labels[frame], list(objects))
        truth[frame] = np.where(annotated, film.labels[frame], truth.get(frame, np.zeros((height, width), np.uint8)))
    framing = Framing.fit(height, width, working_height=480, stride=network.stride)
    propagator = Propagator(
        network,
        lambda: MemoryBank([Permanent(), Bounded(2, recency)], interval=3),
        framing=framing,
        merger=SoftMaskMerger(framing),
        read=lambda frame: None if frame in unreadable else film.frames[frame],
        truth=truth,
        groups=groups,
        device=torch.device("cpu"),
    )
    return propagator.propagate(plan_sweeps(groups, wanted or range(len(film.frames)), direction))


def iou(matte: Matte, film: Film, object_id: int) -> float:
    mask = matte.alpha[matte.objects.index(object_id)] > 0.5
    truth = film.mask(matte.frame, object_id)
    return (mask & truth).sum() / max((mask | truth).sum(), 1)


def test_two_crossing_objects_are_followed_on_every_frame():
    film = films.crossing()
    mattes = propagate(film, [(0, (1, 2))])
    assert [matte.frame for matte in mattes] == list(range(16))
    for matte in mattes:
        assert matte.objects == (1, 2)
        assert iou(matte, film, 1) > 0.7
        assert iou(matte, film, 2) > 0.7


@pytest.mark.parametrize("frames", [(0,), (5,), (0, 7, 15)])
def test_at_a_keyframe_the_matte_has_the_keyframes_shape_pixel_for_pixel(frames):
    film = films.crossing()
    mattes = propagate(film, [(frame, (1, 2)) for frame in frames])
    at_keyframes = [matte for matte in mattes if matte.frame in frames]
    assert len(at_keyframes) >= len(frames)
    for matte in at_keyframes:
        for object_id in (1, 2):
            alpha = matte.alpha[matte.objects.index(object_id)]
            assert np.array_equal(alpha > 0.5, film.mask(matte.frame, object_id))
        assert matte.alpha.sum(0).max() < 1.01
        assert np.array_equal(labels_from_alphas(matte.alpha, [1, 2]), film.labels[matte.frame])
        assert matte.blend_weights == (1.0, 1.0)


def test_every_frame_is_reached_from_a_keyframe_in_the_middle():
    mattes = propagate(films.moving_disc(), [(6, (1,))])
    assert sorted({matte.frame for matte in mattes}) == list(range(12))


def test_blend_weights_between_keyframes_sum_to_one():
    film = films.moving_disc()
    mattes = propagate(film, [(0, (1,)), (11, (1,))])
    for frame in range(1, 11):
        on_frame = [matte for matte in mattes if matte.frame == frame]
        assert len(on_frame) == 2
        assert sum(matte.blend_weights[0] for matte in on_frame) == pytest.approx(1)


def test_objects_annotated_on_different_keyframes_are_all_followed_everywhere():
    film = films.crossing()
    mattes = propagate(film, [(0, (1,)), (15, (2,))])
    for object_id in (1, 2):
        frames = {matte.frame for matte in mattes if object_id in matte.objects}
        assert frames == set(range(16))
    for matte in mattes:
        for object_id in matte.objects:
            assert iou(matte, film, object_id) > 0.7, (matte.frame, object_id)


def test_a_keyframe_of_one_object_keeps_the_others_off_its_pixels():
    film = films.crossing()
    mattes = propagate(film, [(0, (1, 2)), (8, (2,))])
    here = next(matte for matte in mattes if matte.frame == 8)
    assert here.alpha[here.objects.index(1)][film.mask(8, 2)].max() == 0


def test_an_object_that_enters_late_is_found_from_its_first_keyframe_on():
    film = films.late_entry()
    mattes = propagate(film, [(0, (1,)), (8, (1, 2))], direction=Direction.FORWARD)
    for matte in mattes:
        assert (2 in matte.objects) == (matte.frame >= 8)
        if matte.frame > 8:
            assert iou(matte, film, 2) > 0.7


def test_all_keyframes_are_read_before_the_first_frame_is_computed():
    seen: list[str] = []

    class Watched(Colour):
        def memorize(self, frame, features, masks, state):
            seen.append(f"memorize {frame}")
            return super().memorize(frame, features, masks, state)

        def segment(self, features, memory, state):
            seen.append(f"segment with {sorted(entry.frame for entry in memory.entries if entry.pinned)}")
            return super().segment(features, memory, state)

    propagate(films.moving_disc(), [(2, (1,)), (9, (1,))], network=Watched())
    assert seen[:2] == ["memorize 2", "memorize 9"]
    assert {text for text in seen if text.startswith("segment")} == {"segment with [2, 9]"}


def test_only_frames_of_the_range_are_returned():
    mattes = propagate(films.moving_disc(), [(0, (1,))], wanted=range(4, 7))
    assert [matte.frame for matte in mattes] == [4, 5, 6]


def test_frames_that_cannot_be_read_are_left_out_and_the_others_done():
    film = films.moving_disc()
    mattes = propagate(film, [(0, (1,))], unreadable=(4, 5))
    assert [matte.frame for matte in mattes] == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    assert iou(mattes[-1], film, 1) > 0.7


def test_a_keyframe_that_cannot_be_read_does_not_take_the_others_with_it():
    film = films.moving_disc()
    mattes = propagate(film, [(0, (1,)), (6, (1,))], unreadable=(0,))
    assert {matte.frame for matte in mattes} == set(range(1, 12))


def test_thirty_objects_are_propagated():
    film = films.moving_disc(count=3)
    labels = np.zeros_like(film.labels)
    for number in range(30):
        row, column = divmod(number, 6)
        labels[:, 4 + row * 18 : 14 + row * 18, 4 + column * 20 : 18 + column * 20] = number + 1
    many = Film(film.frames, labels)
    last = propagate(many, [(0, range(1, 31))])[-1]
    assert last.alpha.shape == (30, *labels.shape[1:])
    assert last.alpha.sum(0).max() < 1.0001


class EncodingAhead(Colour):
    """A network that encodes frames ahead and records the thread of each call of `encode`.

    Its call number `breaks_at`, if given, raises MemoryError.
    """

    encodes_ahead = True

    def __init__(self, *, breaks_at: int | None = None) -> None:
        super().__init__()
        self.breaks_at = breaks_at
        self.threads: list[int] = []

    def encode(self, image: torch.Tensor) -> Features:
        self.threads.append(threading.get_ident())
        if len(self.threads) == self.breaks_at:
            raise MemoryError("no more")
        return super().encode(image)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    count = torch.get_num_threads()
    torch.set_num_threads(before)
    assert count == 2, "the number of threads was not restored"


@pytest.mark.parametrize("unreadable", [(), (7,)])
def test_encoding_ahead_changes_nothing(two_threads, unreadable: Sequence[int]):
    film, network = films.moving_disc(), EncodingAhead()
    in_turn = propagate(film, [(5, [1])], unreadable=unreadable)
    ahead = propagate(film, [(5, [1])], unreadable=unreadable, network=network)
    assert set(network.threads) - {threading.get_ident()}
    assert [matte.frame for matte in ahead] == [matte.frame for matte in in_turn]
    for ahead_matte, matte in zip(ahead, in_turn, strict=True):
        assert np.abs(ahead_matte.alpha - matte.alpha).max() < 1e-5


def test_error_while_encoding_ahead_is_raised_after_the_earlier_mattes(two_threads):
    film, seen = films.moving_disc(), []
    with pytest.raises(MemoryError, match="no more"):
        for matte in iterate_mattes(film, [(0, [1])], network=EncodingAhead(breaks_at=5)):
            seen.append(matte.frame)
    assert seen == [0, 1, 2]  # the keyframe was encoded before them


def test_mattes_copied_one_frame_late_are_identical(monkeypatch):
    film = films.crossing()
    keyframes = [(6, (1, 2)), (11, (1,))]
    at_once = propagate(film, keyframes, unreadable=(8,))
    monkeypatch.setattr("engine.inference.propagate.can_encode_batches", lambda network, device: True)
    late = propagate(film, keyframes, unreadable=(8,))
    assert [(matte.frame, matte.objects, matte.blend_weights) for matte in late] == [
        (matte.frame, matte.objects, matte.blend_weights) for matte in at_once
    ]
    for late_matte, matte in zip(late, at_once, strict=True):
        assert np.array_equal(late_matte.alpha, matte.alpha)
        assert np.array_equal(late_matte.probability, matte.probability)


def test_error_is_raised_after_a_matte_copied_late(monkeypatch):
    monkeypatch.setattr("engine.inference.propagate.can_encode_batches", lambda network, device: True)
    seen = []
    with pytest.raises(MemoryError, match="no more"):
        for matte in iterate_mattes(films.moving_disc(), [(0, [1])], network=EncodingAhead(breaks_at=5)):
            seen.append(matte.frame)
    assert seen == [0, 1, 2]


def test_closing_early_leaves_no_threads(two_threads):
    mattes, before = iterate_mattes(films.moving_disc(), [(0, [1])], network=EncodingAhead()), threading.active_count()
    assert next(mattes).frame == 0
    assert threading.active_count() > before
    mattes.close()
    assert threading.active_count() == before
