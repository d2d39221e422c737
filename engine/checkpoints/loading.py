"""Reading weights files, renaming their tensors, and loading them strictly into networks.

A missing or extra tensor, or one of the wrong shape, raises an error that names it. `XMEM` lists the tensor names of
the official XMem weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..shared.catalogue import expect_file
from ..shared.errors import WeightsDamaged
from ..shared.files import atomic_write
from .torch_files import read_torch_file

BUNDLED = Path(__file__).parents[1] / "weights"
_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_EPSILON = 1e-5  # epsilon of PyTorch's batch norm
_CHOOSE_ANOTHER = "Choose weights made for this recipe."

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Layer:
    """Layer with a weight and maybe a bias: its name in our network and in published weights.

    `norm` is the published name of the batch norm to fold into the layer; empty if there is none.
    """

    ours: str
    theirs: str
    norm: str = ""
    frozen: bool = False  # frozen batch norm, without `num_batches_tracked`
    biased: bool = False  # the published layer has a bias before the batch norm too


@dataclass(frozen=True)
class Parameter:
    """Single tensor: its name in our network and in published weights."""

    ours: str
    theirs: str


@dataclass(frozen=True)
class Unused:
    """Tensor that published weights must contain but our network does not use."""

    theirs: str
    shape: tuple[int, ...]


Name = Layer | Parameter | Unused
Names = Sequence[Name]


def read(path: Path) -> Tensors:
    """Read all tensors of a safetensors or PyTorch file. Raises WeightsMissing, WeightsDamaged, WeightsUnsafe."""
    expect_file(path)
    if path.suffix != ".safetensors":
        return read_torch_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsDamaged(f"{path} is not a complete safetensors file ({error})") from error


def metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, such as provenance, licence and score. Raises WeightsDamaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsDamaged(f"{path} is not a complete safetensors file ({error})") from error


def write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write tensors to a safetensors file in half precision, with the metadata `about`.

    `fill` converts them back to the dtype of the network.
    """
    half_precision = {name: tensor.half().contiguous().cpu() for name, tensor in tensors.items()}
    with atomic_write(path) as part:
        part.write_bytes(save(half_precision, metadata=dict(about)))  # save_file refuses paths that are not UTF-8


def fill(network: nn.Module, tensors: Mapping[str, Tensor], *, source: Path, names: Names = ()) -> None:
    """Load `tensors` into `network`, which must have exactly the same names and shapes; all values must be finite.

    If `names` are given and the tensors have published names, they are renamed first. `source` is the file to name in
    error messages. Raises WeightsDamaged.
    """
    expected = network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    published = bool(names) and not expected.keys() & tensors.keys()
    _check(tensors, _published_shapes(names, shapes) if published else shapes, source)
    state = _converted(names, tensors) if published else tensors
    if published:
        _check(state, shapes, source)  # folding a batch norm of negative variance gives NaN
    network.load_state_dict({name: tensor.to(expected[name].dtype) for name, tensor in state.items()})


def load(network: nn.Module, path: Path) -> None:
    """Load the weights file at `path` into `network`. Raises WeightsMissing, WeightsDamaged, WeightsUnsafe."""
    fill(network, read(path), source=path)


