"""Plot of a study of long shots: quality, time and memory against the number of frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..shared.files import atomic_write
from .long import LongRun
from .plots import new_figure


def draw(path: Path, runs: Sequence[LongRun]) -> None:
    """Plot the runs to a PNG at `path`. Raises BadSetting without matplotlib."""
    figure = new_figure((13, 3.8), path.with_suffix(".csv"))
    quality, seconds, memory = figure.subplots(1, 3)
    for index, run in enumerate(runs):
        frames = [one.memory.frames for one in run.samples]
        name = run.recipe if run.weights == "own" else f"{run.recipe} (random weights)"
        look = {"label": name, "color": f"C{index}"}
        if run.weights == "own":
            quality.plot(frames, [None if one.region is None else 100 * one.region for one in run.samples], **look)
        seconds.plot(frames, [one.memory.seconds_per_frame for one in run.samples], **look)
        memory.plot(frames, [one.memory.memory_bytes / 2**20 for one in run.samples], **look)
    quality.set(xlabel="frames", ylabel="J (%)", ylim=(0, 100))
    seconds.set(xlabel="frames", ylabel="seconds per frame", ylim=(0, None))
    memory.set(xlabel="frames", ylabel="memory (MiB)", ylim=(0, None))
    figure.legend(*seconds.get_legend_handles_labels(), loc="outside lower center", ncols=len(runs))
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=110)
