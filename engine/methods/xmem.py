"""Recipes of XMem (ECCV 2022) and XMem++ (ICCV 2023)."""

from __future__ import annotations

import torch

from ..checkpoints import loading
from ..inference.framing import FramingStyle
from ..inference.sweeps import KeyframePolicy
from ..memory.bank import MemoryBank
from ..memory.stores import Permanent, Store
from ..memory.working import FirstAndWorking, Working
from ..networks.network import IMAGENET_MEAN, Network
from ..networks.xmem import XMem, XMemSizes
from ..shared.errors import WeightsDamaged
from ..shared.types import Direction
from .memories import (
    COUNTING,
    INTERVAL,
    MAX_FRAMES,
    MIN_FRAMES,
    PROTOTYPES,
    TOKENS,
    Numbers,
    Option,
    long_term_store,
    unbounded_store,
)
from .recipe import ENLARGE, PREDICTS, TOP_K, UPDATED, Recipe, Tensors, with_defaults

_LONG = Option(
    "memory.long_term",
    1,
    "1: move older frames into long-term memory; 0: keep them all unchanged",
    0,
    1,
    "enable_long_term",
)
_DEEP = Option(
    "sensory.deep_update", -1, "deep-update the sensory memory every N-th frame; -1: whenever a frame is remembered",
    -1, paper="deep_update_every",
)  # fmt: skip
_SIZE = "0: as in the weights"
_KEY = Option("network.key_channels", 0, f"channels of keys; {_SIZE}", 0, paper="key_dim")
_VALUE = Option("network.value_channels", 0, f"channels of values; {_SIZE}", 0, paper="value_dim")
_SENSORY = Option("network.sensory_channels", 0, f"channels of the sensory memory; {_SIZE}", 0, paper="hidden_dim")
_XMEM = (
    TOP_K, INTERVAL, MIN_FRAMES, MAX_FRAMES, _LONG, PROTOTYPES, TOKENS, COUNTING, _DEEP, _KEY, _VALUE, _SENSORY,
    ENLARGE, PREDICTS,
)  # fmt: skip


def _xmem_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    stores: list[Store] = [unbounded_store()]
    if numbers[_LONG.name]:
        stores = [
            FirstAndWorking(numbers[MIN_FRAMES.name], numbers[MAX_FRAMES.name]),
            long_term_store(numbers, network),
        ]
    return MemoryBank(stores, interval=numbers[INTERVAL.name])


def _xmem_plus_plus_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    stores: list[Store] = [Permanent(), unbounded_store()]
    if numbers[_LONG.name]:
        stores = [
            Permanent(),
            Working(numbers[MIN_FRAMES.name], numbers[MAX_FRAMES.name]),
            long_term_store(numbers, network),
        ]
    return MemoryBank(stores, interval=numbers[INTERVAL.name])


def _xmem(numbers: Numbers, tensors: Tensors) -> XMem:
    """Build XMem with the sizes of the weights `tensors`. Raises WeightsDamaged if a setting asks for another size."""
    rows = {name: len(tensor) for name, tensor in tensors.items() if tensor.ndim}
    sizes = XMemSizes(
        key=rows.get("key_proj.key_proj.weight", 64),
        value=rows.get("value_encoder.fuser.block2.conv2.weight", 512),
        value_mid=rows.get("value_encoder.fuser.block1.conv1.weight", 512),
        sensory=rows.get("decoder.hidden_update.transform.weight", 0) // 3,
    )
    for option, size in ((_KEY, sizes.key), (_VALUE, sizes.value), (_SENSORY, sizes.sensory)):
        if numbers[option.name] not in (0, size):
            raise WeightsDamaged(
                f"{option.name} is set to {numbers[option.name]}, but the weights have {size}",
                remedy="Leave it at 0, or choose other weights.",
            )
    return XMem(sizes, top_k=numbers[TOP_K.name], deep_update=numbers[_DEEP.name])


def _add_other_objects_channel(tensors: Tensors) -> Tensors:
    """Add a zero input channel for the other objects' masks to weights trained on single objects."""
    name = "value_encoder.conv1.weight"
    stem = tensors.get(name)
    if stem is None or stem.ndim != 4 or stem.shape[1] != 4:
        return tensors
    return {**tensors, name: torch.cat([stem, torch.zeros_like(stem[:, :1])], 1)}


def _xmem_names(tensors: Tensors) -> loading.Names:
    with_sensory = any(name.startswith("decoder.hidden_update.") for name in tensors)
    return (*loading.XMEM, *(loading.XMEM_SENSORY if with_sensory else ()))


_XMEM_FRAMING = FramingStyle(smooth=False, truncate=True, border=IMAGENET_MEAN)

XMEM_PLUS_PLUS = Recipe(
    name="xmem++",
    summary="XMem++ (ICCV 2023): every keyframe is permanent; working, long-term and sensory memory for other frames",
    licence="own code GPL-3.0-or-later; weights XMem's: code MIT, the weights' own licence is not stated",
    build=_xmem,
    bank=_xmem_plus_plus_bank,
    options=with_defaults((*_XMEM, UPDATED), {INTERVAL.name: 10}),
    names=_xmem_names,
    convert_weights=_add_other_objects_channel,
    framing=_XMEM_FRAMING,
    keyframe_policy=KeyframePolicy(shared_memory=True, before_first=True),
    direction=Direction.FORWARD,
    unlabelled="absent",
)

XMEM = Recipe(
    name="xmem",
    summary="XMem (ECCV 2022): working, long-term and sensory memory; keyframes are added when reached",
    licence="own code GPL-3.0-or-later; weights XMem's: code MIT, the weights' own licence is not stated",
    build=_xmem,
    bank=_xmem_bank,
    options=_XMEM,
    names=_xmem_names,
    convert_weights=_add_other_objects_channel,
    framing=_XMEM_FRAMING,
    keyframe_policy=KeyframePolicy(permanent=False, shared_memory=True),
    direction=Direction.FORWARD,
)
