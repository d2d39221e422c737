"""QDMN's memory: which frames are written, which are dropped, and which are read only once."""

from __future__ import annotations

import math
import random

import pytest
import torch

from engine.inference.snapshot import deserialize_state, serialize_state
from engine.memory.bank import MemoryBank
from engine.memory.entry import Entry
from engine.memory.quality_gated import QualityGated
from engine.memory.stores import Permanent
from engine.memory.tokens import OBJECT_KEY, VALUE, Tokens


def entry(frame: int, quality: float | None = None, *, objects: tuple[int, ...] = (0,)) -> Entry:
    """Return an entry whose planes are filled with the frame number; without a quality, a keyframe."""
    planes = {name: torch.full((len(objects), 2, 3), float(frame)) for name in (OBJECT_KEY, VALUE)}
    for name, plane in planes.items():
        planes[name] = plane + torch.tensor(objects)[:, None, None] / 10
    return Entry(frame, (Tokens(planes),), pinned=quality is None, objects=objects, quality=quality)


def frames(store: QualityGated | MemoryBank) -> list[int]:
    entries = store.view().entries if isinstance(store, MemoryBank) else store.entries()
    return [kept.frame for kept in entries]


def test_a_frame_is_written_if_it_is_due_and_good_enough_and_else_read_once():
    store = QualityGated(20, interval=2, min_quality=0.8)
    offered = [entry(0), entry(1, 0.9), entry(2, 0.8), entry(3, 0.81), entry(4, 2.0), entry(5, 0.1), entry(6, 0.9)]
    seen = []
    for offer in offered:
        passed_on = [passed.frame for passed in store.write([offer])]
        seen.append((frames(store), passed_on))
    assert seen == [
        ([0], []),
        ([0, 1], []),  # read once: only 1 frame after the keyframe
        ([0, 2], [1]),  # read once: not better than 0.8
        ([0, 3], [2]),  # written
        ([0, 3, 4], []),
        ([0, 3, 5], [4]),
        ([0, 3, 6], [5]),  # written, 3 frames after the last one
    ]
    store.write([entry(7, 0.0)])
    assert frames(store) == [0, 3, 6, 7]


@pytest.mark.parametrize("step", [1, -1])
def test_intervals_count_in_both_directions(step: int):
    store = QualityGated(20, interval=3, min_quality=0.5)
    store.write([entry(50)])
    for age in range(1, 8):
        store.write([entry(50 + step * age, 1.0)])
    assert frames(store) == [50, 50 + 3 * step, 50 + 6 * step, 50 + 7 * step]


@pytest.mark.parametrize("capacity", [0, 1, 4])
@pytest.mark.parametrize("published", [False, True])
def test_the_written_frame_of_least_quality_and_recency_is_dropped(capacity: int, published: bool):
    rng = random.Random(capacity)
    store = QualityGated(capacity, interval=1, min_quality=0.2, published_slots=published)
    store.write([entry(0)])
    slots, kept = [0], []
    for frame in range(1, 40):
        quality = rng.random()
        store.write([entry(frame, quality)])
        if quality <= 0.2:
            assert frames(store) == [*slots, frame]
            continue
        number = kept[-1][0] + 1 if kept else 1
        if len(kept) > capacity:
            worth = [math.exp(-(number - other)) + other_quality for other, other_quality, _ in kept]
            position = worth.index(min(worth))
            dropped = kept.pop(position)[2]
            slots.pop(position if published else slots.index(dropped))
        kept.append((number, quality, frame))
        slots.append(frame)
        assert frames(store) == slots
    assert len(slots) == capacity + 2
    assert (slots[0] == 0) != published, "the authors' program loses the first keyframe"


def test_of_frames_of_equal_worth_the_oldest_is_dropped():
    store = QualityGated(1, interval=1, min_quality=0.0)
    for frame in range(1, 2000):
        store.write([entry(frame, 1e300)])
    assert frames(store) == [1998, 1999]


def test_no_keyframe_is_ever_dropped():
    store = QualityGated(1, interval=1, min_quality=0.0)
    for frame in range(12):
        store.write([entry(frame, None if frame in (0, 5, 6) else 0.5)])
    assert frames(store) == [0, 5, 6, 10, 11]


def test_a_keyframe_makes_the_frames_before_it_permanent_in_the_youtube_program():
    store = QualityGated(1, interval=1, min_quality=0.0, restarts=True)
    for frame in range(12):
        store.write([entry(frame, None if frame in (0, 4) else 0.5)])
    assert frames(store) == [0, 2, 3, 4, 10, 11]


def test_with_permanent_keyframes_the_store_keeps_only_other_frames_and_starts_from_each_keyframe():
    bank = MemoryBank([Permanent(), QualityGated(9, interval=2, min_quality=0.5)], interval=1)
    bank.write(entry(10))
    bank.write(entry(4))
    bank.start_from(4)
    for frame in range(5, 10):
        assert bank.is_due(frame)
        bank.write(entry(frame, 1.0 if frame != 6 else 0.1))
    assert frames(bank) == [10, 4, 7, 9]
    bank.write(entry(9, 0.1))
    assert frames(bank)[-1] == 9
    bank.start_from(10)
    assert frames(bank) == [10, 4, 7, 9], "the latest frame is not read after a keyframe"
    bank.write(entry(11, 1.0))
    bank.write(entry(12, 1.0))
    assert frames(bank) == [10, 4, 7, 9, 12]


def test_each_object_has_its_own_keys():
    bank = MemoryBank([QualityGated(9, interval=1, min_quality=0.5)], interval=1)
    bank.write(entry(1))
    bank.write(entry(2, objects=(0, 1)))
    bank.write(entry(3, 1.0, objects=(0, 1)))
    groups = {group.objects: group.layers[0] for group in bank.view().groups}
    first, second = groups[(0,)], groups[(1,)]
    for name in (OBJECT_KEY, VALUE):
        assert sorted(set(first[name].flatten().tolist())) == [1.0, 2.0, 3.0]
        assert second[name].flatten().unique().tolist() == pytest.approx([2.1, 3.1])


def test_the_state_is_restored():
    store = QualityGated(1, interval=1, min_quality=0.3)
    for frame in range(8):
        store.write([entry(frame, None if frame == 0 else (frame * 7 % 5) / 4)])
    tensors: dict[str, torch.Tensor] = {}
    state = serialize_state(store.state_dict(), tensors)
    restored = QualityGated(1, interval=1, min_quality=0.3)
    restored.load_state_dict(deserialize_state(state, tensors, torch.device("cpu")))
    for frame in range(8, 20):
        assert frames(restored) == frames(store)
        for one in (store, restored):
            one.write([entry(frame, (frame * 7 % 5) / 4)])
    assert frames(restored) == frames(store)
