"""Conv: convolution with optional addition and activation, which oneDNN computes in one step on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..runtime.threads import use_all_threads
from . import quantised
from .quantised import PackedWeight, QuantisedMap, concatenate, pack_weight

_RELU6 = (0.0, 6.0)  # lower and upper end
_ONEDNN_ACTIVATIONS: dict[str, tuple[str, list[float]]] = {
    "": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", list(_RELU6)),
}
# Operators emitted by torch.compile, called directly: no compiler is needed on the user's machine.
_CAN_FUSE = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
_MAX_CACHED = 4  # image sizes and thread counts for which a reordered weight is cached


@contextmanager
def without_fused_convolutions() -> Iterator[None]:
    """Compute convolution, addition and activation one by one in the `with` block, as a reference for comparisons."""
    global _CAN_FUSE
    before, _CAN_FUSE = _CAN_FUSE, False
    try:
        yield
    finally:
        _CAN_FUSE = before


class Conv(nn.Conv2d):
    """Convolution, optional addition of another map, then the `activation` "relu", "relu6" or "" (none).

    With `tf_same`, maps are padded as TensorFlow's "same" does, to give ceil(size / stride) cells; an odd pixel of
    padding is added at the right and the bottom. The weights of EfficientNet-Lite were trained with this padding.
    """

    bias: Tensor

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        activation: str = "",
        tf_same: bool = False,
    ) -> None:
        """Build a convolution padded by `dilation * (kernel // 2)` on each side, or as TensorFlow if `tf_same`."""
        padding = 0 if tf_same else dilation * (kernel // 2)
        super().__init__(channels_in, channels, kernel, stride, padding, dilation, groups)
        self.activation = activation
        self.tf_same = tf_same
        self.quantised = False  # whether to compute in 8-bit integers where supported
        self._padding = [kernel // 2 if tf_same else padding] * 2  # of the fused and the quantised convolution
        self._reordered: dict[tuple[Any, ...], Tensor] = {}
        self._packed: dict[tuple[int, int], PackedWeight] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for copying without cached weights, which cannot be copied and are computed again."""
        return {**self.__dict__, "_reordered": {}, "_packed": {}}

    def forward(  # type: ignore[override]  # more than the plain convolution takes and returns
        self, image: Tensor | QuantisedMap, add: Tensor | None = None, *, keep_quantised: bool = False
    ) -> Tensor | QuantisedMap:
        """Convolve a map (B, C, H, W), add the map `add` (B, C', H', W') if given, and apply the activation.

        With `keep_quantised`, the result is left quantised if it was computed in 8 bits, with ReLU6 and without
        addition.
        """
        if isinstance(image, QuantisedMap):
            with use_all_threads():
                return self._forward_quantised(image, add, keep_quantised)
        if self.runs_quantised(image):
            with use_all_threads():
                result = self._quantise_and_convolve(image, add, keep_quantised)
            if result is not None:
                return result
        return self._forward_fused(image, add) if self._fuses(image) else self._forward_unfused(image, add)

    def _quantise_and_convolve(
        self, image: Tensor, add: Tensor | None, keep_quantised: bool
    ) -> Tensor | QuantisedMap | None:
        """Quantise a float map and convolve it in 8 bits; return None if a value is not finite."""
        # One by one: the value range of one object's map must not change the quantisation of another's.
        maps = [codes for part in image.split(1) if (codes := quantised.quantise(part)) is not None]
        if len(maps) < len(image):
            return None
        addends = [None] * len(image) if add is None else add.expand(len(image), -1, -1, -1).split(1)
        return concatenate(
            [
                self._forward_quantised(codes, addend, keep_quantised)
                for codes, addend in zip(maps, addends, strict=True)
            ]
        )

    def runs_quantised(self, image: Tensor) -> bool:
        """Return whether `forward` would convolve this float map in 8-bit integers."""
        supported = self.quantised and quantised.AVAILABLE and image.numel() > 0
        return supported and self._fuses(image) and not self._pads_unevenly(image)

    def _fuses(self, image: Tensor) -> bool:
        """Return whether oneDNN's fused operators can convolve this float map."""
        supported = _CAN_FUSE and image.device.type == "cpu" and image.dtype == torch.float32
        if torch.compiler.is_compiling():  # the compiler fuses by itself
            return False
        if torch.is_grad_enabled():  # frozen parts are faster fused, even under autocast in training
            return supported and not (self.weight.requires_grad or image.requires_grad)
        return supported and not torch.is_autocast_enabled("cpu")

    def _forward_unfused(self, image: Tensor, add: Tensor | None) -> Tensor:
        if self.groups > 1 and image.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            # Training depthwise convolutions in bfloat16 takes oneDNN three times as long.
            with torch.autocast("cpu", enabled=False):
                return self._forward_unfused(image.float(), None if add is None else add.float())
        padding = [0, 0] if self.tf_same else self._padding
        image = self.pad(image) if self.tf_same else image
        out = functional.conv2d(image, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        out = out if add is None else out + add
        if self.activation == "relu":
            return functional.relu(out)
        return functional.relu6(out) if self.activation == "relu6" else out

    def pad(self, image: Tensor) -> Tensor:
        """Pad a map with zeros as `forward` does, for a convolution that does not pad it itself."""
        if not self.tf_same:
            return functional.pad(image, [self._padding[1]] * 2 + [self._padding[0]] * 2)
        stride, kernel = self.stride[0], self.kernel_size[0]
        bottom, right = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in image.shape[-2:])
        return functional.pad(image, (right // 2, right - right // 2, bottom // 2, bottom - bottom // 2))

    def _forward_fused(self, image: Tensor, add: Tensor | None) -> Tensor:
        if self._pads_unevenly(image) or (add is not None and self.activation == "relu6"):  # unsupported by oneDNN
            return self._forward_unfused(image, add)
        image = image.contiguous(memory_format=torch.channels_last)
        weight = self._reordered_weight(image)
        geometry = (self._padding, list(self.stride), list(self.dilation), self.groups)
        name, limits = _ONEDNN_ACTIVATIONS[self.activation]
        if add is None:
            return torch.ops.mkldnn._convolution_pointwise(image, weight, self.bias, *geometry, name, limits, "")
        add = add.contiguous(memory_format=torch.channels_last)
        after = (name, limits, "") if self.activation else (None, [], None)
        return torch.ops.mkldnn._convolution_pointwise.binary(
            image, add, weight, self.bias, *geometry, "add", 1.0, *after
        )

    def _forward_quantised(
        self, image: QuantisedMap, add: Tensor | None, keep_quantised: bool
    ) -> Tensor | QuantisedMap:
        version = self._weight_version()
        geometry = list(self.stride), self._padding, list(self.dilation), self.groups
        if version not in self._packed:
            self._packed = {version: pack_weight(self._symmetric_weight(), geometry)}
        scale = _RELU6[1] / 255 if keep_quantised and self.activation == "relu6" and add is None else None
        activation = _ONEDNN_ACTIVATIONS[self.activation if add is None else ""]
        out = quantised.convolve(image, self._packed[version], self.bias, geometry, scale=scale, activation=activation)
        if scale is not None:
            return QuantisedMap(out, scale, 0)
        if add is None:
            return out
        out = out.add_(add)
        if self.activation == "relu":
            return out.relu_()
        return out.clamp_(*_RELU6) if self.activation == "relu6" else out

    def _pads_unevenly(self, image: Tensor) -> bool:
        """Return whether a map's size gives a `tf_same` padding for which `_symmetric_weight` does not hold."""
        return self.tf_same and self.stride[0] > 1 and any(size % self.stride[0] for size in image.shape[-2:])

    def _symmetric_weight(self) -> Tensor:
        """Return the weight to use on a map that is padded equally on all sides, by `_padding`."""
        if self.tf_same and self.stride[0] > 1:  # pads the left and the top by one pixel less: give that pixel weight 0
            return functional.pad(self.weight, (1, 0, 1, 0))
        return self.weight

    def _weight_version(self) -> tuple[int, int]:
        """Return a key of the current weight, which changes if the weight is replaced or modified in place."""
        return self.weight.data_ptr(), 0 if self.weight.is_inference() else self.weight._version

    def _reordered_weight(self, image: Tensor) -> Tensor:
        """Return the weight in the layout that oneDNN wants for this image size and number of threads; cached."""
        kind = tuple(image.shape), torch.get_num_threads(), *self._weight_version()
        if kind not in self._reordered:
            if len(self._reordered) >= _MAX_CACHED:
                self._reordered.clear()
            self._reordered[kind] = torch.ops.mkldnn._reorder_convolution_weight(
                self._symmetric_weight(),
                self._padding,
                list(self.stride),
                list(self.dilation),
                self.groups,
                list(image.shape),
            )
        return self._reordered[kind]
