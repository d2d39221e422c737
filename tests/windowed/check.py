"""A complete session in a Blender with windows, with screenshots to look at; run by Blender, not by pytest.

    blender --factory-startup --python tests/windowed/check.py -- ZIP PYTHON OUT

ZIP is the built extension, PYTHON an interpreter with the engine's packages, OUT a folder for the screenshots, the
.blend and `report.json`. Under Xvfb, set XVFB_FB to its frame buffer file (option -fbdir): the screen is then read from
that file, because Blender's own screenshots are black with software OpenGL.
"""

from __future__ import annotations

import json
import os
import statistics
import struct
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.png import write_png

ARCHIVE, PYTHON, OUT = (Path(word).absolute() for word in sys.argv[sys.argv.index("--") + 1 :])
CHAIR = Path(__file__).parents[1] / "clips" / "chair"
MODULE = "bl_ext.user_default.keymatte"
KEYFRAMES = (0, 20, 45)
TIMEOUT = 600.0  # seconds
PULSE = 0.02  # seconds between two beats of the timer that shows whether Blender answers

Steps = Iterator[float]
report: dict[str, object] = {}


def artist_session() -> Steps:
    """Do what an artist does. Each number yielded is a pause in seconds, for Blender to draw and handle events."""
    yield 1.0
    install()
    area = yield from only_a_clip_editor()
    clip = open_chair(area)
    yield from show_tab(area)
    with over(area):
        bpy.ops.clip.view_all()
        bpy.ops.clip.matte_object_add("INVOKE_DEFAULT", name="reflection")
        for number in KEYFRAMES:
            bpy.context.scene.frame_set(number + 1)
            bpy.ops.clip.matte_keyframe_from_image(filepath=str(CHAIR / "masks" / f"frame_{number:06d}.png"))
    yield 1.0
    screenshot("1 keyframes")

    report["beat_idle"] = yield from beats(lambda: False, seconds=3.0)
    with over(area):
        began = time.monotonic()
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT")
        report["propagate_returns_after"] = time.monotonic() - began
    status = sys.modules[f"{MODULE}.addon.session"].session
    yield from until(lambda: status.status.done >= 8)
    yield from go(3)
    screenshot("2 running")
    report["beat_running"] = yield from beats(lambda: not status.status.busy, seconds=TIMEOUT)
    report["status"] = status.status.summary
    assert str(status.status.state) == "finished", status.status
    yield from go(33)
    screenshot("3 finished")

    with over(area):
        bpy.ops.clip.matte_suggest("INVOKE_DEFAULT")
    yield from until(lambda: not status.status.busy)
    assert clip.matting.suggestions, status.status
    clip.matting.active_suggestion = 0
    clip.matting.recipe = "xmem++"
    yield 1.0
    assert area.spaces.active.clip_user.frame_current == bpy.context.scene.frame_current, "the editor shows the frame"
    screenshot("4 suggested frames and missing weights")
    clip.matting.recipe = "keymatte"

    with over(area):
        began = time.monotonic()
        bpy.ops.clip.matte_to_mask_layers()
        report["seconds_for_mask_layers"] = time.monotonic() - began
    clip.matting.show_overlay = False
    yield from go(28)
    screenshot("5 mask layers")
    with over(area):
        bpy.ops.clip.matte_to_compositor()
        bpy.ops.wm.save_mainfile()
    area.type = "NODE_EDITOR"
    area.ui_type = "CompositorNodeTree"
    tree = bpy.context.scene
    area.spaces.active.node_tree = getattr(tree, "compositing_node_group", None) or tree.node_tree
    yield 1.0
    with over(area):
        bpy.ops.node.view_all()
    yield 1.0
    screenshot("6 compositor")

    bpy.ops.wm.open_mainfile(filepath=str(OUT / "shot.blend"))
    yield 2.0
    area = largest_area()
    area.type = "CLIP_EDITOR"
    clip = bpy.data.movieclips["chair"]
    area.spaces.active.clip, area.spaces.active.mode = clip, "MASK"
    clip.matting.show_overlay = True
    yield from go(54)
    yield from show_tab(area)
    with over(area):
        bpy.ops.clip.view_all()
    yield 1.0
    screenshot("7 opened again")

    clip.display_aspect, clip.frame_start = (2, 1), 11
    with over(area):
        bpy.ops.clip.view_all()
    yield from go(64)
    screenshot("8 another aspect and start")
    with over(area):
        bpy.ops.clip.matte_update_results()
    yield 1.0
    screenshot("9 fitted to the clip")


