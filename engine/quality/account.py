"""QualityAccount: the quality of mattes of one recipe from their signals; those of two sweeps are judged together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..shared.quality import GIVEN, MatteQuality
from .calibration import Calibration, calibrations
from .signals import Signals

AGREEMENT = "agree"  # signal of mattes that two sweeps were joined to


class QualityAccount:
    """Judges mattes of one recipe."""

    def __init__(self, recipe: str, calibration: Calibration | None = None) -> None:
        """Use `calibration`, or the one that comes with Keymatte, if there is one."""
        self._recipe = recipe
        self._calibration = calibration or calibrations().get(recipe)

    def probability(self, signals: Signals) -> float | None:
        """Return the probability that an artist would leave a matte as it is; None if the recipe is not calibrated."""
        if GIVEN in signals:
            return 1.0
        return self._calibration.probability(signals) if self._calibration and signals else None

    def judge(self, signals: Signals) -> MatteQuality:
        """Return the quality of a matte with these signals."""
        judged = self._calibration if signals and GIVEN not in signals else None
        reason = judged.reason(signals) if judged else ""
        return MatteQuality(self.probability(signals), reason, self._recipe, signals)


def joined(first: Signals, second: Signals, weight: float, agreement: float) -> Signals:
    """Join the signals of two sweeps on a frame; `weight`, 0..1, is that of the second, `agreement` their overlap."""
    names = {**first, **second}.keys() - {GIVEN}
    means = {
        name: weight * second.get(name, first.get(name, 0.0)) + (1 - weight) * first.get(name, second.get(name, 0.0))
        for name in sorted(names)
    }
    return {**means, AGREEMENT: agreement}


def overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the soft IoU, 0..1, of two mattes (H, W) 0..1; 1 if both are empty."""
    union = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / union if union >= 1 else 1.0
