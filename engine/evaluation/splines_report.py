"""Report of the study of splines: a table, a CSV and sheets of pictures with the splines drawn on them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path

import cv2
import numpy as np

from ..media.frames import FrameReader
from ..media.label_images import PALETTE
from ..shared.files import atomic_write
from ..shared.splines import SplineTrack, flatten
from .clips import StudyClip
from .report import Table
from .splines import SplineResult

TITLE = "Splines that follow an object: points, keys, and agreement with its mattes"
NOTE = (
    "IoU is of the splines, filled at pixel centres as Blender does, and the matte above 0.5. A part and its "
    "holes are one layer of a mask, which Blender keys as a whole; keys are relative to the frames on which parts are "
    "visible. Jitter is how much the points' motion beside the object's similarity "
    "transform changes from frame to frame; slip is how far points are from their place of the object, where its "
    "motion is known. Seconds are of the processor."
)
_SUMMED = "frames", "tracks", "parts", "shown", "keys", "seconds"
_MEANS = "left_out", "points", "iou_mean", "error", "percentile95", "jitter"
_SHOWN = 4  # frames of a sheet
_CELL = 560  # pixels; longer side of a picture
_MARGIN = 0.15  # around the splines, relative to their extent
_HOLE = (60, 60, 255)  # BGR


def as_table(results: Sequence[SplineResult]) -> Table:
    """Return a row of text for each object, and one of means for each source that several objects have."""
    header = (
        "clip", "object", "from", "frames", "tracks", "parts", "points", "most", "keys", "IoU", "worst", "error",
        "95 %", "jitter", "slip", "s",
    )  # fmt: skip
    rows = [_row(result, f"{result.object}") for result in results]
    for source in dict.fromkeys(result.source for result in results):
        some = [result for result in results if result.source == source]
        if len(some) > 1:
            rows.append(_row(_pooled(some), f"{len(some)}"))
    return [header, *rows]


def _row(result: SplineResult, objects: str) -> tuple[str, ...]:
    return (
        result.clip, objects, result.source, f"{result.frames}", f"{result.tracks}", f"{result.parts}",
        f"{result.points:.0f}", f"{result.max_points}", f"{result.keys} of {result.shown} ({result.key_share:.0%})",
        f"{result.iou_mean:.3f}", f"{result.iou_worst:.3f}", f"{result.error:.2f}", f"{result.percentile95:.2f}",
        f"{result.jitter:.2f}", "-" if result.slip is None else f"{result.slip:.2f}", f"{result.seconds:.1f}",
    )  # fmt: skip


def _pooled(results: Sequence[SplineResult]) -> SplineResult:
    """Return the sums of counts and the means of measures over several objects."""
    sums = {name: sum(vars(result)[name] for result in results) for name in _SUMMED}
    means = {name: float(np.mean([vars(result)[name] for result in results])) for name in _MEANS}
    slips = [result.slip for result in results if result.slip is not None]
    return replace(
        results[0],
        clip="all",
        max_points=max(result.max_points for result in results),
        iou_worst=min(result.iou_worst for result in results),
        slip=float(np.mean(slips)) if slips else None,
        **{**sums, **means},
    )


def as_csv(results: Sequence[SplineResult]) -> str:
    """Format every object's splines as a line of CSV."""
    text = io.StringIO()
    names = [field.name for field in fields(SplineResult) if field.name != "found"]
    writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(asdict(result) for result in results)
    return text.getvalue()


def write_sheet(path: Path, clip: StudyClip, results: Sequence[SplineResult]) -> None:
    """Write a PNG of a clip's splines: a row per source, with the splines of all objects on the same frames."""
    frames = sorted({frame for result in results for track in result.found for frame in (track.first, track.last)})
    if not frames:
        return
    shown = sorted({round(frame) for frame in np.linspace(frames[0], frames[-1], _SHOWN)})
    with FrameReader.open(clip.clip.path) as reader:
        pictures = [cv2.cvtColor(reader.read(frame), cv2.COLOR_RGB2BGR) for frame in shown]
    rows = [_sheet_row(clip, results, source, shown, pictures) for source in dict.fromkeys(r.source for r in results)]
    width = max(row.shape[1] for row in rows)
    padded = [cv2.copyMakeBorder(row, 0, 4, 0, width - row.shape[1], cv2.BORDER_CONSTANT) for row in rows]
    with atomic_write(path) as part:
        part.write_bytes(cv2.imencode(".png", np.vstack(padded))[1].tobytes())


def _sheet_row(
    clip: StudyClip, results: Sequence[SplineResult], source: str, frames: list[int], pictures: list[np.ndarray]
) -> np.ndarray:
    """Draw the splines of all objects from one source on some frames, side by side."""
    tracks = [(result.object, track) for result in results if result.source == source for track in result.found]
    if not tracks:
        return np.zeros((1, 1, 3), np.uint8)
    window = _window([track for _, track in tracks], clip.clip.width, clip.clip.height)
    return np.hstack([_cell(picture, frame, tracks, window, source) for frame, picture in zip(frames, pictures)])


def _window(tracks: Sequence[SplineTrack], width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the part of the picture that tracks move in."""
    points = np.concatenate([track.points[:, :, 1].reshape(-1, 2) for track in tracks])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * (high - low).max() + 4
    left, top = np.clip(np.floor(low - margin), 0, (width - 1, height - 1)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + margin), (left + 1, top + 1), (width, height)).astype(int).tolist()
    return left, top, right, bottom


def _cell(
    picture: np.ndarray,
    frame: int,
    tracks: Sequence[tuple[int, SplineTrack]],
    window: tuple[int, int, int, int],
    source: str,
) -> np.ndarray:
    """Draw the splines of a frame, with their points and handles, on the part of the picture in `window`."""
    left, top, right, bottom = window
    scale = _CELL / max(right - left, bottom - top)
    size = max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1)
    canvas = cv2.resize(picture[top:bottom, left:right], size, interpolation=cv2.INTER_AREA) // 2
    for object_id, track in tracks:
        points = track.at(frame)
        if points is None:
            continue
        colour = _HOLE if track.hole else tuple(int(part) for part in PALETTE[object_id][::-1])
        places = np.round((points - (left, top)) * scale * 8).astype(np.int32)
        outline = np.round((flatten(points) - (left, top)) * scale * 8).astype(np.int32)
        cv2.polylines(canvas, [outline], True, colour, 1, cv2.LINE_AA, shift=3)
        for (before, here, after), corner in zip(places, track.corners):
            cv2.line(
                canvas, before.tolist(), after.tolist() if not corner else here.tolist(), (150, 150, 150), 1, 16, 3
            )
            if corner:
                cv2.line(canvas, here.tolist(), after.tolist(), (150, 150, 150), 1, 16, 3)
            cv2.circle(canvas, (here // 8).tolist(), 3 if corner else 2, (80, 220, 255) if corner else (255,) * 3, -1)
    keyed = sum(frame in track.keys for _, track in tracks)
    cv2.putText(canvas, f"{source}, frame {frame}, {keyed} keys", (6, 16), 0, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return cv2.copyMakeBorder(canvas, 0, 0, 0, 4, cv2.BORDER_CONSTANT)
