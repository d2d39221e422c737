"""The four verbs that every network speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens


@dataclass(frozen=True)
class Features:
    """What a network saw in one image; depends on the image only, so all object groups share it."""

    image: Tensor  # (1, 3, H, W) RGB 0..1
    pyramid: dict[int, Tensor]  # stride -> (1, C, H / stride, W / stride)
    query: Tokens  # key (CK, N), selection (CK, N), shrinkage (1, N)
    grid: tuple[int, int]  # (h, w) with h w = N


class Network(Protocol):
    """Carries masks from memory to a frame. `state` is each network's own value, None before the first frame."""

    stride: int  # image sides must be multiples of it
    max_objects: int | None  # objects in one group; None: any number

    def encode(self, image: Tensor) -> Features:
        """(1, 3, H, W) RGB 0..1 -> its features."""
        ...

    def segment(self, features: Features, memory: MemoryView, state: Any) -> Tensor:
        """Probabilities (O, H, W) of each object by itself, before they compete."""
        ...

    def settle(self, frame: int, features: Features, masks: Tensor, state: Any) -> Any:
        """The state after `frame`, whose joint masks (O, H, W) are now known."""
        ...

    def memorize(self, frame: int, features: Features, masks: Tensor, state: Any) -> Entry:
        """What `frame` with masks (O, H, W) leaves in memory; `state` is the settled one, or None."""
        ...
