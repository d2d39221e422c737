"""Report of the study of edges: tables, a CSV, and crops at full size before and after."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from ..shared.files import atomic_write
from .edge_mattes import MadeFilm
from .edge_measures import mean_scores, near_edge
from .edge_sizes import SizeResult
from .edges import BILINEAR, ClipResult, EdgeResult, shown
from .report import Table

TITLE = "Edges of refined mattes against the exact alpha of rendered films"
CLIPS_TITLE = "The same on real clips, against masks drawn by hand"
SIZES_TITLE = "Time and memory of one frame"
NOTE = (
    "SAD is the sum of absolute differences in thousands of pixels, MSE is times 1000, of all pixels and of those at "
    "most 12 pixels from the true edge (near); gradient is the error of Rhemann et al. (2009) in thousands, dtSSD is "
    "times 100; of all these, less is better. F is the boundary's within 2 pixels, J the region's, of alphas from one "
    "half on. Given frames are not measured. Seconds are of the processor, per frame. Real masks are hard, and drawn "
    "by hand: their edges are off by a pixel or two themselves."
)
_CROP = 220, 320  # height and width of a crop, pixels
_TITLE_BAR = 22  # pixels


def as_table(results: Sequence[EdgeResult]) -> Table:
    """Return a row of text for each film and setting, and one of means for each setting."""
    table: Table = [
        ("film", "setting", "SAD", "MSE", "SAD near", "MSE near", "gradient", "dtSSD", "F@2px", "J", "s/frame")
    ]
    table += [_row(result) for result in results]
    films = list(dict.fromkeys(result.film for result in results))
    for setting in dict.fromkeys(result.setting for result in results):
        some = [result for result in results if result.setting == setting]
        if len(films) > 1 and len(some) == len(films):
            seconds = float(np.mean([result.seconds for result in some]))
            table.append(_row(EdgeResult("all films", setting, mean_scores(one.scores for one in some), seconds)))
    return table


def _row(result: EdgeResult) -> tuple[str, ...]:
    found = result.scores
    return (
        result.film, result.setting, f"{found.sad:.2f}", f"{found.mse:.2f}", f"{found.near_sad:.2f}",
        f"{found.near_mse:.1f}", f"{found.gradient:.2f}", "-" if found.flicker is None else f"{found.flicker:.2f}",
        f"{100 * found.boundary:.1f}", f"{100 * found.region:.1f}", f"{result.seconds:.2f}",
    )  # fmt: skip


def worse_than_bilinear(results: Sequence[EdgeResult]) -> list[str]:
    """Say on which films a setting has a lower boundary F or a higher SAD than the bilinear matte, and by how much."""
    plain = {result.film: result.scores for result in results if result.setting == BILINEAR}
    lines = []
    for result in results:
        base, found = plain.get(result.film), result.scores
        if base is None or result.setting == BILINEAR:
            continue
        if found.boundary < base.boundary:
            lines.append(f"{result.setting} on {result.film}: F {100 * (found.boundary - base.boundary):+.2f}")
        if found.near_sad > base.near_sad:
            lines.append(f"{result.setting} on {result.film}: SAD near {found.near_sad - base.near_sad:+.2f}")
    return lines


def clips_table(results: Sequence[ClipResult]) -> Table:
    """Return a row of text for each real clip, height and setting."""
    table: Table = [("clip", "network's lines", "setting", "masks", "J", "F@2px")]
    for one in results:
        numbers = f"{100 * one.region:.1f}", f"{100 * one.boundary:.1f}"
        table.append((one.clip, f"{one.height}", one.setting, f"{one.frames}", *numbers))
    return table


def sizes_table(results: Sequence[SizeResult]) -> Table:
    """Return a row of text for each size and way."""
    table: Table = [("size", "what", "s (processor)", "s", "memory, MiB", "of the inputs, MiB")]
    for one in results:
        memory = "-" if one.memory is None else f"{one.memory:.0f}"
        table.append((one.size, one.way, f"{one.seconds:.2f}", f"{one.elapsed:.2f}", memory, f"{one.inputs:.0f}"))
    return table


def as_csv(results: Sequence[EdgeResult]) -> str:
    """Format all scores as CSV: a line per film and setting."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("film", "setting", *asdict(results[0].scores), "seconds"))
    for result in results:
        writer.writerow((result.film, result.setting, *asdict(result.scores).values(), result.seconds))
    return text.getvalue()


def write_sheet(path: Path, films: Sequence[MadeFilm]) -> None:
    """Write a PNG with a row for each film: a crop of a frame at full size, its true alpha and its mattes."""
    rows = []
    for made in films:
        frame = made.film.frames // 4
        alphas = shown(made, frame)
        place = _worst(np.abs(alphas[BILINEAR] - alphas["true alpha"]) * near_edge(alphas["true alpha"]))
        crops = {f"{made.film.name}, frame {frame}": cv2.cvtColor(made.picture(frame)[place], cv2.COLOR_RGB2BGR)}
        for name, alpha in alphas.items():
            grey = np.rint(255 * np.clip(alpha[place], 0, 1)).astype(np.uint8)
            crops[name] = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        rows.append(np.hstack([_titled(crop, name) for name, crop in crops.items()]))
    with atomic_write(path) as part:
        part.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())


def _worst(error: np.ndarray) -> tuple[slice, slice]:
    """Return the crop with the largest errors."""
    height, width = (min(side, length) for side, length in zip(_CROP, error.shape))
    nearby = cv2.blur(error.astype(np.float32), (width, height), borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(int(nearby.argmax()), error.shape)
    top = int(np.clip(row - height // 2, 0, error.shape[0] - height))
    left = int(np.clip(column - width // 2, 0, error.shape[1] - width))
    return slice(top, top + height), slice(left, left + width)


def _titled(crop: np.ndarray, title: str) -> np.ndarray:
    bar = np.zeros((_TITLE_BAR, crop.shape[1], 3), np.uint8)
    cv2.putText(bar, title, (6, _TITLE_BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return cv2.copyMakeBorder(np.vstack([bar, crop]), 0, 2, 0, 2, cv2.BORDER_CONSTANT)
