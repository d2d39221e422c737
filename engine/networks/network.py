"""The verbs that every network speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of RGB 0..1
IMAGENET_STD = (0.229, 0.224, 0.225)


def keep_imagenet(module: nn.Module) -> None:
    """Give `module` `mean` and `std` (3, 1, 1) on its own device; they are no weights."""
    for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
        module.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)


@dataclass(frozen=True)
class Features:
    """What a network saw in one image; depends on the image only, so all object groups share it."""

    image: Tensor  # (1, 3, H, W) as the network's other parts want it
    pyramid: dict[int, Tensor]  # stride -> (1, C, H / stride, W / stride)
    query: Tokens  # key (CK, N), selection (CK, N), shrinkage (1, N)
    grid: tuple[int, int]  # (h, w) with h w = N


class Network(Protocol):
    """Carries masks from memory to a frame. `state` is each network's own value, None before the first frame.

    Beside these verbs one may have more, which are used where they are: `encode_all`, `foresee`, `assess` and `pin`,
    see `Keymatte`.
    """

    stride: int  # image sides must be multiples of it
    max_objects: int | None  # objects in one group; None: any number

    def encode(self, image: Tensor) -> Features:
        """(1, 3, H, W) RGB 0..1 -> its features."""
        ...

    def segment(self, features: Features, memory: MemoryView, state: Any) -> tuple[Tensor, Any]:
        """What it finds, as its judge takes it, before objects compete; and the state after seeing it.

        Most give probabilities (O, H, W) of each object by itself.
        """
        ...

    def refer(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        """As `memorize`, of a keyframe: its masks are given, not found."""
        ...

    def memorize(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        """What `frame` with joint masks (O, H, W) leaves in memory; and the state after writing it.

        `masks` may have more objects than `state` knows: new ones stand last.
        """
        ...

    def settle(self, frame: int, features: Features, masks: Tensor, state: Any) -> Any:
        """The state that the next frame finds, now that `frame` with joint masks (O, H, W) is over."""
        ...
