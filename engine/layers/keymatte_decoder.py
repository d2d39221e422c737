"""Per-object parts of the Keymatte network: value encoder, mask decoder, quality head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..runtime.threads import map_shared, use_all_threads
from .convolution import Conv
from .fusion import ResidualBlock
from .windows import Window

Result = TypeVar("Result")

VALUE = 128  # channels of values
CONTEXT = 160  # channels of the stride-16 features shared by value encoder and decoder
_EDGE = 32  # channels of the edge refiner
_FROM_2_TO_4, _FROM_2_TO_8 = 2, 4  # pixel-unshuffle factors from stride 2 to strides 4 and 8
_QUALITY = 32  # channels of the quality head
_LIKELY = 0.2  # minimum presence probability of a stride-16 cell to be decoded at fine strides
_MARGIN = 1  # around likely cells, in cells of stride 16
ABSENT_LOGIT = -10.0  # logit of an object where it is not decoded


class DecoderInputs(NamedTuple):
    """Inputs of the decoder for a whole frame, or for a window of it."""

    readout: Tensor  # (O, CV, h, w) values read from memory
    context: Tensor  # (1, C, h, w) features at stride 16
    previous: Tensor  # (O, 3, h, w) warped mask, sum of the other objects' warped masks, similarity to memory
    warped: Tensor  # (O, 2, H / 2, W / 2) previous mask warped by optical flow, and luma difference
    pyramid: dict[int, Tensor]  # stride 2, 4, 8 -> features (1, C, H / stride, W / stride)


@dataclass(frozen=True)
class DecoderOutput:
    """Output of the decoder, with one row per object."""

    logits: Tensor  # (O, H, W)
    quality: Tensor  # (O,) logit of the estimated IoU of the mask with the ground truth
    presence_logits: Tensor  # (O, H / 16, W / 16) logits of object presence in a cell


def _map_objects(
    function: Callable[..., Result], objects: Sequence[tuple[Tensor, ...]], *, deterministic: bool
) -> list[Result]:
    """Call `function` with the maps of one object at a time, so that they fit into the CPU cache; return the results.

    `deterministic` says that `function` gives the same result on any number of threads. Then objects are also computed
    on threads that are idle.
    """

    def call(maps: tuple[Tensor, ...]) -> Result:
        with use_all_threads() if deterministic else nullcontext():
            return function(*maps)

    return map_shared(call, objects) if deterministic else [call(maps) for maps in objects]


class ValueEncoder(nn.Module):
    """Encodes an image, the mask of an object and the other objects' masks to memory values at stride 16."""

    def __init__(self) -> None:
        super().__init__()
        widths = (5, 16, 32, 64, VALUE)
        self.reduce = nn.ModuleList(
            Conv(before, after, 3, stride=2, activation="relu") for before, after in zip(widths, widths[1:])
        )
        self.join = Conv(VALUE + CONTEXT, VALUE, 1)
        self.mix = ResidualBlock(VALUE)

    def forward(self, image: Tensor, context: Tensor, masks: Tensor) -> Tensor:
        """Encode image (1, 3, H, W), context (1, C, h, w), masks (O, H, W) -> values (O, CV, h, w)."""
        others = masks.sum(0, keepdim=True) - masks
        if torch.is_grad_enabled() or masks.device.type != "cpu":
            return self._encode(image, context, masks, others)
        objects = list(zip(masks.split(1), others.split(1), strict=True))
        encode = partial(self._encode, image, context)
        return torch.cat(_map_objects(encode, objects, deterministic=self.join.quantised))

    def _encode(self, image: Tensor, context: Tensor, masks: Tensor, others: Tensor) -> Tensor:
        count = masks.shape[0]
        maps = torch.cat([image.expand(count, -1, -1, -1), masks[:, None], others[:, None]], 1)  # (O, 5, H, W)
        for convolution in self.reduce:
            maps = convolution(maps)
        return self.mix(self.join(torch.cat([maps, context.expand(count, -1, -1, -1)], 1)))


