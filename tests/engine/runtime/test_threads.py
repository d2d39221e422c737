"""Two things side by side: the same results, in order, half of the processor for either, nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from engine.runtime.threads import Prefetcher, map_shared, run_alongside, use_all_threads


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

    items = Prefetcher(make(), threads=1, all_threads=1)
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

    items = Prefetcher(make(), threads=1, all_threads=1)
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

    items = Prefetcher(make(), threads=1, all_threads=1)
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

    with run_alongside(make(), torch.device("cpu")) as items:
        assert next(items) == 0
        assert torch.get_num_threads() == 2
        assert list(items) == [1, 2]
    assert torch.get_num_threads() == 4
    assert {count for _, count in seen} == {2}
    assert threading.get_ident() not in {thread for thread, _ in seen}
    torch.set_num_threads(1)  # nothing to halve
    seen.clear()
    with run_alongside(make(), torch.device("cpu")) as items:
        assert list(items) == [0, 1, 2]
    assert seen == [(threading.get_ident(), 1)] * 3


def test_who_is_left_alone_has_the_whole_processor(four_threads):
    goes_on = threading.Event()

    def make() -> Iterator[int]:
        yield 1
        goes_on.wait(5)
        assert torch.get_num_threads() == 2
        yield 2

    with run_alongside(make(), torch.device("cpu")) as items:
        assert next(items) == 1
        with use_all_threads():
            assert torch.get_num_threads() == 2, "the other is at work"
        goes_on.set()
        while not items.idle:
            time.sleep(0.001)
        with use_all_threads():
            assert torch.get_num_threads() == 4
        assert torch.get_num_threads() == 2
    with use_all_threads():
        assert torch.get_num_threads() == 4, "nothing goes on beside it"


def test_what_is_waited_for_has_the_whole_processor(four_threads):
    counts = []

    def make() -> Iterator[int]:
        for number in range(2):
            time.sleep(0.1)
            with use_all_threads():
                counts.append(torch.get_num_threads())
            assert torch.get_num_threads() == 2
            yield number

    with run_alongside(make(), torch.device("cpu")) as items:
        assert next(items) == 0
        time.sleep(0.3)
        assert next(items) == 1
    assert counts == [4, 2]


def test_after_an_error_the_processor_is_whole_again(four_threads):
    with pytest.raises(ValueError, match="mine"), run_alongside(iter(range(3)), torch.device("cpu")) as items:
        next(items)
        raise ValueError("mine")
    assert torch.get_num_threads() == 4


def test_who_waits_takes_some_of_what_is_left(four_threads):
    goes_on, waits = threading.Event(), threading.Event()
    seen: dict[int, tuple[int, int, bool]] = {}

    def make() -> Iterator[int]:
        yield 1
        goes_on.wait(5)
        yield 2

    def do(number: int) -> int:
        seen[number] = threading.get_ident(), torch.get_num_threads(), torch.is_inference_mode_enabled()
        if number == 1:  # the other has not yet come for any
            goes_on.set()
            assert waits.wait(5), "nobody helps"
        elif threading.get_ident() != here:
            waits.set()
        return 10 * number

    here = threading.get_ident()
    with run_alongside(make(), torch.device("cpu")) as items, torch.inference_mode():
        assert next(items) == 1
        assert map_shared(do, range(5)) == [0, 10, 20, 30, 40]
        assert next(items) == 2
    assert seen[0][0] == seen[1][0] == here != seen[2][0]
    assert {(threads, inferring) for _, threads, inferring in seen.values()} == {(2, True)}
    seen.clear()
    waits.set()
    assert map_shared(do, range(3)) == [0, 10, 20]
    assert {thread for thread, *_ in seen.values()} == {here}, "there is nobody to help"


@pytest.mark.parametrize("where", ["here", "there"])
def test_what_fails_for_one_item_is_said_and_the_rest_is_left(four_threads, where: str):
    here, done = threading.get_ident(), []
    begun = threading.Event()

    def do(number: int) -> None:
        if threading.get_ident() != here:
            begun.set()
            time.sleep(0.02)
        else:
            assert begun.wait(5)
        if (threading.get_ident() == here) == (where == "here"):
            raise ValueError("broken")
        time.sleep(0.02)
        done.append(number)

    with run_alongside(iter(range(3)), torch.device("cpu")) as items:
        assert next(items) == 0
        with pytest.raises(ValueError, match="broken"):
            map_shared(do, range(100))
        assert next(items) == 1, "who helps is not to be used any more"
    assert len(done) < 100 or where == "there"


def test_who_is_busy_is_not_waited_for(four_threads):
    goes_on = threading.Event()

    def make() -> Iterator[int]:
        yield 1
        goes_on.wait(5)
        yield 2

    with run_alongside(make(), torch.device("cpu")) as items:
        assert next(items) == 1
        assert map_shared(lambda number: number, range(4)) == [0, 1, 2, 3]
        assert not goes_on.is_set() and not items.idle
        goes_on.set()
        assert next(items) == 2
