"""Exemplars of objects: cells of keyframes, and how much cells of a frame look like them."""

import pytest
import torch

from engine.quality.exemplars import Exemplars

RED, BLUE, GREY = torch.eye(3).unbind(1)


def keys(*columns: torch.Tensor) -> torch.Tensor:
    """Return the keys (3, N) of cells with these looks."""
    return torch.stack(columns, 1)


def test_a_cell_is_like_the_object_whose_keyframe_has_its_looks() -> None:
    exemplars = Exemplars()
    exemplars.add(keys(RED, RED, GREY, GREY), {1: torch.tensor([1.0, 1, 0, 0])})
    own, margin = exemplars.likeness(1, keys(5 * RED, GREY, BLUE))
    assert own.tolist() == pytest.approx([1, 0, 0])  # whatever the length of the keys
    assert margin.tolist() == pytest.approx([1, -1, 0])


def test_keyframes_add_up() -> None:
    exemplars = Exemplars()
    exemplars.add(keys(RED, GREY), {1: torch.tensor([1.0, 0])})
    exemplars.add(keys(BLUE, GREY), {1: torch.tensor([1.0, 0])})
    own, _ = exemplars.likeness(1, keys(RED, BLUE, GREY))
    assert own.tolist() == pytest.approx([1, 1, 0])


def test_an_object_smaller_than_a_cell_is_known_by_the_cells_that_it_touches() -> None:
    exemplars = Exemplars()
    exemplars.add(keys(RED, BLUE, GREY, GREY), {1: torch.tensor([0.2, 0.1, 0, 0])})
    own, _ = exemplars.likeness(1, keys(RED, BLUE, GREY))
    assert own.tolist() == pytest.approx([1, 1, 0])


def test_a_keyframe_without_the_object_says_nothing() -> None:
    exemplars = Exemplars()
    exemplars.add(keys(RED, GREY), {1: torch.zeros(2)})
    assert 1 not in exemplars


def test_many_keyframes_keep_a_bounded_number_of_cells() -> None:
    exemplars = Exemplars()
    for _ in range(20):
        exemplars.add(torch.randn(3, 400), {1: (torch.arange(400) < 200).float()})
    own, around = exemplars.state_dict()
    assert len(own[1]) == 256
    assert len(around[1]) == 512


def test_the_state_brings_exemplars_back() -> None:
    exemplars, restored = Exemplars(), Exemplars()
    exemplars.add(keys(RED, GREY), {1: torch.tensor([1.0, 0])})
    restored.load_state_dict(exemplars.state_dict())
    expected, found = exemplars.likeness(1, keys(BLUE, RED)), restored.likeness(1, keys(BLUE, RED))
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
