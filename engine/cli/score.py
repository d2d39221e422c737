"""Command line `score`: compares results with true masks (J and F), also by the official rules of benchmarks."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..shared.files import atomic_write
from ..shared.mask_images import Masks
from . import score_rules
from .arguments import add_masks
from .console import print_line
from .named_files import refuse_foreign_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `score`."""
    parser.set_defaults(command=score)
    parser.add_argument("--pred", type=Path, required=True, help="results of propagate, or a folder of label images")
    parser.add_argument("--truth", type=Path, required=True, help="folder of true label images")
    add_masks(parser)
    parser.add_argument("--allow-missing", action="store_true", help="leave out frames that have no result")
    parser.add_argument("--csv", type=Path, help="write the scores of every frame to this file")
    score_rules.add_arguments(parser)


def score(options: argparse.Namespace) -> int:
    """Print the scores as a table, and write them to a CSV file if asked to. Returns 0; 2 for incomplete benchmarks."""
    if options.rules or options.benchmark:
        return score_rules.score(options)
    score_rules.refuse_without_rules(options)
    refuse_foreign_table(options.csv, "object,frame,J,F")

    from ..evaluation.score import as_csv, as_table, score_folders

    scores = score_folders(options.pred, options.truth, allow_missing=options.allow_missing, masks=Masks(options.masks))
    print_line(as_table(scores))
    if options.csv:
        with atomic_write(options.csv) as part:
            part.write_text(as_csv(scores), encoding="utf-8")
    return 0
