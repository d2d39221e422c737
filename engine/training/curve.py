"""Training curve: loss and validation score over steps, drawn from the training log."""

from __future__ import annotations

import json
from pathlib import Path

from ..shared.files import atomic_write


def draw_curve(log: Path, path: Path) -> None:
    """Plot a log's training loss and validation score J over steps, as a PNG; do nothing without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(7, 4), layout="constrained")
    left = figure.subplots()
    right = left.twinx()
    left.plot([row["step"] for row in rows], [row["loss"] for row in rows], color="tab:orange")
    right.plot([row["step"] for row in rows], [row["J"] for row in rows], color="tab:blue")
    left.set(xlabel="step", ylabel="training loss (orange)")
    right.set_ylabel("J on held-out clips (blue)")
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)
