"""Conv: convolution fused with addition and activation by oneDNN for CPU inference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..runtime.threads import use_all_threads
from . import quantised
from .quantised import Codes, Packed, joined, packed

_RELU6 = (0.0, 6.0)  # lower and upper end
_AFTER = {"": ("none", []), "relu": ("relu", []), "relu6": ("hardtanh", list(_RELU6))}  # oneDNN's names
# Operators emitted by torch.compile, called directly: no compiler is needed on the user's machine.
_FUSED = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
_KEPT = 4  # image sizes and thread counts for which a reordered weight is cached


@contextmanager
def in_steps() -> Iterator[None]:
    """Disable fused convolutions within the context: the reference for comparisons."""
    global _FUSED
    before, _FUSED = _FUSED, False
    try:
        yield
    finally:
        _FUSED = before


class Conv(nn.Conv2d):
    """Convolution with optional addition of a map and an optional activation `then`: "relu" or "relu6".

    `aligned`: TensorFlow's "same" padding, for an output of ceil(size / stride) cells; the odd pixel is added at the
    right and the bottom. The weights of EfficientNet-Lite were trained with this padding.
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        then: str = "",
        aligned: bool = False,
    ) -> None:
        """Pad by `dilation * (kernel // 2)` on each side, unless `aligned`."""
        padding = 0 if aligned else dilation * (kernel // 2)
        super().__init__(channels_in, channels, kernel, stride, padding, dilation, groups)
        self.then = then
        self.aligned = aligned
        self.quantised = False  # whether to compute in 8-bit integers where supported
        self._packed: dict[tuple, Tensor | Packed] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without packed weights, which cannot be copied and are packed again on use."""
        return {**self.__dict__, "_packed": {}}

    def forward(self, image: Tensor | Codes, add: Tensor | None = None, *, coded: bool = False) -> Tensor | Codes:
        """Convolve (B, C, H, W), add `add` (B, C', H', W') if given, and apply the activation.

        `coded`: the caller accepts 8-bit `Codes`, which are returned where the quantised path applies.
        """
        if isinstance(image, Codes) or self.quantises(image):
            with use_all_threads():
                found = (
                    self._in_codes(image, add, coded) if isinstance(image, Codes) else self._coding(image, add, coded)
                )
            if found is not None:
                return found
        return self._in_one_pass(image, add) if self._fuses(image) else self._in_steps(image, add)

    def _coding(self, image: Tensor, add: Tensor | None, coded: bool) -> Tensor | Codes | None:
        """Quantise a float map and convolve; return None if a value is not finite."""
        # One by one: the value range of one object's map must not change the quantisation of another's.
        codes = [quantised.coded(one) for one in image.split(1)]
        if not all(codes):
            return None
        kept = [None] * len(image) if add is None else add.expand(len(image), -1, -1, -1).split(1)
        return joined([self._in_codes(one, more, coded) for one, more in zip(codes, kept, strict=True)])

    def quantises(self, image: Tensor) -> bool:
        """Return whether `image` would be convolved in 8-bit integers."""
        able = self.quantised and quantised.ABLE and image.numel() > 0
        return able and self._fuses(image) and not self._pads_unevenly(image)

    def _fuses(self, image: Tensor) -> bool:
        able = _FUSED and image.device.type == "cpu" and image.dtype == torch.float32
        if torch.compiler.is_compiling():  # the compiler fuses by itself
            return False
        if torch.is_grad_enabled():  # frozen parts are faster fused, even under autocast in training
            return able and not (self.weight.requires_grad or image.requires_grad)
        return able and not torch.is_autocast_enabled("cpu")

    def _in_steps(self, image: Tensor, add: Tensor | None) -> Tensor:
        if self.groups > 1 and image.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            # Training depthwise convolutions in bfloat16 takes oneDNN three times as long.
            with torch.autocast("cpu", enabled=False):
                return self._in_steps(image.float(), None if add is None else add.float())
        how = self.stride, 0 if self.aligned else self.padding, self.dilation, self.groups
        out = functional.conv2d(self.padded(image) if self.aligned else image, self.weight, self.bias, *how)
        out = out if add is None else out + add
        return functional.relu(out) if self.then == "relu" else functional.relu6(out) if self.then == "relu6" else out

    def padded(self, image: Tensor) -> Tensor:
        """Pad a map with the zeros that the convolution reads."""
        if not self.aligned:
            return functional.pad(image, [self.padding[1]] * 2 + [self.padding[0]] * 2)
        stride, kernel = self.stride[0], self.kernel_size[0]
        bottom, right = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in image.shape[-2:])
        return functional.pad(image, (right // 2, right - right // 2, bottom // 2, bottom - bottom // 2))

    def _in_one_pass(self, image: Tensor, add: Tensor | None) -> Tensor:
        if self._pads_unevenly(image) or (add is not None and self.then == "relu6"):  # unsupported by oneDNN
            return self._in_steps(image, add)
        image = image.contiguous(memory_format=torch.channels_last)
        padding = self._padding()
        weight = self._in_its_layout(image, padding)
        how = (weight, self.bias, padding, list(self.stride), list(self.dilation), self.groups)
        name, numbers = _AFTER[self.then]
        if add is None:
            return torch.ops.mkldnn._convolution_pointwise(image, *how, name, numbers, "")
        add = add.contiguous(memory_format=torch.channels_last)
        after = (name, numbers, "") if self.then else (None, [], None)
        return torch.ops.mkldnn._convolution_pointwise.binary(image, add, *how, "add", 1.0, *after)

    def _in_codes(self, image: Codes, add: Tensor | None, coded: bool) -> Tensor | Codes:
        kind = "whole numbers", *self._edition()
        how = list(self.stride), self._padding(), list(self.dilation), self.groups
        if kind not in self._packed:
            self._packed = {kind: packed(self._weight(), how)}
        scale = _RELU6[1] / 255 if coded and self.then == "relu6" and add is None else None
        then = _AFTER[self.then if add is None else ""]
        out = quantised.convolved(image, self._packed[kind], self.bias, how, scale=scale, then=then)
        if scale is not None:
            return Codes(out, scale, 0)
        if add is None:
            return out
        out = out.add_(add)
        return out.relu_() if self.then == "relu" else out.clamp_(*_RELU6) if self.then == "relu6" else out

    def _pads_unevenly(self, image: Tensor) -> bool:
        return self.aligned and self.stride[0] > 1 and any(size % self.stride[0] for size in image.shape[-2:])

    def _padding(self) -> list[int]:
        return [self.kernel_size[0] // 2] * 2 if self.aligned else list(self.padding)

    def _weight(self) -> Tensor:
        """Return the weight for a symmetrically padded map."""
        if self.aligned and self.stride[0] > 1:  # pads one side only: extend the kernel by a zero
            return functional.pad(self.weight, (1, 0, 1, 0))
        return self.weight

    def _edition(self) -> tuple[int, int]:
        """Identify the weight's storage and version, since it may be modified in place."""
        return self.weight.data_ptr(), 0 if self.weight.is_inference() else self.weight._version

    def _in_its_layout(self, image: Tensor, padding: list[int]) -> Tensor:
        """Return the weight in oneDNN's layout for this image size and number of threads, cached."""
        kind = tuple(image.shape), torch.get_num_threads(), *self._edition()
        if kind not in self._packed:
            if len(self._packed) >= _KEPT:
                self._packed.clear()
            self._packed[kind] = torch.ops.mkldnn._reorder_convolution_weight(
                self._weight(), padding, list(self.stride), list(self.dilation), self.groups, list(image.shape)
            )
        return self._packed[kind]
