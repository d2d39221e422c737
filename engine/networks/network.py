"""Network: the interface that all networks have, and optional capabilities that some declare.

Shapes: O objects; C channels; H, W pixels at working size; h, w cells of the token grid; N = h w tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Register ImageNet's `mean` and `std` (3, 1, 1) as buffers of `module`; they are not saved with its weights."""
    for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
        module.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)


@dataclass(frozen=True)
class Features:
    """Features of one image. They do not depend on masks, so all groups of objects share them."""

    image: Tensor  # (1, 3, H, W), normalised as the network's other parts expect
    pyramid: dict[int, Tensor]  # stride -> (1, C, H / stride, W / stride)
    query: Tokens  # key (CK, N), selection (CK, N), shrinkage (1, N)
    grid: tuple[int, int]  # (h, w)


# -- methods of every network ------------------------------------------------------------------------------------------
class Network(Protocol):
    """Network for memory-based video object segmentation.

    Besides memory, a network carries a `state` from frame to frame, which is None before the first frame unless the
    network `CountsObjects`. Each network has its own types of state and of features, and gets back only objects that it
    has returned.
    """

    stride: int  # divisor of the image sides

    @property
    def max_objects(self) -> int | None:
        """Return the maximum number of objects in one group; None: no limit."""
        ...

    def encode(self, image: Tensor) -> Features:
        """Encode an image (1, 3, H, W), RGB 0..1."""
        ...

    def segment(self, features: Any, memory: MemoryView, state: Any) -> tuple[Tensor, Any]:
        """Segment a frame: return the prediction for each object, before masks are merged, and the next state.

        Most networks predict independent probabilities (O, H, W). The recipe chooses a mask merger for the kind of
        prediction.
        """
        ...

    def memorize_keyframe(self, frame: int, features: Any, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        """Encode a keyframe and the user's masks (O, H, W); return a memory entry and the next state."""
        ...

    def memorize(self, frame: int, features: Any, masks: Tensor, state: Any) -> tuple[Entry, Any]:
        """Encode a frame and its merged masks (O, H, W); return a memory entry and the next state.

        `masks` may have more objects than `state`; new objects come last.
        """
        ...

    def update_state(self, frame: int, features: Any, masks: Tensor, state: Any) -> Any:
        """Return the state for segmenting the next frame, given the merged masks (O, H, W) of `frame`."""
        ...


# -- capabilities: a network declares one by inheriting it -------------------------------------------------------------
@runtime_checkable
class EncodesAhead(Protocol):
    """Network whose encoding takes about as long as all other steps: the next frame can be encoded in parallel."""

    encodes_ahead: bool  # False: frames are encoded when they are needed


@runtime_checkable
class EncodesBatches(Protocol):
    """Network that encodes several images at once, since single images do not saturate a GPU."""

    def encode_batch(self, images: Tensor) -> Sequence[Features]:
        """Encode images (B, 3, H, W), RGB 0..1; return the features of each."""
        ...


@runtime_checkable
class KeepsFeatures(Protocol):
    """Network whose features can be kept as named tensors, and made again from them and the image."""

    def tensors_of(self, features: Any) -> dict[str, Tensor]:
        """Return all tensors of the features except the image and the flow."""
        ...

    def features_from(self, image: Tensor, tensors: Mapping[str, Tensor]) -> Features:
        """Return the features of an image (1, 3, H, W) that `tensors_of` returned. Raises KeyError."""
        ...


class KeepsPyramid(KeepsFeatures):
    """Network whose features are a pyramid and a query of the image, which it normalises by `mean` and `std`."""

    mean: Tensor
    std: Tensor

    def tensors_of(self, features: Features) -> dict[str, Tensor]:
        """Return all tensors of the features except the image."""
        return {f"stride_{stride}": level for stride, level in features.pyramid.items()} | features.query.planes

    def features_from(self, image: Tensor, tensors: Mapping[str, Tensor]) -> Features:
        """Return the features of an image (1, 3, H, W) RGB 0..1 that `tensors_of` returned. Raises KeyError."""
        found = {name: tensor.to(image.device) for name, tensor in tensors.items()}
        query = Tokens({name: found.pop(name) for name in ("key", "selection", "shrinkage")})
        pyramid = {int(name.removeprefix("stride_")): level for name, level in found.items()}
        height, width = pyramid.get(0, pyramid[16]).shape[-2:]
        return Features((image - self.mean) / self.std, pyramid, query, (height, width))


@runtime_checkable
class AttachesFlow(Protocol):
    """Network that uses optical flow. Flow does not depend on masks, so it can be computed ahead of segmentation."""

    def attach_flow(self, features: Any, previous: Any) -> Features:
        """Return `features` with the optical flow to the frame that `previous` are the features of."""
        ...


@runtime_checkable
class EstimatesQuality(Protocol):
    """Network that estimates the IoU of its masks with the ground truth."""

    def estimate_quality(self, state: Any) -> Tensor | None:
        """Return the estimated IoU, 0..1, of each mask (O,) of the last frame; None if unknown.

        Some networks know it as soon as the frame is segmented, others only once it is memorized.
        """
        ...


@runtime_checkable
class CountsObjects(Protocol):
    """Network whose state depends on how many objects a group has, including those of later keyframes."""

    def first_state(self, objects: int) -> Any:
        """Return the state before the first frame, for a group of so many objects."""
        ...


@runtime_checkable
class MemorizesPermanent(Protocol):
    """Network that encodes permanent keyframes differently from those that a sweep memorizes."""

    def memorize_permanent(self, frame: int, features: Any, masks: Tensor, *, among: int) -> Entry:
        """Encode one of `among` permanent keyframes, with masks (O, H, W), into a memory entry."""
        ...


@runtime_checkable
class DistilsPrototypes(Protocol):
    """Network that distils memory entries into prototypes (XMem's memory potentiation)."""

    def distil(self, entries: Sequence[Entry], count: int) -> Entry:
        """Distil `entries` into one entry of `count` tokens."""
        ...


@runtime_checkable
class FoldsEntries(Protocol):
    """Network that merges a new memory entry with an old one by modulated cross-attention (MAVOS)."""

    def modulate(self, new: Entry, old: Entry) -> Entry:
        """Merge `new` and `old` into one entry of the same size, which has the frame number of `new`."""
        ...


@runtime_checkable
class ReadsTopK(Protocol):
    """Network whose top-k function for reading memory can be replaced, for comparisons."""

    select_top_k: Callable[..., Any]  # see `layers.affinity.select_top_k`


@runtime_checkable
class Quantises(Protocol):
    """Network that can compute convolutions in 8-bit integers."""

    def quantise(self) -> None:
        """Make all convolutions compute in 8-bit integers, except when gradients are computed."""
        ...


def frame_methods(network: Network) -> dict[str, Callable[..., Any]]:
    """Return the methods of a network that propagation calls on each frame, by name."""
    methods: dict[str, Callable[..., Any]] = {
        "encode": network.encode,
        "segment": network.segment,
        "memorize_keyframe": network.memorize_keyframe,
        "memorize": network.memorize,
        "update_state": network.update_state,
    }
    if isinstance(network, AttachesFlow):
        methods["attach_flow"] = network.attach_flow
    return methods
