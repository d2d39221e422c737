"""Command line `study quality`: tests the account of quality on clips with true masks."""

from __future__ import annotations

import argparse

from ..shared.errors import BadSetting
from .arguments import parse_settings
from .console import print_error, print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that only `study quality` has."""
    group = parser.add_argument_group("study quality")
    group.add_argument(
        "--fit",
        action="store_true",
        help="first fit the calibration on composed films, and store it in engine/quality/calibration.json; needs "
        "--films and, the first time, --data",
    )
    group.add_argument("--calibration-films", type=int, metavar="COUNT", help="number of films to compose for --fit")


def run(options: argparse.Namespace, parts: list[str]) -> None:
    """Run the recipe on the clips of `parts`, compare its qualities with the truth, and write reports to `--out`."""
    if options.fit and options.films is None:
        raise BadSetting("--fit needs --films, the folder for composed films")
    if options.calibration_films is not None and options.calibration_films < 1:
        raise BadSetting(f"--calibration-films is {options.calibration_films}; it must be at least 1")
    from ..evaluation import quality_study
    from ..evaluation.errors import ClipsMissing
    from ..evaluation.methods import RecipeMethod
    from ..evaluation.parts import ClipFolders
    from ..evaluation.reliability import draw_reliability
    from ..methods.registry import find_recipe
    from ..quality.calibration import calibrations
    from ..shared.folder_claim import claim
    from ..shared.matte_folder import MatteFolder
    from .progress import Progress

    recipe = find_recipe(options.recipe)
    unlabelled = options.unlabelled or recipe.unlabelled
    method = RecipeMethod(recipe.name, recipe, options.weights, parse_settings(options), unlabelled)
    folders = ClipFolders(options.clips, options.films, options.data, options.scenes, options.folder, options.given)
    calibration = calibrations().get(recipe.name)
    if calibration is None and not options.fit:
        raise BadSetting(
            f"recipe {recipe.name!r} is not calibrated", remedy="Calibrate it with --fit, or choose another recipe."
        )
    cases = quality_study.trial_cases(folders, parts, print_error)  # fail now if there are none, not after hours
    if not cases:
        raise ClipsMissing("none of the study's clips are available, or none has mattes to judge")
    count = options.calibration_films or quality_study.FILMS
    films = quality_study.calibration_cases(options.films, folders.prepared, count=count) if options.fit else []
    with claim(MatteFolder(options.out)) as claimed, Progress("runs") as progress:
        claimed.mark({"study": options.study})

        def gather(cases: list[quality_study.Case]) -> list[quality_study.Sample]:
            total, done = len(cases), 0

            def show(text: str) -> None:
                nonlocal done
                progress.show(text, done, total)

            samples = []
            for case in cases:
                samples += quality_study.gather([case], method, options.out, show)
                done += 1
            return samples

        if options.fit:
            calibration = quality_study.write_calibration(gather(films), recipe.name)
        trial = gather(cases)
    if not trial or calibration is None:
        raise ClipsMissing("none of the study's clips has mattes to judge")
    results = quality_study.write_report(options.out, trial, calibration)
    print_line(quality_study.as_table(results))
    draw_reliability(options.out / "quality.png", results)
