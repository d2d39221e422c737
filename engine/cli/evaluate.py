"""Command line `evaluate`: runs a recipe over a published benchmark, and scores it by the official rules."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..methods.settings import find_settings
from ..shared.errors import BadSetting, EngineError
from ..shared.mask_images import counted
from ..shared.types import Settings
from .arguments import add_recipe, parse_settings
from .console import print_error, print_line, print_note

if TYPE_CHECKING:
    from ..evaluation.benchmarks.catalogue import Entry
    from ..evaluation.benchmarks.found import Found
    from ..evaluation.benchmarks.running import Plan
    from ..evaluation.benchmarks.types import Given, Sequence, SequenceRun

_MAX_JOBS = 64
_SHOWN = 8  # names of sequences in an error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `evaluate`."""
    parser.set_defaults(command=evaluate)
    parser.add_argument("--dataset", required=True, metavar="NAME", help="such as davis17-val; `datasets` lists all")
    parser.add_argument("--root", type=Path, required=True, metavar="FOLDER", help="where the data set is unpacked")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the results: new, empty, or of a run with the same settings"
    )
    add_recipe(parser, height=None)
    parser.add_argument("--flip", action="store_true", help="also run on mirrored frames, and merge")
    parser.add_argument(
        "--scales",
        metavar="A,B",
        help="run at several sizes, and merge: factors of the height such as 1,1.2, or pixels of the shorter side",
    )
    parser.add_argument(
        "--framing",
        choices=("authors", "artist"),
        default="authors",
        help="scale frames, and set what differs by data set, as in the evaluator of the method's authors, or as "
        "`propagate` does; default: %(default)s",
    )
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--first-mask", action="store_true", help="give only the first mask of a sequence")
    given.add_argument(
        "--every-object", action="store_true", help="give each object's first mask, also of those that appear late"
    )
    given.add_argument(
        "--keyframes", type=int, metavar="N", help="give N masks, evenly spread; default: as the benchmark's rules say"
    )
    parser.add_argument("--sequences", metavar="A,B", help="only these; default: all")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="number of processes; default: %(default)s")
    parser.add_argument(
        "--again", action="store_true", help="remove results of other settings in --out, and begin anew"
    )


def evaluate(options: argparse.Namespace) -> int:
    """Run the recipe, write the masks, and print the scores. Returns 0, or 2 if something is missing or failed."""
    height, options.height = options.height, options.height or Settings.height
    settings = parse_settings(options)
    find_settings(options.recipe).check(settings, options.weights)
    scales = _scales(options)
    if not 1 <= options.jobs <= _MAX_JOBS:
        raise BadSetting(f"--jobs must be from 1 to {_MAX_JOBS}, not {options.jobs}")

    from ..evaluation.benchmarks.catalogue import find_entry
    from ..evaluation.benchmarks.locate import count_note, locate, summary
    from ..evaluation.benchmarks.running import Plan

    entry = find_entry(options.dataset)
    given = _given(options, entry)
    found = locate(entry, options.root)
    print_note(f"{entry.benchmark.title}: {summary(entry, found)}, in {found.folder}")
    if note := count_note(entry, found):
        print_note(note)
    sequences, missing = _chosen(options.sequences, found)
    settings = _with_authors(options, settings, entry)
    authors = options.framing == "authors"
    views = authors, height, options.flip, scales
    plan = Plan(entry.benchmark, options.recipe, options.weights, settings, given, options.out, *views)
    runs = _run(options, plan, sequences)
    return _tell(options, plan, sequences, runs, missing)


def _scales(options: argparse.Namespace) -> tuple[float, ...]:
    """Return the scales to run at. Raises BadSetting."""
    if options.framing == "artist" and (options.flip or options.scales):
        raise BadSetting("--flip and --scales are the authors' ways, and not to be had with --framing artist")
    if options.scales is None:
        return (1.0,)
    try:
        scales = tuple(float(part) for part in options.scales.split(","))
    except ValueError:
        raise BadSetting(f"--scales must look like 1,1.2 or 480,720, not {options.scales!r}") from None
    from ..evaluation.benchmarks.evaluators import HEIGHT, factor_of

    for scale in scales:
        factor_of(scale, options.height or HEIGHT)
    return scales


def _with_authors(options: argparse.Namespace, settings: Settings, entry: Entry) -> Settings:
    """Return the settings with those that the method's authors change for a data set, unless the user sets them."""
    from ..evaluation.benchmarks.evaluators import authors_settings
    from ..methods.registry import find_recipe

    recipe = find_recipe(options.recipe)
    chosen = {recipe.settings.name_of(name) for name in settings.overrides}
    found = authors_settings(recipe, entry.benchmark) if options.framing == "authors" else {}
    added = {name: value for name, value in found.items() if name not in chosen}
    if added:
        print_note(f"as the method's authors do: {', '.join(f'--set {name}={value}' for name, value in added.items())}")
    return replace(settings, overrides={**settings.overrides, **added})


