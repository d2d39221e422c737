"""Tensor names in published weights of AOT, DeAOT, MAVOS and RMem, with the names in our networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..checkpoints.loading import BOTTLENECK, Layer, Name, Names, Parameter, Unused, resnet_names
from ..layers.mobilenet import BLOCKS
from ..layers.propagation import WIDTH
from .recipe import Tensors

DEPTH = 3  # blocks of the L models
_MCA = {"key": 0, "value": 1, "id_value": 3}  # plane -> index in the authors' list


def _mobilenet_names() -> list[Layer]:
    layers = [Layer("encoder.stem", "encoder.features.0.0", "encoder.features.0.1", frozen=True)]
    for index, (expansion, *_) in enumerate(BLOCKS):
        theirs = f"encoder.features.{index + 1}.conv"
        parts = ["expand", "depthwise"] if expansion > 1 else ["depthwise"]
        layers += [
            Layer(f"encoder.blocks.{index}.{part}", f"{theirs}.{at}.0", f"{theirs}.{at}.1", frozen=True)
            for at, part in enumerate(parts)
        ]
        last = len(parts)
        layers.append(Layer(f"encoder.blocks.{index}.project", f"{theirs}.{last}", f"{theirs}.{last + 1}", frozen=True))
    head = f"encoder.features.{len(BLOCKS) + 1}"
    return [*layers, Layer("encoder.head", f"{head}.0", f"{head}.1", frozen=True)]


def _swin_names() -> list[Name]:
    names: list[Name] = [
        Layer("encoder.patch", "encoder.patch_embed.proj"),
        Layer("encoder.patch_norm", "encoder.patch_embed.norm"),
    ]
    for stage, depth in enumerate((2, 2, 18)):
        for block in range(depth):
            ours, theirs = f"encoder.stages.{stage}.{block}", f"encoder.layers.{stage}.blocks.{block}"
            names += [
                Layer(f"{ours}.norm", f"{theirs}.norm1"),
                Layer(f"{ours}.attention.mix", f"{theirs}.attn.qkv"),
                Layer(f"{ours}.attention.out", f"{theirs}.attn.proj"),
                Parameter(f"{ours}.attention.bias", f"{theirs}.attn.relative_position_bias_table"),
                Unused(f"{theirs}.attn.relative_position_index", (49, 49)),
                Layer(f"{ours}.norm_mlp", f"{theirs}.norm2"),
                Layer(f"{ours}.widen", f"{theirs}.mlp.fc1"),
                Layer(f"{ours}.narrow", f"{theirs}.mlp.fc2"),
            ]
        names.append(Layer(f"encoder.norms.{stage}", f"encoder.norm{stage}"))
        if stage < 2:
            merge = f"encoder.layers.{stage}.downsample"
            names.append(Layer(f"encoder.merges.{stage}.reduce", f"{merge}.reduction"))
            names.append(Layer(f"encoder.merges.{stage}.norm", f"{merge}.norm"))
    return names


_ENCODER_NAMES: dict[str, Callable[[], Sequence[Name]]] = {
    "r50": lambda: resnet_names(
        "encoder", "encoder", (("layer1", 3), ("layer2", 4), ("layer3", 6)), parts=BOTTLENECK, frozen=True
    ),
    "mbv2": _mobilenet_names,
    "swinb": _swin_names,
}


def _common_names(encoder: str) -> list[Name]:
    """List our and the published tensor names of the encoder, projector, identity bank and decoder."""
    names: list[Name] = [*_ENCODER_NAMES[encoder](), Layer("projector", "encoder_projector")]
    names.append(Layer("identities.embed", "patch_wise_id_bank"))
    for ours, theirs in (("enter", "conv_in"), ("at_16", "conv_16x"), ("at_8", "conv_8x"), ("at_4", "conv_4x")):
        names.append(Layer(f"decoder.{ours}.conv", f"decoder.{theirs}.conv"))
        names.append(Layer(f"decoder.{ours}.norm", f"decoder.{theirs}.gn"))
    names += [Layer(f"decoder.skip_{stride}", f"decoder.adapter_{stride}x") for stride in (16, 8, 4)]
    return [*names, Layer("decoder.logit", "decoder.conv_out")]


_AOT_BLOCK = {
    "norm_self": "norm1",
    "norm": "norm2",
    "norm_feed": "norm3",
    "query": "linear_Q",
    "value": "linear_V",
    "attention.query": "self_attn.linear_Q",
    "attention.key": "self_attn.linear_K",
    "attention.value": "self_attn.linear_V",
    "attention.out": "self_attn.projection",
    "long_out": "long_term_attn.projection",
    "short_out": "short_term_attn.projection",
    "feed.widen": "linear1",
    "feed.norm": "activation.gn",
    "feed.around": "activation.conv",
    "feed.narrow": "linear2",
}
_WINDOW = {"near_key": "short_term_attn.relative_emb_k"}
_SHORT_ENTRY = {"short_key": "linear_QMem", "short_value": "linear_VMem", "norm_short": "norm4"}
_DEAOT_BLOCK = {
    "norm": "norm1",
    "key_value": "linear_QV",
    "gate": "linear_U",
    "value_id": "linear_ID_V",
    "long.around": "long_term_attn.dw_conv.conv",
    "long.out": "long_term_attn.projection",
    "near_key": "short_term_attn.relative_emb_k",
    "short.around": "short_term_attn.dw_conv.conv",
    "short.out": "short_term_attn.projection",
    "norm_self": "norm2",
    "norm_self_id": "id_norm2",
    "own_key": "self_attn.linear_QK",
    "own_value": "self_attn.linear_V1",
    "own_value_id": "self_attn.linear_V2",
    "own_gate": "self_attn.linear_U1",
    "own_gate_id": "self_attn.linear_U2",
    "own.around": "self_attn.dw_conv.conv",
    "own.out": "self_attn.projection",
}
_LATER_BLOCK = {"norm_id": "id_norm1", "gate_id": "linear_ID_U"}
_FOLD = {
    "norm_new": "norm_l",
    "norm_old": "norm_c",
    "norm": "norm2",
    "query": "attn.q",
    "key": "attn.k",
    "out": "attn.proj",
    "context.split": "attn.f_context",
    "context.mix": "attn.h",
    "context.levels.0": "attn.focal_layers.0.0",
    "context.levels.1": "attn.focal_layers.1.0",
    "widen": "mlp.fc1",
    "narrow": "mlp.fc2",
}


def _renamed_layers(ours: str, theirs: str, table: dict[str, str]) -> list[Layer]:
    """List the layers of a block, given `table` from our to published names; `ours` and `theirs` are prefixes."""
    return [Layer(f"{ours}.{name}", f"{theirs}.{published}") for name, published in table.items()]


def aot_names(encoder: str, tensors: Tensors) -> Names:
    """List the tensor names of AOT."""
    names: list[Name] = [*_common_names(encoder), Unused("LSTT.mask_token", (1, 1, WIDTH))]
    for index in range(DEPTH):
        ours, theirs = f"blocks.{index}", f"LSTT.layers.{index}"
        names += _renamed_layers(ours, theirs, {**_AOT_BLOCK, **_WINDOW})
        names.append(Parameter(f"{ours}.near_value", f"{theirs}.short_term_attn.relative_emb_v"))
        names.append(Layer(f"finish.norms.{index}", f"LSTT.decoder_norms.{index}"))
    return names


def deaot_names(encoder: str, tensors: Tensors) -> Names:
    """List the tensor names of DeAOT."""
    names: list[Name] = [*_common_names(encoder), Layer("identities.norm", "id_norm")]
    for index in range(DEPTH):
        table = {**_DEAOT_BLOCK, **(_LATER_BLOCK if index else {})}
        names += _renamed_layers(f"blocks.{index}", f"LSTT.layers.{index}", table)
    return [*names, Layer("finish.norm", "LSTT.decoder_norms.0.gn")]


def mavos_names(encoder: str, tensors: Tensors) -> Names:
    """List the tensor names of MAVOS: DeAOT's and those of modulated cross-attention."""
    names = list(deaot_names(encoder, tensors))
    for index in range(DEPTH):
        for plane, position in _MCA.items():
            theirs = f"long_term_memory_attention.{index}.{position}.joint_modulation"
            names += _renamed_layers(f"modulation.{index}.{plane}", theirs, _FOLD)
    return names


_TEMPORAL = (Parameter("temporal.now", "cur_pos_emb"), Parameter("temporal.ages", "mem_pos_emb"))


def rmem_aot_names(encoder: str, tensors: Tensors) -> Names:
    """List the tensor names of RMem on AOT."""
    names: list[Name] = [*_common_names(encoder), *_TEMPORAL]
    for index in range(DEPTH):
        ours, theirs = f"blocks.{index}", f"LSTT.layers.{index}"
        names += _renamed_layers(ours, theirs, {**_AOT_BLOCK, **_SHORT_ENTRY})
        names.append(Unused(f"{theirs}.linear_KMem.weight", (WIDTH, WIDTH)))
        names.append(Unused(f"{theirs}.linear_KMem.bias", (WIDTH,)))
        names.append(Layer(f"finish.norms.{index}", f"LSTT.decoder_norms.{index}"))
    return names


def rmem_deaot_names(encoder: str, tensors: Tensors) -> Names:
    """List the tensor names of RMem on DeAOT."""
    return [*deaot_names(encoder, tensors), *_TEMPORAL]
