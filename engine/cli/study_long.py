"""Command line `study long`: quality, time and memory over hundreds or thousands of frames."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from .arguments import parse_settings
from .console import print_error

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
    from ..evaluation.report import as_markdown, as_text
    from ..shared.files import atomic_write

    table = as_table(runs)
    for name, text in (("long.csv", as_csv(runs)), ("long.md", f"## {TITLE}\n\n{as_markdown(table)}\n\n{NOTE}\n")):
        with atomic_write(options.out / name) as part:
            part.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{TITLE}\n{as_text(table)}\n\n{NOTE}\n")
    sys.stdout.flush()
    try:
        draw(options.out / "long.png", runs)
    except BadSetting as error:  # without matplotlib
        print_error(error.sentence())
