"""Suggestions by expected gain, filled up as XMem++ would choose, and the frame to mark first."""

from __future__ import annotations

from types import MappingProxyType

import torch

from engine.memory.tokens import Tokens
from engine.shared.reasons import SENTENCES, sentence
from engine.suggestion.account import NO_ACCOUNT, ClipQuality
from engine.suggestion.first_frame import suggest_first
from engine.suggestion.joined import suggest_next
from engine.suggestion.selection import SelectionConfig, suggest

GRID = 4, 6
CELLS = GRID[0] * GRID[1]
CHANNELS = 8


def tokens(key: torch.Tensor) -> Tokens:
    return Tokens({"key": key, "shrinkage": torch.ones(1, CELLS), "selection": torch.ones(CHANNELS, CELLS)})


def drifting(count: int = 30, seed: int = 0) -> dict[int, Tokens]:
    """Return the keys of frames that change steadily from one random picture to another."""
    generator = torch.Generator().manual_seed(seed)
    first, last = torch.randn(2, CHANNELS, CELLS, generator=generator)
    return {frame: tokens(first + (last - first) * frame / (count - 1)) for frame in range(count)}


def next_frames(keys, account, *, chosen=(0,), count=4, usable=None):
    frames = list(keys)
    weights = {frame: torch.ones(CELLS) for frame in frames}
    return suggest_next(
        frames, keys.__getitem__, weights, account, chosen=chosen, candidates=frames,
        usable=frames if usable is None else usable, config=SelectionConfig(count), step=lambda done, total: None,
    )  # fmt: skip


def diverse(keys, *, count=4, gap=1):
    frames = list(keys)
    weights = {frame: torch.ones(CELLS) for frame in frames}
    return suggest(
        frames, keys.__getitem__, weights, chosen=(0,), usable=frozenset(frames), config=SelectionConfig(count),
        step=lambda done, total: None, gap=gap,
    )  # fmt: skip


def first_frames(keys, *, candidates=None, count=1):
    frames = list(keys)
    return suggest_first(
        frames, keys.__getitem__, GRID, candidates=candidates or frames, count=count, step=lambda done, total: None
    )


# -- next --------------------------------------------------------------------------------------------------------------
def test_without_quality_frames_are_those_of_xmempp_but_never_neighbours():
    keys = drifting()
    found = next_frames(keys, NO_ACCOUNT)
    assert found == diverse(keys, gap=2)
    assert found[0] == diverse(keys, count=1)[0]
    ordered = sorted(item.frame for item in found)
    assert min(after - before for before, after in zip(ordered, ordered[1:])) >= 2
    assert {item.reason for item in found} == {"unlike"}


def test_bad_mattes_come_first_and_diversity_fills_the_rest():
    quality = {frame: {3: 0.0 if 12 <= frame <= 14 else 1.0} for frame in range(30)}
    found = next_frames(drifting(), ClipQuality(quality, MappingProxyType({13: {3: "edge"}})))
    assert (found[0].frame, found[0].object_id, found[0].reason) == (13, 3, "edge")
    assert [item.object_id for item in found] == [3, 0, 0, 0]
    assert [item.reason for item in found[1:]] == ["unlike"] * 3


def test_a_lost_object_is_suggested_although_nothing_is_covered():
    quality = {frame: {1: 0.1 if frame > 20 else 1.0} for frame in range(30)}
    found = next_frames(drifting(), ClipQuality(quality), usable=[])
    assert found
    assert min(item.frame for item in found) > 20


def test_a_clip_of_two_frames_still_gets_its_neighbour_suggested():
    assert [item.frame for item in next_frames(drifting(2), NO_ACCOUNT)] == [1]


# -- first -------------------------------------------------------------------------------------------------------------
def test_the_first_frame_is_in_the_middle_of_a_steady_change():
    found = first_frames(drifting(31), count=3)
    assert 10 <= found[0].frame <= 20
    assert [item.reason for item in found] == ["first", "or-else", "or-else"]
    assert min(abs(a.frame - b.frame) for a in found for b in found if a is not b) >= 2


def test_a_black_frame_in_the_middle_is_not_the_first_one():
    keys = drifting(31)
    best = first_frames(keys)[0].frame
    keys[best] = tokens(torch.zeros(CHANNELS, CELLS))
    assert first_frames(keys)[0].frame != best


def test_the_longer_shot_is_preferred_and_not_next_to_its_cut():
    short, long = list(drifting(30, seed=1).values())[:8], list(drifting(20, seed=2).values())
    keys = dict(enumerate([*short, *long]))
    found = first_frames(keys, count=20)
    assert 10 <= found[0].frame < 28
    assert not {6, 7, 8, 9} & {item.frame for item in found}
    assert first_frames(keys, candidates=[7, 8])[0].frame in (7, 8), "there are no others"


def test_a_clip_of_one_frame_has_that_as_its_first_and_one_without_candidates_has_none():
    assert [item.frame for item in first_frames(drifting(2), candidates=[1])] == [1]
    one = {5: tokens(torch.randn(CHANNELS, CELLS, generator=torch.Generator().manual_seed(0)))}
    assert [item.frame for item in first_frames(one)] == [5]


def test_every_reason_has_words_and_an_unknown_one_is_a_doubt():
    assert all(text and not text.endswith(".") and "%" not in text for text in SENTENCES.values())
    assert sentence("edge") == "edges unsure"
    assert sentence("of a later version") == "matte may be wrong"
