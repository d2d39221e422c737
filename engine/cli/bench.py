"""Command line `bench`: measures the speed of a recipe on this computer."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..methods.settings import find_settings
from ..shared.catalogue import expect_file
from ..shared.types import Settings
from .arguments import add_recipe, parse_settings
from .console import print_line

if TYPE_CHECKING:
    from ..methods.recipe import Recipe

_MAX_ROWS = 10  # about, of the memory table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `bench`."""
    parser.set_defaults(command=bench)
    add_recipe(parser)
    parser.add_argument("--frames", type=int, default=60, help="length of the synthetic clip; default: %(default)s")
    parser.add_argument("--objects", type=int, default=1, help="number of objects in it; default: %(default)s")
    parser.add_argument(
        "--object-size",
        type=float,
        default=0.25,
        metavar="FRACTION",
        help="diameter of an object, as a fraction of the frame height; default: %(default)s",
    )
    parser.add_argument(
        "--keyframes",
        type=int,
        default=1,
        help="number of keyframes, spread evenly over the clip; default: %(default)s",
    )
    parser.add_argument("--compile", action="store_true", help="also measure the network compiled with torch.compile")
    parser.add_argument("--threads", type=int, help="number of CPU threads; default: all cores")
    parser.add_argument(
        "--curve",
        type=Path,
        metavar="FILE.png",
        help="plot time and memory against the number of frames; the numbers are written next to it, as .csv",
    )
    parser.add_argument(
        "--against", action="append", default=[], metavar="RECIPE", help="another recipe to plot; may be repeated"
    )
    parser.add_argument(
        "--no-baseline", action="store_true", help="do not run the reference computation for comparison"
    )


def bench(options: argparse.Namespace) -> int:
    """Measure the recipe, and print the results. Returns 0."""
    settings = parse_settings(options)
    find_settings(options.recipe).apply(settings.overrides)
    for name in options.against:
        find_settings(name)
    if options.weights:
        expect_file(options.weights)

    import torch

    from ..evaluation.bench import run_benchmark
    from ..evaluation.bench_curve import draw, write_numbers
    from ..layers.convolution import without_fused_convolutions
    from ..methods.registry import find_recipe
    from ..runtime.device import describe, pick_device

    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = find_recipe(options.recipe)
    competitors = [_with_known_settings(find_recipe(name), settings) for name in options.against]
    clip: dict[str, Any] = {
        name: getattr(options, name) for name in ("weights", "frames", "objects", "object_size", "keyframes")
    }
    print_line(
        f"{recipe.name} at {settings.height}p, {options.objects} objects of {100 * options.object_size:.0f} % of the "
        f"height, {options.keyframes} keyframes, {describe(pick_device(settings.device))}"
    )
    report = run_benchmark(recipe, settings, **clip)
    print_line(
        f"{report.frames_per_second:.2f} frames/s over {report.frames} frames in {report.precision}, "
        f"{report.cpu_seconds:.2f} CPU seconds per frame; peak {report.peak / 2**20:.0f} MiB"
    )
    for stage, seconds in report.stages.items():
        print_line(f"  {stage:<15}{1000 * seconds:8.1f} ms per frame")
    print_line("  frames  seconds/frame  tokens read      memory    process")
    for sample in report.samples[:: max(len(report.samples) // _MAX_ROWS, 1)]:
        print_line(
            f"  {sample.frames:6d}  {sample.seconds_per_frame:13.3f}  {sample.tokens:11d}  "
            f"{sample.memory_bytes / 2**20:6.1f} MiB  {sample.process_bytes / 2**20:5.0f} MiB"
        )
    half = len(report.samples) // 2
    if half:
        last, middle = report.samples[-1], report.samples[half]
        growth = 100 * (last.memory_bytes / middle.memory_bytes - 1)
        print_line(f"  from the middle of the clip to its end, memory grew by {growth:.1f} %")
    if options.curve:
        reports = {recipe.name: report}
        for competitor, competitor_settings in competitors:
            write_numbers(options.curve, reports)  # keep what is measured, in case the next fails
            reports[competitor.name] = run_benchmark(competitor, competitor_settings, **{**clip, "weights": None})
        write_numbers(options.curve, reports)
        draw(options.curve, reports)
        print_line(f"The plot is in {options.curve}, its numbers in {options.curve.with_suffix('.csv')}")
        return 0
    if options.compile:
        compiled = run_benchmark(recipe, settings, **clip, compiled=True)
        ratio = compiled.frames_per_second / report.frames_per_second
        print_line(
            f"compiled, in {compiled.precision}: {compiled.frames_per_second:.2f} frames/s, {ratio:.2f} times as fast"
        )
    if options.no_baseline or not isinstance(
        recipe.build(recipe.with_settings(settings.overrides)[1], {}), torch.nn.Module
    ):
        return 0
    with without_fused_convolutions():
        reference = run_benchmark(recipe, settings, **clip, reference=True)
    print_line(
        f"reference computation in {reference.precision}: {reference.frames_per_second:.2f} frames/s; ours is "
        f"{report.frames_per_second / reference.frames_per_second:.2f} times as fast"
    )
    return 0


def _with_known_settings(recipe: Recipe, settings: Settings) -> tuple[Recipe, Settings]:
    """Return the recipe, and the settings with only those overrides that the recipe knows. Raises BadSetting."""
    known = {option.name for option in recipe.settings.options}
    overrides = {name: text for name, text in settings.overrides.items() if name in known}
    recipe.with_settings(overrides)  # raise now, not after the first recipe was measured
    return recipe, replace(settings, overrides=overrides)
