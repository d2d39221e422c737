"""Recipes of QDMN (ECCV 2022): `qdmn`, and `qdmn++` with permanent keyframes."""

from __future__ import annotations

from ..checkpoints.loading import BOTTLENECK, Layer, resnet_names
from ..inference.framing import FramingStyle
from ..inference.sweeps import KeyframePolicy
from ..memory.bank import MemoryBank
from ..memory.quality_gated import QualityGated
from ..memory.stores import Permanent
from ..networks.network import IMAGENET_MEAN, Network
from ..networks.qdmn import Qdmn
from ..shared.types import Direction
from .options import (
    INTERVAL,
    KERNEL,
    KERNEL_SIGMA,
    MAX_WRITTEN,
    MIN_SCORE,
    PUBLISHED_SLOTS,
    TOP_K,
    YOUTUBE,
)
from .recipe import Recipe, Tensors
from .settings import Numbers

_KERNEL_SIGMA = 5.6  # cells, of the authors' program
_DECODER_BLOCKS = {"up_8": "up_16_8", "up_4": "up_8_4"}  # our name -> published name
_CONVS = {"first": "conv1", "second": "conv2"}  # of a residual block
_NAMES = (
    *resnet_names(
        "encoder", "rgb_encoder", (("res2", 3), ("layer2", 4), ("layer3", 6)), parts=BOTTLENECK, biased=True
    ),
    *resnet_names(
        "memory_encoder", "mask_rgb_encoder", (("layer1", 3), ("layer2", 4), ("layer3", 6)), parts=BOTTLENECK,
        biased=True,
    ),
    Layer("gate", "concat_conv"),
    Layer("query_key", "kv_q_f16.key_proj"),
    Layer("query_value", "kv_q_f16.val_proj"),
    Layer("memory_key", "kv_m_f16.key_proj"),
    Layer("memory_value", "kv_m_f16.val_proj"),
    *(Layer(f"quality.convs.{number - 1}", f"score.conv{number}") for number in range(1, 5)),
    Layer("quality.hidden", "score.fc1"),
    Layer("quality.score", "score.fc2"),
    *(
        Layer(f"context.branches.{number - 1}", f"aspp.aspp{number}.atrous_conv", f"aspp.aspp{number}.bn")
        for number in range(1, 5)
    ),
    Layer("context.mean", "aspp.global_avg_pool.1", "aspp.global_avg_pool.2"),
    Layer("context.merge", "aspp.conv1", "aspp.bn1"),
    *(Layer(f"compress.{ours}", f"decoder.compress.{theirs}") for ours, theirs in _CONVS.items()),
    Layer("compress.skip", "decoder.compress.downsample"),
    *(Layer(f"decoder.{ours}.skip", f"decoder.{theirs}.skip_conv1") for ours, theirs in _DECODER_BLOCKS.items()),
    *(
        Layer(f"decoder.{block}.{our_part}.{ours}", f"decoder.{published}.{their_part}.{theirs}")
        for block, published in _DECODER_BLOCKS.items()
        for our_part, their_part in (("refine", "skip_conv2"), ("mix", "out_conv"))
        for ours, theirs in _CONVS.items()
    ),
    Layer("decoder.up_8.mix.skip", "decoder.up_16_8.out_conv.downsample"),
    Layer("decoder.logit", "decoder.pred"),
)  # fmt: skip


def _qdmn(numbers: Numbers, tensors: Tensors) -> Qdmn:
    sigma = numbers[KERNEL_SIGMA.name] / KERNEL_SIGMA.scale or (_KERNEL_SIGMA if numbers[KERNEL.name] else 0.0)
    return Qdmn(top_k=numbers[TOP_K.name], kernel=sigma, youtube=bool(numbers[YOUTUBE.name]))


def _store(numbers: Numbers) -> QualityGated:
    return QualityGated(
        numbers[MAX_WRITTEN.name],
        interval=numbers[INTERVAL.name],
        min_quality=numbers[MIN_SCORE.name] / MIN_SCORE.scale,
        restarts=bool(numbers[YOUTUBE.name]),
        published_slots=bool(numbers.get(PUBLISHED_SLOTS.name)),
    )


def _qdmn_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    return MemoryBank([_store(numbers)], interval=1)  # the store counts the interval: it is offered every frame


def _qdmn_plus_plus_bank(numbers: Numbers, network: Network, frames: int) -> MemoryBank:
    return MemoryBank([Permanent(), _store(numbers)], interval=1)


_LICENCE = "own code GPL-3.0-or-later; for QDMN's code and weights their authors state no licence"
_FRAMING = FramingStyle(smooth=False, bicubic=True, truncate=True, border=IMAGENET_MEAN)

QDMN_PLUS_PLUS = Recipe(
    name="qdmn++",
    summary="QDMN with permanent keyframes in addition to the frames that the network scores as good",
    licence=_LICENCE,
    build=_qdmn,
    bank=_qdmn_plus_plus_bank,
    names=lambda tensors: _NAMES,
    framing=_FRAMING,
    keyframe_policy=KeyframePolicy(shared_memory=True),
    skips=True,
)

QDMN = Recipe(
    name="qdmn",
    summary="QDMN (ECCV 2022): a few frames that the network scores as good; keyframes are added when reached",
    licence=_LICENCE,
    build=_qdmn,
    bank=_qdmn_bank,
    names=lambda tensors: _NAMES,
    framing=_FRAMING,
    keyframe_policy=KeyframePolicy(permanent=False, shared_memory=True),
    direction=Direction.FORWARD,
)

ALL = (QDMN_PLUS_PLUS, QDMN)
