"""Views of a frame in an evaluation: scales and mirror images, as in the authors' evaluators, and their merging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ...methods.recipe import Recipe
from ...methods.settings import Numbers
from .evaluators import Scale, Size, framing_of
from .predicting import Probabilities, View
from .types import Benchmark

_BYTE = 255  # XMem's evaluator stores probabilities as bytes


def views(
    recipe: Recipe,
    numbers: Numbers,
    benchmark: Benchmark,
    size: Size,
    *,
    stride: int,
    height: int | None = None,
    flip: bool = False,
    scales: Sequence[Scale] = (1.0,),
) -> list[View]:
    """Return the views of images of `size` (H, W): for each scale one and, with `flip`, its mirror image.

    Scales up to 8 are factors of the size that the method's authors evaluate with, or of `height`; larger ones are the
    shorter side in pixels. With one scale of 1 and no `flip`, it is the one view of an ordinary run. Each view is
    followed by itself, as in AOT's, DeAOT's, MAVOS' and XMem's evaluators; RMem's feeds the merged masks back to all.
    Raises BadSetting.
    """
    scales = tuple(dict.fromkeys(scales)) or (1.0,)
    style, several = recipe.framing_style(numbers), len(scales) > 1 or scales[0] != 1
    framings = [
        framing_of(recipe, style, benchmark, size, scale, stride=stride, height=height, several=several)
        for scale in scales
    ]
    return [View(framing, mirrored) for framing, mirrored in product(framings, (False, True) if flip else (False,))]


def merge(probabilities: Sequence[Probabilities], recipe: Recipe) -> Probabilities:
    """Merge the probabilities (1 + O, H, W) of all views of a frame, which are mapped back already, into their mean.

    XMem's evaluator rounds them down to bytes before it adds them (`merge_multi_scale.py`). AOT's takes the mean of
    the probabilities, not of the logits. A single view stays as it is.
    """
    if len(probabilities) == 1:
        return probabilities[0]
    bytewise = recipe.name.removesuffix("++") == "xmem"
    total = np.zeros(probabilities[0].shape, np.float32)
    for one in probabilities:
        total += np.floor(one * np.float32(_BYTE)) if bytewise else one
    return total / np.float32(len(probabilities) * (_BYTE if bytewise else 1))


def resized(probabilities: Probabilities, size: Size) -> Probabilities:
    """Return probabilities scaled bilinearly to `size` (H, W), without antialiasing, as evaluators do."""
    if probabilities.shape[1:] == size:
        return probabilities
    tensor = torch.from_numpy(np.ascontiguousarray(probabilities))[None]
    scaled: Probabilities = functional.interpolate(tensor, size=size, mode="bilinear", align_corners=False)[0].numpy()
    return scaled


def identity(some: Sequence[View]) -> dict[str, Any]:
    """Return all that results depend on, as JSON has it."""
    return {"views": [{"framing": asdict(view.framing), "flip": view.flip} for view in some]}
