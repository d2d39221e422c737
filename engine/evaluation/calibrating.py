"""Fitting of the calibration: monotone additive logistic regression on mattes with known true masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..quality.calibration import Calibration, Curve, has_leapt
from .reliability import Sample

# Signals that the model uses: of those measured, the others did not help on films that it was not fitted on.
USED = ("agree", "head", "leap", "lost", "margin", "soft", "sure", "worst")
RISING = frozenset({"sure", "warp", "worst", "looks", "margin", "head", "head_worst", "agree"})
_QUANTILES = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)  # of each signal, at which its curve has knots
_FEWEST = 30  # mattes that have leapt, below which nothing is said of them
_STEPS, _RATE = 600, 0.03
SMOOTHNESS = 1e-3  # weight of the penalty on steep curves


@dataclass(frozen=True)
class _Basis:
    """Ramps of all signals: (samples, ramps) 0..1, and which signals could not be measured: (samples, signals)."""

    names: tuple[str, ...]
    knots: tuple[tuple[float, ...], ...]
    owner: Tensor  # (ramps,) index of the signal that each ramp belongs to
    sign: Tensor  # (ramps,) 1 if more is better, else -1

    def expand(self, samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
        """Return the ramps and the missing signals of samples."""
        values = np.array([[sample.signals.get(name, np.nan) for name in self.names] for sample in samples])
        missing = np.isnan(values)
        columns = []
        for index, knots in enumerate(self.knots):
            for low, high in zip(knots, knots[1:]):
                columns.append(np.clip((np.nan_to_num(values[:, index], nan=low) - low) / (high - low), 0, 1))
        ramps = np.stack(columns, 1) * ~missing[:, self.owner.numpy()]
        return torch.from_numpy(ramps).float(), torch.from_numpy(missing).float()


def fit(samples: Sequence[Sample], recipe: str, *, smoothness: float = SMOOTHNESS) -> Calibration:
    """Fit the calibration of a recipe to samples; every film counts the same."""
    basis = _make_basis(samples)
    ramps, missing = basis.expand(samples)
    good = torch.tensor([float(sample.is_good) for sample in samples])
    weight = _weights(samples)
    raw = torch.full((ramps.shape[1],), -3.0, requires_grad=True)
    absent = torch.zeros(missing.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([raw, absent, bias], lr=_RATE)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        slopes = functional.softplus(raw)
        logits = bias + ramps @ (slopes * basis.sign) + missing @ absent
        loss = (weight * functional.binary_cross_entropy_with_logits(logits, good, reduction="none")).sum()
        (loss + smoothness * (slopes.square().sum() + absent.square().sum())).backward()
        optimiser.step()
    return _calibration(
        recipe,
        basis,
        functional.softplus(raw.detach()),
        absent.detach(),
        float(bias.detach()),
        _good_after_leap(samples),
    )


def _make_basis(samples: Sequence[Sample]) -> _Basis:
    names: list[str] = []
    knots: list[tuple[float, ...]] = []
    owner: list[int] = []
    sign: list[float] = []
    for name in USED:
        values = np.array([sample.signals[name] for sample in samples if name in sample.signals])
        if not len(values):
            continue
        places = tuple(dict.fromkeys(float(f"{value:.4g}") for value in np.quantile(values, _QUANTILES)))
        if len(places) < 2:
            if values.min() == values.max():
                continue
            places = (float(values.min()), float(values.max()))
        owner += [len(names)] * (len(places) - 1)
        sign += [1.0 if name in RISING else -1.0] * (len(places) - 1)
        names.append(name)
        knots.append(places)
    return _Basis(tuple(names), tuple(knots), torch.tensor(owner), torch.tensor(sign))


def _weights(samples: Sequence[Sample]) -> Tensor:
    """Return the weights of samples, by which all films count the same; they sum to 1."""
    counts: dict[str, int] = {}
    for sample in samples:
        counts[sample.clip] = counts.get(sample.clip, 0) + 1
    return torch.tensor([1 / counts[sample.clip] / len(counts) for sample in samples])


def _good_after_leap(samples: Sequence[Sample]) -> float:
    """Return the fraction of mattes that are good after a leap; 1 if too few have leapt to tell."""
    leapt = [sample.is_good for sample in samples if has_leapt(sample.signals)]
    return round(sum(leapt) / len(leapt), 4) if len(leapt) >= _FEWEST else 1.0


def _calibration(
    recipe: str, basis: _Basis, slopes: Tensor, absent: Tensor, bias: float, after_leap: float
) -> Calibration:
    curves = {}
    for index, (name, knots) in enumerate(zip(basis.names, basis.knots, strict=True)):
        own = basis.owner == index
        shifts = torch.cat([torch.zeros(1), (slopes[own] * basis.sign[own]).cumsum(0)])
        curves[name] = Curve(knots, tuple(round(float(shift), 4) for shift in shifts), round(float(absent[index]), 4))
    return Calibration(recipe, round(bias, 4), curves, after_leap)


def as_row(calibration: Calibration) -> dict[str, object]:
    """Return a calibration as a row of the file that comes with Keymatte."""
    curves = {
        name: {"knots": list(curve.knots), "shifts": list(curve.shifts), "missing": curve.missing}
        for name, curve in calibration.curves.items()
    }
    return {"bias": calibration.bias, "after_leap": calibration.after_leap, "curves": curves}
