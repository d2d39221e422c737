"""Command line `study crop`: measures what crops that follow small objects are worth, on films that it makes."""

from __future__ import annotations

import argparse

from ..shared.errors import BadSetting
from .arguments import parse_settings
from .study_report import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study crop`."""
    parser.add_argument(
        "--seeds",
        default="11,12",
        help="seeds of the films that study crop makes, a film of each kind for each; default: %(default)s",
    )


def seeds_of(options: argparse.Namespace) -> list[int]:
    """Return the seeds. Raises BadSetting."""
    try:
        return [int(text) for text in options.seeds.split(",")]
    except ValueError as error:
        raise BadSetting(f"--seeds is {options.seeds!r}; it must be whole numbers, such as 11,12") from error


def run(options: argparse.Namespace) -> None:
    """Make films and mattes in `--out`, score them, and write and print the table, also if it is stopped."""
    from ..evaluation.crops import NOTE, TITLE, CropScore, as_table, films, scores_of
    from .progress import Progress

    scores: list[CropScore] = []
    todo = [*films(seeds_of(options))]
    try:
        with Progress("films") as progress:
            for done, film in enumerate(todo):

                def show(text: str, done: int = done) -> None:
                    progress.show(text, done, len(todo))

                scores += scores_of(film, options.out, parse_settings(options), show, again=options.again)
    finally:
        if scores:
            write_report(options.out, "crop", as_table(scores), title=TITLE, note=NOTE)
