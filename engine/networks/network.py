"""Network: the interface of five methods shared by all networks, and optional capabilities.

Shapes: O objects, C channels, H W pixels at working size, h w token grid, N = h w tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ..memory.bank import MemoryView
from ..memory.entry import Entry
from ..memory.tokens import Tokens

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of RGB 0..1
IMAGENET_STD = (0.229, 0.224, 0.225)


def register_imagenet_statistics(module: nn.Module) -> None:
    """Register `mean` and `std` (3, 1, 1) as buffers of `module` that are not saved with its weights."""
    for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
        module.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)


@dataclass(frozen=True)
class Features:
    """Features of one image; they depend on the image alone, so all object groups share them."""

    image: Tensor  # (1, 3, H, W) normalised as the network's other parts expect
    pyramid: dict[int, Tensor]  # stride -> (1, C, H / stride, W / stride)
    query: Tokens  # key (CK, N), selection (CK, N), shrinkage (1, N)
    grid: tuple[int, int]  # (h, w)


# -- the five verbs ----------------------------------------------------------------------------------------------------
class Network(Protocol):
    """Memory-based video object segmentation. `state` is the network's own value, None before the first frame."""

    stride: int  # divisor of the image sides
    max_objects: int | None  # objects in one group; None: any number

    def encode(self, image: Tensor) -> Features:
        """Encode an image (1, 3, H, W), RGB 0..1."""
        ...

    def segment(self, features: Features, memory: MemoryView, state: Any) -> tuple[Tensor, Any]:
        """Segment a frame from memory: each object's prediction before merging, and the next state.

        Most networks return independent probabilities (O, H, W) of each object; see the recipe's mask merger.
        """
        ...

    def memorize_keyframe(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        """Encode a keyframe, whose masks (O, H, W) are given, into a memory entry; and the next state."""
        ...

    def memorize(self, frame: int, features: Features, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        """Encode a frame with merged masks (O, H, W) into a memory entry; and the next state.

        `masks` may have more objects than `state` knows: new ones are last.
        """
        ...

    def update_state(self, frame: int, features: Features, masks: Tensor, state: Any) -> Any:
        """Update the state with the merged masks (O, H, W) of `frame`, before the next frame is segmented."""
        ...


# -- capabilities: a network declares one by inheriting it -------------------------------------------------------------
@runtime_checkable
class EncodesAhead(Protocol):
    """Encoding takes about as long as all other steps, so the next frame is encoded in parallel."""

    encodes_ahead: bool  # False switches it off


@runtime_checkable
class EncodesBatches(Protocol):
    """Encodes several images at once, for GPUs, which single images do not saturate."""

    def encode_batch(self, images: Tensor) -> Sequence[Features]:
        """Encode images (B, 3, H, W), RGB 0..1: the features of each."""
        ...


@runtime_checkable
class AttachesFlow(Protocol):
    """Uses optical flow from the previous frame, which can be computed before the masks are known."""

    def attach_flow(self, features: Any, previous: Any) -> Features:
        """Return `features` with the optical flow from the `previous` frame's features."""
        ...


@runtime_checkable
class EstimatesQuality(Protocol):
    """Estimates the quality of its masks."""

    def estimate_quality(self, state: Any) -> float | None:
        """Return the estimated IoU, 0..1, of the worst mask of the frame just segmented; None if unknown."""
        ...


@runtime_checkable
class MemorizesPermanent(Protocol):
    """Encodes keyframes differently for permanent memory."""

    def memorize_permanent(self, frame: int, features: Any, masks: Tensor, *, among: int) -> Entry:
        """Encode one of `among` permanent keyframes with masks (O, H, W) into a memory entry."""
        ...


@runtime_checkable
class DistilsPrototypes(Protocol):
    """Distils memory entries into prototypes (XMem's memory potentiation)."""

    def distil(self, entries: Sequence[Entry], count: int) -> Entry:
        """Distil `entries` into one entry of `count` tokens."""
        ...


@runtime_checkable
class FoldsEntries(Protocol):
    """Folds a new memory entry into an old one by modulated cross-attention (MAVOS)."""

    def modulate(self, new: Entry, old: Entry) -> Entry:
        """Fold `new` into `old`: one entry of the same size."""
        ...


@runtime_checkable
class ReadsTopK(Protocol):
    """Reads memory through a top-k function that can be exchanged."""

    choose: Callable[..., Any]  # see `layers.affinity.read_top_k`


@runtime_checkable
class Quantises(Protocol):
    """Can compute its convolutions in 8-bit integers."""

    def quantise(self) -> None:
        """Compute convolutions in 8-bit integers from now on, except under gradients."""
        ...


def verbs_of(network: Network) -> dict[str, Callable[..., Any]]:
    """Return the bound methods that propagation calls on each frame, by name."""
    verbs: dict[str, Callable[..., Any]] = {
        "encode": network.encode,
        "segment": network.segment,
        "memorize_keyframe": network.memorize_keyframe,
        "memorize": network.memorize,
        "update_state": network.update_state,
    }
    if isinstance(network, AttachesFlow):
        verbs["attach_flow"] = network.attach_flow
    return verbs
