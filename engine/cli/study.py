"""Command line `study`: measures the default recipe, and what else Keymatte decides, on clips it never saw."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import groupby, product
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from . import study_crop, study_edges, study_long, study_quality, study_rerun, study_splines, study_suggest
from .arguments import add_recipe, check_arguments, parse_settings
from .console import print_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluation.methods import Method
    from ..evaluation.parts import StudyPart
    from ..evaluation.running import Run

_METHODS = ("recipe", "copied", "flow", "neighbour")
_ADAPTED = "adapted"  # the recipe adapted to each clip; only on request
_PARTS = ("chair", "caps", "composed", "rendered", "folder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study`."""
    parser.set_defaults(command=study)
    parser.add_argument(
        "study",
        choices=("crop", "default", "edges", "fusion", "long", "quality", "rerun", "splines", "suggest"),
        help="crop: what crops that follow small objects are worth, on films that it makes; default: accuracy of the "
        "propagated masks; edges: mattes refined at full size, against rendered films with exact alpha; fusion: "
        "accuracy and flicker between keyframes, of the two "
        "sweeps and of ways to fuse them (it chooses the given masks itself); long: accuracy, time and memory over "
        "hundreds of frames; quality: whether mattes are as good as "
        "the account of quality says; rerun: what redoing only what one more keyframe changes saves; splines: how "
        "well splines with few points and keys follow an object; suggest: how few keyframes each ranking of "
        "suggestions needs",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder for tables, contact sheets and results; finished results are reused",
    )
    parser.add_argument(
        "--methods",
        default=",".join(_METHODS),
        help=f"recipe, baselines, or {_ADAPTED}: the recipe adapted to each clip; default: %(default)s",
    )
    parser.add_argument("--parts", default=",".join(_PARTS), help="parts of the study; default: %(default)s")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="folder that contains pumavos_caps")
    parser.add_argument(
        "--films", type=Path, metavar="DIR", help="folder for composed clips: written once, then reused"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder made by train-data, from which clips are composed"
    )
    parser.add_argument(
        "--scenes", type=Path, metavar="DIR", help="folder of rendered clips, each with frames/ and masks/"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="folder of any clips, each with frames/ and masks/, or in the layout of DAVIS",
    )
    parser.add_argument(
        "--given",
        type=int,
        default=1,
        metavar="COUNT",
        help="masks given per clip in --folder, evenly spaced from its first to its last; default: only the first",
    )
    parser.add_argument("--ablation", action="store_true", help="also run variants of the recipe, each with one change")
    parser.add_argument(
        "--unlabelled",
        choices=("unknown", "absent"),
        help="state of objects that a given mask does not show; default: the recipe's, which is unknown for keymatte; "
        "in study suggest: absent",
    )
    parser.add_argument(
        "--again", action="store_true", help="also repeat finished cases, for instance after a change to the program"
    )
    study_crop.add_arguments(parser)
    study_edges.add_arguments(parser)
    study_long.add_arguments(parser)
    study_quality.add_arguments(parser)
    study_rerun.add_arguments(parser)
    study_splines.add_arguments(parser)
    study_suggest.add_arguments(parser)
    add_recipe(parser)


def study(options: argparse.Namespace) -> int:
    """Run every method on every case that has no results yet, print tables, and write reports to `--out`. Returns 0."""
    check_arguments(options)
    chosen_parts = _chosen(options.parts, _PARTS, "--parts")
    _chosen(options.methods, (*_METHODS, _ADAPTED), "--methods")
    rankings = _chosen(options.rankings, (*study_suggest.RANKINGS, study_suggest.ORACLE), "--rankings")
    starts = _chosen(options.starts, study_suggest.STARTS, "--starts")
    sources = _chosen(options.sources, study_splines.SOURCES, "--sources")
    measured = _chosen(options.edges, study_edges.MEASURED, "--edges")
    study_suggest.check(options)
    if options.given < 1:
        raise BadSetting(f"--given is {options.given}; it must be at least 1")

    from ..evaluation.errors import ClipsMissing
    from ..evaluation.parts import ClipFolders, gather_parts
    from ..shared.folder_claim import claim
    from ..shared.matte_folder import MatteFolder

    if options.study == "quality":
        study_quality.run(options, chosen_parts)
        return 0
    if options.study == "crop":
        study_crop.seeds_of(options)
        with claim(MatteFolder(options.out)) as claimed:
            claimed.mark({"study": options.study})
            study_crop.run(options)
        return 0
    methods = _methods(options) if options.study == "default" else []
    folders = ClipFolders(options.clips, options.films, options.data, options.scenes, options.folder, options.given)
    parts = gather_parts(folders, chosen_parts, print_error)
    if not parts:
        raise ClipsMissing("none of the study's clips are available")
    with claim(MatteFolder(options.out)) as claimed:
        claimed.mark({"study": options.study})
        if options.study == "edges":
            study_edges.run(options, parts, measured)
        elif options.study == "fusion":
            _run_fusion(options, parts)
        elif options.study == "long":
            study_long.run(options, parts)
        elif options.study == "rerun":
            study_rerun.run(options, parts)
        elif options.study == "splines":
            study_splines.run(options, parts, sources)
        elif options.study == "suggest":
            study_suggest.simulate(options, parts, rankings, starts)
        else:
            _run(options, methods, parts)
    return 0


