"""Aot: the networks of AOT and DeAOT (Yang et al., NeurIPS 2021 and 2022), MAVOS and RMem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.attention import Grid, attention_weights
from ..layers.backbones import PyramidEncoder
from ..layers.decoders import PyramidDecoder
from ..layers.identities import IDENTITIES, IdentityBank
from ..layers.positions import assign_slots, sine_map
from ..layers.propagation import (
    WIDTH,
    Block,
    BlockMemory,
    FrameProjection,
    Streams,
    TemporalEncodings,
    add_temporal_encodings,
)
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens
from .network import Features, FoldsEntries, KeepsPyramid, register_imagenet_statistics


@dataclass(frozen=True)
class AotState:
    """State of `Aot`: short-term memory, and what each block computed from the current frame."""

    short: tuple[BlockMemory, ...]  # per block
    projections: tuple[FrameProjection, ...] = ()  # per block, of a frame whose masks are not known yet
    frame: int | None = None  # frame of `short`


class AotDecoderInput(nn.Module):
    """Makes AOT's decoder input from the projected frame and the output of each block, after layer norm."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(blocks))
        self.channels = WIDTH * (blocks + 1)

    def forward(self, frame: Tensor, streams: Sequence[Streams]) -> Tensor:
        """Concatenate the projected frame (N, WIDTH) with the normed outputs of the blocks -> (N, channels)."""
        normed = [norm(output.visual) for norm, output in zip(self.norms, streams, strict=True)]
        return torch.cat([frame, *normed], 1)


class DeaotDecoderInput(nn.Module):
    """Makes DeAOT's decoder input from both streams of the last block, with group norm."""

    channels = 2 * WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, self.channels)

    def forward(self, frame: Tensor, streams: Sequence[Streams]) -> Tensor:
        """Concatenate and norm both streams of the last block -> (N, channels); `frame` is not used."""
        last = streams[-1]
        assert last.identity is not None, "only DeAOT's blocks have an identity stream"
        tokens = torch.cat([last.visual, last.identity], 1)
        return self.norm(tokens.T[None])[0].T


class TemporalSlots(nn.Module):
    """RMem's learned temporal encodings: one for the current frame, and one per age slot for memory entries."""

    def __init__(self, width: int, ages: int = 4) -> None:
        super().__init__()
        self.now = nn.Parameter(torch.zeros(1, width))
        self.ages = nn.Parameter(torch.zeros(ages, width))

    def forward(self, lengths: Sequence[int]) -> TemporalEncodings:
        """Return the encodings for memory entries with these numbers of tokens, oldest first."""
        slots = assign_slots(len(lengths), len(self.ages))
        keys = [self.ages[slot].expand(length, -1) for slot, length in zip(slots, lengths, strict=True)]
        return TemporalEncodings(self.now[0], torch.cat(keys))


