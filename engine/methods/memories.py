"""The memories that a recipe can run with, by the NAME in `--set memory=NAME`: their chains of stores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..memory.bank import MemoryBank
from ..memory.folded import Folded
from ..memory.long_term import LongTerm
from ..memory.restricted import Restricted
from ..memory.stores import Bounded, Gate, Permanent, Store
from ..memory.working import Working
from ..memory.worth import recency
from ..networks.network import DistilsPrototypes, FoldsEntries, Network
from .options import COUNTING, FRAMES, GATE, INTERVAL, MAX_FRAMES, MIN_FRAMES, PERMANENT, PROTOTYPES, TOKENS
from .settings import Numbers


@dataclass(frozen=True)
class Cascade:
    """A memory by name: makes the stores of a bank; each store passes what it does not keep on to the next."""

    name: str  # in `options.MEMORIES`
    stores: Callable[[Numbers, Network], list[Store]]

    def bank(self, numbers: Numbers, network: Network, frames: int) -> MemoryBank:
        """Make a bank of these stores.

        If the settings ask for it, a quality filter, a store of permanent keyframes, or both come before them.
        """
        gate = [Gate(numbers[GATE.name] / 100)] if numbers.get(GATE.name) else []
        permanent = [Permanent()] if numbers.get(PERMANENT.name, 1) else []
        return MemoryBank([*gate, *permanent, *self.stores(numbers, network)], interval=numbers[INTERVAL.name])


def long_term_store(numbers: Numbers, network: Network) -> LongTerm:
    """Make XMem's long-term memory, for a network that can distil prototypes."""
    assert isinstance(network, DistilsPrototypes)  # `RecipeSettings.with_memory` refuses other recipes; XMem is one
    return LongTerm(
        network.distil,
        prototypes=numbers[PROTOTYPES.name],
        max_tokens=numbers[TOKENS.name],
        counting=bool(numbers[COUNTING.name]),
    )


def unbounded_store() -> Store:
    """Make a store that keeps every entry."""
    return Working(1, 2**31)


def folded_store(network: Network) -> Folded:
    """Make MAVOS's store of a single entry, into which the network merges each new one."""
    assert isinstance(network, FoldsEntries)  # `RecipeSettings.with_memory` refuses other recipes; MAVOS is one
    return Folded(network.modulate)


CASCADES = {
    cascade.name: cascade
    for cascade in (
        Cascade("keyframes", lambda numbers, network: []),
        Cascade("recent", lambda numbers, network: [Bounded(numbers[FRAMES.name], recency)]),
        Cascade("all", lambda numbers, network: [unbounded_store()]),
        Cascade(
            "long-term",
            lambda numbers, network: [
                Working(numbers[MIN_FRAMES.name], numbers[MAX_FRAMES.name]),
                long_term_store(numbers, network),
            ],
        ),
        Cascade("folded", lambda numbers, network: [folded_store(network)]),
        Cascade(
            "restricted",
            lambda numbers, network: [Restricted(numbers[FRAMES.name], patient=False, reference=False)],
        ),
    )
}
