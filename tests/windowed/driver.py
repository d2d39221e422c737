"""Driver of a Blender with windows: editors, real mouse and keys through X, screenshots, and the report.

Scripts beside this module are run by Blender, not by pytest:

    blender --factory-startup --python tests/windowed/SCRIPT.py -- ZIP PYTHON OUT

ZIP is the built extension, PYTHON an interpreter with the engine's packages, OUT a folder for screenshots, the .blend
and `report.json`. Under Xvfb, set XVFB_FB to its frame buffer file (option -fbdir): the screen is then read from that
file, because Blender's own screenshots are black with software OpenGL. Mouse and keys need xdotool, and a window at the
upper left corner of the screen.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import bpy
import numpy as np

from tests.png import write_png

MODULE = "bl_ext.user_default.keymatte"
TIMEOUT = 600.0  # seconds
PAUSE = 0.15  # seconds for Blender to handle an event and draw
ARCHIVE, PYTHON, OUT = (Path(word).absolute() for word in sys.argv[sys.argv.index("--") + 1 :][:3])

Steps = Iterator[float]  # each number yielded is a pause in seconds, for Blender to draw and handle events
report: dict[str, object] = {}


def run(steps: Steps) -> None:
    """Run `steps` one by one once Blender draws; then write the report and end Blender, with status 1 on an error."""

    def tick() -> float:
        try:
            return float(next(steps))
        except StopIteration:
            status = 0
        except BaseException:  # an unattended Blender must end on any error
            traceback.print_exc()
            screenshot("failed")
            status = 1
        (OUT / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        print(json.dumps(report), flush=True)
        sys.stderr.flush()
        os._exit(status)  # a normal exit may ask whether to save

    bpy.context.preferences.view.show_splash = False
    OUT.mkdir(parents=True, exist_ok=True)
    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


# -- Blender -----------------------------------------------------------------------------------------------------------
def install() -> None:
    """Install and enable the extension, with the given interpreter as its engine."""
    bpy.ops.extensions.package_install_files(
        filepath=str(ARCHIVE), repo="user_default", enable_on_install=True, overwrite=True
    )
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder = str(PYTHON), str(OUT / "weights")


def part(name: str):
    """Return a module of the installed extension by its name within the extension, such as "addon.session"."""
    return sys.modules[f"{MODULE}.{name}"]


def open_clip(area: bpy.types.Area, first: Path, *, name: str, save: bool = True) -> bpy.types.MovieClip:
    """Open a clip in the editor, with the scene as long as the clip; unless `save` is false, save the file."""
    clip = bpy.data.movieclips.load(str(first))
    clip.name = name
    scene, space = bpy.context.scene, area.spaces.active
    scene.frame_start, scene.frame_end = 1, clip.frame_duration
    space.clip, space.mode = clip, "MASK"
    if save:
        bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "shot.blend"))
    return clip


def begin(first: Path, *, name: str) -> Generator[float, None, bpy.types.Area]:
    """Install the extension, open a clip in the only editor, with the Keymatte tab, and return the editor's area."""
    yield 1.0
    install()
    area = yield from only_a_clip_editor()
    open_clip(area, first, name=name)
    yield from show_tab(area)
    return area


def show_tab(area: bpy.types.Area) -> Steps:
    """Show the Keymatte tab of the editor's sidebar."""
    area.spaces.active.show_region_ui = True
    yield 1.0  # the tabs are known after they were drawn once
    region_of(area, "UI").active_panel_category = "Keymatte"
    yield 0.5


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


def region_of(area: bpy.types.Area, kind: str = "WINDOW") -> bpy.types.Region:
    return next(region for region in area.regions if region.type == kind)


def over(area: bpy.types.Area):
    """Override the context as if the mouse were over this editor."""
    window = bpy.context.window_manager.windows[0]
    return bpy.context.temp_override(window=window, area=area, region=region_of(area))


def go(frame: int) -> Steps:
    """Go to a scene frame as the arrow keys do."""
    with over(largest_area()):
        bpy.ops.screen.frame_offset(delta=frame - bpy.context.scene.frame_current)
    yield 1.0


def until(done: Callable[[], bool]) -> Steps:
    """Wait until `done()` returns true. Fails after TIMEOUT seconds."""
    limit = time.monotonic() + TIMEOUT
    while not done():
        assert time.monotonic() < limit, "timed out"
        yield 0.1


# -- mouse and keys ----------------------------------------------------------------------------------------------------
def xdotool(*words: object) -> None:
    """Send real mouse and key events to the X server."""
    subprocess.run(["xdotool", *map(str, words)], check=True)


def on_screen(area: bpy.types.Area, pixel: tuple[float, float]) -> tuple[int, int]:
    """Return the place on the X screen of a pixel of the editor's clip (x right, y down), shown plainly."""
    region, (width, height) = region_of(area), area.spaces.active.clip.size
    x, y = region.view2d.view_to_region(pixel[0] / width, 1 - pixel[1] / height, clip=False)
    window = bpy.context.window_manager.windows[0]
    return int(region.x + x), int(window.height - 1 - (region.y + y))


def move(area: bpy.types.Area, pixel: tuple[float, float]) -> Steps:
    """Move the mouse to a pixel of the clip."""
    xdotool("mousemove", *on_screen(area, pixel))
    yield PAUSE


def drag(area: bpy.types.Area, pixels: Sequence[tuple[float, float]], *, key: str = "", button: int = 1) -> Steps:
    """Drag the mouse through pixels of the clip with a button, and a modifier key if given, held down."""
    yield from move(area, pixels[0])
    if key:
        xdotool("keydown", key)
        yield PAUSE
    xdotool("mousedown", button)
    yield PAUSE
    for start, end in zip(pixels, pixels[1:]):
        for share in (0.25, 0.5, 0.75, 1.0):
            place = tuple(a + (b - a) * share for a, b in zip(start, end))
            xdotool("mousemove", *on_screen(area, place))
            yield 0.03
    yield PAUSE
    xdotool("mouseup", button)
    yield PAUSE
    if key:
        xdotool("keyup", key)
        yield PAUSE
    yield 2 * PAUSE


def press(key: str) -> Steps:
    """Press and release a key, such as "g" or "ctrl+z"."""
    xdotool("key", key)
    yield 3 * PAUSE


def click(area: bpy.types.Area, pixel: tuple[float, float]) -> Steps:
    """Click a pixel of the clip."""
    yield from drag(area, [pixel])


# -- pictures ----------------------------------------------------------------------------------------------------------
def screenshot(name: str) -> np.ndarray:
    """Write a screenshot, and return it (H, W, 3) uint8; without XVFB_FB, return an empty one."""
    path = OUT / f"{name}.png"
    print(f"screenshot {path}", flush=True)
    if "XVFB_FB" not in os.environ:
        bpy.ops.screen.screenshot(filepath=str(path))
        return np.zeros((0, 0, 3), np.uint8)
    picture = screen()
    write_png(path, picture)
    return picture


def screen() -> np.ndarray:
    """Return the screen (H, W, 3) uint8 of Xvfb, from the X window dump of 32 bits per pixel that XVFB_FB names."""
    data = Path(os.environ["XVFB_FB"]).read_bytes()
    fields = struct.unpack(">25I", data[:100])
    start, width, height, stride = fields[0] + fields[19] * 12, fields[4], fields[5], fields[12]
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
    return rows[:, : width * 4].reshape(height, width, 4)[..., 2::-1]