class EdgeRefiner(nn.Module):
    """Corrects mask logits at stride 2 with fine image features; at initialisation the correction is zero.

    It is computed at stride 4, with an output channel for each of the four stride-2 cells in a cell (pixel shuffle).
    """

    def __init__(self, channels: int, deep: int) -> None:
        super().__init__()
        self.seen = Conv(channels, _EDGE, 3, stride=2)
        self.told = Conv(deep, _EDGE, 1)
        self.moved = Conv(2 * _FROM_2_TO_4**2, _EDGE, 3)
        self.mix = Conv(_EDGE, _EDGE, 3, activation="relu")
        self.correct = Conv(_EDGE, _FROM_2_TO_4**2, 3)
        nn.init.zeros_(self.correct.weight)
        nn.init.zeros_(self.correct.bias)

    def forward(self, skip: Tensor, deep: Tensor, logits: Tensor, warped: Tensor) -> Tensor:
        """Refine logits (O, 1, H/4, W/4) of the mask -> (O, 1, H/2, W/2).

        `skip` (1, E, H/4, W/4) are image features from `self.seen`, `deep` (O, C', H/4, W/4) decoder features, and
        `warped` (O, 2, H/2, W/2) is that of `DecoderInputs`.
        """
        features = self.told(deep, add=skip)
        features = self.moved(functional.pixel_unshuffle(warped, _FROM_2_TO_4), add=features)
        edges = self.mix(functional.relu(features))
        logits = functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
        return logits + functional.pixel_shuffle(self.correct(edges), _FROM_2_TO_4)


