"""Command line `study rerun`: measures what redoing only what has changed saves, and what it costs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from .arguments import parse_settings
from .stretches import add_early_end, parse_early_end
from .study_report import write_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluation.parts import StudyPart
    from ..evaluation.rerun import Rerun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that only `study rerun` has."""
    add_early_end(parser.add_argument_group("study rerun"))


def run(options: argparse.Namespace, parts: Sequence[StudyPart]) -> None:
    """Redo every clip of `parts` after one more keyframe; write reports to `--out`, also if it is stopped."""
    from ..evaluation.methods import RecipeMethod
    from ..evaluation.rerun import rerun_cases, run_case
    from ..methods.registry import find_recipe
    from .progress import Progress

    recipe, early_end = find_recipe(options.recipe), parse_early_end(options.early_end)
    unlabelled = options.unlabelled or recipe.unlabelled
    method = RecipeMethod(recipe.name, recipe, options.weights, parse_settings(options), unlabelled)
    clips = {case.clip.clip.path: case.clip for part in parts for case in part.cases}
    cases = list(rerun_cases(clips.values()))
    if not cases:
        raise BadSetting("none of the clips has enough true masks for a further keyframe")
    runs: list[Rerun] = []
    try:
        with Progress("cases") as progress:
            for case, added in cases:
                runs.append(
                    run_case(
                        case,
                        added,
                        method,
                        options.out,
                        lambda text: progress.show(text, len(runs), len(cases)),
                        early_end=early_end,
                        again=options.again,
                    )
                )
    finally:
        if runs:
            _write(options, runs)


def _write(options: argparse.Namespace, runs: Sequence[Rerun]) -> None:
    """Write the reports to `--out`, and print the table."""
    from ..evaluation.rerun_report import NOTE, TITLE, as_csv, as_table, draw

    table, csv = as_table(runs), as_csv(runs)
    write_report(options.out, "rerun", table, title=TITLE, note=NOTE, csv=csv, draw=lambda path: draw(path, runs))
