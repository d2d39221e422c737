"""Data-parallel training on several GPUs (`torchrun`): gradients are averaged over processes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class DistributedContext:
    """Rank of this process, and number of processes, in one training run."""

    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_environment(cls, device: str) -> tuple[DistributedContext, torch.device]:
        """Join the process group that `torchrun` started; return the context and this process's device.

        Without `torchrun`, the training run is this process alone, and there is no process group.
        """
        world_size = int(os.environ.get("WORLD_SIZE", "1"))
        if world_size == 1:
            return cls(), torch.device(device)
        local = torch.device(device, int(os.environ["LOCAL_RANK"])) if device == "cuda" else torch.device(device)
        if local.type == "cuda":
            torch.cuda.set_device(local)
        distributed.init_process_group("nccl" if local.type == "cuda" else "gloo")
        return cls(distributed.get_rank(), world_size), local

    @property
    def is_main_process(self) -> bool:
        """Return whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def average_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Replace the gradient of every trainable weight by its mean over all processes."""
        if self.world_size == 1:
            return
        for weight in weights:
            if weight.requires_grad:
                if weight.grad is None:  # unused by this process's samples, but perhaps not by those of others
                    weight.grad = torch.zeros_like(weight)
                distributed.all_reduce(weight.grad)
                weight.grad /= self.world_size

    def any_process(self, flag: bool, device: torch.device) -> bool:
        """Return, in every process, whether `flag` is true in at least one process."""
        if self.world_size == 1:
            return flag
        highest = torch.tensor(float(flag), device=device)
        distributed.all_reduce(highest, distributed.ReduceOp.MAX)
        return bool(highest)

    def barrier(self) -> None:
        """Wait until all processes have called this method."""
        if self.world_size > 1:
            distributed.barrier()
