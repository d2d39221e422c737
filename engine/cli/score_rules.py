"""Options of `score` for published benchmarks: official rules, and tables beside the numbers of the papers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting
from .console import print_error, print_line

if TYPE_CHECKING:
    from ..evaluation.benchmarks.types import Benchmark

RULES = ("davis", "davis16", "youtube", "lvos", "vost", "longtime")
_ONLY_WITH_RULES = ("sequences", "meta", "unseen", "out", "jobs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that score by official rules."""
    group = parser.add_argument_group(
        "published benchmarks", "--pred and --truth hold a folder of masks for each sequence, as the benchmarks do"
    )
    group.add_argument(
        "--rules", choices=RULES, help="score by the official rules of this data set; see the documentation"
    )
    group.add_argument("--sequences", type=Path, metavar="FILE", help="list of sequences; default: all in --truth")
    group.add_argument("--meta", type=Path, metavar="FILE", help="meta.json of LVOS or YouTube-VOS")
    group.add_argument("--unseen", type=Path, metavar="FILE", help="LVOS' unseen_videos.txt")
    group.add_argument(
        "--benchmark",
        metavar="NAME",
        help="instead of --rules, such as davis17-val: tables have the papers' numbers",
    )
    group.add_argument("--method", default="results", help="name of the method in the tables; default: %(default)s")
    group.add_argument("--out", type=Path, metavar="DIR", help="folder for scores.csv, scores.json and scores.md")
    group.add_argument("--jobs", type=int, default=1, metavar="N", help="sequences scored at a time; default: 1")


def refuse_without_rules(options: argparse.Namespace) -> None:
    """Raise BadSetting if an option is given that needs --rules."""
    defaults = {"jobs": 1}
    for name in _ONLY_WITH_RULES:
        if getattr(options, name) != defaults.get(name):
            raise BadSetting(
                f"--{name} needs --rules or --benchmark", remedy="Name the data set whose rules are meant."
            )


def score(options: argparse.Namespace) -> int:
    """Print the means by the official rules, and write tables if asked to. Returns 2 if something is wrong, else 0."""
    if options.allow_missing or options.csv:
        raise BadSetting(
            f"--{'csv' if options.csv else 'allow-missing'} cannot be used with --rules",
            remedy="Use --out for tables. Sequences with missing results are left out, and named.",
        )
    if options.jobs < 1:
        raise BadSetting(f"--jobs is {options.jobs}; it must be at least 1")

    from ..evaluation.benchmarks.scoring import score_sequences
    from ..evaluation.benchmarks.tables import Table, as_text, write_tables
    from ..evaluation.benchmarks.truth_folders import sequences_in

    benchmark = _benchmark(options)
    sequences = sequences_in(options.truth, names=options.sequences, meta=options.meta, unseen=options.unseen)
    scored = score_sequences(benchmark, sequences, _results(options.pred), jobs=options.jobs)
    table = Table(benchmark, options.method, scored)
    print_line(as_text(table))
    if options.out:
        write_tables(table, options.out)
    for problem in scored.problems:
        print_error(problem)
    return 2 if scored.problems else 0


def _benchmark(options: argparse.Namespace) -> Benchmark:
    """Return the benchmark that is named, or one with the rules that are. Raises BadSetting."""
    from ..evaluation.benchmarks.catalogue import find_entry
    from ..evaluation.benchmarks.truth_folders import benchmark_of
    from ..evaluation.benchmarks.types import Rules

    if not options.benchmark:
        return benchmark_of(Rules(options.rules))
    benchmark = find_entry(options.benchmark).benchmark
    if options.rules not in (None, benchmark.rules.value):
        raise BadSetting(
            f"{options.benchmark} is scored by the rules of {benchmark.rules.value}, not {options.rules}",
            remedy="Leave out --rules.",
        )
    return benchmark


def _results(pred: Path) -> Path:
    """Return the folder that holds one for each sequence: `pred`, or Annotations in it, as `evaluate` writes."""
    inner = pred / "Annotations"
    return inner if inner.is_dir() else pred
