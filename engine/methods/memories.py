"""Memories by name: any network can be run with any that it can read (`--set memory=NAME`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..memory.bank import MemoryBank
from ..memory.folded import Folded
from ..memory.long_term import LongTerm
from ..memory.restricted import Restricted
from ..memory.stores import Bounded, Gate, Permanent, Store
from ..memory.working import Working
from ..memory.worth import recency
from ..networks.network import DistilsPrototypes, FoldsEntries, Network
from ..shared.errors import BadSetting

Numbers = dict[str, int]
_CAN = {DistilsPrototypes: "distils prototypes (XMem)", FoldsEntries: "folds memory entries (MAVOS, Keymatte)"}


@dataclass(frozen=True)
class Option:
    """A number of a recipe that can be set."""

    name: str
    default: int
    meaning: str
    min_value: int = 1
    max_value: int | None = None
    paper: str = ""  # its name in the method's paper or program


@dataclass(frozen=True)
class Cascade:
    """Stores, written at the top; all but `Permanent` are filled with what it lets go."""

    name: str
    meaning: str
    stores: Callable[[Numbers, Network], list[Store]]
    options: tuple[Option, ...] = ()
    needs: type | None = None  # a capability of the network, see `networks.network`

    def bank(self, numbers: Numbers, network: Network, frames: int) -> MemoryBank:
        """Every keyframe, and these stores. Raises BadSetting if the network cannot do what they need."""
        if self.needs and not isinstance(network, self.needs):
            raise BadSetting(
                f"the memory {self.name!r} needs a network that {_CAN[self.needs]}, which this one does not"
            )
        gate = [Gate(numbers[GATE.name] / 100)] if numbers.get(GATE.name) else []
        permanent = [Permanent()] if numbers.get(PERMANENT.name, 1) else []
        return MemoryBank([*gate, *permanent, *self.stores(numbers, network)], interval=numbers[INTERVAL.name])


INTERVAL = Option("memory.interval", 5, "frames between two that are kept", paper="mem_every")
FRAMES = Option("memory.frames", 4, "past frames kept beside the keyframes", min_value=0)
GATE = Option("memory.gate", 0, "percent: frames whose masks are less sure are not remembered; 0: all are", 0, 100)
PERMANENT = Option(
    "keyframes.permanent", 1, "0: keyframes are remembered like other frames, when they are met; only for comparing",
    0, 1,
)  # fmt: skip
MIN_FRAMES = Option("memory.least_frames", 5, "frames that stay in working memory (T_min)", paper="min_mid_term_frames")
MAX_FRAMES = Option(
    "memory.most_frames", 10, "frames at which the older go down together (T_max)", 2, paper="max_mid_term_frames"
)
PROTOTYPES = Option("memory.prototypes", 128, "tokens distilled from each batch (P)", paper="num_prototypes")
TOKENS = Option(
    "memory.long_term_tokens", 10_000, "most tokens in long-term memory (LT_max)", paper="max_long_term_elements"
)
COUNTING = Option(
    "memory.count_long_term", 1, "1: the least used tokens are forgotten first; 0: the oldest", 0, 1,
    "enable_long_term_count_usage",
)  # fmt: skip


def long_term(numbers: Numbers, network: DistilsPrototypes) -> LongTerm:
    """XMem's long-term memory. Raises BadSetting if the numbers do not fit together."""
    if numbers[MAX_FRAMES.name] <= numbers[MIN_FRAMES.name]:
        raise BadSetting(f"{MAX_FRAMES.name} must be more than {MIN_FRAMES.name}, which is {numbers[MIN_FRAMES.name]}")
    if numbers[TOKENS.name] < numbers[PROTOTYPES.name]:
        raise BadSetting(f"{TOKENS.name} must be at least {PROTOTYPES.name}, which is {numbers[PROTOTYPES.name]}")
    return LongTerm(
        network.distil,
        prototypes=numbers[PROTOTYPES.name],
        max_tokens=numbers[TOKENS.name],
        counting=bool(numbers[COUNTING.name]),
    )


def everything() -> Store:
    """Forgets nothing."""
    return Working(1, 2**31)


def folded(network: FoldsEntries) -> Folded:
    """MAVOS's one frame into which each new one is folded."""
    return Folded(network.modulate)


CASCADES = {
    cascade.name: cascade
    for cascade in (
        Cascade("keyframes", "the keyframes alone", lambda numbers, network: []),
        Cascade(
            "recent", "and some past frames",
            lambda numbers, network: [Bounded(numbers[FRAMES.name], recency)], (FRAMES,),
        ),
        Cascade("all", "and every frame of the interval, for good", lambda numbers, network: [everything()]),
        Cascade(
            "long-term", "and XMem's working and long-term memory",
            lambda numbers, network: [
                Working(numbers[MIN_FRAMES.name], numbers[MAX_FRAMES.name]), long_term(numbers, network)
            ],
            (MIN_FRAMES, MAX_FRAMES, PROTOTYPES, TOKENS, COUNTING), DistilsPrototypes,
        ),
        Cascade("folded", "and MAVOS's folded frame", lambda numbers, network: [folded(network)], needs=FoldsEntries),
        Cascade(
            "restricted", "and RMem's few frames, chosen by relevance and freshness",
            lambda numbers, network: [Restricted(numbers[FRAMES.name], patient=False, reference=False)],
            (replace(FRAMES, min_value=1),),
        ),
    )
}  # fmt: skip


def find_cascade(name: str) -> Cascade:
    """The memory called `name`. Raises BadSetting."""
    try:
        return CASCADES[name]
    except KeyError:
        raise BadSetting(f"no memory is called {name!r}; there are {', '.join(CASCADES)}") from None


def describe(options: Iterable[Option]) -> str:
    """A table of a recipe's numbers, and of the memories that it could be run with instead and theirs."""
    rows = [("--set", "in the paper", "default", "meaning"), *map(_row, options)]
    rows.append(("memory", "-", "the recipe's", "another memory: every keyframe, ..."))
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
