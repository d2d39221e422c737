"""Maps copied from a GPU to main memory are returned in order, a given number of maps late."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from engine.runtime.device_copy import copy_to_host


@pytest.mark.parametrize("late", [0, 1, 3])
def test_maps_arrive_in_order_after_the_delay(late: int):
    asked = []

    def maps() -> Iterator[tuple[str, torch.Tensor]]:
        for index in range(5):
            asked.append(index)
            yield f"frame {index}", torch.full((2, 3), float(index))

    for index, (tag, found) in enumerate(copy_to_host(maps(), delay=late)):
        assert tag == f"frame {index}"
        assert found.shape == (2, 3)
        assert (found == index).all()
        assert asked == list(range(min(index + late + 1, 5)))
    assert index == 4


def test_maps_before_an_error_arrive_first():
    def maps() -> Iterator[tuple[int, torch.Tensor]]:
        yield 0, torch.zeros(1)
        yield 1, torch.zeros(1)
        raise MemoryError("no more")

    came = []
    with pytest.raises(MemoryError, match="no more"):
        for tag, _ in copy_to_host(maps(), delay=1):
            came.append(tag)
    assert came == [0, 1]
