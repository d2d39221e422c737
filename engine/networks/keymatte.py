"""Keymatte's own network: a compact memory network in the line of STCN and XMem, about 4 M parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.affinity import as_rows, expanded, near_readout, read_top_k, received, similarity
from ..layers.backbones import EfficientNetLite0
from ..layers.fusion import ResidualBlock
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens
from .network import Features

_KEY = 64  # channels of keys
_VALUE = 128  # channels of values
_CONTEXT = 160  # channels of the stride-16 map that value encoder and decoder share


@dataclass(frozen=True)
class LastFrame:
    """State of `Keymatte`: what the frame just passed would leave in memory, and its masks."""

    frame: int
    tokens: Tokens
    masks: Tensor  # (O, h, w), at stride 16


class ValueEncoder(nn.Module):
    """Image, one object's mask and the others' -> what memory keeps of this object, at stride 16."""

    def __init__(self) -> None:
        super().__init__()
        widths = (5, 16, 32, 64, _VALUE)
        self.reduce = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in zip(widths, widths[1:])
        )
        self.join = nn.Conv2d(_VALUE + _CONTEXT, _VALUE, 1)
        self.mix = ResidualBlock(_VALUE)

    def forward(self, image: Tensor, context: Tensor, masks: Tensor) -> Tensor:
        """(1, 3, H, W), (1, C, h, w), (O, H, W) -> (O, CV, h, w)."""
        count = masks.shape[0]
        others = masks.sum(0, keepdim=True) - masks
        seen = torch.cat([image.expand(count, -1, -1, -1), masks[:, None], others[:, None]], 1)  # (O, 5, H, W)
        for convolution in self.reduce:
            seen = functional.relu(convolution(seen))
        return self.mix(self.join(torch.cat([seen, context.expand(count, -1, -1, -1)], 1)))


class Decoder(nn.Module):
    """Two read-outs, the context and the previous mask -> one logit per object at stride 4, then at full size."""

    def __init__(self, channels: dict[int, int]) -> None:
        super().__init__()
        self.join = nn.Conv2d(2 * _VALUE + _CONTEXT + 2, _CONTEXT, 1)
        self.mix = ResidualBlock(_CONTEXT)
        self.down_8, self.skip_8 = nn.Conv2d(_CONTEXT, 80, 1), nn.Conv2d(channels[8], 80, 1)
        self.mix_8 = nn.Conv2d(80, 80, 3, padding=1)
        self.down_4, self.skip_4 = nn.Conv2d(80, 40, 1), nn.Conv2d(channels[4], 40, 1)
        self.mix_4 = nn.Conv2d(40, 40, 3, padding=1)
        self.logit = nn.Conv2d(40, 1, 3, padding=1)

    def forward(self, reads: Tensor, context: Tensor, previous: Tensor, pyramid: dict[int, Tensor]) -> Tensor:
        """(O, 2 CV, h, w), (1, C, h, w), (O, 2, h, w) -> logits (O, H, W)."""
        count = reads.shape[0]
        deep = self.mix(self.join(torch.cat([reads, context.expand(count, -1, -1, -1), previous], 1)))
        for down, skip, mix, stride in (
            (self.down_8, self.skip_8, self.mix_8, 8),
            (self.down_4, self.skip_4, self.mix_4, 4),
        ):
            deep = functional.interpolate(down(deep), scale_factor=2, mode="bilinear", align_corners=False)
            deep = deep + skip(pyramid[stride])
            deep = deep + mix(functional.relu(deep))
        logits = self.logit(functional.relu(deep))  # (O, 1, H/4, W/4)
        return functional.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)[:, 0]


class Keymatte(nn.Module):
    """Reads every keyframe and some past frames by top-k, and the previous frame near the same place."""

    stride = 32
    max_objects = None

    def __init__(self, *, top_k: int = 30) -> None:
        super().__init__()
        self.top_k = top_k
        self.choose = read_top_k
        self.encoder = EfficientNetLite0()
        channels = self.encoder.channels
        self.lateral, self.above = nn.Conv2d(channels[16], _CONTEXT, 1), nn.Conv2d(channels[32], _CONTEXT, 1)
        self.context = nn.Conv2d(_CONTEXT, _CONTEXT, 3, padding=1)
        # Keys begin as a rotation of the encoder's own features, which already match well; context is learned on top.
        self.key = nn.Conv2d(channels[16], _KEY, 1)
        self.key_context = nn.Conv2d(_CONTEXT, _KEY, 1)
        self.shrinkage = nn.Conv2d(_CONTEXT, 1, 1)
        self.selection = nn.Conv2d(_CONTEXT, _KEY, 1)
        self.log_scale = nn.Parameter(torch.tensor(-0.8))  # squared distances of ImageNet features are in the thousands
        self.log_reach = nn.Parameter(torch.tensor(1.5))  # the near read's window: e^1.5 = 4.5 cells at first
        nn.init.orthogonal_(self.key.weight.data.flatten(1))
        nn.init.zeros_(self.key_context.weight)
        self.values = ValueEncoder()
        self.decoder = Decoder(channels)

    def encode(self, image: Tensor) -> Features:
        """(1, 3, H, W) RGB 0..1, sides multiples of 32 -> features with keys at stride 16."""
        return self.encode_all(image)[0]

    def encode_all(self, images: Tensor) -> list[Features]:
        """(B, 3, H, W) -> the features of each image, computed together."""
        pyramid = self.encoder(self.encoder.normalise(images))
        above = functional.interpolate(self.above(pyramid[32]), scale_factor=2, mode="bilinear", align_corners=False)
        context = functional.relu(self.context(functional.relu(self.lateral(pyramid[16]) + above)))
        key = (self.key(pyramid[16]) + self.key_context(context)) * self.log_scale.exp()
        planes = {
            "key": key,
            "selection": self.selection(context).sigmoid(),
            "shrinkage": self.shrinkage(context).square() + 1,
        }
        grid = (key.shape[-2], key.shape[-1])
        return [
            Features(
                image=images[i : i + 1],
                pyramid={4: pyramid[4][i : i + 1], 8: pyramid[8][i : i + 1], 16: context[i : i + 1]},
                query=Tokens({name: plane[i].flatten(1).float() for name, plane in planes.items()}),
                grid=grid,
            )
            for i in range(len(images))
        ]

    def segment(
        self, features: Features, memory: MemoryView, state: LastFrame | None
    ) -> tuple[Tensor, LastFrame | None]:
        """Probabilities (O, H, W) of each object by itself."""
        query, (h, w) = features.query, features.grid
        (part,) = memory.parts
        tokens = part.layers[0]
        key, value = tokens["key"], tokens["value"]
        keys = part.once("keys", partial(expanded, key))
        scores = similarity(key, tokens["shrinkage"], query["key"], query["selection"], memory=keys)
        rows = part.once("rows", partial(as_rows, value))
        chosen = self.choose(scores, top_k=self.top_k)
        read = chosen.read(value, rows)  # (O, CV, N)
        if memory.judged:
            memory.judge_by(received(chosen, scores.shape[1]))
        if state is None:
            near, previous = torch.zeros_like(read), read.new_zeros(read.shape[0], 2, h, w)
        else:
            last = state.tokens
            scores = similarity(last["key"], last["shrinkage"], query["key"], query["selection"])
            near = near_readout(scores, last["value"], features.grid, reach=self.log_reach.exp())
            others = state.masks.sum(0, keepdim=True) - state.masks
            previous = torch.stack([state.masks, others], 1)  # (O, 2, h, w)
        reads = torch.cat([read, near], 1).unflatten(-1, (h, w))  # (O, 2 CV, h, w)
        return self.decoder(reads, features.pyramid[16], previous, features.pyramid).sigmoid(), state

    def settle(self, frame: int, features: Features, masks: Tensor, state: LastFrame | None) -> LastFrame:
        """This frame becomes the previous one."""
        if state is not None and state.frame == frame:  # it was memorized
            return state
        value = self.values(features.image, features.pyramid[16], masks)  # (O, CV, h, w)
        tokens = Tokens(
            {
                "key": features.query["key"],
                "shrinkage": features.query["shrinkage"],
                "value": value.flatten(2).float(),
            }
        )
        return LastFrame(frame, tokens, functional.avg_pool2d(masks, 16))

    def refer(self, frame: int, features: Features, masks: Tensor, state: LastFrame | None) -> tuple[Entry, LastFrame]:
        """A keyframe is remembered as any frame."""
        return self.memorize(frame, features, masks, state)

    def memorize(
        self, frame: int, features: Features, masks: Tensor, state: LastFrame | None
    ) -> tuple[Entry, LastFrame]:
        """Tokens of this frame, which are also those of the state that it leaves."""
        state = self.settle(frame, features, masks, state)
        return Entry(frame, (state.tokens,)), state
