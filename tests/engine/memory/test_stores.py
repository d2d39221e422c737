"""Memory: what each store keeps, what it lets go, and how reading joins them."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import torch

from engine.memory.bank import MemoryBank
from engine.memory.entry import Entry
from engine.memory.folded import First, Folded
from engine.memory.restricted import Restricted
from engine.memory.stores import Bounded, Gate, Permanent
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


def test_folded_keeps_one_entry_into_which_all_later_ones_go():
    store = Folded(lambda new, old: Entry(new.frame, (Tokens({"key": new.layers[0]["key"] + old.layers[0]["key"]}),)))
    for frame in (3, 5, 9):
        assert store.write([entry(frame)]) == []
    (kept,) = store.entries()
    assert kept.frame == 9
    assert kept.layers[0]["key"][0, 0] == 3 + 5 + 9


def test_first_keeps_the_very_first_and_hands_down_the_rest():
    store = First()
    assert store.write([entry(4), entry(5)])[0].frame == 5
    assert [gone.frame for gone in store.write([entry(6)])] == [6]
    assert [one.frame for one in store.entries()] == [4]


def test_a_gate_lets_keyframes_and_good_frames_through():
    gate = Gate(0.8)
    offered = [entry(0, pinned=True), replace(entry(1), quality=0.5), replace(entry(2), quality=0.9)]
    offered[0] = replace(offered[0], quality=0.1)
    assert [one.frame for one in gate.write(offered)] == [0, 2]
    assert MemoryBank([gate, Permanent()], interval=1).needs_quality
    assert not MemoryBank([Permanent()], interval=1).needs_quality


@pytest.mark.parametrize("patient", [True, False])
def test_a_restricted_bank_agrees_with_the_papers_rule_written_plainly(patient: bool):
    """Relevance as a moving average of 0.8 and 0.2, freshness 1.5 sqrt(ln sum c / (c + 8)), the reference safe."""
    rng = random.Random(5)
    store, kept, average, tracks_usage = Restricted(5, patient=patient), [], {}, {}
    for frame in range(60):
        relevance = {one: rng.random() for one in kept}
        for one in store.entries():
            one.usage.relevance = torch.tensor(relevance[one.frame])
        store.write([entry(frame)])
        if kept and (len(kept) == 5 or not patient):
            for one in kept:
                average[one] = 0.8 * relevance[one] + 0.2 * average[one] if one in average else relevance[one]
                tracks_usage[one] = tracks_usage.get(one, 0) + 1
            tracks_usage[frame] = 1
            counts = {one: len(kept) if one == 0 else tracks_usage[one] for one in kept}
            total = math.log(sum(counts.values()))
            if len(kept) == 5:
                score = {one: average[one] + 1.5 * math.sqrt(total / (counts[one] + 8)) for one in kept}
                kept.remove(min(kept[1:], key=score.get))
        kept.append(frame)
        assert [one.frame for one in store.entries()] == kept
    assert kept[0] == 0


def test_a_keyframe_begins_a_restricted_bank_anew():
    store = Restricted(4, patient=False)
    for frame in range(3):
        store.write([entry(frame)])
    gone = store.write([entry(7, pinned=True)])
    assert [one.frame for one in gone] == [0, 1, 2]
    assert [one.frame for one in store.entries()] == [7]


def test_without_a_reference_every_entry_of_a_restricted_bank_may_go():
    store = Restricted(2, patient=False, reference=False)
    for frame in range(8):
        for one in store.entries():
            one.usage.relevance = torch.tensor(0.0 if one.frame == 0 else 1.0)
        store.write([entry(frame)])
    assert 0 not in [one.frame for one in store.entries()]


def test_objects_known_from_different_entries_are_read_from_those_that_speak_of_them():
    def told(frame: int, *objects: int) -> Entry:
        planes = {"key": torch.full((2, 3), float(frame)), "value": torch.full((len(objects), 4, 3), float(frame))}
        return Entry(frame, (Tokens(planes),), pinned=True, objects=objects)

    bank = MemoryBank([Permanent()], interval=1)
    for one in (told(1, 0, 2), told(2, 0), told(3, 0, 1, 2)):
        bank.write(one)
    groups = {part.objects: part.layers[0] for part in bank.view().groups}
    assert {objects: sorted(set(layer["key"][0].tolist())) for objects, layer in groups.items()} == {
        (0,): [1.0, 2.0, 3.0],
        (1,): [3.0],
        (2,): [1.0, 3.0],
    }
    bank.view().credit(torch.ones(9))
    assert all(one.usage.rate(3, like=torch.zeros(1)).sum() > 2.9 for one in bank.view().entries)
