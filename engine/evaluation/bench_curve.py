"""Time and memory of a benchmark over the clip's length, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..shared.errors import BadSetting
from ..shared.files import atomic_write
from .bench import Report


def write_numbers(path: Path, reports: Mapping[str, Report]) -> None:
    """Time and memory over the clip's length, by recipe, as the .csv beside the picture at `path`."""
    rows = [(name, row) for name, report in reports.items() for row in report.growth]
    with atomic_write(path.with_suffix(".csv")) as part:
        lines = (
            f"{name},{row.frames},{row.seconds:.4f},{row.tokens},{row.memory},{row.bytes_held}" for name, row in rows
        )
        head = "recipe,frames,seconds_per_frame,tokens_read,bytes_remembered,bytes_of_process"
        part.write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def draw(path: Path, reports: Mapping[str, Report]) -> None:
    """The same as a picture. Raises BadSetting where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BadSetting(
            f"a curve needs the package matplotlib; its numbers are in {path.with_suffix('.csv')}",
            remedy="Install matplotlib beside the engine's packages.",
        ) from None
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    time_plot, memory_plot = figure.subplots(1, 2)
    for name, report in reports.items():
        frames = [row.frames for row in report.growth]
        time_plot.plot(frames, [row.seconds for row in report.growth], label=name)
        memory_plot.plot(frames, [row.memory / 2**20 for row in report.growth], label=name)
    time_plot.set(xlabel="frames", ylabel="seconds a frame", ylim=(0, None))
    memory_plot.set(xlabel="frames", ylabel="MiB remembered", ylim=(0, None))
    time_plot.legend()
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)