def _run_fusion(options: argparse.Namespace, parts: list[StudyPart]) -> None:
    """Run the study of fusion on the clips of `parts`; write and print its tables, and plot them. Raises BadSetting."""
    from ..evaluation.fusion import CANDIDATES, run_study, two_sided_cases
    from ..evaluation.fusion_report import NOTE, draw, write_report
    from ..evaluation.methods import RecipeMethod
    from ..evaluation.report import as_text
    from ..methods.registry import find_recipe
    from .progress import Progress

    recipe = find_recipe(options.recipe)
    unlabelled = options.unlabelled or recipe.unlabelled
    method = RecipeMethod(recipe.name, recipe, options.weights, parse_settings(options), unlabelled)
    method.recipe.with_settings(method.settings.overrides)
    runs: list[Run] = []
    cases = two_sided_cases(parts, print_error)
    if not cases:
        raise BadSetting("none of the clips has masks to predict between two given ones")
    with Progress("runs") as progress:

        def show(text: str) -> None:
            progress.show(text, len(runs), (2 + len(CANDIDATES)) * len(cases))

        for run in run_study(cases, method, options.out, show, again=options.again):
            runs.append(run)
    found = write_report(options.out, runs, unlabelled)
    for title, table in found.items():
        sys.stdout.write(f"{title}\n{as_text(table)}\n\n")
    sys.stdout.write(f"{NOTE}\n")
    sys.stdout.flush()
    draw(options.out / "fusion.png", found)


def _run(options: argparse.Namespace, methods: list[Method], parts: list[StudyPart]) -> None:
    """Run the methods on all cases of `parts`, and write reports, also if it is stopped."""
    import cv2
    import torch

    from ..evaluation.running import run_case
    from ..evaluation.sheets import write_sheet
    from .progress import Progress

    cv2.setNumThreads(torch.get_num_threads())  # so that the times of all methods are comparable
    runs: list[Run] = []
    try:
        total = len(methods) * sum(len(part.cases) for part in parts)
        with Progress("runs") as progress:

            def show(text: str) -> None:
                progress.show(text, len(runs), total)

            for part in parts:
                for clip, cases in groupby(part.cases, key=lambda case: case.clip.name):
                    first = len(runs)
                    for case, method in product(cases, methods):
                        runs.append(run_case(case, method, options.out, show, again=options.again))
                    write_sheet(options.out / "sheets" / f"{part.name}-{clip}.png", runs[first:])
    finally:  # report what is done, even if stopped
        if runs:
            _write(options, parts, methods, runs)


def _methods(options: argparse.Namespace) -> list[Method]:
    """Return the methods to run. Raises BadSetting, UnknownRecipe and errors of weights files."""
    from ..evaluation.methods import RecipeMethod, find_baseline
    from ..evaluation.variants import ADAPTED, VARIANTS, Variant
    from ..methods.registry import find_recipe

    recipe, settings = find_recipe(options.recipe), parse_settings(options)
    unlabelled = options.unlabelled or recipe.unlabelled

    def with_variant(variant: Variant) -> RecipeMethod:
        varied = replace(settings, overrides={**settings.overrides, **variant.settings}, adapt=variant.adapt)
        return RecipeMethod(f"{recipe.name}, {variant.name}", recipe, options.weights, varied, unlabelled)

    methods: list[Method] = []
    for name in _chosen(options.methods, (*_METHODS, _ADAPTED), "--methods"):
        if name == _ADAPTED:
            if not recipe.adapts:
                raise BadSetting(f"--methods has {_ADAPTED!r}, but recipe {recipe.name} cannot adapt to a clip")
            methods.append(with_variant(ADAPTED))
        elif name != "recipe":
            methods.append(find_baseline(name, settings, unlabelled))
        else:
            methods.append(RecipeMethod(recipe.name, recipe, options.weights, settings, unlabelled))
            variants = VARIANTS if options.ablation else ()
            methods += [with_variant(variant) for variant in variants if recipe.adapts or not variant.adapt]
    methods = list({method.name: method for method in methods}.values())  # `adapted` is also part of the ablation
    for method in methods:
        method.identity()  # fail now if a file is missing, not after hours
        if isinstance(method, RecipeMethod):
            method.recipe.with_settings(method.settings.overrides)
    return methods


def _chosen(text: str, choices: Sequence[str], option: str) -> list[str]:
    """Parse a comma-separated list of names. Raises BadSetting, naming `option`, if a name is not in `choices`."""
    names = text.split(",")
    unknown = [name for name in names if name not in choices]
    if unknown:
        raise BadSetting(f"{option} cannot be {unknown[0]!r}; choose from {', '.join(choices)}")
    return names


def _write(options: argparse.Namespace, parts: list[StudyPart], methods: list[Method], runs: list[Run]) -> None:
    """Write the reports to `--out`, and print the tables."""
    from ..evaluation.methods import RecipeMethod
    from ..evaluation.report import as_csv, as_markdown_report, as_text, notes, tables
    from ..methods.registry import find_recipe
    from ..shared.files import atomic_write

    recipes = [method for method in methods if isinstance(method, RecipeMethod)]
    unlabelled = options.unlabelled or find_recipe(options.recipe).unlabelled
    lines = notes(parts, [method.name for method in recipes], unlabelled, runs)
    with atomic_write(options.out / "study.csv") as part:
        part.write_text(as_csv(runs), encoding="utf-8")
    with atomic_write(options.out / "study.md") as part:
        part.write_text(as_markdown_report(parts, runs, lines), encoding="utf-8")
    for title, table in tables(parts, runs).items():
        sys.stdout.write(f"{title}\n{as_text(table)}\n\n")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
