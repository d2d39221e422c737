"""Two things side by side: the same results, in order, half of the processor for either, nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from engine.threads import OneAhead, beside, whole


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_each_item_is_made_while_the_one_before_is_used():
    made = [threading.Event() for _ in range(4)]
    here, threads = threading.get_ident(), set()

    def make() -> Iterator[int]:
        for number, event in enumerate(made):
            threads.add(threading.get_ident())
            event.set()
            yield number

    items = OneAhead(make(), threads=1, all_threads=1)
    assert next(items) == 0
    assert made[1].wait(5), "item 1 was not asked for, but is on its way"
    time.sleep(0.05)
    assert not made[2].is_set(), "one ahead, and no more"
    assert list(items) == [1, 2, 3]
    assert len(threads) == 1
    assert here not in threads
    items.close()


def test_what_cannot_be_made_says_so_when_it_is_asked_for():
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = OneAhead(make(), threads=1, all_threads=1)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_closed_early_it_waits_for_what_is_being_made():
    done: list[int] = []

    def make() -> Iterator[int]:
        for number in range(9):
            time.sleep(0.02)
            done.append(number)
            yield number

    items = OneAhead(make(), threads=1, all_threads=1)
    assert next(items) == 0
    items.close()
    count = len(done)
    time.sleep(0.1)
    assert len(done) == count <= 3


def test_each_has_half_of_the_processor_and_it_is_whole_again_afterwards(four_threads):
    seen = []

    def make() -> Iterator[int]:
        for number in range(3):
            seen.append((threading.get_ident(), torch.get_num_threads()))
            yield number

    with beside(make(), torch.device("cpu")) as items:
        assert next(items) == 0
        assert torch.get_num_threads() == 2
        assert list(items) == [1, 2]
    assert torch.get_num_threads() == 4
    assert {count for _, count in seen} == {2}
    assert threading.get_ident() not in {thread for thread, _ in seen}
    torch.set_num_threads(1)  # nothing to halve
    seen.clear()
    with beside(make(), torch.device("cpu")) as items:
        assert list(items) == [0, 1, 2]
    assert seen == [(threading.get_ident(), 1)] * 3


def test_who_is_left_alone_has_the_whole_processor(four_threads):
    goes_on = threading.Event()

    def make() -> Iterator[int]:
        yield 1
        goes_on.wait(5)
        assert torch.get_num_threads() == 2
        yield 2

    with beside(make(), torch.device("cpu")) as items:
        assert next(items) == 1
        with whole():
            assert torch.get_num_threads() == 2, "the other is at work"
        goes_on.set()
        while not items.idle:
            time.sleep(0.001)
        with whole():
            assert torch.get_num_threads() == 4
        assert torch.get_num_threads() == 2
    with whole():
        assert torch.get_num_threads() == 4, "nothing goes on beside it"


def test_what_is_waited_for_has_the_whole_processor(four_threads):
    counts = []

    def make() -> Iterator[int]:
        for number in range(2):
            time.sleep(0.1)
            with whole():
                counts.append(torch.get_num_threads())
            assert torch.get_num_threads() == 2
            yield number

    with beside(make(), torch.device("cpu")) as items:
        assert next(items) == 0
        time.sleep(0.3)
        assert next(items) == 1
    assert counts == [4, 2]


def test_after_an_error_the_processor_is_whole_again(four_threads):
    with pytest.raises(ValueError, match="mine"), beside(iter(range(3)), torch.device("cpu")) as items:
        next(items)
        raise ValueError("mine")
    assert torch.get_num_threads() == 4
