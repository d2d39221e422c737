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

Made = TypeVar("Made")

VALUE = 128  # channels of values
CONTEXT = 160  # channels of the stride-16 features shared by value encoder and decoder
_EDGE = 32  # channels of the edge refiner
_FINER = 2  # pixel-shuffle factor from stride 4 to the edges' stride 2
_FINE = 4  # pixel-unshuffle factor from stride 2 to stride 8
_SCORE = 32  # channels of the quality head
_LIKELY = 0.2  # minimum presence probability of a stride-16 cell to be decoded at fine strides
_AROUND = 1  # margin around likely cells, in cells of stride 16
NOWHERE = -10.0  # logit of an object where it is not decoded


class DecoderInputs(NamedTuple):
    """Inputs of the decoder for one frame, or for a window of a frame."""

    readout: Tensor  # (O, CV, h, w) values read from memory
    context: Tensor  # (1, C, h, w) features at stride 16
    previous: Tensor  # (O, 3, h, w) moved mask, sum of other objects' moved masks, similarity to memory
    moved: Tensor  # (O, 2, H / 2, W / 2) previous masks moved by optical flow, and luma difference
    pyramid: dict[int, Tensor]  # stride 2, 4, 8 -> features (1, C, H / stride, W / stride)


@dataclass(frozen=True)
class DecoderOutput:
    """Output of the decoder, one row per object."""

    logits: Tensor  # (O, H, W)
    quality: Tensor  # (O,) logit of the estimated IoU of the mask with the ground truth
    presence_logits: Tensor  # (O, H / 16, W / 16) logits of object presence in a cell


def _of_each(objects: Sequence[tuple[Tensor, ...]], do: Callable[..., Made], *, exact: bool) -> list[Made]:
    """Apply `do` to each object's maps in turn, so that they stay in the CPU cache.

    `exact`: `do` gives the same result for any number of threads, so objects are spread over idle threads.
    """

    def make(one: tuple[Tensor, ...]) -> Made:
        with use_all_threads() if exact else nullcontext():
            return do(*one)

    return map_shared(make, objects) if exact else [make(one) for one in objects]


class ValueEncoder(nn.Module):
    """Value encoder: image, an object's mask and the other objects' masks -> memory values at stride 16."""

    def __init__(self) -> None:
        super().__init__()
        widths = (5, 16, 32, 64, VALUE)
        self.reduce = nn.ModuleList(
            Conv(before, after, 3, stride=2, then="relu") for before, after in zip(widths, widths[1:])
        )
        self.join = Conv(VALUE + CONTEXT, VALUE, 1)
        self.mix = ResidualBlock(VALUE)

    def forward(self, image: Tensor, context: Tensor, masks: Tensor) -> Tensor:
        """Encode image (1, 3, H, W), context (1, C, h, w), masks (O, H, W) -> values (O, CV, h, w)."""
        others = masks.sum(0, keepdim=True) - masks
        if torch.is_grad_enabled() or masks.device.type != "cpu":
            return self._look(image, context, masks, others)
        each = list(zip(masks.split(1), others.split(1), strict=True))
        return torch.cat(_of_each(each, partial(self._look, image, context), exact=self.join.quantised))

    def _look(self, image: Tensor, context: Tensor, masks: Tensor, others: Tensor) -> Tensor:
        count = masks.shape[0]
        seen = torch.cat([image.expand(count, -1, -1, -1), masks[:, None], others[:, None]], 1)  # (O, 5, H, W)
        for convolution in self.reduce:
            seen = convolution(seen)
        return self.mix(self.join(torch.cat([seen, context.expand(count, -1, -1, -1)], 1)))


class EdgeRefiner(nn.Module):
    """Residual correction of mask logits at stride 2 from fine image features; initialised to zero correction.

    Computed at stride 4, with one output channel per stride-2 pixel of a cell (pixel shuffle).
    """

    def __init__(self, channels: int, deep: int) -> None:
        super().__init__()
        self.seen = Conv(channels, _EDGE, 3, stride=2)
        self.told = Conv(deep, _EDGE, 1)
        self.moved = Conv(2 * _FINER**2, _EDGE, 3)
        self.mix = Conv(_EDGE, _EDGE, 3, then="relu")
        self.correct = Conv(_EDGE, _FINER**2, 3)
        for last in (self.correct.weight, self.correct.bias):
            nn.init.zeros_(last)

    def forward(self, seen: Tensor, deep: Tensor, logits: Tensor, moved: Tensor) -> Tensor:
        """Refine logits (O, 1, H/4, W/4) -> (O, 1, H/2, W/2).

        `seen` (1, E, H/4, W/4) is the output of `self.seen`; `deep` (O, C', H/4, W/4); `moved` (O, 2, H/2, W/2).
        """
        seen = self.told(deep, add=seen)
        edges = self.mix(functional.relu(self.moved(functional.pixel_unshuffle(moved, _FINER), add=seen)))
        logits = functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
        return logits + functional.pixel_shuffle(self.correct(edges), _FINER)


