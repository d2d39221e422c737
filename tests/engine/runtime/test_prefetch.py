"""Background reading and writing keep the order, raise errors at the right item and leave no thread running."""

from __future__ import annotations

import threading
import time

import pytest

from engine.runtime.prefetch import ReadAhead, WriteBehind


def test_frames_are_returned_as_requested_and_read_once():
    read: list[int] = []

    def reader(frame: int) -> int:
        read.append(frame)
        return frame * 10

    ahead = ReadAhead(reader, 8)
    assert [ahead.read(frame) for frame in (5, 0, 1, 2, 3)] == [50, 0, 10, 20, 30]
    assert [ahead.read(frame) for frame in (7, 6, 5)] == [70, 60, 50]
    ahead.close()
    for frame in (1, 2, 3, 7, 6):
        assert read.count(frame) == 1


def test_next_frame_is_read_ahead():
    started = {frame: threading.Event() for frame in range(5)}

    def reader(frame: int) -> int:
        started[frame].set()
        return frame

    ahead = ReadAhead(reader, 5)
    ahead.read(0)
    ahead.read(1)
    assert started[2].wait(5), "frame 2 is not read before it is requested"
    ahead.close()


def test_read_error_is_raised_only_when_its_frame_is_requested():
    def reader(frame: int) -> int:
        if frame == 2:
            raise ValueError("broken")
        return frame

    ahead = ReadAhead(reader, 5)
    assert [ahead.read(0), ahead.read(1)] == [0, 1]
    with pytest.raises(ValueError, match="broken"):
        ahead.read(2)
    assert ahead.read(3) == 3
    ahead.close()


def test_tasks_run_in_order_and_are_finished_on_exit():
    done: list[int] = []

    def slowly(number: int) -> None:
        time.sleep(0.01)
        done.append(number)

    with WriteBehind() as behind:
        for number in range(5):
            behind.submit(lambda number=number: slowly(number))
    assert done == [0, 1, 2, 3, 4]


def test_task_error_is_raised_at_the_next_task_or_on_exit():
    def fail() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), WriteBehind() as behind:
        behind.submit(fail)
        behind.submit(lambda: None)
    with pytest.raises(OSError, match="full"), WriteBehind() as behind:
        behind.submit(fail)


def test_last_task_is_finished_also_after_an_error():
    done: list[int] = []
    with pytest.raises(KeyError), WriteBehind() as behind:
        behind.submit(lambda: (time.sleep(0.05), done.append(1)))
        raise KeyError
    assert done == [1]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("write-behind")]
