"""Figures of plots, for which the engine's environment needs a package that nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..shared.errors import BadSetting

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(size: tuple[float, float], numbers: Path) -> Figure:
    """Return an empty figure of `size` in inches. Raises BadSetting without matplotlib, naming the file `numbers`."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BadSetting(
            f"a plot needs the package matplotlib; its numbers are in {numbers}",
            remedy="Install matplotlib in the engine's environment.",
        ) from None
    return Figure(figsize=size, layout="constrained")
