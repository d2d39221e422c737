"""Scoring of results in the official layout: J and F of every object on every frame that the rules score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...shared.errors import EngineError, ScoreIncomplete, ScoreSizeMismatch
from ..score import contour_accuracy, region_similarity
from . import types
from .label_maps import objects_in, read_map
from .rules import VOID, Given, has_contours, scored_objects, scored_stems
from .statistics import Values
from .types import Benchmark, Rules
from .youtube import is_unseen_category

_MOST_NAMES = 8  # in a sentence
_VOIDED = (Rules.DAVIS, Rules.VOST, Rules.LVOS)  # whose toolkits take true pixels of VOID for background


@dataclass(frozen=True)
class ObjectScores:
    """Scores of one object on the frames on which the rules score it."""

    sequence: str
    object_id: int
    stems: tuple[str, ...]
    regions: Values  # J by frame
    contours: Values  # F by frame; empty if the rules have none
    unseen: bool | None = None  # whether training never showed its category; None: unknown


@dataclass(frozen=True)
class Scored:
    """Scores of a benchmark, and what is wrong with the results."""

    objects: tuple[ObjectScores, ...]
    problems: tuple[str, ...]  # sentences
    left_out: tuple[str, ...]  # names of sequences that could not be scored


def score_sequences(
    benchmark: Benchmark,
    sequences: Sequence[types.Sequence],
    results: Path,
    *,
    given: Mapping[str, Given] | None = None,
    jobs: int = 1,
) -> Scored:
    """Score all sequences that have truth; `results` holds a folder of masks for each.

    `given` says, by sequence, on which frames which objects' masks were given. A sequence with a missing or damaged
    result is left out and becomes a problem, as do ids that truth does not have. Raises ScoreIncomplete if no sequence
    can be scored.
    """
    known = [sequence for sequence in sequences if sequence.truth]
    absent = [sequence.name for sequence in known if not (results / sequence.name).is_dir()]
    present = [sequence for sequence in known if sequence.name not in absent]
    score = partial(_score_or_explain, benchmark, results, given or {})
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        outcomes = [*pool.map(score, present)]
    problems = (*_explain_absent(results, absent), *(problem for _, found in outcomes for problem in found))
    left_out = [sequence.name for sequence, (scores, _) in zip(present, outcomes, strict=True) if scores is None]
    objects = tuple(one for scores, _ in outcomes for one in scores or ())
    if not any(one.stems for one in objects):
        raise ScoreIncomplete(" ".join(problems[:1]) or f"{results} has no frame that these rules score")
    return Scored(objects, problems, (*absent, *left_out))


def _score_or_explain(
    benchmark: Benchmark, results: Path, given: Mapping[str, Given], sequence: types.Sequence
) -> tuple[list[ObjectScores] | None, list[str]]:
    """Return the scores of a sequence, None if they cannot be had, and sentences about what is wrong."""
    try:
        return score_sequence(benchmark, sequence, results / sequence.name, given.get(sequence.name, {}))
    except EngineError as error:
        return None, [f"{sequence.name} is left out: {error.sentence()}"]


def score_sequence(
    benchmark: Benchmark, sequence: types.Sequence, folder: Path, given: Given
) -> tuple[list[ObjectScores], list[str]]:
    """Return the scores of all objects of a sequence, and a sentence about ids in the results that truth does not have.

    Raises ScoreIncomplete, ScoreSizeMismatch, and the errors of `read_map`.
    """
    shown = {stem: objects_in(_true_map(path, benchmark), benchmark) for stem, path in sequence.truth.items()}
    rules = benchmark.rules
    stems_of = {id_: scored_stems(rules, sequence, id_, shown, given) for id_ in scored_objects(rules, shown)}
    if not stems_of:
        raise ScoreIncomplete(f"the true masks of {sequence.name} show no objects")
    wanted = {stem for stems in stems_of.values() for stem in stems}
    _refuse_missing(folder, [stem for stem in shown if stem in wanted])
    contours = has_contours(rules)
    scores: dict[int, list[tuple[float, float]]] = {id_: [] for id_ in stems_of}
    foreign: dict[Path, list[int]] = {}
    for stem in (stem for stem in shown if stem in wanted):
        true, pred = _read_pair(sequence.truth[stem], folder / f"{stem}.png", benchmark)
        if unknown := sorted({*objects_in(pred, benchmark)} - {*stems_of}):
            foreign[folder / f"{stem}.png"] = unknown
        for id_, rows in scores.items():
            if stem in stems_of[id_]:
                masks = pred == id_, true == id_
                rows.append((region_similarity(*masks), contour_accuracy(*masks) if contours else 0.0))
    return [
        _object_scores(sequence, id_, stems_of[id_], rows, contours=contours) for id_, rows in scores.items()
    ], _explain(foreign)


def _object_scores(
    sequence: types.Sequence, id_: int, stems: tuple[str, ...], rows: list[tuple[float, float]], *, contours: bool
) -> ObjectScores:
    """Gather the scores of an object from its (J, F) by frame."""
    values = np.array(rows, np.float64).reshape(len(rows), 2)
    unseen = sequence.unseen if sequence.unseen is not None else is_unseen_category(sequence.categories.get(id_))
    return ObjectScores(sequence.name, id_, stems, values[:, 0], values[:, 1] if contours else values[:0, 1], unseen)


def _true_map(path: Path, benchmark: Benchmark) -> NDArray[np.uint8]:
    """Read a true mask as the benchmark's rules take it."""
    labels = read_map(path, benchmark)
    if benchmark.rules in _VOIDED and not benchmark.merged:
        labels = np.where(labels == VOID, 0, labels).astype(np.uint8)
    return labels


def _read_pair(true_file: Path, pred_file: Path, benchmark: Benchmark) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the true mask and the result of a frame. Raises ScoreSizeMismatch, and the errors of `read_map`."""
    true, pred = _true_map(true_file, benchmark), read_map(pred_file, benchmark)
    if true.shape != pred.shape:
        raise ScoreSizeMismatch(
            f"{pred_file} is {pred.shape[1]}x{pred.shape[0]}, but its true mask is {true.shape[1]}x{true.shape[0]}"
        )
    if benchmark.ignored is not None and benchmark.rules not in _VOIDED:
        pred = np.where(true == benchmark.ignored, 0, pred).astype(np.uint8)
    return true, pred


def _refuse_missing(folder: Path, stems: Iterable[str]) -> None:
    """Raise ScoreIncomplete if a frame has no result."""
    missing = [path for path in (folder / f"{stem}.png" for stem in stems) if not path.is_file()]
    if missing:
        more = f", and so are {len(missing) - 1} more of this sequence" if len(missing) > 1 else ""
        raise ScoreIncomplete(f"{missing[0]} is missing{more}", remedy="Compute these frames, too.")


def _explain_absent(results: Path, names: Sequence[str]) -> list[str]:
    """Return a sentence about sequences without a folder of results."""
    if not names:
        return []
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    what = f"the sequence{'s' if len(names) > 1 else ''} {', '.join(names[:_MOST_NAMES])}{more}"
    return [f"{results} has no folder for {what}, left out of the means."]


def _explain(foreign: Mapping[Path, Sequence[int]]) -> list[str]:
    """Return a sentence about ids in results that truth does not have."""
    if not foreign:
        return []
    path, ids = next(iter(foreign.items()))
    more = f", and so have {len(foreign) - 1} more of its masks" if len(foreign) > 1 else ""
    listed = ", ".join(str(id_) for id_ in ids[:8])
    return [f"{path} has the value {listed}, which is no object of the true masks{more}. It counts as background."]
