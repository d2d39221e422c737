"""Command line `study splines`: measures the splines that are fitted to mattes, on every clip."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .arguments import parse_settings
from .study_report import write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluation.methods import Method
    from ..evaluation.parts import StudyPart
    from ..evaluation.splines import SplineResult

SOURCES = ("true", "mattes", "known")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study splines`."""
    parser.add_argument(
        "--sources",
        default=",".join(SOURCES),
        help="what splines are fitted to in study splines: true masks, mattes that the recipe makes from three of "
        "them, and shapes of known motion; default: %(default)s",
    )


def run(options: argparse.Namespace, parts: Sequence[StudyPart], sources: Sequence[str]) -> None:
    """Fit splines on every clip of `parts`; write reports to `--out`, also if it is stopped."""
    from ..evaluation.known_motion import known_films
    from ..evaluation.splines import TRUE, clip_results, known_results
    from ..evaluation.splines_report import write_sheet
    from .progress import Progress

    results: list[SplineResult] = []
    clips = {case.clip.clip.path: case.clip for part in parts for case in part.cases}
    method = _method(options) if "mattes" in sources else None
    try:
        if "known" in sources:
            results += known_results(known_films())
        with Progress("clips") as progress:
            for done, clip in enumerate(clips.values()):

                def show(text: str, done: int = done) -> None:
                    progress.show(text, done, len(clips))

                found = [
                    result
                    for result in clip_results(clip, method, options.out, show, again=options.again)
                    if result.source != TRUE or "true" in sources
                ]
                results += found
                write_sheet(options.out / "sheets" / f"splines-{clip.name}.png", clip, found)
    finally:
        if results:
            _write(options, results)


def _method(options: argparse.Namespace) -> Method:
    """Return the method that makes mattes."""
    from ..evaluation.methods import RecipeMethod
    from ..methods.registry import find_recipe

    recipe = find_recipe(options.recipe)
    unlabelled = options.unlabelled or recipe.unlabelled
    return RecipeMethod(recipe.name, recipe, options.weights, parse_settings(options), unlabelled)


def _write(options: argparse.Namespace, results: Sequence[SplineResult]) -> None:
    """Write the reports to `--out`, and print the table."""
    from ..evaluation.splines_report import NOTE, TITLE, as_csv, as_table

    write_report(options.out, "splines", as_table(results), title=TITLE, note=NOTE, csv=as_csv(results))
