"""Memory stores: which entries each keeps and evicts, and how the bank groups entries for reading."""

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
from engine.memory.tokens import Tokens, concatenate
from engine.memory.worth import recency


def entry(frame: int, *, pinned: bool = False, tokens: int = 2) -> Entry:
    """Return a memory entry whose keys are filled with the frame number."""
    return Entry(frame, (Tokens({"key": torch.full((3, tokens), float(frame))}),), pinned=pinned)


def frames(bank: MemoryBank) -> list[int]:
    return [stored.frame for stored in bank.view().entries]


def test_permanent_keeps_one_pinned_entry_per_frame():
    store = Permanent()
    evicted = store.write([entry(0, pinned=True), entry(1)])
    assert [stored.frame for stored in evicted] == [1]
    again = entry(0, pinned=True, tokens=7)
    store.write([again])
    assert store.entries() == [again]


def test_bounded_keeps_the_latest_arrivals_in_a_backward_sweep():
    store = Bounded(3, recency)
    evicted = [stored.frame for frame in range(50, 40, -1) for stored in store.write([entry(frame)])]
    assert [stored.frame for stored in store.entries()] == [43, 42, 41]
    assert evicted == [50, 49, 48, 47, 46, 45, 44]


def test_bounded_keeps_the_entries_of_highest_worth():
    rng = random.Random(3)
    worth = {frame: rng.random() for frame in range(100)}
    store, expected = Bounded(5, lambda stored, age: worth[stored.frame]), []
    for frame in range(100):
        store.write([entry(frame)])
        expected = sorted([*expected, frame], key=worth.get, reverse=True)[:5]
        assert {stored.frame for stored in store.entries()} == set(expected)


def test_a_store_without_capacity_keeps_nothing():
    store = Bounded(0, recency)
    assert [stored.frame for stored in store.write([entry(4)])] == [4]
    assert store.entries() == []


def test_the_bank_concatenates_keyframes_and_recent_frames():
    bank = MemoryBank([Permanent(), Bounded(2, recency)], interval=5)
    bank.write(entry(20, pinned=True))
    bank.write(entry(0, pinned=True))
    for frame in (5, 10, 15):
        bank.write(entry(frame))
    assert frames(bank) == [20, 0, 10, 15]
    assert bank.view().layers[0]["key"][0].tolist() == [20, 20, 0, 0, 10, 10, 15, 15]


def test_the_interval_counts_from_the_last_entry_or_the_start():
    bank = MemoryBank([Bounded(2, recency)], interval=5)
    assert bank.is_due(3)
    bank.write(entry(3))
    assert not bank.is_due(7)
    assert bank.is_due(8)
    bank.start_from(20)
    assert not bank.is_due(16), "going backward from 20, frame 16 is too near"
    assert bank.is_due(15)


def test_the_view_is_computed_once_per_write():
    bank = MemoryBank([Permanent()], interval=1)
    bank.write(entry(0, pinned=True))
    assert bank.view() is bank.view()
    before = bank.view()
    bank.write(entry(1, pinned=True))
    assert bank.view() is not before


def test_concatenated_tokens_keep_their_order():
    tokens = concatenate([entry(1).layers[0], entry(2, tokens=1).layers[0]])
    assert len(tokens) == 3
    assert tokens["key"].tolist() == [[1, 1, 2]] * 3


def test_folded_merges_all_entries_into_one():
    store = Folded(lambda new, old: Entry(new.frame, (Tokens({"key": new.layers[0]["key"] + old.layers[0]["key"]}),)))
    for frame in (3, 5, 9):
        assert store.write([entry(frame)]) == []
    (kept,) = store.entries()
    assert kept.frame == 9
    assert kept.layers[0]["key"][0, 0] == 3 + 5 + 9


def test_first_keeps_the_first_entry_and_evicts_the_others():
    store = First()
    assert store.write([entry(4), entry(5)])[0].frame == 5
    assert [stored.frame for stored in store.write([entry(6)])] == [6]
    assert [stored.frame for stored in store.entries()] == [4]


def test_a_gate_passes_keyframes_and_frames_of_sufficient_quality():
    gate = Gate(0.8)
    offered = [entry(0, pinned=True), replace(entry(1), quality=0.5), replace(entry(2), quality=0.9)]
    offered[0] = replace(offered[0], quality=0.1)
    assert [stored.frame for stored in gate.write(offered)] == [0, 2]
    assert MemoryBank([gate, Permanent()], interval=1).needs_quality
    assert not MemoryBank([Permanent()], interval=1).needs_quality


@pytest.mark.parametrize("patient", [True, False])
def test_restricted_scores_entries_as_rmem_does(patient: bool):
    """The entry with the lowest score is evicted, but never the reference (first) entry.

    Score: moving average of relevance + 1.5 sqrt(ln(sum of all comparisons) / (comparisons + 8)).
    """
    rng = random.Random(5)
    store, kept, average, comparisons = Restricted(5, patient=patient), [], {}, {}
    for frame in range(60):
        relevance = {number: rng.random() for number in kept}
        for stored in store.entries():
            stored.usage.relevance = torch.tensor(relevance[stored.frame])
        store.write([entry(frame)])
        if kept and (len(kept) == 5 or not patient):
            for number in kept:
                old = average.get(number, relevance[number])
                average[number] = 0.8 * relevance[number] + 0.2 * old if number in average else old
                comparisons[number] = comparisons.get(number, 0) + 1
            comparisons[frame] = 1
            counts = {number: len(kept) if number == 0 else comparisons[number] for number in kept}
            total = math.log(sum(counts.values()))
            if len(kept) == 5:
                score = {number: average[number] + 1.5 * math.sqrt(total / (counts[number] + 8)) for number in kept}
                kept.remove(min(kept[1:], key=score.get))
        kept.append(frame)
        assert [stored.frame for stored in store.entries()] == kept
    assert kept[0] == 0


def test_a_keyframe_clears_a_restricted_bank():
    store = Restricted(4, patient=False)
    for frame in range(3):
        store.write([entry(frame)])
    evicted = store.write([entry(7, pinned=True)])
    assert [stored.frame for stored in evicted] == [0, 1, 2]
    assert [stored.frame for stored in store.entries()] == [7]


def test_without_a_reference_the_first_entry_can_be_evicted():
    store = Restricted(2, patient=False, reference=False)
    for frame in range(8):
        for stored in store.entries():
            stored.usage.relevance = torch.tensor(0.0 if stored.frame == 0 else 1.0)
        store.write([entry(frame)])
    assert 0 not in [stored.frame for stored in store.entries()]


def test_objects_are_grouped_by_the_entries_that_hold_them():
    def entry_of(frame: int, *objects: int) -> Entry:
        planes = {"key": torch.full((2, 3), float(frame)), "value": torch.full((len(objects), 4, 3), float(frame))}
        return Entry(frame, (Tokens(planes),), pinned=True, objects=objects)

    bank = MemoryBank([Permanent()], interval=1)
    for entry in (entry_of(1, 0, 2), entry_of(2, 0), entry_of(3, 0, 1, 2)):
        bank.write(entry)
    groups = {group.objects: group.layers[0] for group in bank.view().groups}
    assert {objects: sorted(set(layer["key"][0].tolist())) for objects, layer in groups.items()} == {
        (0,): [1.0, 2.0, 3.0],
        (1,): [3.0],
        (2,): [1.0, 3.0],
    }
    bank.view().add_usage(torch.ones(9))
    assert all(stored.usage.rate(3, like=torch.zeros(1)).sum() > 2.9 for stored in bank.view().entries)
