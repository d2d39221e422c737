"""Propagation blocks of the AOT family: long-term, short-term and self attention.

Steps of a block: `look` projects a frame's streams; `propagate` reads both memories; with known identities, `remember`
and `remember_briefly` encode the frame for long-term and short-term memory. Tokens are (N, C), in row-major order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from .attention import SIDE, Grid, attend, attend_near, on_grid

WIDTH = 256  # channels of a stream


@dataclass(frozen=True)
class Streams:
    """Token streams between blocks: visual, and in DeAOT also identity; (N, WIDTH) each."""

    visual: Tensor
    identity: Tensor | None = None


@dataclass(frozen=True)
class Memory:
    """Keys and values of one or more frames that a block reads, (M, C) each."""

    key: Tensor
    value: Tensor
    id_value: Tensor | None = None  # DeAOT
    joined: Tensor | None = None  # DeAOT: concatenated values, cached if read repeatedly

    def both(self) -> Tensor:
        """Concatenate value and id_value: (M, C + C)."""
        return torch.cat([self.value, self.id_value], 1) if self.joined is None else self.joined


@dataclass(frozen=True)
class Seen:
    """Projections of a frame in one block, before its identities are known."""

    streams: Streams
    key: Tensor  # also used as query
    value: Tensor  # AOT: normed tokens, to which identities are added
    gate: Tensor | None = None  # DeAOT
    id_seed: Tensor | None = None  # DeAOT: normed identity stream, except in the first block
    short: Tensor | None = None  # RMem's AOT: short-term readout


@dataclass(frozen=True)
class Terms:
    """RMem's temporal encodings, added to the query and to the long-term keys."""

    query: Tensor  # (C,)
    keys: Tensor  # (M, C)


class Block(Protocol):
    """Interface of a propagation block."""

    heads: int  # attention heads

    has_brief: bool  # whether `remember_briefly` differs from `remember`

    def look(self, streams: Streams, grid: Grid, position: Tensor) -> Seen: ...

    def propagate(
        self, seen: Seen, long: Memory, short: Memory, grid: Grid, terms: Terms | None
    ) -> tuple[Streams, Seen]: ...

    def remember(self, seen: Seen, identity: Tensor) -> Memory: ...

    def remember_briefly(self, seen: Seen, identity: Tensor) -> Memory: ...


class DepthwiseConv(nn.Conv2d):
    """5x5 depthwise convolution without bias."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 5, padding=2, groups=channels, bias=False)


class SelfAttention(nn.Module):
    """Multi-head self-attention with position encodings added to queries and keys."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, tokens: Tensor, position: Tensor) -> Tensor:
        placed = tokens + position
        return self.out(attend(self.query(placed), self.key(placed), self.value(tokens), heads=self.heads))


class FeedForward(nn.Module):
    """Feed-forward block: linear, group norm, GELU, depthwise convolution, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.norm = nn.GroupNorm(32, 4 * WIDTH)
        self.around = DepthwiseConv(4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        wide = on_grid(self.widen(tokens), grid, lambda image: self.around(functional.gelu(self.norm(image))))
        return self.narrow(wide)


class LsttBlock(nn.Module):
    """Base of AOT's and RMem's blocks: self-attention, long-term attention, feed-forward."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_self, self.norm, self.norm_feed = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.attention = SelfAttention(heads)
        self.query, self.value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.long_out, self.short_out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.feed = FeedForward()

    def look(self, streams: Streams, grid: Grid, position: Tensor) -> Seen:
        tokens = streams.visual + self.attention(self.norm_self(streams.visual), position)
        seed = self.norm(tokens)
        return Seen(Streams(tokens), key=self.query(seed), value=seed)

    def remember(self, seen: Seen, identity: Tensor) -> Memory:
        return Memory(seen.key, self.value(seen.value + identity))

    def _told(self, seen: Seen, long: Memory, near: Tensor, grid: Grid, terms: Terms | None) -> Streams:
        """Add long-term readout and short-term readout `near` to the frame, and apply the feed-forward block."""
        query, key = with_terms(seen.key, long.key, terms)
        far = self.long_out(attend(query, key, long.value, heads=self.heads))
        tokens = seen.streams.visual + far + near
        return Streams(tokens + self.feed(self.norm_feed(tokens), grid))


