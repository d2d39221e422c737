"""Statistics of scores over the frames of one object, as the published toolkits compute them."""

from __future__ import annotations

from math import floor, isnan, sqrt

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]  # one score per frame, in the order of frames, 0..1

_GOOD = 0.5  # a frame above it counts for recall
_BINS = 4
_LAST_PART = 0.75  # of the frames; those after it are the last quarter
_DIGITS = 4  # to which the toolkit of LVOS rounds a variance


def mean(values: Values) -> float:
    """Return the mean of the scores; NaN without any."""
    return float(np.mean(values)) if len(values) else float("nan")


def recall(values: Values) -> float:
    """Return the fraction of frames whose score is above one half (DAVIS 2016, section 5); NaN without any."""
    return mean((values > _GOOD).astype(np.float64))


def decay(values: Values) -> float:
    """Return the mean of the first quarter of the frames minus that of the last (DAVIS 2016, section 5).

    Quarters share the frames on which they meet, as in DAVIS' toolkit (`db_statistics`). That counts frames in eight
    bits, and thus in circles beyond 256 frames, which no sequence of DAVIS has; here, they are counted right.
    """
    if not len(values):
        return float("nan")
    bounds = (np.round(np.linspace(1, len(values), _BINS + 1) + 1e-10) - 1).astype(int)
    first, last = values[bounds[0] : bounds[1] + 1], values[bounds[-2] : bounds[-1] + 1]
    return mean(first) - mean(last)


def last_quarter(values: Values) -> Values:
    """Return the scores of the last quarter of the frames, whose mean is VOST's J_tr (its `evaluation.py`)."""
    return values[floor(len(values) * _LAST_PART) :]


def spread(regions: Values, contours: Values) -> float:
    """Return V of LVOS: the standard deviation of J&F over the frames of an object; NaN without any.

    The variance is rounded to four digits first, as in LVOS' toolkit (`db_statistics_var`).
    """
    both = (regions + contours) / 2
    variance = mean((mean(both) - both) ** 2)
    return variance if isnan(variance) else sqrt(round(variance, _DIGITS))
