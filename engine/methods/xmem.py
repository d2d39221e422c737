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
from .memories import long_term_store, unbounded_store
from .options import DEEP, INTERVAL, KEY, LONG, MAX_FRAMES, MIN_FRAMES, SENSORY, TOP_K, VALUE
from .recipe import Recipe, Tensors
from .settings import Numbers


def _xmem_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    stores: list[Store] = [unbounded_store()]
    if numbers[LONG.name]:
        stores = [
            FirstAndWorking(numbers[MIN_FRAMES.name], numbers[MAX_FRAMES.name]),
            long_term_store(numbers, network),
        ]
    return MemoryBank(stores, interval=numbers[INTERVAL.name])


def _xmem_plus_plus_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    stores: list[Store] = [Permanent(), unbounded_store()]
    if numbers[LONG.name]:
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
    for option, size in ((KEY, sizes.key), (VALUE, sizes.value), (SENSORY, sizes.sensory)):
        if numbers[option.name] not in (0, size):
            raise WeightsDamaged(
                f"{option.name} is set to {numbers[option.name]}, but the weights have {size}",
                remedy="Leave it at 0, or choose other weights.",
            )
    return XMem(sizes, top_k=numbers[TOP_K.name], deep_update=numbers[DEEP.name])


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
    names=_xmem_names,
    convert_weights=_add_other_objects_channel,
    framing=_XMEM_FRAMING,
    keyframe_policy=KeyframePolicy(shared_memory=True, before_first=True),
    direction=Direction.FORWARD,
    unlabelled="absent",
    skips=True,
)

XMEM = Recipe(
    name="xmem",
    summary="XMem (ECCV 2022): working, long-term and sensory memory; keyframes are added when reached",
    licence="own code GPL-3.0-or-later; weights XMem's: code MIT, the weights' own licence is not stated",
    build=_xmem,
    bank=_xmem_bank,
    names=_xmem_names,
    convert_weights=_add_other_objects_channel,
    framing=_XMEM_FRAMING,
    keyframe_policy=KeyframePolicy(permanent=False, shared_memory=True),
    direction=Direction.FORWARD,
)
