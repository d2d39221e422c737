"""The memories that a recipe can run with, by the NAME in `--set memory=NAME`, and the settings they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..memory.bank import MemoryBank
from ..memory.folded import Folded
from ..memory.long_term import LongTerm
from ..memory.restricted import Restricted
from ..memory.stores import Bounded, Gate, Permanent, Store
from ..memory.working import Working
from ..memory.worth import recency
from ..networks.network import DistilsPrototypes, FoldsEntries, Network
from ..shared.errors import BadSetting

Numbers = dict[str, int]  # setting name -> value
_CAPABILITIES: dict[type[Any], str] = {
    DistilsPrototypes: "distils prototypes (XMem)",
    FoldsEntries: "folds memory entries (MAVOS, Keymatte)",
}


@dataclass(frozen=True)
class Option:
    """Integer setting of a recipe, set with `--set NAME=VALUE`."""

    name: str
    default: int
    meaning: str
    min_value: int = 1
    max_value: int | None = None
    paper: str = ""  # name in the method's paper or reference code


@dataclass(frozen=True)
class Cascade:
    """A memory by name: makes the stores of a bank; each store passes what it does not keep on to the next."""

    name: str
    meaning: str
    stores: Callable[[Numbers, Network], list[Store]]
    options: tuple[Option, ...] = ()
    needs: type[Any] | None = None  # required capability of the network, see `networks.network`

    def bank(self, numbers: Numbers, network: Network, frames: int) -> MemoryBank:
        """Make a bank of these stores.

        If the settings ask for it, a quality filter, a store of permanent keyframes, or both come before them.
        Raises BadSetting if the network lacks the capability `needs`.
        """
        if self.needs and not isinstance(network, self.needs):
            raise BadSetting(
                f"the memory {self.name!r} needs a network that {_CAPABILITIES[self.needs]}; this one does not"
            )
        gate = [Gate(numbers[GATE.name] / 100)] if numbers.get(GATE.name) else []
        permanent = [Permanent()] if numbers.get(PERMANENT.name, 1) else []
        return MemoryBank([*gate, *permanent, *self.stores(numbers, network)], interval=numbers[INTERVAL.name])


INTERVAL = Option("memory.interval", 5, "remember every N-th frame", paper="mem_every")
FRAMES = Option("memory.frames", 4, "past frames kept in addition to the keyframes", min_value=0)
GATE = Option(
    "memory.gate", 0, "percent: do not remember frames whose masks are less confident; 0: remember all", 0, 100
)
PERMANENT = Option(
    "keyframes.permanent", 1, "1: keyframes stay in memory; 0: they are treated like other frames (for comparison)",
    0, 1,
)  # fmt: skip
MIN_FRAMES = Option("memory.min_frames", 5, "frames that stay in working memory (T_min)", paper="min_mid_term_frames")
MAX_FRAMES = Option(
    "memory.max_frames",
    10,
    "number of frames at which older ones are moved out of working memory (T_max)",
    2,
    paper="max_mid_term_frames",
)
PROTOTYPES = Option("memory.prototypes", 128, "prototypes made of each batch of frames (P)", paper="num_prototypes")
TOKENS = Option(
    "memory.long_term_tokens",
    10_000,
    "maximum number of tokens in long-term memory (LT_max)",
    paper="max_long_term_elements",
)
COUNTING = Option(
    "memory.count_long_term", 1, "1: forget the least used tokens first; 0: forget the oldest first", 0, 1,
    "enable_long_term_count_usage",
)  # fmt: skip


def long_term_store(numbers: Numbers, network: Network) -> LongTerm:
    """Make XMem's long-term memory, for a network that can distil prototypes.

    Raises BadSetting if the values of its settings contradict each other.
    """
    if numbers[MAX_FRAMES.name] <= numbers[MIN_FRAMES.name]:
        raise BadSetting(
            f"{MAX_FRAMES.name} must be greater than {MIN_FRAMES.name}, which is {numbers[MIN_FRAMES.name]}"
        )
    if numbers[TOKENS.name] < numbers[PROTOTYPES.name]:
        raise BadSetting(f"{TOKENS.name} must be at least {PROTOTYPES.name}, which is {numbers[PROTOTYPES.name]}")
    assert isinstance(network, DistilsPrototypes)  # `Cascade.bank` refuses other networks; XMem is one
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
    assert isinstance(network, FoldsEntries)  # `Cascade.bank` refuses other networks; MAVOS is one
    return Folded(network.modulate)


CASCADES = {
    cascade.name: cascade
    for cascade in (
        Cascade("keyframes", "no other frames", lambda numbers, network: []),
        Cascade(
            "recent", "and the latest frames",
            lambda numbers, network: [Bounded(numbers[FRAMES.name], recency)], (FRAMES,),
        ),
        Cascade("all", "and every N-th frame, permanently", lambda numbers, network: [unbounded_store()]),
        Cascade(
            "long-term", "and XMem's working and long-term memory",
            lambda numbers, network: [
                Working(numbers[MIN_FRAMES.name], numbers[MAX_FRAMES.name]), long_term_store(numbers, network)
            ],
            (MIN_FRAMES, MAX_FRAMES, PROTOTYPES, TOKENS, COUNTING), DistilsPrototypes,
        ),
        Cascade(
            "folded", "and one frame into which later ones are folded (MAVOS)",
            lambda numbers, network: [folded_store(network)], needs=FoldsEntries,
        ),
        Cascade(
            "restricted", "and a few frames chosen by relevance and freshness (RMem)",
            lambda numbers, network: [Restricted(numbers[FRAMES.name], patient=False, reference=False)],
            (replace(FRAMES, min_value=1),),
        ),
    )
}  # fmt: skip


def find_cascade(name: str) -> Cascade:
    """Return the memory called `name`, as in `--set memory=NAME`. Raises BadSetting."""
    try:
        return CASCADES[name]
    except KeyError:
        raise BadSetting(f"there is no memory {name!r}; choose from {', '.join(CASCADES)}") from None


def describe(options: Iterable[Option]) -> str:
    """Format one table: a recipe's settings `options`, then all memories that can be chosen, each with its settings."""
    rows = [("--set", "in the paper", "default", "meaning"), *map(_row, options)]
    rows.append(("memory", "-", "the recipe's", "use another memory: every keyframe, ..."))
    for cascade in CASCADES.values():
        rows.append((f"memory={cascade.name}", "", "", f"... {cascade.meaning}"))
        rows += [_row(option, "  ") for option in cascade.options]
    rows.append(_row(GATE, "  "))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  " + "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    )


def _row(option: Option, indent: str = "") -> tuple[str, str, str, str]:
    return indent + option.name, option.paper or "-", str(option.default), option.meaning
