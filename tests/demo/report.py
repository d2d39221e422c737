"""Table of the demo: scores of the mattes, speed, and where the files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.evaluation.score import score_folders
from engine.shared.matte_folder import MatteFolder, spans
from engine.shared.quality_report import stretch_rows
from engine.shared.quality_table import read_table
from engine.shared.stretches import bad_stretches, counted_to_fix

_FILES = {
    "contact sheet": "overlay_sheet.png",
    "overlay movie": "overlay.mp4",
    "composite": "composite.png",
    "Blender file": "demo.blend",
    "small pictures": "readme/overlay_sheet.jpg, readme/composite.jpg",
    "these numbers": "report.txt, report.json",
}


def measure(folder: MatteFolder, truth: Path, run: dict[str, Any]) -> dict[str, Any]:
    """Return the facts `run` about the run, with the J and F of its mattes added in percent.

    Means are over all frames, over the keyframes ("given"), and over the other frames ("computed").
    """
    score = score_folders(folder.root, truth)
    frames = np.array(score.numbers)
    computed = ~np.isin(frames, run["keyframes"])
    return {
        **run,
        "frames": len(frames),
        "all": _means(score.regions, score.contours),
        "given": _means(score.regions[:, ~computed], score.contours[:, ~computed]),
        "computed": _means(score.regions[:, computed], score.contours[:, computed]),
        "J_by_frame": dict(zip(map(str, frames), (100 * score.regions.mean(axis=0)).round(2).tolist(), strict=True)),
        "mattes": sum(1 for _ in folder.root.glob("mattes/*/*.png")),
        "quality": _qualities(folder),
    }


def _qualities(folder: MatteFolder) -> dict[str, Any]:
    """Return, by object, the quality of each frame's matte, None where it is not known, and the stretches to fix."""
    table = read_table(folder)
    stretches = stretch_rows(bad_stretches(table.known()))
    return {
        str(object_id): {
            "by_frame": {str(number): row.value for number, row in rows.items()},
            "to_fix": [stretch for stretch in stretches if stretch["object"] == object_id],
            "unknown": sorted({row.unknown.value for row in rows.values() if row.unknown}),
        }
        for object_id, rows in table.rows.items()
    }


def table(measured: dict[str, Any], out: Path) -> str:
    """Return the measured figures of the run and the paths of its files as readable text."""
    rows = [
        f"Keymatte demo: {measured['frames']} frames, {len(measured['keyframes'])} keyframes "
        f"({', '.join(map(str, measured['keyframes']))}), Blender {measured['blender']}",
        "",
        f"{'':34}{'J':>7}{'F':>7}{'J&F':>7}",
        _row(f"all {measured['frames']} frames", measured["all"]),
        _row(f"the {measured['frames'] - len(measured['keyframes'])} that were computed", measured["computed"]),
        _row(f"the {len(measured['keyframes'])} keyframes themselves", measured["given"]),
        "",
        *_quality_lines(measured["quality"]),
        "",
        _line("frames per second", f"{measured['frames'] / measured['seconds']:.2f}, the engine's start included"),
        _line("network steps per second", f"{measured['steps_per_second']:.2f}"),
        _line("seconds for Propagate", f"{measured['seconds']:.1f}"),
        _line("peak memory of the engine", _memory(measured["peak_memory"])),
        "",
        _line("folder", str(out)),
        _line(f"{measured['mattes']} mattes and labels", _below(Path(measured["folder"]), out)),
        *(_line(what, file) for what, file in _FILES.items()),
    ]
    return "\n".join(rows) + "\n"


def _quality_lines(qualities: dict[str, Any]) -> list[str]:
    """Return what Keymatte itself says is to be fixed, for each object."""
    return [_line(f"Keymatte's own account, object {name}", _account(one)) for name, one in qualities.items()]


def _account(quality: dict[str, Any]) -> str:
    if stretches := quality["to_fix"]:
        told = "; ".join(f"{spans(range(one['first'], one['last'] + 1))}: {one['words']}" for one in stretches)
        return f"{counted_to_fix(len(stretches))} ({told})"
    known = sum(value is not None for value in quality["by_frame"].values())
    return f"nothing to fix on {known} of {len(quality['by_frame'])} frames" if known else "not known"


def _means(regions: np.ndarray, contours: np.ndarray) -> dict[str, float]:
    region, contour = 100 * float(regions.mean()), 100 * float(contours.mean())
    return {"J": round(region, 2), "F": round(contour, 2), "J&F": round((region + contour) / 2, 2)}


def _row(what: str, means: dict[str, float]) -> str:
    return f"{what:34}" + "".join(f"{means[name]:7.1f}" for name in ("J", "F", "J&F"))


def _line(what: str, value: str) -> str:
    return f"{what:34}{value}"


def _memory(size: int) -> str:
    return f"{size / 2**20:.0f} MiB" if size else "not reported by this system"


def _below(folder: Path, out: Path) -> str:
    return folder.relative_to(out).as_posix() if folder.is_relative_to(out) else str(folder)
