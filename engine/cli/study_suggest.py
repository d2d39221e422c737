"""Command line `study suggest`: simulates an artist who follows the suggestions of different rankings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from .arguments import parse_settings
from .console import print_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..evaluation.clips import StudyClip, Unlabelled
    from ..evaluation.methods import RecipeMethod
    from ..evaluation.parts import StudyPart
    from ..evaluation.simulation import Trial

RANKINGS = ("ours", "xmem++", "uniform", "worst")
ORACLE = "oracle"  # ours with a quality that knows the true masks; only on request
STARTS = ("first", "suggested")
ROUNDS = 8
_UNLABELLED: Unlabelled = "absent"  # as a true mask shows every object that its frame does


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that only `study suggest` has."""
    group = parser.add_argument_group("study suggest")
    group.add_argument(
        "--rounds",
        type=int,
        default=ROUNDS,
        metavar="COUNT",
        help="keyframes that are added, one by one; default: %(default)s",
    )
    group.add_argument(
        "--rankings",
        default=",".join(RANKINGS),
        help=f"rankings to compare, of these and {ORACLE}, which is ours with the true quality; default: %(default)s",
    )
    group.add_argument(
        "--starts",
        default=",".join(STARTS),
        help="keyframe to begin with: the first frame that shows an object, or the one that is suggested to be marked "
        "first; default: %(default)s",
    )


def simulate(
    options: argparse.Namespace, parts: Sequence[StudyPart], rankings: Sequence[str], starts: Sequence[str]
) -> None:
    """Simulate all rankings on all clips of `parts`, and write reports to `--out`, also if it is stopped."""
    from ..evaluation.methods import RecipeMethod
    from ..methods.registry import find_recipe
    from .progress import Progress

    recipe = find_recipe(options.recipe)
    unlabelled: Unlabelled = options.unlabelled or _UNLABELLED
    method = RecipeMethod(recipe.name, recipe, options.weights, parse_settings(options), unlabelled)
    clips = {case.clip.name: case.clip for part in parts for case in part.cases}
    trials: list[Trial] = []
    try:
        with Progress() as progress:
            for clip in clips.values():
                trials += _simulate_clip(options, clip, method, rankings, starts, progress.show)
    finally:
        if trials:
            _write(options.out, trials, {name: clip.numbers for name, clip in clips.items()})


def check(options: argparse.Namespace) -> None:
    """Check the number of rounds. Raises BadSetting."""
    if options.rounds < 1:
        raise BadSetting(f"--rounds is {options.rounds}; it must be at least 1")


def _simulate_clip(
    options: argparse.Namespace,
    clip: StudyClip,
    method: RecipeMethod,
    rankings: Sequence[str],
    starts: Sequence[str],
    show: Callable[[str], None],
) -> list[Trial]:
    from ..evaluation.rankings import RANKINGS as FUNCTIONS
    from ..evaluation.simulation import Simulator

    simulator = Simulator(clip, method, options.out, show, again=options.again)
    show(f"{clip.name}: features of frames")
    keys = simulator.keys()
    trials: list[Trial] = []
    for start in starts:
        first = simulator.first_shown if start == "first" else simulator.first_suggested(keys)
        for name in rankings:
            trials += simulator.trials(start, first, name, FUNCTIONS[name], keys, options.rounds)
    return trials


def _write(out: Path, trials: Sequence[Trial], numbers: dict[str, tuple[int, ...]]) -> None:
    """Write the reports to `out`, and print the tables."""
    from ..evaluation.report import as_text
    from ..evaluation.simulation_report import NOTES, as_csv, as_markdown_report, draw, tables
    from ..shared.files import atomic_write

    for name, text in (("suggest.csv", as_csv(trials, numbers)), ("suggest.md", as_markdown_report(trials))):
        with atomic_write(out / name) as part:
            part.write_text(text, encoding="utf-8")
    for title, table in tables(trials).items():
        sys.stdout.write(f"{title}\n{as_text(table)}\n\n")
    sys.stdout.write("".join(f"{line}\n" for line in NOTES))
    sys.stdout.flush()
    try:
        draw(out / "suggest.png", trials)
    except BadSetting as error:  # the tables are what was asked for
        print_error(error.sentence())
