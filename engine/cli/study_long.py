"""Command line `study long`: quality, time and memory over hundreds or thousands of frames."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .arguments import parse_settings
from .study_report import write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluation.long import LongRun
    from ..evaluation.parts import StudyPart

_RECIPES = "mavos,deaot-l+rmem,xmem,qdmn,keymatte"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that only `study long` has."""
    group = parser.add_argument_group("study long")
    group.add_argument("--recipes", default=_RECIPES, help="recipes to compare; default: %(default)s")
    group.add_argument(
        "--length", type=int, default=600, help="frames of the shot, a clip played forth and back; default: %(default)s"
    )


def run(options: argparse.Namespace, parts: Sequence[StudyPart]) -> None:
    """Run every recipe over the first clip of `parts`; write reports to `--out`, also if it is stopped."""
    from ..evaluation.long import run_long
    from ..methods.registry import find_recipe
    from .progress import Progress

    recipes = [find_recipe(name) for name in options.recipes.split(",")]
    clip, settings = parts[0].cases[0].clip, parse_settings(options)
    runs: list[LongRun] = []
    try:
        for recipe in recipes:
            with Progress("frames") as progress:

                def show(done: int, name: str = recipe.name) -> None:
                    progress.show(name, done, options.length)

                runs.append(run_long(recipe, settings, clip, options.length, report=show))
    finally:
        if runs:
            _write(options, runs)


def _write(options: argparse.Namespace, runs: Sequence[LongRun]) -> None:
    """Write the reports to `--out`, and print the table."""
    from ..evaluation.long import NOTE, TITLE, as_csv, as_table
    from ..evaluation.long_plot import draw

    table, csv = as_table(runs), as_csv(runs)
    write_report(options.out, "long", table, title=TITLE, note=NOTE, csv=csv, draw=lambda path: draw(path, runs))
