"""Propagation blocks of the AOT family: long-term, short-term and self attention.

Steps of a block: `project` computes a frame's keys and values; `propagate` reads both memories; when the frame's masks
are known, `memorize_long` and `memorize_short` encode it for the two memories. Tokens are (N, C), in row-major order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from .attention import SIDE, Grid, apply_on_grid, attend, attend_locally

WIDTH = 256  # channels of a stream


@dataclass(frozen=True)
class Streams:
    """Tokens passed from block to block, (N, WIDTH) each: the visual stream, and in DeAOT also the identity stream."""

    visual: Tensor
    identity: Tensor | None = None


@dataclass(frozen=True)
class BlockMemory:
    """Keys and values of one or more frames that a block reads, (M, C) each."""

    key: Tensor
    value: Tensor
    id_value: Tensor | None = None  # DeAOT: value of the identity stream
    joint: Tensor | None = None  # DeAOT: both values concatenated, if the memory is read repeatedly

    def joint_value(self) -> Tensor:
        """Return `value` and `id_value` concatenated: (M, 2 C)."""
        if self.joint is not None:
            return self.joint
        assert self.id_value is not None, "only DeAOT's memory has joint values"
        return torch.cat([self.value, self.id_value], 1)


@dataclass(frozen=True)
class FrameProjection:
    """Tokens, key and value that a block computes from a frame before the frame's masks are known."""

    streams: Streams
    key: Tensor  # also the query
    value: Tensor  # AOT: normed tokens, to which identity tokens are added
    gate: Tensor | None = None  # DeAOT
    id_seed: Tensor | None = None  # DeAOT: normed identity stream, except in the first block
    short: Tensor | None = None  # RMem's AOT: short-term readout


@dataclass(frozen=True)
class TemporalEncodings:
    """RMem's temporal encodings, added to the query and to the long-term keys."""

    query: Tensor  # (C,)
    keys: Tensor  # (M, C)


class Block(nn.Module, ABC):
    """Base class of propagation blocks."""

    heads: int  # of attention
    separate_short_term: bool  # whether `memorize_short` differs from `memorize_long`

    @abstractmethod
    def project(self, streams: Streams, grid: Grid, position: Tensor) -> FrameProjection:
        """Project the tokens of a frame to key, value and gate; `position` (N, C) are sine encodings."""

    @abstractmethod
    def propagate(
        self,
        frame: FrameProjection,
        long: BlockMemory,
        short: BlockMemory,
        grid: Grid,
        encodings: TemporalEncodings | None,
    ) -> tuple[Streams, FrameProjection]:
        """Read both memories; return the tokens for the next block, and `frame` completed for the memorize methods."""

    @abstractmethod
    def memorize_long(self, frame: FrameProjection, identity: Tensor) -> BlockMemory:
        """Encode a frame and its identity tokens (N, C) for long-term memory."""

    @abstractmethod
    def memorize_short(self, frame: FrameProjection, identity: Tensor) -> BlockMemory:
        """Encode a frame and its identity tokens (N, C) for short-term memory."""


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
        positioned = tokens + position
        return self.out(attend(self.query(positioned), self.key(positioned), self.value(tokens), heads=self.heads))