class AotBlock(LsttBlock):
    """AOT's long short-term transformer block (Yang et al., NeurIPS 2021)."""

    has_brief = False

    def __init__(self, heads: int = 8) -> None:
        super().__init__(heads)
        self.near_key = nn.Conv2d(WIDTH, heads * SIDE**2, 1, groups=heads)
        self.near_value = nn.Parameter(torch.zeros(heads, WIDTH // heads, SIDE**2))

    def propagate(
        self, seen: Seen, long: Memory, short: Memory, grid: Grid, terms: Terms | None
    ) -> tuple[Streams, Seen]:
        bias = on_grid(seen.key, grid, self.near_key).unflatten(1, (self.heads, -1)).transpose(0, 1)
        near = attend_near(
            seen.key, short.key, short.value, grid, heads=self.heads, bias=bias, by_place=self.near_value
        )
        return self._told(seen, long, self.short_out(near), grid, terms), seen

    def remember_briefly(self, seen: Seen, identity: Tensor) -> Memory:
        return self.remember(seen, identity)


class RestrictedAotBlock(LsttBlock):
    """RMem's AOT block (Zhou et al., CVPR 2024): global short-term attention to the last short-term readout."""

    has_brief = True

    def __init__(self, heads: int = 8) -> None:
        super().__init__(heads)
        self.norm_short = nn.LayerNorm(WIDTH)
        self.short_key, self.short_value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def propagate(
        self, seen: Seen, long: Memory, short: Memory, grid: Grid, terms: Terms | None
    ) -> tuple[Streams, Seen]:
        key, value = self.norm_short(short.key + seen.key), self.norm_short(short.value + seen.value)
        near = self.short_out(attend(seen.key, key, value, heads=self.heads))
        return self._told(seen, long, near, grid, terms), replace(seen, short=near)

    def remember_briefly(self, seen: Seen, identity: Tensor) -> Memory:
        return Memory(self.short_key(seen.short), self.short_value(seen.short + identity))


class Gated(nn.Module):
    """Output of gated propagation: gate, depthwise convolution, linear projection."""

    def __init__(self) -> None:
        super().__init__()
        self.around = DepthwiseConv(4 * WIDTH)
        self.out = nn.Linear(4 * WIDTH, 2 * WIDTH)

    def forward(self, read: Tensor, gate: Tensor, grid: Grid) -> Tensor:
        return self.out(on_grid(read * gate, grid, self.around))


class DeaotBlock(nn.Module):
    """Gated propagation block of DeAOT (Yang & Yang, NeurIPS 2022) and MAVOS: one head, two streams."""

    heads = 1

    has_brief = False
    key_width = WIDTH // 2
    value_width = 2 * WIDTH

    def __init__(self, *, first: bool) -> None:
        """Build the block; the `first` one has no identity stream to read."""
        super().__init__()
        self.norm, self.norm_self, self.norm_self_id = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.norm_id = None if first else nn.LayerNorm(WIDTH)
        self.key_value = nn.Linear(WIDTH, self.key_width + self.value_width)
        self.gate = nn.Linear(WIDTH, self.value_width)
        self.gate_id = None if first else nn.Linear(WIDTH, self.value_width)
        self.value_id = nn.Linear(WIDTH if first else 2 * WIDTH, self.value_width)
        self.long, self.short, self.own = Gated(), Gated(), Gated()
        self.near_key = nn.Conv2d(self.key_width, SIDE**2, 1)
        self.own_key = nn.Linear(2 * WIDTH, self.key_width)
        self.own_value, self.own_value_id = (nn.Linear(WIDTH, self.value_width) for _ in range(2))
        self.own_gate, self.own_gate_id = (nn.Linear(WIDTH, self.value_width) for _ in range(2))

    def look(self, streams: Streams, grid: Grid, position: Tensor) -> Seen:
        tokens = self.norm(streams.visual)
        key, value = self.key_value(tokens).split((self.key_width, self.value_width), 1)
        gate = self.gate(tokens)
        if self.norm_id is None:
            gate = torch.cat([functional.silu(gate), torch.ones_like(gate)], 1)
            return Seen(streams, key, functional.silu(value), gate)
        seed = self.norm_id(streams.identity)
        gate = functional.silu(torch.cat([gate, self.gate_id(seed)], 1))
        return Seen(streams, key, functional.silu(value), gate, seed)

    def propagate(
        self, seen: Seen, long: Memory, short: Memory, grid: Grid, terms: Terms | None
    ) -> tuple[Streams, Seen]:
        query, key = with_terms(seen.key, long.key, terms)
        far = attend(query, key, long.both(), heads=1)
        bias = on_grid(seen.key, grid, self.near_key)[None]
        near = attend_near(seen.key, short.key, short.both(), grid, heads=1, bias=bias)
        told = self.long(far, seen.gate, grid) + self.short(near, seen.gate, grid)
        visual, identity = told.chunk(2, 1)
        visual = seen.streams.visual + visual
        if seen.streams.identity is not None:
            identity = seen.streams.identity + identity
        normed = self.norm_self(visual), self.norm_self_id(identity)
        key = self.own_key(torch.cat(normed, 1))
        value = functional.silu(torch.cat([self.own_value(normed[0]), self.own_value_id(normed[1])], 1))
        gate = functional.silu(torch.cat([self.own_gate(normed[0]), self.own_gate_id(normed[1])], 1))
        told, told_id = self.own(attend(key, key, value, heads=1), gate, grid).chunk(2, 1)
        return Streams(visual + told, identity + told_id), seen

    def remember(self, seen: Seen, identity: Tensor) -> Memory:
        seed = identity if seen.id_seed is None else torch.cat([seen.id_seed, identity], 1)
        return Memory(seen.key, seen.value, functional.silu(self.value_id(seed)))

    def remember_briefly(self, seen: Seen, identity: Tensor) -> Memory:
        return self.remember(seen, identity)


def with_terms(query: Tensor, key: Tensor, terms: Terms | None) -> tuple[Tensor, Tensor]:
    """Add temporal encodings, if any, to query and long-term keys."""
    return (query, key) if terms is None else (query + terms.query, key + terms.keys)
