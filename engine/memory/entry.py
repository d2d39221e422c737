"""What one frame left in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from .tokens import PER_OBJECT, Tokens

_AT_BIRTH = 1e-7  # life of an entry that was never read: keeps use / life finite


@dataclass
class Usage:
    """How much an entry's tokens were read: the one thing of an entry that changes."""

    mass: Tensor | None = None  # (N,) attention received since it was written
    life: float = _AT_BIRTH  # times it could have been read
    relevance: Tensor | None = None  # () share of attention at the last read, as the network tells it
    average: Tensor | None = None  # () of relevance, moving
    comparisons: int = 0  # times that it was compared with others

    def add(self, mass: Tensor) -> None:
        """Count one read, in which the tokens received `mass` (N,)."""
        self.mass = mass.clone() if self.mass is None else self.mass + mass
        self.life += 1

    def rate(self, count: int, *, like: Tensor) -> Tensor:
        """Attention received per read, (N,) with N = `count`."""
        return like.new_zeros(count) if self.mass is None else self.mass / self.life

    def select_tokens(self, keep: Tensor) -> Usage:
        """The same for the tokens where `keep` (N,) is true."""
        return Usage(None if self.mass is None else self.mass[keep], self.life)


@dataclass(frozen=True)
class Entry:
    """One frame's tokens, one `Tokens` per propagation layer. `pinned` marks a user's keyframe.

    `objects` are the places in the group of the objects that planes with one row per object speak of; empty: all there
    are. `missing_prefix` tells for each of them how many tokens at the beginning say nothing of it; empty: none.
    """

    frame: int
    layers: tuple[Tokens, ...]
    pinned: bool = False
    objects: tuple[int, ...] = ()
    missing_prefix: tuple[int, ...] = ()
    quality: float = 1.0  # 0..1: how sure its masks are
    grid: tuple[int, int] | None = None  # (h, w) of its tokens, for steps that look around them
    usage: Usage = field(default_factory=Usage, compare=False)

    def __len__(self) -> int:
        return len(self.layers[0])

    def as_pinned(self) -> Entry:
        """The same, marked as a keyframe."""
        return replace(self, pinned=True)

    def restricted_to(self, objects: tuple[int, ...]) -> Entry:
        """The same, told to speak only of these objects, whose rows it holds."""
        return replace(self, objects=objects)

    def with_first_value(self) -> Entry:
        """The same, with the first object's value for every object."""
        layers = tuple(
            Tokens({**layer.planes, PER_OBJECT: layer[PER_OBJECT][:1].expand_as(layer[PER_OBJECT])})
            for layer in self.layers
        )
        return replace(self, layers=layers)

    def missing_tokens(self, place: int) -> int:
        """How many tokens at the beginning say nothing of the object at `place` in the group."""
        if not self.objects:
            return 0
        if place not in self.objects:
            return len(self)
        return self.missing_prefix[self.objects.index(place)] if self.missing_prefix else 0

    def row(self, place: int) -> int:
        """The row of the object at `place` in planes with one row per object."""
        return self.objects.index(place) if self.objects else place

    def select_tokens(self, keep: Tensor) -> Entry:
        """The tokens where `keep` (N,) is true."""
        missing_prefix = tuple(int(torch.count_nonzero(keep[:count])) for count in self.missing_prefix)
        layers = tuple(
            Tokens({name: plane[..., keep] for name, plane in layer.planes.items()}) for layer in self.layers
        )
        return replace(self, layers=layers, missing_prefix=missing_prefix, usage=self.usage.select_tokens(keep))