class FeedForward(nn.Module):
    """Feed-forward block: linear, group norm, GELU, depthwise convolution, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.norm = nn.GroupNorm(32, 4 * WIDTH)
        self.around = DepthwiseConv(4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, tokens: Tensor, grid: Grid) -> Tensor:
        wide = apply_on_grid(self.widen(tokens), grid, lambda image: self.around(functional.gelu(self.norm(image))))
        return self.narrow(wide)


class LsttBlock(Block):
    """Base class of the long short-term transformer blocks of AOT and RMem, without their short-term attention."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_self, self.norm, self.norm_feed = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.attention = SelfAttention(heads)
        self.query, self.value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.long_out, self.short_out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.feed = FeedForward()

    def project(self, streams: Streams, grid: Grid, position: Tensor) -> FrameProjection:
        tokens = streams.visual + self.attention(self.norm_self(streams.visual), position)
        seed = self.norm(tokens)
        return FrameProjection(Streams(tokens), key=self.query(seed), value=seed)

    def memorize_long(self, frame: FrameProjection, identity: Tensor) -> BlockMemory:
        return BlockMemory(frame.key, self.value(frame.value + identity))

    def _add_readouts(
        self,
        frame: FrameProjection,
        long: BlockMemory,
        short: Tensor,
        grid: Grid,
        encodings: TemporalEncodings | None,
    ) -> Streams:
        """Add the long-term readout and the short-term readout `short` (N, C), and apply the feed-forward block."""
        query, key = add_temporal_encodings(frame.key, long.key, encodings)
        tokens = frame.streams.visual + self.long_out(attend(query, key, long.value, heads=self.heads)) + short
        return Streams(tokens + self.feed(self.norm_feed(tokens), grid))