def _check(tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], source: Path) -> None:
    """Raise WeightsDamaged unless `tensors` have exactly the names and shapes in `shapes`, and finite values."""
    missing, extra = sorted(shapes.keys() - tensors.keys()), sorted(tensors.keys() - shapes.keys())
    if missing or extra:
        difference = f"lacks {missing[0]!r}" if missing else f"has the unknown tensor {extra[0]!r}"
        raise WeightsDamaged(
            f"{source} does not fit this network: it {difference} ({len(missing)} missing, {len(extra)} unknown)",
            remedy=_CHOOSE_ANOTHER,
        )
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != shapes[name]:
            raise WeightsDamaged(
                f"{source}: {name!r} is {tuple(tensor.shape)}, but this network needs {shapes[name]}",
                remedy=_CHOOSE_ANOTHER,
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise WeightsDamaged(f"{source}: {name!r} contains values that are not finite")


def _published_shapes(names: Names, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor under its published name, given the shapes under our names."""
    published: dict[str, tuple[int, ...]] = {}
    for name in names:
        match name:
            case Layer(ours=ours, theirs=theirs, norm=norm, frozen=frozen, biased=biased):
                published[f"{theirs}.weight"] = shapes[f"{ours}.weight"]
                bias = shapes.get(f"{ours}.bias")
                if norm:
                    assert bias is not None, "a layer has a bias once batch norm is folded in"
                    leaves = _NORM[:-1] if frozen else _NORM
                    published.update({f"{norm}.{leaf}": () if leaf == _NORM[-1] else bias for leaf in leaves})
                if bias is not None and (biased or not norm):
                    published[f"{theirs}.bias"] = bias
            case Parameter(ours=ours, theirs=theirs):
                published[theirs] = shapes[ours]
            case Unused(theirs=theirs, shape=shape):
                published[theirs] = shape
    return published


def _converted(names: Names, tensors: Mapping[str, Tensor]) -> Tensors:
    """Rename published tensors to our names, and fold each batch norm into the layer before it, in float64.

    w' = w g / sqrt(v + eps), bias = b + (c - m) g / sqrt(v + eps), with gain g, shift b, mean m, variance v and the
    layer's own bias c, if it has one.
    """
    state: Tensors = {}
    for name in names:
        if isinstance(name, Parameter):
            state[name.ours] = tensors[name.theirs]
        if not isinstance(name, Layer):
            continue
        weight, bias = tensors[f"{name.theirs}.weight"], tensors.get(f"{name.theirs}.bias")
        if name.norm:
            gain, shift, mean, variance = (tensors[f"{name.norm}.{leaf}"].double() for leaf in _NORM[:4])
            gain = gain / torch.sqrt(variance + _EPSILON)
            weight = (weight.double() * gain.reshape(-1, *(1,) * (weight.ndim - 1))).float()
            bias = (shift + ((bias.double() if bias is not None else 0) - mean) * gain).float()
        state[f"{name.ours}.weight"] = weight
        if bias is not None:
            state[f"{name.ours}.bias"] = bias
    return state


# -- ResNet ------------------------------------------------------------------------------------------------------------
def resnet_names(
    ours: str,
    theirs: str,
    stages: Sequence[tuple[str, int]],
    *,
    parts: Sequence[str],
    frozen: bool = False,
    biased: bool = False,
) -> list[Layer]:
    """List the layers of a ResNet under our and their published names; `ours` and `theirs` are the name prefixes.

    `stages` holds the published name and number of blocks of each stage; `parts` holds our names of the convolutions in
    a block, whose published names are conv1, conv2, ... (batch norms bn1, bn2, ...).
    """
    layers = [Layer(f"{ours}.stem", f"{theirs}.conv1", f"{theirs}.bn1", frozen, biased)]
    for index, (stage, count) in enumerate(stages):
        for block in range(count):
            our_block, published_block = f"{ours}.stages.{index}.{block}", f"{theirs}.{stage}.{block}"
            layers += [
                Layer(
                    f"{our_block}.{part}",
                    f"{published_block}.conv{number}",
                    f"{published_block}.bn{number}",
                    frozen,
                    biased,
                )
                for number, part in enumerate(parts, 1)
            ]
            if block == 0 and (index > 0 or len(parts) == 3):  # a basic block's first stage has no shortcut convolution
                layers.append(
                    Layer(
                        f"{our_block}.shortcut",
                        f"{published_block}.downsample.0",
                        f"{published_block}.downsample.1",
                        frozen,
                        biased,
                    )
                )
    return layers


BOTTLENECK, BASIC = ("reduce", "middle", "expand"), ("first", "second")


# -- XMem and XMem++ ---------------------------------------------------------------------------------------------------
def _fusion(ours: str, theirs: str) -> list[Layer]:
    """List the layers of XMem's feature fusion block under our and their published names."""
    return [
        Layer(f"{ours}.first", f"{theirs}.block1.conv1"),
        Layer(f"{ours}.second", f"{theirs}.block1.conv2"),
        Layer(f"{ours}.skip", f"{theirs}.block1.downsample"),
        Layer(f"{ours}.gate.squeeze", f"{theirs}.attention.ChannelGate.mlp.1"),
        Layer(f"{ours}.gate.excite", f"{theirs}.attention.ChannelGate.mlp.3"),
        Layer(f"{ours}.gate.place", f"{theirs}.attention.SpatialGate.spatial.conv"),
        Layer(f"{ours}.mix.first", f"{theirs}.block2.conv1"),
        Layer(f"{ours}.mix.second", f"{theirs}.block2.conv2"),
    ]


XMEM_SENSORY = (
    Layer("values.refresh.transform", "value_encoder.hidden_reinforce.transform"),
    Layer("sense.from_16", "decoder.hidden_update.g16_conv"),
    Layer("sense.from_8", "decoder.hidden_update.g8_conv"),
    Layer("sense.from_4", "decoder.hidden_update.g4_conv"),
    Layer("sense.update.transform", "decoder.hidden_update.transform"),
)
XMEM = (
    *resnet_names("encoder", "key_encoder", (("res2", 3), ("layer2", 4), ("layer3", 6)), parts=BOTTLENECK),
    Layer("key", "key_proj.key_proj"),
    Layer("shrinkage", "key_proj.d_proj"),
    Layer("selection", "key_proj.e_proj"),
    *resnet_names("values.encoder", "value_encoder", (("layer1", 2), ("layer2", 2), ("layer3", 2)), parts=BASIC),
    *_fusion("values.fuse", "value_encoder.fuser"),
    *_fusion("fuse", "decoder.fuser"),
    Layer("decoder.up_8.skip", "decoder.up_16_8.skip_conv"),
    Layer("decoder.up_8.mix.first", "decoder.up_16_8.out_conv.conv1"),
    Layer("decoder.up_8.mix.second", "decoder.up_16_8.out_conv.conv2"),
    Layer("decoder.up_8.mix.skip", "decoder.up_16_8.out_conv.downsample"),
    Layer("decoder.up_4.skip", "decoder.up_8_4.skip_conv"),
    Layer("decoder.up_4.mix.first", "decoder.up_8_4.out_conv.conv1"),
    Layer("decoder.up_4.mix.second", "decoder.up_8_4.out_conv.conv2"),
    Layer("decoder.logit", "decoder.pred"),
)