class QualityHead(nn.Module):
    """Head that estimates a mask's IoU with the ground truth, after QDMN's quality assessment (ECCV 2022)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.look = Conv(channels + 1, _QUALITY, 3, activation="relu")
        self.score = nn.Linear(2 * _QUALITY, 1)
        nn.init.constant_(self.score.bias, 1.5)  # prior: most masks are good

    def forward(self, deep: Tensor, masks: Tensor) -> Tensor:
        """Return IoU logits (O,) for masks (O, 1, h, w) 0..1 with features (O, C, h, w).

        No gradient is passed to features and masks.
        """
        deep, masks = deep.detach(), masks.detach()
        features = self.look(torch.cat([deep, masks], 1))
        inside = (features * masks).sum((2, 3)) / (masks.sum((2, 3)) + 1)
        return self.score(torch.cat([features.mean((2, 3)), inside], 1))[:, 0]


class Decoder(nn.Module):
    """Mask decoder: turns the memory readout, image context and previous masks into mask logits and estimated IoUs.

    The warped previous masks enter at strides 16, 8 and 4, the luma difference at strides 8 and 4. The names of modules
    are those of the tensors in weights files, and must stay.
    """

    def __init__(self, channels: dict[int, int]) -> None:
        super().__init__()
        self.join = Conv(VALUE + CONTEXT + 3, CONTEXT, 1)
        self.mix = ResidualBlock(CONTEXT)
        self.down_8, self.skip_8 = Conv(CONTEXT, 80, 1), Conv(channels[8], 80, 1)
        self.mix_8 = Conv(80, 80, 3)
        self.down_4, self.skip_4 = Conv(80, 40, 1), Conv(channels[4], 40, 1)
        self.mix_4 = Conv(40, 40, 3, activation="relu")
        self.logit = Conv(40, 1, 3)
        self.moved_8 = Conv(2 * _FROM_2_TO_8**2, 80, 3)
        nn.init.zeros_(self.moved_8.weight)
        self.edges = EdgeRefiner(channels[2], 40)
        self.quality = QualityHead(CONTEXT)
        self.near = Conv(CONTEXT, 1, 1)

    def forward(
        self, readout: Tensor, context: Tensor, previous: Tensor, warped: Tensor, pyramid: dict[int, Tensor]
    ) -> DecoderOutput:
        """Decode the tensors of `DecoderInputs`.

        For inference on a CPU, each object is decoded at fine strides only where it is likely to be.
        """
        skips = self.skip_8(pyramid[8]), self.skip_4(pyramid[4]), self.edges.seen(pyramid[2])
        if torch.is_grad_enabled() or readout.device.type != "cpu":
            return self._decode_everywhere(readout, context, previous, warped, skips)
        objects = list(zip(readout.split(1), previous.split(1), warped.split(1), strict=True))
        decode = partial(self._decode_where_likely, context=context, skips=skips)
        outputs = _map_objects(decode, objects, deterministic=self.join.quantised)
        return DecoderOutput(
            *(torch.cat([getattr(out, name) for out in outputs]) for name in ("logits", "quality", "presence_logits"))
        )

    def _decode_everywhere(
        self, readout: Tensor, context: Tensor, previous: Tensor, warped: Tensor, skips: tuple[Tensor, Tensor, Tensor]
    ) -> DecoderOutput:
        """Decode all objects over the whole image; `skips` are image features that all objects share."""
        deep, presence = self._decode_coarse(readout, context, previous)
        logits, coverage = self._decode_fine(deep, warped, skips)
        return DecoderOutput(logits, self.quality(deep, coverage), presence)

    def _decode_where_likely(
        self,
        readout: Tensor,
        previous: Tensor,
        warped: Tensor,
        *,
        context: Tensor,
        skips: tuple[Tensor, Tensor, Tensor],
    ) -> DecoderOutput:
        """Decode one object; at fine strides only in a window around the cells where it is likely to be."""
        deep, presence = self._decode_coarse(readout, context, previous)
        occupied = functional.max_pool2d(warped[:, :1], 8)[0, 0] > _LIKELY
        # An object absent from the previous mask is decoded everywhere: it may reappear at any position.
        likely = occupied | (presence[0].sigmoid() > _LIKELY) if occupied.any() else torch.ones_like(occupied)
        window = Window.around(likely, margin=_MARGIN)
        coverage = deep.new_zeros(1, 1, *presence.shape[1:])
        logits = deep.new_full((1, *(16 * side for side in presence.shape[1:])), ABSENT_LOGIT)
        if window:
            cropped = [window.crop(*skip) for skip in zip(skips, (2, 4, 4), strict=True)]
            fine = self._decode_fine(window.crop(deep), window.crop(warped, 8), cropped)
            window.crop(logits, 16)[:], window.crop(coverage)[:] = fine
        return DecoderOutput(logits, self.quality(deep, coverage), presence)

    def _decode_coarse(self, readout: Tensor, context: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        """Return a feature map (O, C, h, w) at stride 16 and presence logits (O, h, w), which give it no gradient."""
        maps = torch.cat([readout, context.expand(len(readout), -1, -1, -1), previous], 1)
        deep = self.mix(self.join(maps))
        return deep, self.near(deep.detach())[:, 0]

    def _decode_fine(self, deep: Tensor, warped: Tensor, skips: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return mask logits (O, H, W), and the fraction of each stride-16 cell inside the mask (O, 1, h, w), 0..1."""
        for down, skip, mix, stride in ((self.down_8, skips[0], self.mix_8, 8), (self.down_4, skips[1], self.mix_4, 4)):
            deep = functional.interpolate(down(deep), scale_factor=2, mode="bilinear", align_corners=False)
            deep = deep.add_(skip)
            deep = self.moved_8(functional.pixel_unshuffle(warped, _FROM_2_TO_8), add=deep) if stride == 8 else deep
            deep = mix(functional.relu(deep), add=deep)
        coarse = self.logit(deep)  # (O, 1, H/4, W/4)
        logits = self.edges(skips[2], deep, coarse, warped)
        full = functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)[:, 0]
        return full, functional.avg_pool2d(coarse.sigmoid(), 4)
