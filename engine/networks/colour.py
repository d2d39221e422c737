"""Colour: network without weights that matches colours; serves tests, and a check after installation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..layers.affinity import similarity, top_k_readout
from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens
from .network import Features, Network

_SHARPNESS = 400.0  # decay of similarity with squared colour distance
_POSITION = 0.1  # weight of position relative to colour
_MAX_CELLS = 3600  # per frame, since all pairs of cells of two frames are compared


class Colour(Network):
    """Nearest neighbours by colour and position: each cell reads the `top_k` memory cells most similar to it."""

    stride = 1
    max_objects = None

    def __init__(self, *, top_k: int = 8) -> None:
        self.top_k = top_k

    def encode(self, image: Tensor) -> Features:
        """Encode an image (1, 3, H, W) RGB 0..1 to the mean colour and the position of each cell."""
        height, width = image.shape[-2:]
        cell = max(2.0, (height * width / _MAX_CELLS) ** 0.5)
        h, w = max(1, round(height / cell)), max(1, round(width / cell))
        colour = functional.interpolate(image, size=(h, w), mode="area")
        rows = torch.linspace(0, _POSITION, h, device=image.device)[:, None].expand(h, w)
        columns = torch.linspace(0, _POSITION, w, device=image.device)[None].expand(h, w)
        key = torch.cat([colour[0], rows[None], columns[None]]).flatten(1) * _SHARPNESS**0.5
        planes = {"key": key, "selection": torch.ones_like(key), "shrinkage": torch.ones_like(key[:1])}
        return Features(image=image, pyramid={}, query=Tokens(planes), grid=(h, w))

    def segment(self, features: Features, memory: MemoryView, state: None) -> tuple[Tensor, None]:
        """Segment a frame: return independent probabilities (O, H, W) of the objects, and no state."""
        tokens, query = memory.layers[0], features.query
        scores = similarity(tokens["key"], tokens["shrinkage"], query["key"], query["selection"])
        readout = top_k_readout(scores, tokens["value"], top_k=self.top_k)[:, 0]  # (O, N)
        masks = readout.unflatten(1, features.grid)[None].clamp(0, 1)
        size = features.image.shape[-2:]
        return functional.interpolate(masks, size=size, mode="bilinear", align_corners=False)[0], None

    def update_state(self, frame: int, features: Features, masks: Tensor, state: None) -> None:
        """Return None: the network has no state."""

    def memorize_keyframe(self, frame: int, features: Features, masks: Tensor, state: None) -> tuple[Entry, None]:
        """Encode a keyframe in the same way as any other frame."""
        return self.memorize(frame, features, masks, state)

    def memorize(self, frame: int, features: Features, masks: Tensor, state: None) -> tuple[Entry, None]:
        """Make a memory entry of the colour of each cell, with the fraction that each object covers of it."""
        value = functional.interpolate(masks[None], size=features.grid, mode="area")[0, :, None].flatten(2)  # (O, 1, N)
        planes = {"key": features.query["key"], "shrinkage": features.query["shrinkage"], "value": value}
        return Entry(frame, (Tokens(planes),)), None
