"""One training on several GPUs (`torchrun`): each process draws samples of its own, and gradients are averaged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Team:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1

    @classmethod
    def gather(cls, device: str) -> tuple[Team, torch.device]:
        """The team that `torchrun` started, and this process's device; a team of one without it."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls(), torch.device(device)
        place = torch.device(device, int(os.environ["LOCAL_RANK"])) if device == "cuda" else torch.device(device)
        if place.type == "cuda":
            torch.cuda.set_device(place)
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
        return cls(distributed.get_rank(), size), place

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Every process goes on with the mean of all gradients."""
        if self.size == 1:
            return
        for weight in weights:
            if weight.requires_grad:
                if weight.grad is None:  # this process's samples did not need it; others' may have
                    weight.grad = torch.zeros_like(weight)
                distributed.all_reduce(weight.grad)
                weight.grad /= self.size

    def any(self, stop: bool, device: torch.device) -> bool:
        """Whether any process says so: they end together."""
        if self.size == 1:
            return stop
        told = torch.tensor(float(stop), device=device)
        distributed.all_reduce(told, distributed.ReduceOp.MAX)
        return bool(told)

    def wait(self) -> None:
        """Until all have come here."""
        if self.size > 1:
            distributed.barrier()