class Aot(nn.Module, KeepsPyramid):
    """Network of the AOT family: blocks propagate up to ten object identities from long- and short-term memory.

    It predicts logits of all identities at stride 4, background first. If a store of the memory selects entries by
    relevance (RMem), the network reports the relevance of each entry. `temporal` adds RMem's temporal encodings.
    """

    stride = 1  # the framing chooses suitable sizes
    max_objects = IDENTITIES
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: PyramidEncoder,
        blocks: Sequence[Block],
        finish: AotDecoderInput | DeaotDecoderInput,
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
        self._blocks = tuple(blocks)  # the same modules, with their type
        self.finish = finish
        self.decoder = PyramidDecoder(finish.channels, channels, IDENTITIES + 1, align_corners=align_corners)
        self.temporal = temporal
        self._position_cache: tuple[tuple[Grid, torch.device], Tensor] | None = None

    def encode(self, image: Tensor) -> Features:
        """Encode an image (1, 3, H, W) RGB 0..1 to a feature pyramid, with the projected frame as key."""
        image = (image - self.mean) / self.std
        pyramid = self.encoder(image)
        frame = self.projector(pyramid.get(0, pyramid[16]))
        key = frame[0].flatten(1).float()
        query = Tokens({"key": key, "selection": torch.ones_like(key), "shrinkage": torch.ones_like(key[:1])})
        return Features(image=image, pyramid=pyramid, query=query, grid=(frame.shape[-2], frame.shape[-1]))

    def segment(self, features: Features, memory: MemoryView, state: AotState | None) -> tuple[Tensor, AotState]:
        """Segment a frame: return logits (11, H / 4, W / 4), and the state with the frame's projections by block."""
        (group,) = memory.groups
        long = group.cached("memories", lambda: tuple(_memory(layer) for layer in group.layers))
        short = state.short if state else tuple(_memory(layer) for layer in memory.entries[-1].layers)
        encodings = self.temporal([len(entry) for entry in memory.entries]) if self.temporal else None
        streams, projections = self._propagate(features, long, short, encodings)
        logits = self._decode(features, streams)
        if memory.tracks_usage:
            memory.report_usage(self._relevance(projections[0], long[0], encodings, logits, features.grid, memory))
        return logits.float(), AotState(short, projections)

    def memorize_keyframe(
        self, frame: int, features: Features, masks: Tensor, state: AotState | None
    ) -> tuple[Entry, AotState]:
        """Encode a keyframe and its masks for both memories; the blocks run with the keyframe itself as memory."""
        identity = self.identities(masks)
        encodings = self.temporal([len(identity)]) if self.temporal else None
        streams = Streams(_tokens(features))
        long: list[BlockMemory] = []
        short: list[BlockMemory] = []
        position = self._position(features)
        for block in self._blocks:
            projection = block.project(streams, features.grid, position)
            long.append(block.memorize_long(projection, identity))
            streams, projection = block.propagate(projection, long[-1], long[-1], features.grid, encodings)
            short.append(block.memorize_short(projection, identity))
        return _entry(frame, long, features), AotState(tuple(short), frame=frame)

    def memorize(self, frame: int, features: Features, masks: Tensor, state: AotState | None) -> tuple[Entry, AotState]:
        """Encode a frame and its merged masks for both memories, from the projections in `state`."""
        if state is None:
            return self.memorize_keyframe(frame, features, masks, None)
        identity = self.identities(masks)
        pairs = list(zip(self._blocks, state.projections, strict=True))
        long = [block.memorize_long(projection, identity) for block, projection in pairs]
        short = [
            block.memorize_short(projection, identity) if block.separate_short_term else memory
            for (block, projection), memory in zip(pairs, long, strict=True)
        ]
        return _entry(frame, long, features), AotState(tuple(short), frame=frame)

    def update_state(self, frame: int, features: Features, masks: Tensor, state: AotState | None) -> AotState:
        """Make the frame with its merged masks the short-term memory, unless `memorize` has done so."""
        if state is None:
            return self.memorize_keyframe(frame, features, masks, None)[1]
        if state.frame == frame:
            return state
        identity = self.identities(masks)
        pairs = zip(self._blocks, state.projections, strict=True)
        short = tuple(block.memorize_short(projection, identity) for block, projection in pairs)
        return AotState(short, frame=frame)

    def _propagate(
        self,
        features: Features,
        long: Sequence[BlockMemory],
        short: Sequence[BlockMemory],
        encodings: TemporalEncodings | None,
    ) -> tuple[list[Streams], tuple[FrameProjection, ...]]:
        """Run all blocks on a frame; return the output and the projections of each."""
        streams = Streams(_tokens(features))
        outputs: list[Streams] = []
        projections: list[FrameProjection] = []
        position = self._position(features)
        for block, block_long, block_short in zip(self._blocks, long, short, strict=True):
            projection = block.project(streams, features.grid, position)
            streams, projection = block.propagate(projection, block_long, block_short, features.grid, encodings)
            projections.append(projection)
            outputs.append(streams)
        return outputs, tuple(projections)

    def _decode(self, features: Features, streams: Sequence[Streams]) -> Tensor:
        deep = self.finish(_tokens(features), streams)
        return self.decoder(deep.T.unflatten(1, features.grid)[None], features.pyramid)

    def _relevance(
        self,
        frame: FrameProjection,
        long: BlockMemory,
        encodings: TemporalEncodings | None,
        logits: Tensor,
        grid: Grid,
        memory: MemoryView,
    ) -> Tensor:
        """Return the share of attention that each entry gets from foreground tokens in the first block: (entries,)."""
        heads = self._blocks[0].heads
        query, key = add_temporal_encodings(frame.key, long.key, encodings)
        weights = attention_weights(query, key, heads=heads).mean(0)  # (N, M)
        coarse = functional.interpolate(logits[None], size=grid, mode="bilinear", align_corners=True)[0]
        foreground = 1 - coarse.softmax(0)[0].flatten()  # (N,)
        received = (foreground @ weights).split([len(entry) for entry in memory.entries])
        total = torch.stack([part.sum() for part in received])
        return total / total.sum()

    def _position(self, features: Features) -> Tensor:
        """Return the sine encodings (N, WIDTH) of the features' grid, cached."""
        kind = (features.grid, features.image.device)
        if self._position_cache is None or self._position_cache[0] != kind:
            self._position_cache = (kind, sine_map(features.grid, WIDTH, like=features.image))
        return self._position_cache[1]


class Mavos(Aot, FoldsEntries):
    """MAVOS: DeAOT that merges each new memory entry with the old one by modulated cross-attention (MCA)."""

    def __init__(self, *parts: Any, modulation: nn.ModuleList, **options: Any) -> None:
        """Build `Aot` from `parts` and `options`; `modulation` holds one ModuleDict per block.

        Each ModuleDict maps the name of a plane of memory tokens, such as "key" or "value", to the MCA for that plane.
        """
        super().__init__(*parts, **options)
        self.modulation = modulation

    def modulate(self, new: Entry, old: Entry) -> Entry:
        """Merge the entry `new` with `old`; each plane of each block has its own MCA."""
        layers = []
        for modules, layer, old_layer in zip(self.modulation, new.layers, old.layers, strict=True):
            assert isinstance(modules, nn.ModuleDict)
            planes = {name: modules[name](layer[name].T, old_layer[name].T, new.grid).T for name in layer.planes}
            layers.append(Tokens({name: plane.contiguous() for name, plane in planes.items()}))
        return replace(new, layers=tuple(layers))


def _tokens(features: Features) -> Tensor:
    """Return the tokens (N, WIDTH) of the projected frame."""
    return features.query["key"].T


def _memory(layer: Tokens) -> BlockMemory:
    """Convert the tokens of memory entries to the memory that a block reads, (M, C), contiguous."""
    key, value = layer["key"].T.contiguous(), layer["value"].T
    id_value = layer.planes.get("id_value")
    if id_value is None:
        return BlockMemory(key, value.contiguous())
    joint = torch.cat([value, id_value.T], 1)
    value, id_value = joint.split((value.shape[1], id_value.shape[0]), 1)
    return BlockMemory(key, value, id_value, joint)


def _entry(frame: int, long: Sequence[BlockMemory], features: Features) -> Entry:
    """Make a memory entry from a frame's long-term memory in each block."""
    layers = []
    for memory in long:
        planes = {"key": memory.key, "value": memory.value}
        if memory.id_value is not None:
            planes["id_value"] = memory.id_value
        layers.append(Tokens({name: plane.T.float().contiguous() for name, plane in planes.items()}))
    return Entry(frame, tuple(layers), grid=features.grid)
