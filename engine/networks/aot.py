"""Aot: AOT and DeAOT (Yang et al., NeurIPS 2021, 2022), MAVOS and RMem, built from parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.attention import attention_weights
from ..layers.decoders import PyramidDecoder
from ..layers.identities import IDENTITIES, IdentityBank
from ..layers.positions import sine_map, slots
from ..layers.propagation import WIDTH, Block, Memory, Seen, Streams, Terms, with_terms
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens
from .network import Features, FoldsEntries, register_imagenet_statistics


@dataclass(frozen=True)
class Passing:
    """State of `Aot`: short-term memory, and the current frame's projections in each block."""

    short: tuple[Memory, ...]  # per block
    seen: tuple[Seen, ...] = ()  # per block, of a frame without known masks
    frame: int | None = None  # frame of `short`


class OfEachBlock(nn.Module):
    """Decoder input of AOT: the projected frame and each block's normed output."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(blocks))
        self.channels = WIDTH * (blocks + 1)

    def forward(self, frame: Tensor, streams: Sequence[Streams]) -> Tensor:
        """(N, WIDTH) and what left each block -> (N, channels)."""
        normed = [norm(each.visual) for norm, each in zip(self.norms, streams, strict=True)]
        return torch.cat([frame, *normed], 1)


class OfLastBlock(nn.Module):
    """Decoder input of DeAOT: both streams of the last block, with group norm."""

    channels = 2 * WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, self.channels)

    def forward(self, frame: Tensor, streams: Sequence[Streams]) -> Tensor:
        """(N, WIDTH) and what left each block -> (N, channels)."""
        both = torch.cat([streams[-1].visual, streams[-1].identity], 1)
        return self.norm(both.T[None])[0].T


class TemporalSlots(nn.Module):
    """RMem's temporal encodings: one for the current frame, one for each age slot of memory entries."""

    def __init__(self, width: int, ages: int = 4) -> None:
        super().__init__()
        self.now = nn.Parameter(torch.zeros(1, width))
        self.ages = nn.Parameter(torch.zeros(ages, width))

    def forward(self, lengths: Sequence[int]) -> Terms:
        """Return encodings for entries of the given token counts, oldest first."""
        taken = slots(len(lengths), len(self.ages))
        keys = [self.ages[slot].expand(length, -1) for slot, length in zip(taken, lengths, strict=True)]
        return Terms(self.now[0], torch.cat(keys))


