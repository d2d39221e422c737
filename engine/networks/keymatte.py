"""Keymatte's own network: a compact memory network after STCN, XMem and MAVOS, with less than 5 M parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.affinity import attention_mass, expand_keys, select_top_k, similarity, values_as_rows
from ..layers.backbones import EfficientNetLite0
from ..layers.convolution import Conv
from ..layers.keymatte_decoder import CONTEXT, VALUE, Decoder, DecoderInputs, DecoderOutput, ValueEncoder
from ..layers.modulation import SharedKeyCrossAttention
from ..layers.motion import STRIDE, luma, optical_flow, warp
from ..layers.specks import suppress_spurious_components, unoccluded_area
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens, concatenate
from .network import (
    AttachesFlow,
    EncodesAhead,
    EncodesBatches,
    EstimatesQuality,
    Features,
    FoldsEntries,
    KeepsFeatures,
    MemorizesPermanent,
    Quantises,
    ReadsTopK,
)

_KEY = 64  # channels of keys
_READ_STRIDE = 16  # of the memory readout
_MAX_ENLARGED = 3  # keyframes with all tokens of their enlarged copies; more keyframes share the same total
# Steps in rows and columns of the R2 low-discrepancy sequence, inverse powers of the plastic number: cells whose
# position mod 1 is below a threshold are spread evenly.
_R2_STEPS = 0.7548776662, 0.5698402910
_SCORE_SCALE = 0.5  # of best scores, about -0.5 within a shot and -4 where no memory token is similar


@dataclass(frozen=True)
class LastFrame:
    """State of `Keymatte`: masks and luma of the previous frame."""

    masks: Tensor  # (O, H / 2, W / 2)
    luma: Tensor  # (H / 2, W / 2) uint8
    luma_cpu: Tensor  # `luma` in CPU memory
    unoccluded_area: Tensor  # (O,) pixels of each object when nothing occluded it; 0: unknown
    quality: Tensor | None = None  # (O,) logits of the estimated IoU of the masks segmented last


@dataclass(frozen=True)
class FlowFromPrevious:
    """Optical flow from the current frame to an earlier one."""

    luma: Tensor  # of the earlier frame, to identify it
    flow: Tensor  # (2, H / 2, W / 2), see `layers.motion.optical_flow`


@dataclass(frozen=True)
class KeymatteFeatures(Features):
    """Features of an image, with its luma and the optical flow by which previous masks are warped."""

    luma: Tensor = field(kw_only=True)  # (H / 2, W / 2) uint8
    luma_cpu: Tensor = field(kw_only=True)  # `luma` in CPU memory
    flow_from_previous: FlowFromPrevious | None = None


def _flow_from(current: KeymatteFeatures, previous: KeymatteFeatures | LastFrame) -> FlowFromPrevious:
    flow = optical_flow(current.luma_cpu, previous.luma_cpu)
    return FlowFromPrevious(previous.luma, flow.to(current.luma.device))


class Keymatte(
    nn.Module,
    AttachesFlow,
    EncodesAhead,
    EncodesBatches,
    EstimatesQuality,
    FoldsEntries,
    KeepsFeatures,
    MemorizesPermanent,
    Quantises,
    ReadsTopK,
):
    """Network that reads memory by top-k attention and is guided by the previous masks, warped by optical flow."""

    stride = 32
    max_objects = None
    encodes_ahead = True

    def __init__(self, *, top_k: int = 12, use_flow: bool = True, enlarged: float = 1) -> None:
        """Build the network.

        With `use_flow`, the decoder is guided by the warped previous masks. Each permanent keyframe is also memorized
        as a copy `enlarged` by this factor; with 1, there is no copy.
        """
        super().__init__()
        self.top_k = top_k
        self.use_flow = use_flow
        self.enlarged = enlarged
        self.select_top_k = select_top_k
        self.encoder = EfficientNetLite0()
        channels = self.encoder.channels
        self.lateral, self.above = Conv(channels[16], CONTEXT, 1, activation="relu"), Conv(channels[32], CONTEXT, 1)
        self.context = Conv(CONTEXT, CONTEXT, 3, activation="relu")
        # Keys start as a rotation of encoder features, which match well already; context is learned on top.
        self.key = Conv(channels[16], _KEY, 1)
        self.key_context = Conv(CONTEXT, _KEY, 1)
        self.shrinkage = Conv(CONTEXT, 1, 1)
        self.selection = Conv(CONTEXT, _KEY, 1)
        # With this scale about four tokens share a readout at first: by a single one, keys would get no gradient.
        self.log_scale = nn.Parameter(torch.tensor(-1.3))
        nn.init.orthogonal_(self.key.weight.data.flatten(1))
        for part in (self.key_context, self.selection, self.shrinkage):
            nn.init.zeros_(part.weight)
            nn.init.constant_(part.bias, float(part is self.shrinkage))  # squared in use: 0 would get no gradient
        self.values = ValueEncoder()
        self.decoder = Decoder(channels)
        self.fold = SharedKeyCrossAttention(_KEY, VALUE)

    def quantise(self) -> None:
        """Make all convolutions compute in 8-bit integers, except when gradients are computed."""
        for part in self.modules():
            if isinstance(part, Conv):
                part.quantised = True

    def encode(self, image: Tensor) -> KeymatteFeatures:
        """Encode an image (1, 3, H, W) RGB 0..1, sides multiples of 32, to features with keys at stride 16."""
        return self.encode_batch(image)[0]

    def encode_batch(self, images: Tensor) -> list[KeymatteFeatures]:
        """Encode images (B, 3, H, W) as one batch; return the features of each."""
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
        lumas = luma(images)
        lumas_cpu = lumas.cpu()
        return [
            KeymatteFeatures(
                image=images[i : i + 1],
                pyramid={
                    **{stride: pyramid[stride][i : i + 1] for stride in (2, 4, 8)},
                    16: context[i : i + 1],
                },
                query=Tokens({name: plane[i].flatten(1).float() for name, plane in planes.items()}),
                grid=grid,
                luma=lumas[i],
                luma_cpu=lumas_cpu[i],
            )
            for i in range(len(images))
        ]

    def tensors_of(self, features: KeymatteFeatures) -> dict[str, Tensor]:
        """Return all tensors of the features except the image and the flow."""
        pyramid = {f"stride_{stride}": level for stride, level in features.pyramid.items()}
        return {**pyramid, **features.query.planes, "luma": features.luma_cpu}

    def features_from(self, image: Tensor, tensors: Mapping[str, Tensor]) -> KeymatteFeatures:
        """Return the features of an image (1, 3, H, W) that `tensors_of` returned. Raises KeyError."""
        height, width = tensors["stride_16"].shape[-2:]
        return KeymatteFeatures(
            image=image,
            pyramid={stride: tensors[f"stride_{stride}"].to(image.device) for stride in (2, 4, 8, 16)},
            query=Tokens({name: tensors[name].to(image.device) for name in ("key", "selection", "shrinkage")}),
            grid=(height, width),
            luma=tensors["luma"].to(image.device),
            luma_cpu=tensors["luma"],
        )

    def attach_flow(self, features: KeymatteFeatures, previous: KeymatteFeatures) -> KeymatteFeatures:
        """Return `features` with the optical flow to the frame that `previous` are the features of."""
        if not self.use_flow:
            return features
        return replace(features, flow_from_previous=_flow_from(features, previous))

    def segment(
        self, features: KeymatteFeatures, memory: MemoryView, state: LastFrame | None
    ) -> tuple[Tensor, LastFrame | None]:
        """Segment a frame: return independent probabilities (O, H, W), and the state with their estimated quality."""
        inputs = self.decoder_inputs(features, memory, state)
        output = self.decoder(*inputs)
        if state is None:
            return output.logits.float().sigmoid(), None
        return self.filtered_logits(output, inputs, state).sigmoid(), replace(state, quality=output.quality)

    def filtered_logits(self, output: DecoderOutput, inputs: DecoderInputs, state: LastFrame) -> Tensor:
        """Suppress spurious components in the decoder's logits; return logits (O, H, W). See `layers.specks`."""
        logits = output.logits.float()
        if not self.use_flow:
            return logits
        return suppress_spurious_components(logits, inputs.warped[:, :1], state.unoccluded_area)

    def decode(self, features: KeymatteFeatures, memory: MemoryView, state: LastFrame | None) -> DecoderOutput:
        """Segment a frame without suppressing spurious components; return the decoder's output."""
        return self.decoder(*self.decoder_inputs(features, memory, state))

    def decoder_inputs(self, features: KeymatteFeatures, memory: MemoryView, state: LastFrame | None) -> DecoderInputs:
        """Read memory and warp the previous masks; return the inputs of the decoder for the whole frame."""
        query = features.query
        (group,) = memory.groups
        tokens = group.layers[0]
        key, value = tokens["key"], tokens["value"]
        expanded = group.cached("keys", partial(expand_keys, key, tokens["shrinkage"]))
        scores = similarity(key, tokens["shrinkage"], query["key"], query["selection"][:, :1], memory=expanded)
        rows = group.cached("rows", partial(values_as_rows, value))
        selected = self.select_top_k(scores, top_k=self.top_k)
        readout = selected.read(value, rows).unflatten(-1, features.grid)  # (O, CV, h, w)
        if memory.tracks_usage:
            memory.report_attention(attention_mass(selected, scores.shape[1]))
        warped = self.warp_previous(features, state, len(value))
        masks = functional.avg_pool2d(warped[:, :1], _READ_STRIDE // STRIDE)
        best = (_SCORE_SCALE * selected.best_score).exp().view(1, 1, *features.grid).expand(len(masks), -1, -1, -1)
        previous = torch.cat([masks, masks.sum(0, keepdim=True) - masks, best.to(masks)], 1)  # (O, 3, h, w)
        return DecoderInputs(readout, features.pyramid[_READ_STRIDE], previous, warped, features.pyramid)

    def warp_previous(self, features: KeymatteFeatures, state: LastFrame | None, objects: int) -> Tensor:
        """Warp the previous masks to this frame; return them with the absolute luma change: (O, 2, H / 2, W / 2)."""
        if state is None or not self.use_flow:
            return features.image.new_zeros(objects, 2, *features.luma.shape)
        from_previous = features.flow_from_previous
        if from_previous is None or from_previous.luma is not state.luma:
            from_previous = _flow_from(features, state)
        flow = from_previous.flow.to(state.masks)
        previous_luma = state.luma.to(state.masks) / 255
        warped = warp(torch.cat([state.masks, previous_luma[None]]), flow)
        difference = (features.luma.to(warped) / 255 - warped[-1]).abs().expand(objects, -1, -1)
        return torch.stack([warped[:-1], difference], 1)

    def estimate_quality(self, state: LastFrame | None) -> Tensor | None:
        """Return the estimated IoU, 0..1, of each mask (O,) of the frame just segmented; None if unknown."""
        return None if state is None or state.quality is None else state.quality.sigmoid()

    def update_state(self, frame: int, features: KeymatteFeatures, masks: Tensor, state: LastFrame | None) -> LastFrame:
        """Return the state in which this frame is the previous one.

        An object's unoccluded area, if known, is raised to the object's area in `masks` if that is larger.
        """
        halved = functional.avg_pool2d(masks, STRIDE)
        known = masks.new_zeros(len(masks), dtype=torch.float32) if state is None else state.unoccluded_area
        area = (halved > 0.5).sum((1, 2)).to(known) * STRIDE**2
        largest = torch.where(known > 0, torch.maximum(known, area), known)  # grows as the object approaches
        return LastFrame(halved, features.luma, features.luma_cpu, largest)

    def memorize_keyframe(
        self, frame: int, features: KeymatteFeatures, masks: Tensor, state: LastFrame | None
    ) -> tuple[Entry, LastFrame]:
        """Encode a keyframe like any other frame, and measure the unoccluded areas of its objects."""
        entry, last = self.memorize(frame, features, masks, state)
        area = unoccluded_area(masks)
        largest = torch.where(area > 0, torch.maximum(last.unoccluded_area, area), area)
        return entry, replace(last, unoccluded_area=largest)

    def memorize_permanent(self, frame: int, features: KeymatteFeatures, masks: Tensor, *, among: int) -> Entry:
        """Encode one of `among` permanent keyframes, and add the tokens of an enlarged copy of the keyframe.

        The copy's background is memorized too, since tokens of objects alone would bias matching towards objects. If
        there are many keyframes, only a part of the copy's tokens, evenly distributed, is kept to bound the cost of
        reading.
        """
        entry, _ = self.memorize_keyframe(frame, features, masks, None)
        if self.enlarged <= 1:
            return entry
        sides = [max(round(side * self.enlarged / self.stride), 1) * self.stride for side in masks.shape[1:]]
        enlarge = partial(functional.interpolate, size=sides, mode="bilinear", align_corners=False)
        copy, _ = self.memorize(frame, self.encode(enlarge(features.image)), enlarge(masks[None])[0], None)
        assert copy.grid is not None
        kept = min(_MAX_ENLARGED / among, 1.0)  # part of the copy's tokens
        rows, columns = (torch.arange(side, dtype=torch.float64) * step for side, step in zip(copy.grid, _R2_STEPS))
        copy = copy.select_tokens(((rows[:, None] + columns) % 1 < kept).flatten().to(masks.device))
        return replace(entry, layers=tuple(map(concatenate, zip(entry.layers, copy.layers, strict=True))), grid=None)

    def memorize(
        self, frame: int, features: KeymatteFeatures, masks: Tensor, state: LastFrame | None
    ) -> tuple[Entry, LastFrame]:
        """Encode a frame and its merged masks (O, H, W): return a memory entry and the next state."""
        value = self.values(features.image, features.pyramid[_READ_STRIDE], masks)  # (O, CV, h, w)
        planes = {name: features.query[name] for name in ("key", "shrinkage")}
        entry = Entry(frame, (Tokens({**planes, "value": value.flatten(2).float()}),), grid=features.grid)
        return entry, self.update_state(frame, features, masks, state)

    def modulate(self, new: Entry, old: Entry) -> Entry:
        """Merge the values of `old` into those of `new` by modulated cross-attention; the keys of `new` are kept."""
        (tokens,), (old_tokens,) = new.layers, old.layers
        value = self.fold(tokens["key"], tokens["value"], old_tokens["key"], old_tokens["value"], new.grid)
        return replace(new, layers=(Tokens({**tokens.planes, "value": value}),))
