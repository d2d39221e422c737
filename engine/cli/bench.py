"""Command line `bench`: how fast a recipe is on this computer."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.types import Settings
from .arguments import add_recipe, settings_of
from .console import say

if TYPE_CHECKING:
    from ..methods.recipe import Recipe

_ROWS = 10  # of the table of memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `bench`."""
    parser.set_defaults(command=bench)
    add_recipe(parser)
    parser.add_argument("--frames", type=int, default=60, help="length of the made-up clip")
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument(
        "--object-size", type=float, default=0.25, metavar="SHARE", help="across, as a share of the picture's height"
    )
    parser.add_argument("--keyframes", type=int, default=1, help="given frames, evenly over the clip")
    parser.add_argument("--compile", action="store_true", help="measure the network compiled by PyTorch as well")
    parser.add_argument("--threads", type=int, help="of the processor; default: all its cores")
    parser.add_argument(
        "--curve",
        type=Path,
        metavar="FILE.png",
        help="time and memory over the clip's length; the numbers beside it, as .csv",
    )
    parser.add_argument("--against", action="append", default=[], metavar="RECIPE", help="another recipe in the curve")
    parser.add_argument("--no-baseline", action="store_true", help="do not run the plain way for comparison")


def bench(options: argparse.Namespace) -> int:
    """Print what `measure` found."""
    import torch

    from ..evaluation.bench import measure
    from ..evaluation.bench_curve import draw, write_numbers
    from ..layers.convolution import in_steps
    from ..methods.registry import find_recipe
    from ..runtime.device import describe, pick_device

    if options.threads:
        torch.set_num_threads(options.threads)
    recipe, settings = find_recipe(options.recipe), settings_of(options)
    others = [_with_what_fits(find_recipe(name), settings) for name in options.against]
    kind = {name: getattr(options, name) for name in ("weights", "frames", "objects", "object_size", "keyframes")}
    say(
        f"{recipe.name} at {settings.height}p, {options.objects} objects of {100 * options.object_size:.0f} % of the "
        f"height, {options.keyframes} keyframes, {describe(pick_device(settings.device))}"
    )
    report = measure(recipe, settings, **kind)
    say(
        f"{report.frames_per_second:.2f} frames/s over {report.frames} frames in {report.precision}, "
        f"{report.processor_seconds:.2f} processor seconds a frame; peak {report.peak / 2**20:.0f} MiB"
    )
    for stage, seconds in report.stages.items():
        say(f"  {stage:<15}{1000 * seconds:8.1f} ms a frame")
    say("  frames  seconds a frame  tokens read  remembered  process")
    for row in report.growth[:: max(len(report.growth) // _ROWS, 1)]:
        say(
            f"  {row.frames:6d}  {row.seconds:15.3f}  {row.tokens:11d}  {row.memory / 2**20:6.1f} MiB  "
            f"{row.bytes_held / 2**20:5.0f} MiB"
        )
    half = len(report.growth) // 2
    if half:
        last, middle = report.growth[-1], report.growth[half]
        grown = 100 * (last.memory / middle.memory - 1)
        say(f"  from half of the clip to its end what is remembered grew by {grown:.1f} %")
    if options.curve:
        reports = {recipe.name: report}
        for other, its_settings in others:
            write_numbers(options.curve, reports)  # what is measured is kept, whatever comes
            reports[other.name] = measure(other, its_settings, **{**kind, "weights": None})
        write_numbers(options.curve, reports)
        draw(options.curve, reports)
        say(f"the curve is {options.curve}, its numbers {options.curve.with_suffix('.csv')}")
        return 0
    if options.compile:
        other = measure(recipe, settings, **kind, compiled=True)
        ratio = other.frames_per_second / report.frames_per_second
        say(f"compiled, in {other.precision}: {other.frames_per_second:.2f} frames/s, {ratio:.2f} times as fast")
    if options.no_baseline or not isinstance(recipe.build(recipe.set_to(settings.overrides)[1], {}), torch.nn.Module):
        return 0
    with in_steps():
        plain = measure(recipe, settings, **kind, plain=True)
    say(f"baseline, computed plainly in {plain.precision}: {plain.frames_per_second:.2f} frames/s; ours is "
         f"{report.frames_per_second / plain.frames_per_second:.2f} times as fast")  # fmt: skip
    return 0


def _with_what_fits(recipe: Recipe, settings: Settings) -> tuple[Recipe, Settings]:
    """A recipe to compare with, and of the settings those numbers that it has too."""
    known = {option.name for option in recipe.options}
    overrides = {name: text for name, text in settings.overrides.items() if name in known}
    recipe.set_to(overrides)  # raises now, not after the first was measured
    return recipe, replace(settings, overrides=overrides)
