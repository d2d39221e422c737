"""XMem (Cheng & Schwing, ECCV 2022), whose network XMem++ (Bekuzarov et al., ICCV 2023) shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.affinity import attention_mass, expand_keys, select_top_k, similarity, values_as_rows
from ..layers.aggregate import image_with_masks
from ..layers.decoders import SensoryUpdate, UpsamplingDecoder
from ..layers.fusion import FusionBlock, GatedUpdate
from ..layers.resnet import resnet18, resnet50
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens
from .network import DistilsPrototypes, Features, KeepsPyramid, ReadsTopK, register_imagenet_statistics


@dataclass(frozen=True)
class SensoryState:
    """State of `XMem`: the sensory memory of each object, (O, CH, h, w)."""

    before: Tensor  # before the current frame was decoded
    after: Tensor  # after the current frame was decoded
    deep_update_frame: int | None = None  # frame of the last deep update


@dataclass(frozen=True)
class XMemSizes:
    """Numbers of channels of `XMem`, which depend on the weights."""

    key: int = 64
    value: int = 512
    value_mid: int = 512
    sensory: int = 64  # 0: no sensory memory


class ValueEncoder(nn.Module):
    """Encodes an image, the mask of an object and the other masks to values at stride 16; holds the deep update."""

    def __init__(self, sizes: XMemSizes) -> None:
        super().__init__()
        self.encoder = resnet18(channels_in=5)
        self.fuse = FusionBlock(1024, self.encoder.channels[16], sizes.value_mid, sizes.value)
        self.refresh = GatedUpdate(sizes.value, sizes.sensory) if sizes.sensory else None

    def forward(self, image: Tensor, deep: Tensor, masks: Tensor) -> Tensor:
        """Encode image (1, 3, H, W), deep features (1, 1024, h, w), masks (O, H, W) -> values (O, CV, h, w)."""
        return self.fuse(deep, self.encoder(image_with_masks(image, masks))[16])


class XMem(nn.Module, DistilsPrototypes, KeepsPyramid, ReadsTopK):
    """XMem: reads memory by anisotropic L2 similarity, and has a sensory memory per object.

    A deep update refreshes the sensory memory from memory values. `deep_update` is the minimum number of frames between
    two deep updates, made after the decoder's own update. With -1, there is a deep update at every memory frame, in
    place of the decoder's.
    """

    stride = 16
    max_objects = None
    mean: Tensor
    std: Tensor

    def __init__(self, sizes: XMemSizes, *, top_k: int = 30, deep_update: int = -1) -> None:
        super().__init__()
        register_imagenet_statistics(self)
        self.top_k = top_k
        self.select_top_k = select_top_k
        self.deep_update = deep_update
        self.sizes = sizes
        self.encoder = resnet50()
        channels = self.encoder.channels
        self.key = nn.Conv2d(channels[16], sizes.key, 3, padding=1)
        self.shrinkage = nn.Conv2d(channels[16], 1, 3, padding=1)
        self.selection = nn.Conv2d(channels[16], sizes.key, 3, padding=1)
        self.values = ValueEncoder(sizes)
        self.fuse = FusionBlock(channels[16], sizes.value + sizes.sensory, 512, 512)
        self.decoder = UpsamplingDecoder(channels)
        self.sense = SensoryUpdate(sizes.sensory) if sizes.sensory else None

    def encode(self, image: Tensor) -> Features:
        """Encode an image (1, 3, H, W) RGB 0..1, sides multiples of 16, to a pyramid, key, shrinkage and selection."""
        image = (image - self.mean) / self.std
        pyramid = self.encoder(image)
        deep = pyramid[16]
        planes = {
            "key": self.key(deep),
            "shrinkage": self.shrinkage(deep).square() + 1,
            "selection": self.selection(deep).sigmoid(),
        }
        query = Tokens({name: plane[0].flatten(1).float() for name, plane in planes.items()})
        return Features(image=image, pyramid=pyramid, query=query, grid=(deep.shape[-2], deep.shape[-1]))

    def segment(
        self, features: Features, memory: MemoryView, state: SensoryState | None
    ) -> tuple[Tensor, SensoryState | None]:
        """Segment a frame: return independent probabilities (O, H, W), and the state with new sensory memory."""
        readout = self._read(features, memory)  # (O, CV, h, w)
        hidden = self._hidden(state, len(readout), features)
        per_object = readout if hidden is None else torch.cat([readout, hidden], 1)
        decoded = self.decoder(self.fuse(features.pyramid[16], per_object), features.pyramid)
        if self.sense is not None and hidden is not None:
            state = _with_hidden(state, before=hidden, after=self.sense(decoded, hidden))
        return decoded.full_size().sigmoid(), state

    def memorize_keyframe(
        self, frame: int, features: Features, masks: Tensor, state: SensoryState | None
    ) -> tuple[Entry, SensoryState | None]:
        """Encode a keyframe in the same way as any other frame."""
        return self.memorize(frame, features, masks, state)

    def memorize(
        self, frame: int, features: Features, masks: Tensor, state: SensoryState | None
    ) -> tuple[Entry, SensoryState | None]:
        """Encode a frame and its masks to a memory entry; make a deep update of the sensory memory if it is due."""
        value = self.values(features.image, features.pyramid[16], masks)  # (O, CV, h, w)
        entry = Entry(
            frame,
            (Tokens({**features.query.planes, "value": value.flatten(2).float()}),),
            objects=tuple(range(len(value))),
        )
        if self.values.refresh is None:
            return entry, state
        hidden = self._hidden(state, len(value), features)
        assert hidden is not None, "networks with a deep update have a sensory memory"
        state = state or SensoryState(hidden, hidden)
        due = state.deep_update_frame is None or abs(frame - state.deep_update_frame) >= self.deep_update
        if self.deep_update < 0:  # replaces the decoder's update
            new = self.values.refresh(value, hidden)
        elif due:  # on top of the decoder's update
            new = self.values.refresh(value, _pad_objects(state.after, len(value)))
        else:
            return entry, _with_hidden(state, before=hidden, after=_pad_objects(state.after, len(value)))
        return entry, SensoryState(new, new, deep_update_frame=frame)

    def update_state(
        self, frame: int, features: Features, masks: Tensor, state: SensoryState | None
    ) -> SensoryState | None:
        """Carry the updated sensory memory over to the next frame."""
        return None if state is None else _with_hidden(state, before=state.after, after=state.after)

    @staticmethod
    def distil(entries: Sequence[Entry], count: int) -> Entry:
        """Distil entries into `count` prototypes: the most used tokens, with potentiated values (XMem, section 3.3).

        An object that the first entries lack gets values only for prototypes chosen from later tokens. As in XMem's
        code, these values are aligned to the end of the token axis.
        """
        layers = [entry.layers[0] for entry in entries]
        key, shrinkage, selection = (
            torch.cat([layer[name] for layer in layers], -1) for name in ("key", "shrinkage", "selection")
        )
        usage = torch.cat([entry.usage.rate(len(entry), like=key) for entry in entries])
        chosen = usage.topk(min(count, len(usage))).indices  # (P,), most used first
        scores = similarity(key, shrinkage, key[:, chosen], selection[:, chosen])  # (P, N)
        new_shrinkage = shrinkage @ scores.softmax(1).T
        objects = sorted({index for entry in entries for index in entry.objects})
        rows, missing_prefix = [], []
        for index in objects:
            holders = [entry for entry in entries if not entry.missing_tokens(index)]
            value = torch.cat([entry.layers[0]["value"][entry.row(index)] for entry in holders], -1)  # (CV, n)
            missing = len(usage) - value.shape[-1]
            valid = scores if missing == 0 else scores[chosen >= missing]
            row = value @ valid[:, missing:].softmax(1).T  # (CV, p)
            missing_prefix.append(scores.shape[0] - row.shape[-1])
            rows.append(functional.pad(row, (missing_prefix[-1], 0)))
        planes = {"key": key[:, chosen], "shrinkage": new_shrinkage, "value": torch.stack(rows)}
        return Entry(
            entries[-1].frame,
            (Tokens({**planes, "selection": selection[:, chosen]}),),
            objects=tuple(objects),
            missing_prefix=tuple(missing_prefix),
        )

    def _read(self, features: Features, memory: MemoryView) -> Tensor:
        """Read memory: return the readout (O, CV, h, w), and record how much each token was read."""
        query = features.query
        rows: dict[int, Tensor] = {}
        for number, group in enumerate(memory.groups):
            tokens = group.layers[0]
            key, value = tokens["key"], tokens["value"]
            expanded = group.cached("keys", partial(expand_keys, key, tokens["shrinkage"]))
            scores = similarity(key, tokens["shrinkage"], query["key"], query["selection"], memory=expanded)
            selected = self.select_top_k(scores, top_k=self.top_k)
            if number == 0:
                mass = attention_mass(selected, scores.shape[1])
                memory.add_usage(mass)
                if memory.tracks_usage:
                    memory.report_attention(mass)
            readout = selected.read(value, group.cached("rows", partial(values_as_rows, value)))
            rows.update(zip(group.objects, readout, strict=True))
        return torch.stack([rows[index] for index in sorted(rows)]).unflatten(-1, features.grid)

    def _hidden(self, state: SensoryState | None, count: int, features: Features) -> Tensor | None:
        """Return the sensory memory (O, CH, h, w) before this frame, with zeros for new objects; None if unused."""
        if self.sense is None:
            return None
        if state is None:
            return features.image.new_zeros(count, self.sizes.sensory, *features.grid)
        return _pad_objects(state.before, count)


def _with_hidden(state: SensoryState | None, *, before: Tensor, after: Tensor) -> SensoryState:
    """Return a new state with the sensory memory `before` and `after` decoding the current frame.

    The frame of the last deep update is taken over from `state`.
    """
    return SensoryState(before, after, None if state is None else state.deep_update_frame)


def _pad_objects(hidden: Tensor, count: int) -> Tensor:
    """Append zeros for new objects: (O, CH, h, w) -> (count, CH, h, w)."""
    if len(hidden) >= count:
        return hidden
    return torch.cat([hidden, hidden.new_zeros(count - len(hidden), *hidden.shape[1:])])
