"""How the authors of each method evaluate it: the size of its input, and settings that differ by data set.

Where this comes from: AOT's `tools/eval.py` and `MultiRestrictSize` (aot-benchmark; MAVOS and RMem build on it), XMem's
`eval.py` and `inference/data`, and QDMN's evaluators. Methods without a published evaluator use the recipe's own size.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from ...inference.framing import Framing, FramingStyle
from ...methods.recipe import Recipe
from ...shared.errors import BadSetting
from .types import Benchmark, Rules

HEIGHT = 480  # pixels of the shorter side, of all these evaluators
_MAX_FACTOR, _MIN_SIDE = 8, 32  # scales up to the first are factors, from the second on pixels of the shorter side
_ROOM = 1.3  # by which AOT's code lets frames exceed its height
_SIDE_RATIO = 800 / 480  # longest side per height in AOT's code

_FULL = "-full"  # end of the names of DAVIS in Full-Resolution
_QDMN_FULL = 600  # pixels of the shorter side for these in QDMN's evaluator

Scale = float | int  # factor of the evaluator's size, or pixels of the shorter side
Size = tuple[int, int]  # (H, W)


def authors_settings(recipe: Recipe, benchmark: Benchmark) -> dict[str, str]:
    """Return the settings that the method's authors change for a data set, as `--set` has them."""
    if recipe.name == "xmem" and benchmark.rules is Rules.LONG_TIME:
        return {"memory.interval": "10"}  # their INFERENCE.md
    if recipe.name == "qdmn" and benchmark.rules is Rules.YOUTUBE:
        return {"program.youtube": "1"}  # an evaluator of its own
    return {}


def framing_of(
    recipe: Recipe,
    style: FramingStyle,
    benchmark: Benchmark,
    size: Size,
    scale: Scale,
    *,
    stride: int,
    height: int | None,
    several: bool,
) -> Framing:
    """Return the framing of images of this size as in the authors' evaluator, at one of its scales.

    `several` says whether this is one of several scales, for which AOT's code also limits the shorter side. `height`
    replaces the evaluator's own. Raises BadSetting.
    """
    factor = factor_of(scale, height or HEIGHT)
    if style.fitted:
        if factor == 1 and not several:
            return Framing.fit(*size, working_height=height or HEIGHT, stride=stride, style=style)
        return _stretched(style, size, factor, height or HEIGHT, several=several)
    return _scaled(recipe, style, benchmark, size, factor, stride=stride, height=height)


def output_size(benchmark: Benchmark, size: Size) -> Size:
    """Return the size (H, W) of the results for images of `size`: that of the images.

    Only DAVIS in Full-Resolution has results at 480p, because DAVIS' toolkit and server compare at that size.
    """
    if benchmark.rules in (Rules.DAVIS, Rules.DAVIS16) and benchmark.name.endswith(_FULL):
        return HEIGHT, ceil(size[1] * HEIGHT / size[0])
    return size


def factor_of(scale: Scale, height: int) -> float:
    """Return a scale as a factor of the evaluator's size. Raises BadSetting."""
    if 0 < scale <= _MAX_FACTOR:
        return float(scale)
    if scale >= _MIN_SIDE:
        return scale / height
    raise BadSetting(
        f"a scale of {scale:g} is neither a factor (up to {_MAX_FACTOR}) nor a size in pixels (from {_MIN_SIDE})",
        remedy="Use numbers such as 1.2, or 720.",
    )


def _scaled(
    recipe: Recipe,
    style: FramingStyle,
    benchmark: Benchmark,
    size: Size,
    factor: float,
    *,
    stride: int,
    height: int | None,
) -> Framing:
    """Scale the shorter side to the height; XMem's and QDMN's evaluators enlarge smaller clips as well."""
    family = recipe.name.removesuffix("++")
    if family in ("xmem", "qdmn"):
        if height is None and factor == 1 and _is_unscaled(family, benchmark):
            return Framing.fit(*size, working_height=min(size), stride=stride, style=style)
        if height is None and family == "qdmn" and benchmark.name.endswith(_FULL):
            height = _QDMN_FULL
    if family in ("xmem", "qdmn") or factor != 1:
        style = replace(style, enlarge=True)
    return Framing.fit(*size, working_height=round((height or HEIGHT) * factor), stride=stride, style=style)


def _is_unscaled(family: str, benchmark: Benchmark) -> bool:
    """Return whether the authors evaluate at the images' size: XMem's Long-Time Video, and QDMN's DAVIS at 480p."""
    if family == "xmem":
        return benchmark.rules is Rules.LONG_TIME
    return benchmark.rules in (Rules.DAVIS, Rules.DAVIS16) and not benchmark.name.endswith(_FULL)


def _stretched(style: FramingStyle, size: Size, factor: float, height: int, *, several: bool) -> Framing:
    """Scale and stretch as AOT's `MultiRestrictSize` does, in its order, for numbers to be rounded as there."""
    sides = [float(side) for side in size]
    if several and min(sides) > height * _ROOM:
        scale = height * _ROOM / min(sides)
        sides = [scale * side for side in sides]
    if max(sides) > height * _ROOM * _SIDE_RATIO:
        scale = height * _ROOM * _SIDE_RATIO / max(sides)
        sides = [scale * side for side in sides]
    step, extra = style.fitted, int(style.centred)
    work = [max(round((int(side * factor) - extra) / step), 1) * step + extra for side in sides]
    return Framing(size[0], size[1], work[0], work[1], top=0, left=0, bottom=0, right=0, style=style)
