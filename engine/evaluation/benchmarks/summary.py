"""Measures of a benchmark: of each object, and their means as its official rules take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from . import statistics
from .scoring import ObjectScores
from .types import Rules

Measures = dict[str, float]  # name -> value 0..1; NaN where there is nothing to measure

_WITH_CONTOURS = ("J", "J_recall", "J_decay", "F", "F_recall", "F_decay")
_BY_RULES = {
    Rules.DAVIS: _WITH_CONTOURS,
    Rules.DAVIS16: _WITH_CONTOURS,
    Rules.LONG_TIME: _WITH_CONTOURS,
    Rules.PLAIN: _WITH_CONTOURS,
    Rules.VOST: ("J", "J_recall", "J_decay", "J_tr", "J_tr_recall", "J_tr_decay"),
    Rules.LVOS: ("J", "F", "V"),
    Rules.YOUTUBE: ("J", "F"),
}
_SPLIT = (Rules.LVOS, Rules.YOUTUBE)  # whose means are those of seen and unseen objects

_COMPUTED: dict[str, Callable[[ObjectScores], float]] = {
    "J": lambda one: statistics.mean(one.regions),
    "J_recall": lambda one: statistics.recall(one.regions),
    "J_decay": lambda one: statistics.decay(one.regions),
    "F": lambda one: statistics.mean(one.contours),
    "F_recall": lambda one: statistics.recall(one.contours),
    "F_decay": lambda one: statistics.decay(one.contours),
    "J_tr": lambda one: statistics.mean(statistics.last_quarter(one.regions)),
    "J_tr_recall": lambda one: statistics.recall(statistics.last_quarter(one.regions)),
    "J_tr_decay": lambda one: statistics.decay(statistics.last_quarter(one.regions)),
    "V": lambda one: statistics.spread(one.regions, one.contours),
}


def measures_of(rules: Rules, one: ObjectScores) -> Measures:
    """Return the measures of one object."""
    return {name: _COMPUTED[name](one) for name in _BY_RULES[rules]}


def summarize(rules: Rules, objects: Iterable[ObjectScores]) -> Measures:
    """Return the means over all objects of a benchmark; each object counts the same, however long it is seen.

    Where the rules tell seen from unseen objects, and all of them are known as either, a mean is that of the two means,
    as in LVOS' toolkit and in YouTube-VOS' overall score. J&F is the mean of J and F. Objects without a scored frame
    do not count.
    """
    counted = [one for one in objects if one.stems]
    if rules in _SPLIT and {one.unseen for one in counted} == {True, False}:
        return _split_means(rules, counted)
    return _with_overall(_means(rules, counted))


def _split_means(rules: Rules, objects: Sequence[ObjectScores]) -> Measures:
    """Return the means of seen and of unseen objects, and of both."""
    seen = _means(rules, [one for one in objects if not one.unseen])
    unseen = _means(rules, [one for one in objects if one.unseen])
    means: Measures = {}
    for name in _BY_RULES[rules]:
        means[name] = (seen[name] + unseen[name]) / 2
        means |= {f"{name}_seen": seen[name], f"{name}_unseen": unseen[name]}
    return _with_overall(means)


def _means(rules: Rules, objects: Sequence[ObjectScores]) -> Measures:
    rows = [measures_of(rules, one) for one in objects]
    return {name: float(np.mean([row[name] for row in rows])) if rows else float("nan") for name in _BY_RULES[rules]}


def _with_overall(means: Measures) -> Measures:
    """Put J&F before the other measures, if there is F."""
    return {"J&F": (means["J"] + means["F"]) / 2, **means} if "F" in means else means


def headline(means: Measures) -> Measures:
    """Return the measures that papers state: all but recall and decay."""
    return {name: value for name, value in means.items() if not name.endswith(("_recall", "_decay"))}
