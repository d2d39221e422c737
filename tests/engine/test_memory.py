"""Memory: what each store keeps, what it lets go, and how reading joins them."""

from __future__ import annotations

import random

import torch

from engine.memory.bank import MemoryBank
from engine.memory.entry import Entry
from engine.memory.stores import Bounded, Permanent
from engine.memory.tokens import Tokens, joined
from engine.memory.worth import recency


def entry(frame: int, *, pinned: bool = False, tokens: int = 2) -> Entry:
    return Entry(frame, (Tokens({"key": torch.full((3, tokens), float(frame))}),), pinned=pinned)


def frames(bank: MemoryBank) -> list[int]:
    return [one.frame for one in bank.view().entries]


def test_pinned_entries_stay_for_good_and_replace_the_one_of_their_frame():
    store = Permanent()
    let_go = store.write([entry(0, pinned=True), entry(1)])
    assert [gone.frame for gone in let_go] == [1]
    again = entry(0, pinned=True, tokens=7)
    store.write([again])
    assert store.entries() == [again]


def test_bounded_keeps_the_newest_by_arrival_even_when_a_sweep_goes_backward():
    store = Bounded(3, recency)
    let_go = [gone.frame for frame in range(50, 40, -1) for gone in store.write([entry(frame)])]
    assert [one.frame for one in store.entries()] == [43, 42, 41]
    assert let_go == [50, 49, 48, 47, 46, 45, 44]


def test_bounded_agrees_with_a_plain_list_on_random_worth():
    rng = random.Random(3)
    worth = {frame: rng.random() for frame in range(100)}
    store, plain = Bounded(5, lambda one, age: worth[one.frame]), []
    for frame in range(100):
        store.write([entry(frame)])
        plain = sorted([*plain, frame], key=worth.get, reverse=True)[:5]
        assert {one.frame for one in store.entries()} == set(plain)


def test_a_store_of_no_capacity_keeps_nothing():
    store = Bounded(0, recency)
    assert [gone.frame for gone in store.write([entry(4)])] == [4]
    assert store.entries() == []


def test_the_bank_reads_keyframes_and_recent_frames_as_one():
    bank = MemoryBank([Permanent(), Bounded(2, recency)], interval=5)
    bank.write(entry(20, pinned=True))
    bank.write(entry(0, pinned=True))
    for frame in (5, 10, 15):
        bank.write(entry(frame))
    assert frames(bank) == [20, 0, 10, 15]
    assert bank.view().layers[0]["key"][0].tolist() == [20, 20, 0, 0, 10, 10, 15, 15]


def test_the_interval_counts_from_the_last_entry_or_the_keyframe_passed():
    bank = MemoryBank([Bounded(2, recency)], interval=5)
    assert bank.wants(3)
    bank.write(entry(3))
    assert not bank.wants(7)
    assert bank.wants(8)
    bank.start_from(20)
    assert not bank.wants(16), "going backward from 20, frame 16 is too near"
    assert bank.wants(15)


def test_the_view_is_joined_once_per_write():
    bank = MemoryBank([Permanent()], interval=1)
    bank.write(entry(0, pinned=True))
    assert bank.view() is bank.view()
    before = bank.view()
    bank.write(entry(1, pinned=True))
    assert bank.view() is not before


def test_joined_tokens_keep_their_planes_in_order():
    both = joined([entry(1).layers[0], entry(2, tokens=1).layers[0]])
    assert len(both) == 3
    assert both["key"].tolist() == [[1, 1, 2]] * 3
