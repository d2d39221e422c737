"""Sequences of a benchmark made for tests: masks as rows of digits, written where data sets have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.evaluation.benchmarks import types
from engine.evaluation.benchmarks.types import Benchmark, Given, Rules
from engine.media.label_images import write_labels

Rows = Sequence[str]  # a digit for each pixel


def benchmark(rules: Rules, *, merged: bool = False, ignored: int | None = None) -> Benchmark:
    """Return a benchmark with these rules."""
    return Benchmark(f"made-{rules.value}", f"Made for {rules.name}", rules, Given.FIRST_MASK, merged, ignored)


def labels(rows: Rows) -> np.ndarray:
    """Return a mask: each digit is a pixel's object; `x` stands for 255."""
    return np.array([[255 if letter == "x" else int(letter) for letter in row] for row in rows], np.uint8)


def write_masks(folder: Path, masks: Mapping[str, Rows]) -> dict[str, Path]:
    """Write masks named by stem, and return their paths."""
    paths = {stem: folder / f"{stem}.png" for stem in masks}
    for stem, rows in masks.items():
        write_labels(paths[stem], labels(rows))
    return paths


def sequence(root: Path, name: str, truth: Sequence[Rows], **more: object) -> types.Sequence:
    """Write true masks for frames 00000, 00001, ... and return the sequence."""
    stems = [f"{number:05d}" for number in range(len(truth))]
    paths = write_masks(root / "Annotations" / name, dict(zip(stems, truth, strict=True)))
    first = dict(list(paths.items())[:1])
    return types.Sequence(name, (), first, paths, tuple(stems), **more)  # type: ignore[arg-type]


def results(root: Path, name: str, masks: Sequence[Rows]) -> Path:
    """Write results for frames 00000, 00001, ... and return the folder that holds those of all sequences."""
    write_masks(root / "results" / name, {f"{number:05d}": rows for number, rows in enumerate(masks)})
    return root / "results"
