"""Curves of time and memory in a benchmark, as a CSV table and as a plot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..shared.files import atomic_write
from .bench import BenchReport
from .plots import new_figure


def write_numbers(path: Path, reports: Mapping[str, BenchReport]) -> None:
    """Write time and memory for each recipe and number of frames to a CSV file at `path` with the suffix .csv."""
    samples = [(name, sample) for name, report in reports.items() for sample in report.samples]
    with atomic_write(path.with_suffix(".csv")) as part:
        lines = (
            f"{name},{sample.frames},{sample.seconds_per_frame:.4f},{sample.tokens},{sample.memory_bytes},"
            f"{sample.process_bytes}"
            for name, sample in samples
        )
        head = "recipe,frames,seconds_per_frame,tokens_read,bytes_remembered,bytes_of_process"
        part.write_text("\n".join([head, *lines, ""]), encoding="utf-8")


def draw(path: Path, reports: Mapping[str, BenchReport]) -> None:
    """Plot time and memory against the number of frames to a PNG at `path`. Raises BadSetting without matplotlib."""
    figure = new_figure((9, 3.6), path.with_suffix(".csv"))
    time_plot, memory_plot = figure.subplots(1, 2)
    for name, report in reports.items():
        frames = [sample.frames for sample in report.samples]
        time_plot.plot(frames, [sample.seconds_per_frame for sample in report.samples], label=name)
        memory_plot.plot(frames, [sample.memory_bytes / 2**20 for sample in report.samples], label=name)
    time_plot.set(xlabel="frames", ylabel="seconds per frame", ylim=(0, None))
    memory_plot.set(xlabel="frames", ylabel="memory (MiB)", ylim=(0, None))
    time_plot.legend()
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)
