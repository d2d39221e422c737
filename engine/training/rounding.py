"""Rounding of trained weights to 8-bit integers such that layer outputs change least (GPTQ)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checkpoints.loading import metadata, read, write
from ..layers.convolution import Conv
from ..layers.quantised import max_code
from ..networks.keymatte import Keymatte
from .assets import Assets
from .films import compose

_PICTURES, _SIZE, _SEED = 12, 320, 31  # calibration pictures: number, side in pixels, and seed
_DAMPING = 0.01  # relative to the mean variance: keeps errors from accumulating on inputs that hardly vary
_MAX_TRIES = 8  # to find a scale at which the largest code of each row is the largest possible one


def round_file(source: Path, target: Path, prepared: Path) -> None:
    """Read weights from `source`, round those of the image encoding layers to 8 bits, and write all to `target`.

    The rounding minimises errors on training pictures, which are composed from the assets in the folder `prepared`.
    """
    network = Keymatte()
    network.load_state_dict(read(source))
    assets, rng = Assets(prepared, held_out=False), np.random.default_rng(_SEED)
    pictures = [compose(assets, rng, frames=1, size=_SIZE).images for _ in range(_PICTURES)]
    round_weights(network, [torch.from_numpy(picture).permute(0, 3, 1, 2).float() / 255 for picture in pictures])
    write(target, network.state_dict(), {**metadata(source), "rounded": "int8"})


@torch.no_grad()
def round_weights(network: Keymatte, images: Sequence[Tensor]) -> int:
    """Round the weights of the image encoding layers to 8 bits, in place, and return the number of these layers.

    The method is GPTQ (Frantar et al., ICLR 2023, section 3). The weights of a layer are rounded one after another, and
    the weights that are still to be rounded compensate each error, according to the covariance of the layer's inputs
    on `images`, each (1, 3, H, W) 0..1. The bias compensates the mean error that remains. The inputs of a layer are the
    outputs of layers that are already rounded. Rounding to nearest would change the keys of memory attention
    about 2.5 times as much.
    """
    network.eval().requires_grad_(False)
    network.quantise()
    layers = [part for part in network.modules() if isinstance(part, Conv) and part.quantised]
    for layer in layers:
        layer.quantised = False
    return sum(_round_one(network, layer, images) for layer in layers)


def _round_one(network: Keymatte, layer: Conv, images: Sequence[Tensor]) -> bool:
    """Round the weights of one layer in place; return False if the network does not use the layer to encode images."""
    weight = layer.weight.double().unflatten(0, (layer.groups, -1)).flatten(2)  # (G, R, K)
    total, mean, count = torch.zeros(1), torch.zeros(1), 0

    def accumulate(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal total, mean, count
        columns = functional.unfold(layer.pad(inputs[0]), layer.kernel_size, layer.dilation, 0, layer.stride)
        columns = columns[0].unflatten(0, (layer.groups, -1)).double()  # (G, K, L)
        total, mean, count = total + columns @ columns.transpose(1, 2), mean + columns.sum(2), count + columns.shape[2]

    with layer.register_forward_pre_hook(accumulate):
        for image in images:
            network.encode(image)
    if not count:
        return False
    mean = mean / count
    covariance = total / count - mean[:, :, None] * mean[:, None]
    rounded = _round_rows(weight, covariance, max_code(layer.weight, layer.groups))
    layer.bias += ((weight - rounded) * mean[:, None]).sum(2).flatten().float()
    layer.weight.copy_(rounded.view_as(layer.weight))
    return True


def _round_rows(weight: Tensor, covariance: Tensor, top: int) -> Tensor:
    """Round each row of weights (G, R, K) to multiples of its own step, from -`top` to `top` steps.

    `covariance` (G, K, K) is that of the layer's inputs.
    """
    variance = covariance.diagonal(dim1=1, dim2=2)
    order = variance.argsort(1, descending=True)
    back = order.argsort(1)
    covariance = covariance + torch.diag_embed(_DAMPING * variance.mean(1, keepdim=True).expand_as(variance) + 1e-9)
    covariance = covariance.take_along_dim(order[:, :, None], 1).take_along_dim(order[:, None], 2)
    factor = torch.linalg.cholesky(torch.linalg.inv(covariance), upper=True)
    weight = weight.take_along_dim(order[:, None], 2)
    nearest = scale = (weight.abs().amax(2, keepdim=True) / top).clamp_min(1e-12)
    for _ in range(_MAX_TRIES):
        codes = _round_with_compensation(weight / scale, factor, top)
        max_code = codes.abs().amax(2, keepdim=True)
        if bool((max_code == top).all()):
            break
        scale = torch.where(max_code < top, scale * max_code.clamp_min(1) / top, scale)
    else:
        codes = torch.where(max_code < top, (weight / nearest).round(), codes)
        scale = torch.where(max_code < top, nearest, scale)
    return (codes * scale).take_along_dim(back[:, None], 2)


def _round_with_compensation(weight: Tensor, factor: Tensor, top: int) -> Tensor:
    """Round weights (G, R, K) to integers column by column; the later columns compensate each column's errors.

    The weights are in units of their step. `factor` (G, K, K) is the upper Cholesky factor of the inverse covariance.
    """
    weight, codes = weight.clone(), torch.empty_like(weight)
    for k in range(weight.shape[2]):
        codes[:, :, k] = weight[:, :, k].round().clamp(-top, top)
        error = (weight[:, :, k] - codes[:, :, k]) / factor[:, k, k, None]
        weight[:, :, k + 1 :] -= error[:, :, None] * factor[:, k, None, k + 1 :]
    return codes
