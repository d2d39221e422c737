"""Trained weights put on the whole numbers that processors compute in, so that what layers give changes least."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checkpoints.loading import metadata, read, write
from ..layers.convolution import Conv
from ..layers.quantised import top_of
from ..networks.keymatte import Keymatte
from .assets import Assets
from .films import compose

_PICTURES, _SIZE, _SEED = 12, 320, 31  # composed ones, whose side is so many pixels, by which is judged
_DAMPING = 0.01  # of the mean variance: inputs that hardly vary cannot take over all errors
_TRIES = 8  # to find a scale by which the greatest code is the greatest there is


def round_file(source: Path, target: Path, prepared: Path) -> None:
    """Trained weights in the file `source` -> rounded ones in `target`, judged by pictures composed of `prepared`."""
    network = Keymatte()
    network.load_state_dict(read(source))
    assets, rng = Assets(prepared, held_out=False), np.random.default_rng(_SEED)
    pictures = [compose(assets, rng, frames=1, size=_SIZE).images for _ in range(_PICTURES)]
    round_weights(network, [torch.from_numpy(picture).permute(0, 3, 1, 2).float() / 255 for picture in pictures])
    write(target, network.state_dict(), {**metadata(source), "rounded": "int8"})


@torch.no_grad()
def round_weights(network: Keymatte, images: Sequence[Tensor]) -> int:
    """Round the weights of all that encodes a picture, in place; how many layers. The images are (1, 3, H, W) 0..1.

    One weight after another, the error of each spread over those that come after, by how their inputs vary together on
    `images` (GPTQ, Frantar et al., ICLR 2023); the bias takes what is left of the mean. Each layer sees what the
    rounded ones before it give. Rounding to the nearest changes keys about two and a half times as much.
    """
    network.eval().requires_grad_(False)
    network.quantise()
    layers = [part for part in network.modules() if isinstance(part, Conv) and part.quantised]
    for layer in layers:
        layer.quantised = False
    return sum(_round_one(network, layer, images) for layer in layers)


def _round_one(network: Keymatte, layer: Conv, images: Sequence[Tensor]) -> bool:
    weight = layer.weight.double().unflatten(0, (layer.groups, -1)).flatten(2)  # (G, R, K)
    total, mean, count = torch.zeros(1), torch.zeros(1), 0

    def look(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        nonlocal total, mean, count
        seen = functional.unfold(layer.padded(given[0]), layer.kernel_size, layer.dilation, 0, layer.stride)
        seen = seen[0].unflatten(0, (layer.groups, -1)).double()  # (G, K, L)
        total, mean, count = total + seen @ seen.transpose(1, 2), mean + seen.sum(2), count + seen.shape[2]

    with layer.register_forward_pre_hook(look):
        for image in images:
            network.encode(image)
    if not count:  # it is no part of encoding
        return False
    mean = mean / count
    varies = total / count - mean[:, :, None] * mean[:, None]
    rounded = _rounded(weight, varies, top_of(layer.weight, layer.groups))
    layer.bias += ((weight - rounded) * mean[:, None]).sum(2).flatten().float()
    layer.weight.copy_(rounded.view_as(layer.weight))
    return True


def _rounded(weight: Tensor, varies: Tensor, top: int) -> Tensor:
    """(G, R, K) weights of inputs with covariance (G, K, K) -> whole multiples of each row's greatest / `top`."""
    important = varies.diagonal(dim1=1, dim2=2)
    order = important.argsort(1, descending=True)
    back = order.argsort(1)
    varies = varies + torch.diag_embed(_DAMPING * important.mean(1, keepdim=True).expand_as(important) + 1e-9)
    varies = varies.take_along_dim(order[:, :, None], 1).take_along_dim(order[:, None], 2)
    spread = torch.linalg.cholesky(torch.linalg.inv(varies), upper=True)
    weight = weight.take_along_dim(order[:, None], 2)
    nearest = scale = (weight.abs().amax(2, keepdim=True) / top).clamp_min(1e-12)
    for _ in range(_TRIES):
        codes = _compensated(weight / scale, spread, top)
        most = codes.abs().amax(2, keepdim=True)
        if bool((most == top).all()):
            break
        scale = torch.where(most < top, scale * most.clamp_min(1) / top, scale)
    else:
        codes = torch.where(most < top, (weight / nearest).round(), codes)
        scale = torch.where(most < top, nearest, scale)
    return (codes * scale).take_along_dim(back[:, None], 2)


def _compensated(weight: Tensor, spread: Tensor, top: int) -> Tensor:
    """(G, R, K) in steps -> whole numbers, each one's error made up for by those after it."""
    weight, codes = weight.clone(), torch.empty_like(weight)
    for k in range(weight.shape[2]):
        codes[:, :, k] = weight[:, :, k].round().clamp(-top, top)
        error = (weight[:, :, k] - codes[:, :, k]) / spread[:, k, k, None]
        weight[:, :, k + 1 :] -= error[:, :, None] * spread[:, k, None, k + 1 :]
    return codes
