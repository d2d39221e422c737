"""Command line `study edges`: measures refined mattes against exact alphas, and what refining costs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .arguments import parse_settings
from .study_report import write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..evaluation.edge_films import EdgeFilm
    from ..evaluation.edges import ClipResult, EdgeResult
    from ..evaluation.parts import StudyPart

MEASURED = ("films", "clips", "sizes")
_REAL = ("chair", "caps")  # parts of real clips


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study edges`."""
    parser.add_argument(
        "--edges",
        default=",".join(MEASURED),
        help="what study edges measures: rendered films with exact alpha, real clips of --parts, and the time and "
        "memory at several sizes; default: %(default)s",
    )
    parser.add_argument(
        "--calibration",
        action="store_true",
        help="in study edges, measure the films that the parameters were chosen on, instead of those never used",
    )


def run(options: argparse.Namespace, parts: Sequence[StudyPart], measured: Sequence[str]) -> None:
    """Measure mattes; write reports to `--out`, also if it is stopped, and print the tables."""
    from ..evaluation.edge_films import CALIBRATION, STUDY, edge_films
    from ..evaluation.edges import film_results
    from .progress import Progress

    films = edge_films(CALIBRATION if options.calibration else STUDY)
    found: list[EdgeResult] = []
    real: list[ClipResult] = []
    with Progress("results") as progress:

        def show(text: str) -> None:
            progress.show(text, len(found) + len(real), 0)

        try:
            if "films" in measured:
                for result in film_results(films, options.out, parse_settings(options), show):
                    found.append(result)
            if "clips" in measured:
                real += _clips(options, parts, show)
        finally:
            if found or real:
                _write(options, found, real)
    if "films" in measured:
        _write_sheet(options, films)
    if "sizes" in measured:
        _sizes(options, films[0])


def _clips(options: argparse.Namespace, parts: Sequence[StudyPart], show: Callable[[str], None]) -> list[ClipResult]:
    """Measure the real clips of the parts."""
    from ..evaluation.edges import clip_results
    from ..evaluation.methods import RecipeMethod
    from ..methods.registry import find_recipe

    recipe = find_recipe(options.recipe)
    unlabelled = options.unlabelled or recipe.unlabelled
    method = RecipeMethod(recipe.name, recipe, options.weights, parse_settings(options), unlabelled)
    clips = {case.clip.clip.path: case.clip for part in parts if part.name in _REAL for case in part.cases}
    return [result for clip in clips.values() for result in clip_results(clip, method, options.out, show)]


def _write_sheet(options: argparse.Namespace, films: Sequence[EdgeFilm]) -> None:
    """Write the crops of all films, whose mattes are there."""
    from ..evaluation.edge_mattes import make
    from ..evaluation.edges import folder_of
    from ..evaluation.edges_report import write_sheet

    settings = parse_settings(options)
    made = [make(film, folder_of(film, options.out), settings, lambda text: None) for film in films]
    write_sheet(options.out / "sheets" / "edges.png", made)


def _sizes(options: argparse.Namespace, film: EdgeFilm) -> None:
    """Measure time and memory; write and print a table."""
    from ..evaluation.edge_mattes import make
    from ..evaluation.edge_sizes import size_results
    from ..evaluation.edges import folder_of
    from ..evaluation.edges_report import SIZES_TITLE, sizes_table

    made = make(film, folder_of(film, options.out), parse_settings(options), lambda text: None)
    frame = film.frames // 4
    table = sizes_table(list(size_results(made.picture(frame), made.raw(frame))))
    write_report(options.out, "edges-sizes", table, title=SIZES_TITLE)


def _write(options: argparse.Namespace, found: Sequence[EdgeResult], real: Sequence[ClipResult]) -> None:
    from ..evaluation.edges_report import CLIPS_TITLE, NOTE, TITLE, as_csv, as_table, clips_table, worse_than_bilinear

    if found:
        worse = worse_than_bilinear(found)
        losses = "Worse than bilinear: " + "; ".join(worse) if worse else "Nowhere worse than bilinear."
        write_report(options.out, "edges", as_table(found), title=TITLE, note=f"{NOTE}\n\n{losses}", csv=as_csv(found))
    if real:
        write_report(options.out, "edges-clips", clips_table(real), title=CLIPS_TITLE)