class AotBlock(LsttBlock):
    """AOT's long short-term transformer block (Yang et al., NeurIPS 2021), with local short-term attention."""

    separate_short_term = False

    def __init__(self, heads: int = 8) -> None:
        super().__init__(heads)
        self.near_key = nn.Conv2d(WIDTH, heads * SIDE**2, 1, groups=heads)
        self.near_value = nn.Parameter(torch.zeros(heads, WIDTH // heads, SIDE**2))

    def propagate(
        self,
        frame: FrameProjection,
        long: BlockMemory,
        short: BlockMemory,
        grid: Grid,
        encodings: TemporalEncodings | None,
    ) -> tuple[Streams, FrameProjection]:
        bias = apply_on_grid(frame.key, grid, self.near_key).unflatten(1, (self.heads, -1)).transpose(0, 1)
        readout = attend_locally(
            frame.key, short.key, short.value, grid, heads=self.heads, bias=bias, value_bias=self.near_value
        )
        return self._add_readouts(frame, long, self.short_out(readout), grid, encodings), frame

    def memorize_short(self, frame: FrameProjection, identity: Tensor) -> BlockMemory:
        return self.memorize_long(frame, identity)


class RestrictedAotBlock(LsttBlock):
    """RMem's AOT block (Zhou et al., CVPR 2024); short-term memory is made of the last frame's short-term readout."""

    separate_short_term = True

    def __init__(self, heads: int = 8) -> None:
        super().__init__(heads)
        self.norm_short = nn.LayerNorm(WIDTH)
        self.short_key, self.short_value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def propagate(
        self,
        frame: FrameProjection,
        long: BlockMemory,
        short: BlockMemory,
        grid: Grid,
        encodings: TemporalEncodings | None,
    ) -> tuple[Streams, FrameProjection]:
        key, value = self.norm_short(short.key + frame.key), self.norm_short(short.value + frame.value)
        readout = self.short_out(attend(frame.key, key, value, heads=self.heads))
        return self._add_readouts(frame, long, readout, grid, encodings), replace(frame, short=readout)

    def memorize_short(self, frame: FrameProjection, identity: Tensor) -> BlockMemory:
        assert frame.short is not None, "the frame was not propagated"
        return BlockMemory(self.short_key(frame.short), self.short_value(frame.short + identity))


class GatedOutput(nn.Module):
    """Output of DeAOT's gated propagation: multiply by a gate, depthwise convolution, linear projection."""

    def __init__(self) -> None:
        super().__init__()
        self.around = DepthwiseConv(4 * WIDTH)
        self.out = nn.Linear(4 * WIDTH, 2 * WIDTH)

    def forward(self, readout: Tensor, gate: Tensor, grid: Grid) -> Tensor:
        return self.out(apply_on_grid(readout * gate, grid, self.around))


class DeaotBlock(Block):
    """Gated propagation block of DeAOT (Yang & Yang, NeurIPS 2022) and MAVOS: one head, two streams."""

    heads = 1
    separate_short_term = False
    key_width = WIDTH // 2
    value_width = 2 * WIDTH

    def __init__(self, *, first: bool) -> None:
        """Build a block; the `first` block of a network gets no identity stream, since no block precedes it."""
        super().__init__()
        self.norm, self.norm_self, self.norm_self_id = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.norm_id = None if first else nn.LayerNorm(WIDTH)
        self.key_value = nn.Linear(WIDTH, self.key_width + self.value_width)
        self.gate = nn.Linear(WIDTH, self.value_width)
        self.gate_id = None if first else nn.Linear(WIDTH, self.value_width)
        self.value_id = nn.Linear(WIDTH if first else 2 * WIDTH, self.value_width)
        self.long, self.short, self.own = GatedOutput(), GatedOutput(), GatedOutput()
        self.near_key = nn.Conv2d(self.key_width, SIDE**2, 1)
        self.own_key = nn.Linear(2 * WIDTH, self.key_width)
        self.own_value, self.own_value_id = (nn.Linear(WIDTH, self.value_width) for _ in range(2))
        self.own_gate, self.own_gate_id = (nn.Linear(WIDTH, self.value_width) for _ in range(2))

    def project(self, streams: Streams, grid: Grid, position: Tensor) -> FrameProjection:
        tokens = self.norm(streams.visual)
        key, value = self.key_value(tokens).split((self.key_width, self.value_width), 1)
        gate = self.gate(tokens)
        if self.norm_id is None or self.gate_id is None:
            gate = torch.cat([functional.silu(gate), torch.ones_like(gate)], 1)
            return FrameProjection(streams, key, functional.silu(value), gate)
        seed = self.norm_id(streams.identity)
        gate = functional.silu(torch.cat([gate, self.gate_id(seed)], 1))
        return FrameProjection(streams, key, functional.silu(value), gate, seed)

    def propagate(
        self,
        frame: FrameProjection,
        long: BlockMemory,
        short: BlockMemory,
        grid: Grid,
        encodings: TemporalEncodings | None,
    ) -> tuple[Streams, FrameProjection]:
        query, key = add_temporal_encodings(frame.key, long.key, encodings)
        readout_long = attend(query, key, long.joint_value(), heads=1)
        bias = apply_on_grid(frame.key, grid, self.near_key)[None]
        readout_short = attend_locally(frame.key, short.key, short.joint_value(), grid, heads=1, bias=bias)
        update = self.long(readout_long, frame.gate, grid) + self.short(readout_short, frame.gate, grid)
        visual, identity = update.chunk(2, 1)
        visual = frame.streams.visual + visual
        if frame.streams.identity is not None:
            identity = frame.streams.identity + identity
        normed = self.norm_self(visual), self.norm_self_id(identity)
        key = self.own_key(torch.cat(normed, 1))
        value = functional.silu(torch.cat([self.own_value(normed[0]), self.own_value_id(normed[1])], 1))
        gate = functional.silu(torch.cat([self.own_gate(normed[0]), self.own_gate_id(normed[1])], 1))
        update, update_id = self.own(attend(key, key, value, heads=1), gate, grid).chunk(2, 1)
        return Streams(visual + update, identity + update_id), frame

    def memorize_long(self, frame: FrameProjection, identity: Tensor) -> BlockMemory:
        seed = identity if frame.id_seed is None else torch.cat([frame.id_seed, identity], 1)
        return BlockMemory(frame.key, frame.value, functional.silu(self.value_id(seed)))

    def memorize_short(self, frame: FrameProjection, identity: Tensor) -> BlockMemory:
        return self.memorize_long(frame, identity)


def add_temporal_encodings(query: Tensor, key: Tensor, encodings: TemporalEncodings | None) -> tuple[Tensor, Tensor]:
    """Add temporal encodings, if given, to the query (N, C) and the long-term keys (M, C); return both."""
    return (query, key) if encodings is None else (query + encodings.query, key + encodings.keys)
