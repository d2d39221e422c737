"""Entry: the memory tokens of one frame, with statistics on how much they were read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from .tokens import VALUE, Tokens

_INITIAL_LIFE = 1e-7  # of an unread entry: keeps mass / life finite


@dataclass
class Usage:
    """Statistics on how much the tokens of an entry were read; the only part of an entry that changes."""

    mass: Tensor | None = None  # (N,) sum of the attention received
    life: float = _INITIAL_LIFE  # number of reads
    relevance: Tensor | None = None  # () share of the attention at the last read, as the network reported it
    average: Tensor | None = None  # () moving average of relevance
    comparisons: int = 0  # times the entry was scored against the others

    def add(self, mass: Tensor) -> None:
        """Add one read, in which the tokens received the attention `mass` (N,)."""
        self.mass = mass.clone() if self.mass is None else self.mass + mass
        self.life += 1

    def rate(self, count: int, *, like: Tensor) -> Tensor:
        """Return the mean attention per read of each of `count` tokens, (count,); zeros if they were never read."""
        return like.new_zeros(count) if self.mass is None else self.mass / self.life

    def select_tokens(self, keep: Tensor) -> Usage:
        """Return the usage of only those tokens where `keep` (N,) is true; relevance is not kept."""
        return Usage(None if self.mass is None else self.mass[keep], self.life)


@dataclass(frozen=True)
class Entry:
    """Memory of one frame: a `Tokens` for each propagation layer. `pinned` marks a keyframe of the user.

    `objects` holds the object index of each row of values; empty: one row for each object, in order.
    `missing_prefix` holds for each row how many leading tokens lack information on that object; empty: none.
    """

    frame: int
    layers: tuple[Tokens, ...]
    pinned: bool = False
    objects: tuple[int, ...] = ()
    missing_prefix: tuple[int, ...] = ()
    quality: float | None = None  # estimated IoU of the masks, 0..1; QDMN's is relative and may be more; None: unknown
    grid: tuple[int, int] | None = None  # (h, w) of the tokens; None if they form no grid
    usage: Usage = field(default_factory=Usage, compare=False)

    def __len__(self) -> int:
        return len(self.layers[0])

    def as_pinned(self) -> Entry:
        """Return a copy marked as a keyframe of the user."""
        return replace(self, pinned=True)

    def restricted_to(self, objects: tuple[int, ...]) -> Entry:
        """Return a copy with the object indices of its value rows replaced by `objects`."""
        return replace(self, objects=objects)

    def with_first_value(self) -> Entry:
        """Return a copy in which all objects have the value of the first object."""
        layers = tuple(
            Tokens({**layer.planes, VALUE: layer[VALUE][:1].expand_as(layer[VALUE])}) for layer in self.layers
        )
        return replace(self, layers=layers)

    def missing_tokens(self, index: int) -> int:
        """Return how many leading tokens lack information on object `index`; all if the entry has no row for it."""
        if not self.objects:
            return 0
        if index not in self.objects:
            return len(self)
        return self.missing_prefix[self.objects.index(index)] if self.missing_prefix else 0

    def row(self, index: int) -> int:
        """Return the row of object `index` in the `value` plane."""
        return self.objects.index(index) if self.objects else index

    def select_tokens(self, keep: Tensor) -> Entry:
        """Return a copy with only the tokens where `keep` (N,) is true."""
        missing_prefix = tuple(int(torch.count_nonzero(keep[:count])) for count in self.missing_prefix)
        layers = tuple(
            Tokens({name: plane[..., keep] for name, plane in layer.planes.items()}) for layer in self.layers
        )
        return replace(self, layers=layers, missing_prefix=missing_prefix, usage=self.usage.select_tokens(keep))
