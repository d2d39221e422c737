"""Steps shared by the windowed sessions: installing the extension, one clip editor, screenshots, and ending Blender."""

from __future__ import annotations

import json
import os
import struct
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import bpy
import numpy as np

from tests.png import write_png

MODULE = "bl_ext.user_default.keymatte"
TIMEOUT = 600.0  # seconds

Steps = Iterator[float]


# -- Blender -----------------------------------------------------------------------------------------------------------
def install(archive: Path, python: Path, out: Path) -> None:
    bpy.ops.extensions.package_install_files(
        filepath=str(archive), repo="user_default", enable_on_install=True, overwrite=True
    )
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder = str(python), str(out / "weights")


def largest_area() -> bpy.types.Area:
    return max(bpy.context.window_manager.windows[0].screen.areas, key=lambda area: area.width * area.height)


def only_a_clip_editor() -> Generator[float, None, bpy.types.Area]:
    """Turn the largest editor into a clip editor, close all others, and return its area."""
    window = bpy.context.window_manager.windows[0]
    largest_area().type = "CLIP_EDITOR"
    for _ in range(8):
        others = [area for area in window.screen.areas if area.type != "CLIP_EDITOR"]
        if not others:
            break
        for area in others:
            with bpy.context.temp_override(window=window, area=area):
                if bpy.ops.screen.area_close.poll() and "FINISHED" in bpy.ops.screen.area_close():
                    break
        yield 0.3
    return largest_area()


def main_region(area: bpy.types.Area) -> bpy.types.Region:
    return next(region for region in area.regions if region.type == "WINDOW")


def over(area: bpy.types.Area):
    """Override the context as if the mouse were over this editor."""
    window = bpy.context.window_manager.windows[0]
    return bpy.context.temp_override(window=window, area=area, region=main_region(area))


# -- time --------------------------------------------------------------------------------------------------------------
def until(done: Callable[[], bool]) -> Steps:
    limit = time.monotonic() + TIMEOUT
    while not done():
        assert time.monotonic() < limit, "timed out"
        yield 0.1


def drive(steps: Steps, out: Path, report: dict[str, object]) -> None:
    """Run `steps` one by one in a timer, then write `report` to `out` and end Blender.

    Each number that they yield is a pause in seconds, for Blender to draw and handle events. The exit status is 1 after
    an error.
    """

    def tick() -> float:
        try:
            return float(next(steps))
        except StopIteration:
            status = 0
        except BaseException:  # an unattended Blender must end on any error
            traceback.print_exc()
            status = 1
        (out / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        print(json.dumps(report), flush=True)
        os._exit(status)  # a normal exit may ask whether to save

    bpy.context.preferences.view.show_splash = False
    out.mkdir(parents=True, exist_ok=True)
    bpy.app.timers.register(tick, first_interval=0.5, persistent=True)


# -- pictures ----------------------------------------------------------------------------------------------------------
def screenshot(path: Path) -> None:
    if "XVFB_FB" in os.environ:
        write_png(path, screen())
    else:
        bpy.ops.screen.screenshot(filepath=str(path))
    print(f"screenshot {path}", flush=True)


def screen() -> np.ndarray:
    """Return the screen (H, W, 3) uint8 of Xvfb, from the X window dump of 32 bits per pixel that XVFB_FB names."""
    data = Path(os.environ["XVFB_FB"]).read_bytes()
    fields = struct.unpack(">25I", data[:100])
    start, width, height, stride = fields[0] + fields[19] * 12, fields[4], fields[5], fields[12]
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
    return rows[:, : width * 4].reshape(height, width, 4)[..., 2::-1]
