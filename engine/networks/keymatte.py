"""Keymatte's own network: a compact memory network in the line of STCN, XMem and MAVOS, under 5 M parameters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.affinity import as_rows, expanded, read_top_k, received, similarity
from ..layers.backbones import EfficientNetLite0
from ..layers.convolution import Conv
from ..layers.keymatte_decoder import CONTEXT, VALUE, Decoder, DecoderInputs, DecoderOutput, ValueEncoder
from ..layers.modulation import SharedFold
from ..layers.motion import STRIDE, carried, flow, luma
from ..layers.specks import suppress_spurious_components, unoccluded_area
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens, joined
from .network import (
    AttachesFlow,
    EncodesAhead,
    EncodesBatches,
    EstimatesQuality,
    Features,
    FoldsEntries,
    MemorizesPermanent,
    Quantises,
    ReadsTopK,
)

_KEY = 64  # channels of keys
_READ = 16  # stride of what is read
_ENLARGED = 3  # keyframes whose enlarged tokens are all remembered; of more as many tokens in all
_SPREAD = 0.7548776662, 0.5698402910  # turns from row to row, column to column: a part of a turn is found all over
_LIKENESS = 0.5  # of scores, which lie around -0.5 within a shot, and around -4 where nothing is alike


@dataclass(frozen=True)
class LastFrame:
    """State of `Keymatte`: the masks of the frame just passed, and what they are followed by."""

    masks: Tensor  # (O, H / 2, W / 2)
    luma: Tensor  # (H / 2, W / 2) uint8: what the frame looked like
    luma_cpu: Tensor  # the same in main memory
    unoccluded_area: Tensor  # (O,) how many pixels each object had when it was all there; 0: that is not known
    quality: Tensor | None = None  # (O,) logits: how good the masks found since seem to be


@dataclass(frozen=True)
class FlowFromPrevious:
    """How places moved since a frame before."""

    luma: Tensor  # what that frame looked like
    flow: Tensor  # (2, H / 2, W / 2), see `flow`


@dataclass(frozen=True)
class KeymatteFeatures(Features):
    """And what places are followed by from frame to frame."""

    luma: Tensor = field(kw_only=True)  # (H / 2, W / 2) uint8
    luma_cpu: Tensor = field(kw_only=True)  # the same in main memory
    flow_from_previous: FlowFromPrevious | None = None


def _flow_from(now: KeymatteFeatures, before: KeymatteFeatures | LastFrame) -> FlowFromPrevious:
    return FlowFromPrevious(before.luma, flow(now.luma_cpu, before.luma_cpu).to(now.luma.device))


class Keymatte(
    nn.Module,
    AttachesFlow,
    EncodesAhead,
    EncodesBatches,
    EstimatesQuality,
    FoldsEntries,
    MemorizesPermanent,
    Quantises,
    ReadsTopK,
):
    """Reads every keyframe and some past frames by top-k, and follows the previous frame's masks by optical flow."""

    stride = 32
    max_objects = None
    encodes_ahead = True  # which takes about as long as all the rest

    def __init__(self, *, top_k: int = 12, follow: bool = True, enlarged: float = 1) -> None:
        """`follow`: whether the previous frame's masks are followed. `enlarged`: how many times larger keyframes for
        good are remembered too; 1: only as they are.
        """
        super().__init__()
        self.top_k = top_k
        self.follows = follow
        self.enlarged = enlarged
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
        nn.init.orthogonal_(self.key.weight.data.flatten(1))
        for part in (self.key_context, self.selection, self.shrinkage):
            nn.init.zeros_(part.weight)
            nn.init.constant_(part.bias, float(part is self.shrinkage))  # which is squared: at 0 it would learn nothing
        self.values = ValueEncoder()
        self.decoder = Decoder(channels)
        self.fold = SharedFold(_KEY, VALUE)

    def quantise(self) -> None:
        """From now on convolutions are computed in whole numbers of 8 bits, where nothing is learned."""
        for part in self.modules():
            if isinstance(part, Conv):
                part.quantised = True

    def encode(self, image: Tensor) -> KeymatteFeatures:
        """(1, 3, H, W) RGB 0..1, sides multiples of 32 -> features with keys at stride 16."""
        return self.encode_batch(image)[0]

    def encode_batch(self, images: Tensor) -> list[KeymatteFeatures]:
        """(B, 3, H, W) -> the features of each image, computed together."""
        pyramid = self.encoder(images)
        above = functional.interpolate(self.above(pyramid[32]), scale_factor=2, mode="bilinear", align_corners=False)
        context = self.context(self.lateral(pyramid[16], add=above))
        key = self.key(pyramid[16], add=self.key_context(context)) * self.log_scale.exp()
        planes = {
            "key": key,
            "selection": self.selection(context).sigmoid().mean((2, 3), keepdim=True).expand_as(key),
            "shrinkage": self.shrinkage(context).square() + 1,
        }
        grid = (key.shape[-2], key.shape[-1])
        shade = luma(images)
        luma_cpu = shade.cpu()
        return [
            KeymatteFeatures(
                image=images[i : i + 1],
                pyramid={
                    **{stride: pyramid[stride][i : i + 1] for stride in (2, 4, 8)},
                    16: context[i : i + 1],
                },
                query=Tokens({name: plane[i].flatten(1).float() for name, plane in planes.items()}),
                grid=grid,
                luma=shade[i],
                luma_cpu=luma_cpu[i],
            )
            for i in range(len(images))
        ]

    def attach_flow(self, features: KeymatteFeatures, before: KeymatteFeatures) -> KeymatteFeatures:
        """`features`, told how places moved since the frame `before`: by two pictures alone, once for all objects."""
        if not self.follows:
            return features
        return replace(features, flow_from_previous=_flow_from(features, before))

    def segment(
        self, features: KeymatteFeatures, memory: MemoryView, state: LastFrame | None
    ) -> tuple[Tensor, LastFrame | None]:
        """Probabilities (O, H, W) of each object by itself."""
        inputs = self.decoder_inputs(features, memory, state)
        found = self.decoder(*inputs)
        if state is None:
            return found.logits.float().sigmoid(), None
        return self.filtered_logits(found, inputs, state).sigmoid(), replace(state, quality=found.quality)

    def filtered_logits(self, found: DecoderOutput, inputs: DecoderInputs, state: LastFrame) -> Tensor:
        """Logits (O, H, W) of what was found after being told so, less what is no part of an object by where it is."""
        logits = found.logits.float()
        if not self.follows:
            return logits
        return suppress_spurious_components(logits, inputs.moved[:, :1], state.unoccluded_area)

    def decode(self, features: KeymatteFeatures, memory: MemoryView, state: LastFrame | None) -> DecoderOutput:
        """Logits of each object by itself, all of them believed, and how good they seem."""
        return self.decoder(*self.decoder_inputs(features, memory, state))

    def decoder_inputs(self, features: KeymatteFeatures, memory: MemoryView, state: LastFrame | None) -> DecoderInputs:
        """Read memory and follow the previous masks: the decoder's inputs for one whole frame."""
        query = features.query
        (part,) = memory.groups
        tokens = part.layers[0]
        key, value = tokens["key"], tokens["value"]
        keys = part.once("keys", partial(expanded, key, tokens["shrinkage"]))
        scores = similarity(key, tokens["shrinkage"], query["key"], query["selection"][:, :1], memory=keys)
        rows = part.once("rows", partial(as_rows, value))
        chosen = self.choose(scores, top_k=self.top_k)
        read = chosen.read(value, rows).unflatten(-1, features.grid)  # (O, CV, h, w)
        if memory.tracks_usage:
            memory.report_attention(received(chosen, scores.shape[1]))
        moved = self.follow(features, state, len(value))
        mine = functional.avg_pool2d(moved[:, :1], _READ // STRIDE)
        like = (_LIKENESS * chosen.nearest).exp().view(1, 1, *features.grid).expand(len(mine), -1, -1, -1)
        # (O, 3, h, w): the others' too, and how far there is anything in memory that is like what is seen.
        previous = torch.cat([mine, mine.sum(0, keepdim=True) - mine, like.to(mine)], 1)
        return DecoderInputs(read, features.pyramid[_READ], previous, moved, features.pyramid)

    def follow(self, features: KeymatteFeatures, state: LastFrame | None, objects: int) -> Tensor:
        """The previous frame's masks where they are now, and how unlike each place looks: (O, 2, H / 2, W / 2)."""
        if state is None or not self.follows:
            return features.image.new_zeros(objects, 2, *features.luma.shape)
        flow_from_previous = features.flow_from_previous
        if flow_from_previous is None or flow_from_previous.luma is not state.luma:
            flow_from_previous = _flow_from(features, state)
        where = flow_from_previous.flow.to(state.masks)
        before = state.luma.to(state.masks) / 255
        carry = carried(torch.cat([state.masks, before[None]]), where)
        unlike = (features.luma.to(carry) / 255 - carry[-1]).abs().expand(objects, -1, -1)
        return torch.stack([carry[:-1], unlike], 1)

    def estimate_quality(self, state: LastFrame) -> float | None:
        """How good the masks of the frame just segmented are thought to be, 0..1: of the worst object."""
        return None if state is None or state.quality is None else float(state.quality.sigmoid().min())

    def update_state(self, frame: int, features: KeymatteFeatures, masks: Tensor, state: LastFrame | None) -> LastFrame:
        """This frame becomes the previous one."""
        halved = functional.avg_pool2d(masks, STRIDE)
        area = masks.new_zeros(len(masks), dtype=torch.float32) if state is None else state.unoccluded_area
        size = (halved > 0.5).sum((1, 2)).to(area) * STRIDE**2
        area = torch.where(area > 0, torch.maximum(area, size), area)  # as it comes nearer
        return LastFrame(halved, features.luma, features.luma_cpu, area)

    def memorize_keyframe(
        self, frame: int, features: KeymatteFeatures, masks: Tensor, state: LastFrame | None
    ) -> tuple[Entry, LastFrame]:
        """A keyframe is remembered as any frame, and tells how large objects are."""
        entry, last = self.memorize(frame, features, masks, state)
        size = unoccluded_area(masks)
        return entry, replace(
            last, unoccluded_area=torch.where(size > 0, torch.maximum(last.unoccluded_area, size), size)
        )

    def memorize_permanent(self, frame: int, features: KeymatteFeatures, masks: Tensor, *, among: int) -> Entry:
        """One of `among` keyframes for good is remembered as any frame and as it looks enlarged: its background too, or
        its objects would be found too readily. Of many keyframes some of the enlarged tokens are, so that reading
        them all stays quick.
        """
        entry, _ = self.memorize_keyframe(frame, features, masks, None)
        if self.enlarged <= 1:
            return entry
        sides = [max(round(side * self.enlarged / self.stride), 1) * self.stride for side in masks.shape[1:]]
        larger = partial(functional.interpolate, size=sides, mode="bilinear", align_corners=False)
        more, _ = self.memorize(frame, self.encode(larger(features.image)), larger(masks[None])[0], None)
        share = min(_ENLARGED / among, 1.0)
        rows, columns = (torch.arange(side, dtype=torch.float64) * turn for side, turn in zip(more.grid, _SPREAD))
        more = more.select_tokens(((rows[:, None] + columns) % 1 < share).flatten().to(masks.device))
        return replace(entry, layers=tuple(map(joined, zip(entry.layers, more.layers, strict=True))), grid=None)

    def memorize(
        self, frame: int, features: KeymatteFeatures, masks: Tensor, state: LastFrame | None
    ) -> tuple[Entry, LastFrame]:
        """What can be read of this frame, whose masks (O, H, W) are `masks`."""
        value = self.values(features.image, features.pyramid[_READ], masks)  # (O, CV, h, w)
        planes = {name: features.query[name] for name in ("key", "shrinkage")}
        entry = Entry(frame, (Tokens({**planes, "value": value.flatten(2).float()}),), grid=features.grid)
        return entry, self.update_state(frame, features, masks, state)

    def modulate(self, new: Entry, old: Entry) -> Entry:
        """`new` with what `old` knows folded into its values (MCA)."""
        (mine,), (past,) = new.layers, old.layers
        value = self.fold(mine["key"], mine["value"], past["key"], past["value"], new.grid)
        return replace(new, layers=(Tokens({**mine.planes, "value": value}),))
