"""Command line `study`: the default method beside baselines on clips that it never learnt from."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import groupby, product
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from .arguments import add_recipe, settings_of
from .console import complain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..evaluation.methods import Method
    from ..evaluation.parts import Part
    from ..evaluation.running import Run

_METHODS = ("recipe", "copied", "flow", "neighbour")
_ADAPTED = "adapted"  # the recipe, fitted to each clip: only where asked for
_PARTS = ("chair", "caps", "composed", "rendered", "folder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `study`."""
    parser.set_defaults(command=study)
    parser.add_argument("study", choices=("default",), help="default: how well masks are followed")
    parser.add_argument("--out", type=Path, required=True, help="folder for tables, sheets and results, which are kept")
    parser.add_argument(
        "--methods",
        default=",".join(_METHODS),
        help=f"the recipe and baselines; also {_ADAPTED}, the recipe fitted to each clip; default: %(default)s",
    )
    parser.add_argument("--parts", default=",".join(_PARTS), help="of the study; default: %(default)s")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="folder that holds pumavos_caps")
    parser.add_argument("--films", type=Path, metavar="DIR", help="composed films: written once, and kept")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder made by train-data, to compose films from")
    parser.add_argument("--scenes", type=Path, metavar="DIR", help="rendered clips, each with frames/ and masks/")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="any clips, each with frames/ and masks/, or laid out as DAVIS"
    )
    parser.add_argument(
        "--given",
        type=int,
        default=1,
        metavar="COUNT",
        help="masks given of each clip in --folder, from its first evenly to its last; default: the first alone",
    )
    parser.add_argument("--ablation", action="store_true", help="also the recipe with one thing changed at a time")
    parser.add_argument(
        "--unlabelled",
        choices=("unknown", "absent"),
        help="what a given mask says of objects that it does not show; default: the recipe's, unknown for keymatte",
    )
    parser.add_argument("--again", action="store_true", help="run also what is finished, as after the program changed")
    add_recipe(parser)


def study(options: argparse.Namespace) -> int:
    """Run what is not finished yet, and tell of all: tables on stdout, and files in `--out`."""
    import cv2
    import torch
    from tqdm import tqdm

    from ..evaluation.parts import Places, gather
    from ..evaluation.running import run_one
    from ..evaluation.sheets import write_sheet
    from ..shared.matte_folder import MatteFolder

    if options.given < 1:
        raise BadSetting(f"--given is {options.given}; at least one mask of each clip has to be given")
    methods = _methods(options)
    places = Places(options.clips, options.films, options.data, options.scenes, options.folder, options.given)
    parts = gather(places, _chosen(options.parts, _PARTS, "--parts"), complain)
    if not parts:
        raise BadSetting("none of the study's clips is at hand")
    MatteFolder(options.out).claim({"study": options.study})
    cv2.setNumThreads(torch.get_num_threads())  # so that seconds of all methods compare
    runs: list[Run] = []
    try:
        with tqdm(total=len(methods) * sum(len(part.cases) for part in parts), unit="run", file=sys.stderr) as bar:
            for part in parts:
                for clip, cases in groupby(part.cases, key=lambda case: case.clip.name):
                    before = len(runs)
                    for case, method in product(cases, methods):
                        runs.append(run_one(case, method, options.out, bar.set_description, again=options.again))
                        bar.update()
                    write_sheet(options.out / "sheets" / f"{part.name}-{clip}.png", runs[before:])
    finally:  # also when it is stopped: what is done is told
        if runs:
            _write(options, parts, methods, runs)
    return 0


def _methods(options: argparse.Namespace) -> list[Method]:
    """What is to be run. Raises BadSetting, UnknownRecipe, WeightsMissing and their kin."""
    from ..evaluation.methods import Followed, baseline
    from ..evaluation.variants import ADAPTED, VARIANTS, Variant
    from ..methods.registry import find_recipe

    recipe, settings = find_recipe(options.recipe), settings_of(options)
    unlabelled = options.unlabelled or recipe.unlabelled

    def changed(variant: Variant) -> Followed:
        as_told = replace(settings, overrides={**settings.overrides, **variant.settings}, adapt=variant.adapt)
        return Followed(f"{recipe.name}, {variant.name}", recipe, options.weights, as_told, unlabelled)

    methods: list[Method] = []
    for name in _chosen(options.methods, (*_METHODS, _ADAPTED), "--methods"):
        if name == _ADAPTED:
            if not recipe.adapts:
                raise BadSetting(f"--methods has {_ADAPTED!r}, but recipe {recipe.name} cannot be fitted to a clip")
            methods.append(changed(ADAPTED))
        elif name != "recipe":
            methods.append(baseline(name, settings, unlabelled))
        else:
            methods.append(Followed(recipe.name, recipe, options.weights, settings, unlabelled))
            asked = VARIANTS if options.ablation else ()
            methods += [changed(variant) for variant in asked if recipe.adapts or not variant.adapt]
    methods = list({method.name: method for method in methods}.values())  # the ablation has the adapted one too
    for method in methods:
        method.identity()  # what is missing is told now, not after hours
        if isinstance(method, Followed):
            method.recipe.set_to(method.settings.overrides)
    return methods


def _chosen(text: str, known: Sequence[str], option: str) -> list[str]:
    names = text.split(",")
    strangers = [name for name in names if name not in known]
    if strangers:
        raise BadSetting(f"{option} knows no {strangers[0]!r}; there are {', '.join(known)}")
    return names


def _write(options: argparse.Namespace, parts: list[Part], methods: list[Method], runs: list[Run]) -> None:
    from ..evaluation.methods import Followed
    from ..evaluation.report import as_csv, as_text, notes, tables, written
    from ..methods.registry import find_recipe
    from ..shared.files import atomic_write

    recipes = [method for method in methods if isinstance(method, Followed)]
    unlabelled = options.unlabelled or find_recipe(options.recipe).unlabelled
    told = notes(parts, [method.name for method in recipes], unlabelled, runs)
    with atomic_write(options.out / "study.csv") as part:
        part.write_text(as_csv(runs), encoding="utf-8")
    with atomic_write(options.out / "study.md") as part:
        part.write_text(written(parts, runs, told), encoding="utf-8")
    for title, table in tables(parts, runs).items():
        sys.stdout.write(f"{title}\n{as_text(table)}\n\n")
    sys.stdout.write("".join(f"{line}\n" for line in told))
    sys.stdout.flush()
