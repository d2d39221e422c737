"""Keymatte's own network: a compact memory network in the line of STCN, XMem and MAVOS, under 5 M parameters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.affinity import as_rows, expanded, near_readout, nearness, read_top_k, received, similarity
from ..layers.backbones import EfficientNetLite0
from ..layers.compact import CONTEXT, VALUE, Decoder, Found, ValueEncoder
from ..layers.convolution import Conv
from ..layers.modulation import SharedFold
from ..layers.motion import FINE, SoftWarp, fine_masks
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens
from .network import Features

_KEY = 64  # channels of keys
_COMPARED = 24  # channels by which places of two frames are compared

Pyramid = dict[int, Tensor]  # maps by stride


@dataclass(frozen=True)
class LastFrame:
    """State of `Keymatte`: what the frame just passed would leave in memory, and its masks."""

    frame: int
    tokens: Tokens
    masks: Tensor  # (O, h, w), at stride 16
    places: Tensor  # (C, H / 8, W / 8): what each place looked like
    fine: Tensor  # (O, P, H / 8, W / 8): the masks at stride 2
    quality: Tensor | None = None  # (O,) logits: how good the masks found since seem to be


@dataclass(frozen=True)
class Seen(Features):
    """And what places are followed by from frame to frame."""

    places: Tensor = field(kw_only=True)  # (C, H / 8, W / 8)


class Keymatte(nn.Module):
    """Reads every keyframe and some past frames by top-k, and the previous frame near the same place."""

    stride = 32
    max_objects = None

    def __init__(self, *, top_k: int = 30, near: bool = True) -> None:
        """`near`: whether the previous frame is read."""
        super().__init__()
        self.top_k = top_k
        self.near = near
        self._near_at: tuple[tuple[int, int], Tensor] | None = None
        self.choose = read_top_k
        self.encoder = EfficientNetLite0()
        channels = self.encoder.channels
        self.lateral, self.above = Conv(channels[16], CONTEXT, 1, then="relu"), Conv(channels[32], CONTEXT, 1)
        self.context = Conv(CONTEXT, CONTEXT, 3, then="relu")
        # Keys begin as a rotation of the encoder's own features, which already match well; context is learned on top.
        self.key = Conv(channels[16], _KEY, 1)
        self.key_context = Conv(CONTEXT, _KEY, 1)
        self.shrinkage = Conv(CONTEXT, 1, 1)
        self.selection = Conv(CONTEXT, _KEY, 1)
        # By this about four tokens share a read at first. If it were one alone, keys would learn nothing.
        self.log_scale = nn.Parameter(torch.tensor(-1.3))
        self.log_reach = nn.Parameter(torch.tensor(1.5))  # the near read's window: e^1.5 = 4.5 cells at first
        nn.init.orthogonal_(self.key.weight.data.flatten(1))
        for part in (self.key_context, self.selection, self.shrinkage):
            nn.init.zeros_(part.weight)
            nn.init.constant_(part.bias, float(part is self.shrinkage))  # which is squared: at 0 it would learn nothing
        self.values = ValueEncoder()
        self.warp = SoftWarp(channels[8], _COMPARED)
        self.decoder = Decoder(channels)
        self.fold = SharedFold(_KEY, VALUE)

    def encode(self, image: Tensor) -> Seen:
        """(1, 3, H, W) RGB 0..1, sides multiples of 32 -> features with keys at stride 16."""
        return self.encode_all(image)[0]

    def encode_all(self, images: Tensor) -> list[Seen]:
        """(B, 3, H, W) -> the features of each image, computed together."""
        pyramid = self.encoder(self.encoder.normalise(images))
        above = functional.interpolate(self.above(pyramid[32]), scale_factor=2, mode="bilinear", align_corners=False)
        context = self.context(self.lateral(pyramid[16], add=above))
        key = self.key(pyramid[16], add=self.key_context(context)) * self.log_scale.exp()
        planes = {
            "key": key,
            "selection": self.selection(context).sigmoid(),
            "shrinkage": self.shrinkage(context).square() + 1,
        }
        grid = (key.shape[-2], key.shape[-1])
        places = self.warp.describe(pyramid[8])
        return [
            Seen(
                image=images[i : i + 1],
                pyramid={
                    **{stride: pyramid[stride][i : i + 1] for stride in (2, 4, 8)},
                    16: context[i : i + 1],
                },
                query=Tokens({name: plane[i].flatten(1).float() for name, plane in planes.items()}),
                grid=grid,
                places=places[i],
            )
            for i in range(len(images))
        ]

    def segment(self, features: Seen, memory: MemoryView, state: LastFrame | None) -> tuple[Tensor, LastFrame | None]:
        """Probabilities (O, H, W) of each object by itself."""
        found = self.find(features, memory, state)
        return found.logits.sigmoid(), replace(state, quality=found.quality) if state else None

    def find(self, features: Seen, memory: MemoryView, state: LastFrame | None) -> Found:
        """Logits of each object by itself, and how good they seem."""
        return self.decoder(*self.recall(features, memory, state))

    def recall(self, features: Seen, memory: MemoryView, state: LastFrame | None) -> tuple[Tensor | Pyramid, ...]:
        """All that the decoder is told of one frame; maps of whole frames, of which it may be told windows too."""
        query, (h, w) = features.query, features.grid
        (part,) = memory.parts
        tokens = part.layers[0]
        key, value = tokens["key"], tokens["value"]
        keys = part.once("keys", partial(expanded, key, tokens["shrinkage"]))
        scores = similarity(key, tokens["shrinkage"], query["key"], query["selection"], memory=keys)
        rows = part.once("rows", partial(as_rows, value))
        chosen = self.choose(scores, top_k=self.top_k)
        read = chosen.read(value, rows)  # (O, CV, N)
        if memory.judged:
            memory.judge_by(received(chosen, scores.shape[1]))
        if state is None or not self.near:
            near, previous = torch.zeros_like(read), read.new_zeros(read.shape[0], 2, h, w)
            moved = read.new_zeros(read.shape[0], FINE**2, 2 * h, 2 * w)
        else:
            last = state.tokens
            bias = self._nearness(features.grid)
            scores = similarity(last["key"], last["shrinkage"], query["key"], query["selection"], bias=bias)
            near = near_readout(scores, last["value"])
            others = state.masks.sum(0, keepdim=True) - state.masks
            previous = torch.stack([state.masks, others], 1)  # (O, 2, h, w)
            moved = self.warp(features.places, state.places, state.fine)
        reads = torch.cat([read, near], 1).unflatten(-1, (h, w))  # (O, 2 CV, h, w)
        return reads, features.pyramid[16], previous, moved, features.pyramid

    def _nearness(self, grid: tuple[int, int]) -> Tensor:
        """Made once per size, unless it is being learned."""
        if self.log_reach.requires_grad:
            return nearness(grid, reach=self.log_reach.exp())
        if self._near_at is None or self._near_at[0] != grid or self._near_at[1].device != self.log_reach.device:
            self._near_at = grid, nearness(grid, reach=self.log_reach.exp())
        return self._near_at[1]

    def assess(self, state: LastFrame) -> float | None:
        """How good the masks of the frame just segmented are thought to be, 0..1: of the worst object."""
        return None if state is None or state.quality is None else float(state.quality.sigmoid().min())

    def settle(self, frame: int, features: Seen, masks: Tensor, state: LastFrame | None) -> LastFrame:
        """This frame becomes the previous one."""
        if state is not None and state.frame == frame:  # it was memorized
            return replace(state, quality=None)
        value = self.values(features.image, features.pyramid[16], masks)  # (O, CV, h, w)
        tokens = Tokens(
            {
                "key": features.query["key"],
                "shrinkage": features.query["shrinkage"],
                "value": value.flatten(2).float(),
            }
        )
        return LastFrame(frame, tokens, functional.avg_pool2d(masks, 16), features.places, fine_masks(masks))

    def refer(self, frame: int, features: Seen, masks: Tensor, state: LastFrame | None) -> tuple[Entry, LastFrame]:
        """A keyframe is remembered as any frame."""
        return self.memorize(frame, features, masks, state)

    def memorize(self, frame: int, features: Seen, masks: Tensor, state: LastFrame | None) -> tuple[Entry, LastFrame]:
        """Tokens of this frame, which are also those of the state that it leaves."""
        state = self.settle(frame, features, masks, state)
        return Entry(frame, (state.tokens,), grid=features.grid), state

    def modulate(self, new: Entry, old: Entry) -> Entry:
        """`new` with what `old` knows folded into its values (MCA)."""
        (mine,), (past,) = new.layers, old.layers
        value = self.fold(mine["key"], mine["value"], past["key"], past["value"], new.grid)
        return replace(new, layers=(Tokens({**mine.planes, "value": value}),))