class Aot(nn.Module):
    """AOT network: blocks propagate ten object identities from long-term and short-term memory.

    Predicts logits of all identities at stride 4, background first. If the memory tracks usage (RMem's store), the
    relevance of each entry is reported; `temporal` adds RMem's temporal encodings.
    """

    stride = 1  # the framing chooses suitable sizes
    max_objects = IDENTITIES

    def __init__(
        self,
        encoder: nn.Module,
        blocks: Sequence[Block],
        finish: OfEachBlock | OfLastBlock,
        identities: IdentityBank,
        *,
        align_corners: bool,
        temporal: TemporalSlots | None = None,
    ) -> None:
        super().__init__()
        register_imagenet_statistics(self)
        self.encoder = encoder
        channels = encoder.channels
        self.projector = nn.Conv2d(channels.get(0, channels[16]), WIDTH, 1)
        self.identities = identities
        self.blocks = nn.ModuleList(blocks)
        self.finish = finish
        self.decoder = PyramidDecoder(finish.channels, channels, IDENTITIES + 1, align_corners=align_corners)
        self.temporal = temporal
        self._places: tuple[tuple, Tensor] | None = None

    def encode(self, image: Tensor) -> Features:
        """Encode (1, 3, H, W) RGB 0..1 -> pyramid, and the projected frame as key."""
        image = (image - self.mean) / self.std
        pyramid = self.encoder(image)
        frame = self.projector(pyramid.get(0, pyramid[16]))
        key = frame[0].flatten(1).float()
        query = Tokens({"key": key, "selection": torch.ones_like(key), "shrinkage": torch.ones_like(key[:1])})
        return Features(image=image, pyramid=pyramid, query=query, grid=(frame.shape[-2], frame.shape[-1]))

    def segment(self, features: Features, memory: MemoryView, state: Passing | None) -> tuple[Tensor, Passing]:
        """Segment a frame: logits (11, H / 4, W / 4), and the state with the frame's projections."""
        (part,) = memory.groups
        long = part.once("memories", lambda: tuple(_memory(layer) for layer in part.layers))
        short = state.short if state else tuple(_memory(layer) for layer in memory.entries[-1].layers)
        terms = self.temporal([len(entry) for entry in memory.entries]) if self.temporal else None
        streams, seen = self._propagate(features, long, short, terms)
        logits = self._decode(features, streams)
        if memory.tracks_usage:
            memory.report_usage(self._relevance(seen[0], long[0], terms, logits, features.grid, memory))
        return logits.float(), Passing(short, seen)

    def memorize_keyframe(
        self, frame: int, features: Features, masks: Tensor, state: Passing | None
    ) -> tuple[Entry, Passing]:
        """Encode a keyframe for both memories, propagating from the keyframe itself."""
        identity = self.identities(masks)
        terms = self.temporal([len(identity)]) if self.temporal else None
        streams, long, short = Streams(_tokens(features)), [], []
        position = self._position(features)
        for block in self.blocks:
            seen = block.look(streams, features.grid, position)
            long.append(block.remember(seen, identity))
            streams, seen = block.propagate(seen, long[-1], long[-1], features.grid, terms)
            short.append(block.remember_briefly(seen, identity))
        return _entry(frame, long, features), Passing(tuple(short), frame=frame)

    def memorize(self, frame: int, features: Features, masks: Tensor, state: Passing | None) -> tuple[Entry, Passing]:
        """Encode this frame for both memories from its stored projections and its merged masks."""
        if state is None:
            return self.memorize_keyframe(frame, features, masks, None)
        identity = self.identities(masks)
        pairs = list(zip(self.blocks, state.seen, strict=True))
        long = [block.remember(seen, identity) for block, seen in pairs]
        short = [
            block.remember_briefly(seen, identity) if block.has_brief else memory
            for (block, seen), memory in zip(pairs, long, strict=True)
        ]
        return _entry(frame, long, features), Passing(tuple(short), frame=frame)

    def update_state(self, frame: int, features: Features, masks: Tensor, state: Passing | None) -> Passing:
        """Make this frame the short-term memory, unless already done by `memorize`."""
        if state is None:
            return self.memorize_keyframe(frame, features, masks, None)[1]
        if state.frame == frame:
            return state
        identity = self.identities(masks)
        pairs = zip(self.blocks, state.seen, strict=True)
        return Passing(tuple(block.remember_briefly(seen, identity) for block, seen in pairs), frame=frame)

    def _propagate(
        self, features: Features, long: Sequence[Memory], short: Sequence[Memory], terms: Terms | None
    ) -> tuple[list[Streams], tuple[Seen, ...]]:
        streams, seen_by, left = Streams(_tokens(features)), [], []
        position = self._position(features)
        for block, far, near in zip(self.blocks, long, short, strict=True):
            seen = block.look(streams, features.grid, position)
            streams, seen = block.propagate(seen, far, near, features.grid, terms)
            seen_by.append(seen)
            left.append(streams)
        return left, tuple(seen_by)

    def _decode(self, features: Features, streams: Sequence[Streams]) -> Tensor:
        deep = self.finish(_tokens(features), streams)
        return self.decoder(deep.T.unflatten(1, features.grid)[None], features.pyramid)

    def _relevance(
        self, seen: Seen, long: Memory, terms: Terms | None, logits: Tensor, grid: tuple[int, int], memory: MemoryView
    ) -> Tensor:
        """Compute each entry's share of the first block's attention from foreground tokens: (entries,)."""
        heads = self.blocks[0].heads
        query, key = with_terms(seen.key, long.key, terms)
        weights = attention_weights(query, key, heads=heads).mean(0)  # (N, M)
        there = functional.interpolate(logits[None], size=grid, mode="bilinear", align_corners=True)[0]
        foreground = 1 - there.softmax(0)[0].flatten()  # (N,)
        received = (foreground @ weights).split([len(entry) for entry in memory.entries])
        total = torch.stack([part.sum() for part in received])
        return total / total.sum()

    def _position(self, features: Features) -> Tensor:
        """Return the sine encodings, cached for grid and device."""
        if self._places is None or self._places[0] != (features.grid, features.image.device):
            made = sine_map(features.grid, WIDTH, like=features.image)
            self._places = ((features.grid, features.image.device), made)
        return self._places[1]


class Mavos(Aot, FoldsEntries):
    """MAVOS: DeAOT whose memory entries are merged by modulated cross-attention."""

    def __init__(self, *parts: Any, modulation: nn.ModuleList, **options: Any) -> None:
        """Build `Aot` with `modulation` per block and plane."""
        super().__init__(*parts, **options)
        self.modulation = modulation

    def modulate(self, new: Entry, old: Entry) -> Entry:
        """Merge `new` with `old`, each plane of each block by its own MCA."""
        layers = []
        for folds, mine, past in zip(self.modulation, new.layers, old.layers, strict=True):
            planes = {name: folds[name](mine[name].T, past[name].T, new.grid).T for name in mine.planes}
            layers.append(Tokens({name: plane.contiguous() for name, plane in planes.items()}))
        return replace(new, layers=tuple(layers))


def _tokens(features: Features) -> Tensor:
    """Return the projected frame (N, WIDTH)."""
    return features.query["key"].T


def _memory(layer: Tokens) -> Memory:
    """Convert an entry's tokens to a block's memory layout (M, C), contiguous."""
    key, value = layer["key"].T.contiguous(), layer["value"].T
    id_value = layer.planes.get("id_value")
    if id_value is None:
        return Memory(key, value.contiguous())
    both = torch.cat([value, id_value.T], 1)
    return Memory(key, *both.split((value.shape[1], id_value.shape[0]), 1), joined=both)


def _entry(frame: int, long: Sequence[Memory], features: Features) -> Entry:
    layers = []
    for memory in long:
        planes = {"key": memory.key, "value": memory.value}
        if memory.id_value is not None:
            planes["id_value"] = memory.id_value
        layers.append(Tokens({name: plane.T.float().contiguous() for name, plane in planes.items()}))
    return Entry(frame, tuple(layers), grid=features.grid)
