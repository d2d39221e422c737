"""Recipes of AOT, DeAOT, RMem and MAVOS, and of MAVOS with permanent keyframes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from ..checkpoints.loading import Names
from ..inference.framing import FramingStyle
from ..inference.mask_merging import HardMaskMerger
from ..inference.sweeps import KeyframePolicy
from ..layers.backbones import PyramidEncoder
from ..layers.identities import IdentityBank
from ..layers.mobilenet import MobileNetV2
from ..layers.modulation import ModulatedCrossAttention
from ..layers.propagation import WIDTH, AotBlock, DeaotBlock, RestrictedAotBlock
from ..layers.resnet import resnet50
from ..layers.swin import SwinBase
from ..memory.bank import MemoryBank
from ..memory.folded import First
from ..memory.restricted import Restricted
from ..networks.aot import Aot, AotDecoderInput, DeaotDecoderInput, Mavos, TemporalSlots
from ..networks.network import Network
from ..shared.types import Direction
from . import aot_names
from .aot_names import DEPTH
from .memories import CASCADES, folded_store, unbounded_store
from .options import INTERVAL, LATTER
from .recipe import Recipe, Tensors
from .settings import Numbers

_PLANES = ("key", "value", "id_value")

ENCODERS: dict[str, Callable[[], PyramidEncoder]] = {"r50": resnet50, "mbv2": MobileNetV2, "swinb": SwinBase}


# -- networks ----------------------------------------------------------------------------------------------------------
def _identities(encoder: str, *, normed: bool, ignores: bool = False) -> IdentityBank:
    return IdentityBank(WIDTH, centred=encoder != "swinb", normed=normed, ignores=ignores)


def _aot(encoder: str, numbers: Numbers, tensors: Tensors) -> Aot:
    return Aot(
        ENCODERS[encoder](),
        [AotBlock() for _ in range(DEPTH)],
        AotDecoderInput(DEPTH),
        _identities(encoder, normed=False),
        align_corners=encoder != "swinb",
    )


def _deaot(encoder: str, numbers: Numbers, tensors: Tensors) -> Aot:
    return Aot(*_deaot_parts(encoder), align_corners=encoder != "swinb")


def _deaot_parts(encoder: str) -> tuple[PyramidEncoder, list[DeaotBlock], DeaotDecoderInput, IdentityBank]:
    return (
        ENCODERS[encoder](),
        [DeaotBlock(first=index == 0) for index in range(DEPTH)],
        DeaotDecoderInput(),
        _identities(encoder, normed=True),
    )


def _mavos(encoder: str, numbers: Numbers, tensors: Tensors) -> Mavos:
    widths = (DeaotBlock.key_width, DeaotBlock.value_width, DeaotBlock.value_width)
    folds = (
        {plane: ModulatedCrossAttention(width) for plane, width in zip(_PLANES, widths, strict=True)}
        for _ in range(DEPTH)
    )
    modulation = nn.ModuleList(nn.ModuleDict(planes) for planes in folds)
    return Mavos(*_deaot_parts(encoder), align_corners=encoder != "swinb", modulation=modulation)


def _rmem_aot(encoder: str, numbers: Numbers, tensors: Tensors) -> Aot:
    return Aot(
        ENCODERS[encoder](),
        [RestrictedAotBlock() for _ in range(DEPTH)],
        AotDecoderInput(DEPTH),
        _identities(encoder, normed=False, ignores=True),
        align_corners=encoder != "swinb",
        temporal=TemporalSlots(WIDTH),
    )


def _rmem_deaot(encoder: str, numbers: Numbers, tensors: Tensors) -> Aot:
    return Aot(
        ENCODERS[encoder](),
        [DeaotBlock(first=index == 0) for index in range(DEPTH)],
        DeaotDecoderInput(),
        _identities(encoder, normed=True, ignores=True),
        align_corners=encoder != "swinb",
        temporal=TemporalSlots(DeaotBlock.key_width),
    )


# -- memories ----------------------------------------------------------------------------------------------------------
def _unbounded_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    return MemoryBank([unbounded_store()], interval=numbers[INTERVAL.name])


def _folded_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    return MemoryBank([First(), folded_store(network)], interval=numbers[INTERVAL.name])


def _restricted_bank(numbers: Numbers, network: Network, frames: int, *, patient: bool) -> MemoryBank:
    interval = numbers[INTERVAL.name] or max(5, round(frames / 30))
    return MemoryBank([Restricted(1 + numbers[LATTER.name], patient=patient)], interval=interval)


# -- recipes -----------------------------------------------------------------------------------------------------------
_CODE = "own code GPL-3.0-or-later; the weights' own licence is not stated, their code is"
_ADDED_WHEN_REACHED = KeyframePolicy(permanent=False, shared_memory=True)
_ENCODER_NAMES = {"r50": "ResNet-50", "mbv2": "MobileNetV2", "swinb": "Swin-B"}


def _recipe(
    name: str,
    encoder: str,
    summary: str,
    licence: str,
    *,
    network: Callable[[str, Numbers, Tensors], Network],
    names: Callable[[str, Tensors], Names],
    bank: Callable[[Numbers, Network, int], MemoryBank],
    keyframe_policy: KeyframePolicy = _ADDED_WHEN_REACHED,
    direction: Direction = Direction.FORWARD,
    every_identity: bool = False,
    skips: bool = False,
) -> Recipe:
    """Make a recipe of the AOT family, with what all of them share."""
    centred = encoder != "swinb"
    return Recipe(
        name=name,
        summary=f"{summary}; {_ENCODER_NAMES[encoder]} encoder",
        licence=f"{_CODE} {licence}",
        build=partial(network, encoder),
        bank=bank,
        names=partial(names, encoder),
        shares_entries=True,
        framing=FramingStyle(smooth=False, fitted=16, centred=centred),
        mask_merger=partial(HardMaskMerger, align_corners=centred, every_identity=every_identity),
        keyframe_policy=keyframe_policy,
        direction=direction,
        skips=skips,
    )


def _recipe_name(name: str, encoder: str) -> str:
    return name if encoder == "r50" else f"{name}-{encoder}"


_AOT_L = [
    _recipe(
        _recipe_name("aot-l", encoder), encoder, "AOT-L (NeurIPS 2021): every 5th frame remembered", "BSD-3-Clause",
        network=_aot, names=aot_names.aot_names, bank=_unbounded_bank,
    )
    for encoder in ENCODERS
]  # fmt: skip
_DEAOT_L = [
    _recipe(
        _recipe_name("deaot-l", encoder), encoder, "DeAOT-L (NeurIPS 2022): every 5th frame remembered", "BSD-3-Clause",
        network=_deaot, names=aot_names.deaot_names, bank=_unbounded_bank,
    )
    for encoder in ENCODERS
]  # fmt: skip
_MAVOS = [
    _recipe(
        "mavos" if encoder == "mbv2" else f"mavos-{encoder}", encoder,
        "MAVOS (2024): the reference frame, and one frame into which later ones are folded", "BSD-3-Clause",
        network=_mavos, names=aot_names.mavos_names, bank=_folded_bank,
    )
    for encoder in ("mbv2", "r50", "swinb")
]  # fmt: skip
_MAVOS_PLUS_PLUS = [
    _recipe(
        "mavos++" if encoder == "mbv2" else f"mavos++-{encoder}", encoder,
        "MAVOS with permanent keyframes in addition to the folded frame", "BSD-3-Clause",
        network=_mavos, names=aot_names.mavos_names, bank=CASCADES["folded"].bank,
        keyframe_policy=KeyframePolicy(), direction=Direction.BOTH, skips=True,
    )
    for encoder in ("mbv2", "r50", "swinb")
]  # fmt: skip
_RMEM = [
    _recipe(
        "aot-l+rmem", "r50", "RMem (CVPR 2024) on AOT-L: a few frames, chosen by relevance and freshness", "MIT",
        network=_rmem_aot, names=aot_names.rmem_aot_names, bank=partial(_restricted_bank, patient=True),
        every_identity=True,
    ),
    _recipe(
        "deaot-l+rmem", "r50", "RMem (CVPR 2024) on DeAOT-L: a few frames, chosen by relevance and freshness", "MIT",
        network=_rmem_deaot, names=aot_names.rmem_deaot_names, bank=partial(_restricted_bank, patient=False),
        every_identity=True,
    ),
]  # fmt: skip

ALL = (*_MAVOS_PLUS_PLUS, *_MAVOS, *_DEAOT_L, *_AOT_L, *_RMEM)
