"""Work on two threads: order and errors are kept, CPU threads are shared, and no thread is left running."""

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


def test_prefetcher_makes_one_item_ahead():
    made = [threading.Event() for _ in range(4)]
    main_thread, threads = threading.get_ident(), set()

    def make() -> Iterator[int]:
        for number, event in enumerate(made):
            threads.add(threading.get_ident())
            event.set()
            yield number

    items = Prefetcher(make(), threads=1, all_threads=1)
    assert next(items) == 0
    assert made[1].wait(5), "item 1 is not made before it is requested"
    time.sleep(0.05)
    assert not made[2].is_set(), "one ahead, and no more"
    assert list(items) == [1, 2, 3]
    assert len(threads) == 1
    assert main_thread not in threads
    items.close()


def test_prefetcher_raises_an_error_when_its_item_is_requested():
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = Prefetcher(make(), threads=1, all_threads=1)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_closing_early_waits_for_the_item_in_progress():
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


def test_run_alongside_halves_the_threads_and_restores_them(four_threads):
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
    torch.set_num_threads(1)  # one thread cannot be halved
    seen.clear()
    with run_alongside(make(), torch.device("cpu")) as items:
        assert list(items) == [0, 1, 2]
    assert seen == [(threading.get_ident(), 1)] * 3


def test_all_threads_are_used_while_the_other_side_is_idle(four_threads):
    continue_event = threading.Event()

    def make() -> Iterator[int]:
        yield 1
        continue_event.wait(5)
        assert torch.get_num_threads() == 2
        yield 2

    with run_alongside(make(), torch.device("cpu")) as items:
        assert next(items) == 1
        with use_all_threads():
            assert torch.get_num_threads() == 2, "the other side is busy"
        continue_event.set()
        while not items.idle:
            time.sleep(0.001)
        with use_all_threads():
            assert torch.get_num_threads() == 4
        assert torch.get_num_threads() == 2
    with use_all_threads():
        assert torch.get_num_threads() == 4, "no other side is running"


def test_producer_uses_all_threads_while_it_is_waited_for(four_threads):
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


def test_threads_are_restored_after_an_error(four_threads):
    with pytest.raises(ValueError, match="mine"), run_alongside(iter(range(3)), torch.device("cpu")) as items:
        next(items)
        raise ValueError("mine")
    assert torch.get_num_threads() == 4


def test_idle_thread_helps_with_map_shared(four_threads):
    continue_event, waits = threading.Event(), threading.Event()
    seen: dict[int, tuple[int, int, bool]] = {}

    def make() -> Iterator[int]:
        yield 1
        continue_event.wait(5)
        yield 2

    def do(number: int) -> int:
        seen[number] = threading.get_ident(), torch.get_num_threads(), torch.is_inference_mode_enabled()
        if number == 1:  # the other thread has not yet taken an item
            continue_event.set()
            assert waits.wait(5), "no thread helped"
        elif threading.get_ident() != main_thread:
            waits.set()
        return 10 * number

    main_thread = threading.get_ident()
    with run_alongside(make(), torch.device("cpu")) as items, torch.inference_mode():
        assert next(items) == 1
        assert map_shared(do, range(5)) == [0, 10, 20, 30, 40]
        assert next(items) == 2
    assert seen[0][0] == seen[1][0] == main_thread != seen[2][0]
    assert {(threads, inferring) for _, threads, inferring in seen.values()} == {(2, True)}
    seen.clear()
    waits.set()
    assert map_shared(do, range(3)) == [0, 10, 20]
    assert {thread for thread, *_ in seen.values()} == {main_thread}, "no other thread is available"


@pytest.mark.parametrize("where", ["here", "there"])
def test_map_shared_raises_an_items_error_and_skips_the_rest(four_threads, where: str):
    main_thread, done = threading.get_ident(), []
    begun = threading.Event()

    def do(number: int) -> None:
        if threading.get_ident() != main_thread:
            begun.set()
            time.sleep(0.02)
        else:
            assert begun.wait(5)
        if (threading.get_ident() == main_thread) == (where == "here"):
            raise ValueError("broken")
        time.sleep(0.02)
        done.append(number)

    with run_alongside(iter(range(3)), torch.device("cpu")) as items:
        assert next(items) == 0
        with pytest.raises(ValueError, match="broken"):
            map_shared(do, range(100))
        assert next(items) == 1, "the other side goes on"
    assert len(done) < 100 or where == "there"


def test_map_shared_does_not_wait_for_a_busy_thread(four_threads):
    continue_event = threading.Event()

    def make() -> Iterator[int]:
        yield 1
        continue_event.wait(5)
        yield 2

    with run_alongside(make(), torch.device("cpu")) as items:
        assert next(items) == 1
        assert map_shared(lambda number: number, range(4)) == [0, 1, 2, 3]
        assert not continue_event.is_set() and not items.idle
        continue_event.set()
        assert next(items) == 2
