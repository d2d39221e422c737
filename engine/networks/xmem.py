"""XMem (Cheng & Schwing, ECCV 2022), and XMem++ (Bekuzarov et al., ICCV 2023) with other memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.affinity import as_rows, expanded, read_top_k, received, similarity
from ..layers.decoders import SensoryUpdate, UpsamplingDecoder
from ..layers.fusion import FusionBlock, GatedUpdate
from ..layers.resnet import resnet18, resnet50
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens
from .network import DistilsPrototypes, Features, ReadsTopK, register_imagenet_statistics


@dataclass(frozen=True)
class Sensory:
    """State of `XMem`: sensory memory (O, CH, h, w), and the frame of its last deep update."""

    before: Tensor  # before the current frame was decoded
    now: Tensor  # after the current frame was decoded
    refreshed: int | None = None  # frame of the last deep update


@dataclass(frozen=True)
class XMemSizes:
    """Channel counts, read from a checkpoint."""

    key: int = 64
    value: int = 512
    value_mid: int = 512
    sensory: int = 64  # 0: no sensory memory


class ValueEncoder(nn.Module):
    """Value encoder: image, object mask and other masks -> value at stride 16; with the deep sensory update."""

    def __init__(self, sizes: XMemSizes) -> None:
        super().__init__()
        self.encoder = resnet18(channels_in=5)
        self.fuse = FusionBlock(1024, self.encoder.channels[16], sizes.value_mid, sizes.value)
        self.refresh = GatedUpdate(sizes.value, sizes.sensory) if sizes.sensory else None

    def forward(self, image: Tensor, deep: Tensor, masks: Tensor) -> Tensor:
        """Encode normalised (1, 3, H, W), (1, 1024, h, w), masks (O, H, W) -> values (O, CV, h, w)."""
        others = masks.sum(0, keepdim=True) - masks if len(masks) > 1 else torch.zeros_like(masks)
        seen = torch.cat([image.expand(len(masks), -1, -1, -1), masks[:, None], others[:, None]], 1)  # (O, 5, H, W)
        return self.fuse(deep, self.encoder(seen)[16])


class XMem(nn.Module, DistilsPrototypes, ReadsTopK):
    """XMem: memory readout by anisotropic L2 similarity, and a sensory memory per object.

    `deep_update` is the minimum number of frames between deep updates of the sensory memory from values; -1: a deep
    update at every memory frame, which replaces the decoder's update.
    """

    stride = 16
    max_objects = None

    def __init__(self, sizes: XMemSizes, *, top_k: int = 30, deep_update: int = -1) -> None:
        super().__init__()
        register_imagenet_statistics(self)
        self.top_k = top_k
        self.choose = read_top_k
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
        """Encode (1, 3, H, W) RGB 0..1, sides multiples of 16 -> pyramid, key, shrinkage and selection."""
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

    def segment(self, features: Features, memory: MemoryView, state: Sensory | None) -> tuple[Tensor, Sensory | None]:
        """Segment a frame: independent probabilities (O, H, W), and the sensory memory after decoding."""
        read = self._read(features, memory)  # (O, CV, h, w)
        hidden = self._hidden(state, len(read), features)
        own = read if hidden is None else torch.cat([read, hidden], 1)
        decoded = self.decoder(self.fuse(features.pyramid[16], own), features.pyramid)
        if hidden is not None:
            state = self._after(state, before=hidden, now=self.sense(decoded, hidden))
        return decoded.full_size().sigmoid(), state

    def memorize_keyframe(
        self, frame: int, features: Features, masks: Tensor, state: Sensory | None
    ) -> tuple[Entry, Sensory | None]:
        """Memorize a keyframe as any frame."""
        return self.memorize(frame, features, masks, state)

    def memorize(
        self, frame: int, features: Features, masks: Tensor, state: Sensory | None
    ) -> tuple[Entry, Sensory | None]:
        """Encode this frame into a memory entry; apply the deep sensory update when due."""
        value = self.values(features.image, features.pyramid[16], masks)  # (O, CV, h, w)
        entry = Entry(
            frame,
            (Tokens({**features.query.planes, "value": value.flatten(2).float()}),),
            objects=tuple(range(len(value))),
        )
        if self.values.refresh is None:
            return entry, state
        hidden = self._hidden(state, len(value), features)
        state = state or Sensory(hidden, hidden)
        due = state.refreshed is None or abs(frame - state.refreshed) >= self.deep_update
        if self.deep_update < 0:  # replaces the decoder's update
            new = self.values.refresh(value, hidden)
        elif due:  # on top of the decoder's update
            new = self.values.refresh(value, _grown(state.now, len(value)))
        else:
            return entry, self._after(state, before=hidden, now=_grown(state.now, len(value)))
        return entry, Sensory(new, new, refreshed=frame)

    def update_state(self, frame: int, features: Features, masks: Tensor, state: Sensory | None) -> Sensory | None:
        """Carry the updated sensory memory over to the next frame."""
        return state and self._after(state, before=state.now, now=state.now)

    @staticmethod
    def distil(entries: Sequence[Entry], count: int) -> Entry:
        """Distil entries into `count` prototypes: the most used tokens, with potentiated values (XMem, section 3.3).

        An object missing from leading tokens gets values only for prototypes chosen among the later tokens; as in
        XMem's code, these values are aligned to the end of the token axis.
        """
        tokens = [entry.layers[0] for entry in entries]
        key, shrinkage, selection = (
            torch.cat([part[name] for part in tokens], -1) for name in ("key", "shrinkage", "selection")
        )
        used = torch.cat([entry.usage.rate(len(entry), like=key) for entry in entries])
        chosen = used.topk(min(count, len(used))).indices  # (P,), most used first
        scores = similarity(key, shrinkage, key[:, chosen], selection[:, chosen])  # (P, N)
        new_shrinkage = shrinkage @ scores.softmax(1).T
        places = sorted({place for entry in entries for place in entry.objects})
        rows, missing_prefix = [], []
        for place in places:
            known = [entry for entry in entries if not entry.missing_tokens(place)]
            value = torch.cat([entry.layers[0]["value"][entry.row(place)] for entry in known], -1)  # (CV, n)
            before = len(used) - value.shape[-1]
            valid = scores if before == 0 else scores[chosen >= before]
            row = value @ valid[:, before:].softmax(1).T  # (CV, p)
            missing_prefix.append(scores.shape[0] - row.shape[-1])
            rows.append(functional.pad(row, (missing_prefix[-1], 0)))
        planes = {"key": key[:, chosen], "shrinkage": new_shrinkage, "value": torch.stack(rows)}
        return Entry(
            entries[-1].frame,
            (Tokens({**planes, "selection": selection[:, chosen]}),),
            objects=tuple(places),
            missing_prefix=tuple(missing_prefix),
        )

    def _read(self, features: Features, memory: MemoryView) -> Tensor:
        """Read values (O, CV, h, w) from memory, and report usage."""
        query = features.query
        rows: dict[int, Tensor] = {}
        for index, part in enumerate(memory.groups):
            tokens = part.layers[0]
            key, value = tokens["key"], tokens["value"]
            keys = part.once("keys", partial(expanded, key, tokens["shrinkage"]))
            scores = similarity(key, tokens["shrinkage"], query["key"], query["selection"], memory=keys)
            chosen = self.choose(scores, top_k=self.top_k)
            if index == 0:
                mass = received(chosen, scores.shape[1])
                memory.credit(mass)
                if memory.tracks_usage:
                    memory.report_attention(mass)
            rows.update(zip(part.objects, chosen.read(value, part.once("rows", partial(as_rows, value))), strict=True))
        return torch.stack([rows[place] for place in sorted(rows)]).unflatten(-1, features.grid)

    def _hidden(self, state: Sensory | None, count: int, features: Features) -> Tensor | None:
        """Return the sensory memory (O, CH, h, w) before this frame, zeros for new objects; None without one."""
        if self.sense is None:
            return None
        if state is None:
            return features.image.new_zeros(count, self.sizes.sensory, *features.grid)
        return _grown(state.before, count)

    @staticmethod
    def _after(state: Sensory | None, *, before: Tensor, now: Tensor) -> Sensory:
        if state is None:
            return Sensory(before, now)
        return Sensory(before, now, state.refreshed)


def _grown(hidden: Tensor, count: int) -> Tensor:
    """Pad (O, CH, h, w) with zeros for new objects: (count, CH, h, w)."""
    return (
        torch.cat([hidden, hidden.new_zeros(count - len(hidden), *hidden.shape[1:])]) if len(hidden) < count else hidden
    )