class QualityHead(nn.Module):
    """Estimate of a mask's IoU with the ground truth, as in QDMN's quality assessment."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.look = Conv(channels + 1, _SCORE, 3, then="relu")
        self.score = nn.Linear(2 * _SCORE, 1)
        nn.init.constant_(self.score.bias, 1.5)  # prior: most masks are good

    def forward(self, deep: Tensor, masks: Tensor) -> Tensor:
        """Assess features (O, C, h, w), masks (O, 1, h, w) 0..1 -> IoU logits (O,); inputs get no gradient."""
        deep, masks = deep.detach(), masks.detach()
        seen = self.look(torch.cat([deep, masks], 1))
        inside = (seen * masks).sum((2, 3)) / (masks.sum((2, 3)) + 1)
        return self.score(torch.cat([seen.mean((2, 3)), inside], 1))[:, 0]


class Decoder(nn.Module):
    """Mask decoder: memory readout, context and previous mask -> mask logits at full size, and IoU estimate.

    The previous mask moved by optical flow enters at strides 16, 8 and 4; the luma difference at 8 and 4.
    """

    def __init__(self, channels: dict[int, int]) -> None:
        super().__init__()
        self.join = Conv(VALUE + CONTEXT + 3, CONTEXT, 1)
        self.mix = ResidualBlock(CONTEXT)
        self.down_8, self.skip_8 = Conv(CONTEXT, 80, 1), Conv(channels[8], 80, 1)
        self.mix_8 = Conv(80, 80, 3)
        self.down_4, self.skip_4 = Conv(80, 40, 1), Conv(channels[4], 40, 1)
        self.mix_4 = Conv(40, 40, 3, then="relu")
        self.logit = Conv(40, 1, 3)
        self.moved_8 = Conv(2 * _FINE**2, 80, 3)
        nn.init.zeros_(self.moved_8.weight)
        self.edges = EdgeRefiner(channels[2], 40)
        self.quality = QualityHead(CONTEXT)
        self.near = Conv(CONTEXT, 1, 1)

    def forward(
        self, read: Tensor, context: Tensor, previous: Tensor, moved: Tensor, pyramid: dict[int, Tensor]
    ) -> DecoderOutput:
        """Decode (O, CV, h, w), (1, C, h, w), (O, 3, h, w), (O, 2, H/2, W/2) and the image pyramid."""
        skips = self.skip_8(pyramid[8]), self.skip_4(pyramid[4]), self.edges.seen(pyramid[2])
        if torch.is_grad_enabled() or read.device.type != "cpu":
            return self._find(read, context, previous, moved, skips)
        # Decode each object only where it is likely.
        each = list(zip(read.split(1), previous.split(1), moved.split(1), strict=True))
        find = partial(self._find_where_likely, context=context, skips=skips)
        found = _of_each(each, find, exact=self.join.quantised)
        return DecoderOutput(
            *(torch.cat([getattr(one, name) for one in found]) for name in ("logits", "quality", "presence_logits"))
        )

    def _find(
        self, read: Tensor, context: Tensor, previous: Tensor, moved: Tensor, skips: tuple[Tensor, Tensor, Tensor]
    ) -> DecoderOutput:
        """Decode all objects over the whole image, given skip features shared by the objects."""
        bottom, near = self._begin(read, context, previous)
        logits, cover = self._look_closer(bottom, moved, skips)
        return DecoderOutput(logits, self.quality(bottom, cover), near)

    def _find_where_likely(
        self, read: Tensor, previous: Tensor, moved: Tensor, *, context: Tensor, skips: tuple[Tensor, Tensor, Tensor]
    ) -> DecoderOutput:
        """Decode one object, at fine strides only in a window around the cells where the object is likely."""
        bottom, near = self._begin(read, context, previous)
        before = functional.max_pool2d(moved[:, :1], 8)[0, 0]
        there = before > _LIKELY
        # An object absent from the previous mask is decoded everywhere: it may reappear at any position.
        likely = there | (near[0].sigmoid() > _LIKELY) if there.any() else torch.ones_like(there)
        window = Window.around(likely, margin=_AROUND)
        cover = bottom.new_zeros(1, 1, *near.shape[1:])
        logits = bottom.new_full((1, *(16 * side for side in near.shape[1:])), NOWHERE)
        if window:
            seen = [window.of(*skip) for skip in zip(skips, (2, 4, 4), strict=True)]
            found = self._look_closer(window.of(bottom), window.of(moved, 8), seen)
            window.of(logits, 16)[:], window.of(cover)[:] = found
        return DecoderOutput(logits, self.quality(bottom, cover), near)

    def _begin(self, read: Tensor, context: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features at stride 16 (O, C, h, w), and presence logits from them, detached."""
        told = torch.cat([read, context.expand(len(read), -1, -1, -1), previous], 1)
        bottom = self.mix(self.join(told))
        return bottom, self.near(bottom.detach())[:, 0]

    def _look_closer(self, deep: Tensor, moved: Tensor, skips: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Decode at fine strides: logits (O, H, W), and mask coverage of stride-16 cells (O, 1, h, w), 0..1."""
        for down, skip, mix, stride in ((self.down_8, skips[0], self.mix_8, 8), (self.down_4, skips[1], self.mix_4, 4)):
            deep = functional.interpolate(down(deep), scale_factor=2, mode="bilinear", align_corners=False)
            deep = deep.add_(skip)
            deep = self.moved_8(functional.pixel_unshuffle(moved, _FINE), add=deep) if stride == 8 else deep
            deep = mix(functional.relu(deep), add=deep)
        coarse = self.logit(deep)  # (O, 1, H/4, W/4)
        logits = self.edges(skips[2], deep, coarse, moved)
        full = functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)[:, 0]
        return full, functional.avg_pool2d(coarse.sigmoid(), 4)