def _given(options: argparse.Namespace, entry: Entry) -> Given | int:
    """Return which masks are given. Raises BadSetting."""
    from ..evaluation.benchmarks.types import Given

    if options.keyframes is not None:
        if options.keyframes < 1:
            raise BadSetting(f"--keyframes is {options.keyframes}; it must be at least 1")
        if entry.benchmark.truth == "hidden":
            raise BadSetting(f"--keyframes needs true masks, but those of {entry.benchmark.title} are hidden")
        return int(options.keyframes)
    if options.first_mask:
        return Given.FIRST_MASK
    return Given.EVERY_OBJECT if options.every_object else entry.benchmark.given


def _chosen(text: str | None, found: Found) -> tuple[list[Sequence], list[str]]:
    """Return the sequences to run, and what is missing of those that should be. Raises BadSetting."""
    if text is None:
        return list(found.sequences), list(found.missing)
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in found.names]
    if unknown or not names:
        name = (unknown or [text])[0]
        raise BadSetting(f"{found.folder} has no sequence {name!r}", remedy=f"It has {_some(found.names)}.")
    missing = [line for line in found.missing if line.partition(":")[0] in names]
    return [sequence for sequence in found.sequences if sequence.name in names], missing


def _some(names: Iterable[str]) -> str:
    """List names, if there are many only the first."""
    names = list(names)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _run(options: argparse.Namespace, plan: Plan, sequences: list[Sequence]) -> list[SequenceRun]:
    """Run all sequences that are not finished, in a folder that no other process writes to."""
    from ..evaluation.benchmarks.results_folder import ResultsFolder
    from ..evaluation.benchmarks.results_marker import claim_results
    from ..evaluation.benchmarks.running import run_all
    from .progress import Progress

    with claim_results(ResultsFolder(plan.out), plan.identity(), again=options.again), Progress("frames") as progress:
        ended = 0

        def on_frame(done: int, total: int) -> None:
            progress.show(
                f"{plan.benchmark.name} {sequences[ended].name} ({ended + 1} of {len(sequences)})", done, total
            )

        def on_sequence(run: SequenceRun) -> None:
            nonlocal ended
            ended += 1
            if run.problem:
                print_error(f"{run.name}: {run.problem}")
            elif options.jobs > 1:
                progress.show(f"{plan.benchmark.name}: {ended} of {len(sequences)} sequences")

        return run_all(plan, sequences, jobs=options.jobs, on_sequence=on_sequence, on_frame=on_frame)


def _tell(
    options: argparse.Namespace, plan: Plan, sequences: list[Sequence], runs: list[SequenceRun], missing: list[str]
) -> int:
    """Print speed and scores, write the zip of a benchmark with hidden truth, and name what is missing."""
    from ..evaluation.benchmarks.results_folder import ResultsFolder

    folder = ResultsFolder(plan.out)
    problems: list[str] = []
    done = [sequence for sequence, run in zip(sequences, runs, strict=True) if not run.problem]
    if done:
        print_line(_speed([run for run in runs if not run.problem]))
    failed = [run.name for run in runs if run.problem]
    given = {run.name: run.given for run in runs}
    if any(set(sequence.truth).difference(given[sequence.name]) for sequence in done):
        from ..evaluation.benchmarks.report import report

        try:
            made = report(
                plan.benchmark, done, folder.masks, runs, method=_method(plan), out=plan.out, jobs=options.jobs
            )
            print_line(made.text)
            problems += made.problems
        except EngineError as error:  # what else failed must be told too
            problems.append(error.sentence())
    elif any(sequence.truth for sequence in done):
        print_note("nothing was scored, as all true masks were given")
    elif done and plan.benchmark.truth != "hidden":
        problems.append(f"{plan.benchmark.title} was not scored, as its true masks are not there")
    elif done and not failed and not missing and options.sequences is None:
        print_line(f"the truth is hidden; a zip for the benchmark's server: {folder.write_zip(plan.benchmark, done)}")
    elif done:
        print_note("no zip was made for the benchmark's server, which takes all sequences at once")
    problems += [f"incomplete, and left out: {line}" for line in missing[:_SHOWN]]
    if len(missing) > _SHOWN:
        problems.append(f"{len(missing) - _SHOWN} more are incomplete, and left out; `datasets --all` names them")
    if failed:
        problems.append(f"{counted(len(failed), 'sequence')} failed, and left out: {_some(failed)}; run again")
    for problem in problems:
        print_error(problem)
    return 2 if problems else 0


def _method(plan: Plan) -> str:
    """Return the name of what was run, for tables."""
    parts = [plan.recipe]
    if isinstance(plan.given, int):
        parts.append(counted(plan.given, "keyframe"))
    elif plan.given is not plan.benchmark.given:
        parts.append(plan.given.value.replace("-", " "))
    if plan.scales != (1.0,):
        parts.append(f"scales {', '.join(f'{scale:g}' for scale in plan.scales)}")
    return ", ".join([*parts, *(["flip"] if plan.flip else [])])


def _speed(runs: list[SequenceRun]) -> str:
    """Say how fast the sequences were computed, and the largest peak of memory."""
    frames, seconds = sum(run.frames for run in runs), sum(run.seconds for run in runs)
    peak = max((run.peak_memory for run in runs), default=0) / 2**20
    return f"{counted(len(runs), 'sequence')}: {frames / max(seconds, 1e-9):.2f} frames/s, peak memory {peak:.0f} MiB"