# -- Blender -----------------------------------------------------------------------------------------------------------
def install() -> None:
    bpy.ops.extensions.package_install_files(
        filepath=str(ARCHIVE), repo="user_default", enable_on_install=True, overwrite=True
    )
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python, preferences.weights_folder = str(PYTHON), str(OUT / "weights")


def open_chair(area: bpy.types.Area) -> bpy.types.MovieClip:
    clip = bpy.data.movieclips.load(str(min((CHAIR / "frames").iterdir())))
    clip.name = "chair"
    scene, space = bpy.context.scene, area.spaces.active
    scene.frame_start, scene.frame_end = 1, clip.frame_duration
    space.clip, space.mode, space.show_region_ui = clip, "MASK", True
    bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "shot.blend"))
    return clip


def show_tab(area: bpy.types.Area) -> Steps:
    area.spaces.active.show_region_ui = True
    yield 1.0  # the tabs are known after they were drawn once
    sidebar = next(region for region in area.regions if region.type == "UI")
    sidebar.active_panel_category = "Keymatte"
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


def over(area: bpy.types.Area):
    """Override the context as if the mouse were over this editor."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region)


def go(frame: int) -> Steps:
    """Go to a scene frame as the arrow keys do."""
    with over(largest_area()):
        bpy.ops.screen.frame_offset(delta=frame - bpy.context.scene.frame_current)
    yield 1.0


# -- time --------------------------------------------------------------------------------------------------------------
def until(done: Callable[[], bool]) -> Steps:
    limit = time.monotonic() + TIMEOUT
    while not done():
        assert time.monotonic() < limit, "timed out"
        yield 0.1


def beats(done: Callable[[], bool], *, seconds: float) -> Generator[float, None, dict]:
    """Yield short pauses until `done()` returns true or `seconds` have passed.

    Returns statistics of how many seconds too long the pauses were, which shows how well Blender responds.
    """
    late, limit = [], time.monotonic() + seconds
    while not done() and time.monotonic() < limit:
        asleep = time.monotonic()
        yield PULSE
        late.append(time.monotonic() - asleep - PULSE)
    return {"count": len(late), "median": statistics.median(late), "worst": max(late)}


# -- pictures ----------------------------------------------------------------------------------------------------------
def screenshot(name: str) -> None:
    path = OUT / f"{name}.png"
    if "XVFB_FB" in os.environ:
        write_png(path, read_xwd(Path(os.environ["XVFB_FB"])))
    else:
        bpy.ops.screen.screenshot(filepath=str(path))
    print(f"screenshot {path}", flush=True)


def read_xwd(path: Path) -> np.ndarray:
    """Read an X window dump of 32 bits per pixel, little-endian, as (H, W, 3) uint8."""
    data = path.read_bytes()
    fields = struct.unpack(">25I", data[:100])
    start, width, height, stride = fields[0] + fields[19] * 12, fields[4], fields[5], fields[12]
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
    return rows[:, : width * 4].reshape(height, width, 4)[..., 2::-1]


def drive(steps: Steps) -> Callable[[], float]:
    """Return a Blender timer function that runs `steps` one by one, then writes the report and ends Blender."""

    def tick() -> float:
        try:
            return float(next(steps))
        except StopIteration:
            status = 0
        except BaseException:  # an unattended Blender must end on any error
            traceback.print_exc()
            status = 1
        (OUT / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        print(json.dumps(report), flush=True)
        os._exit(status)  # a normal exit may ask whether to save

    return tick


bpy.context.preferences.view.show_splash = False
OUT.mkdir(parents=True, exist_ok=True)
bpy.app.timers.register(drive(artist_session()), first_interval=0.5, persistent=True)
