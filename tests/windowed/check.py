"""A complete session in a Blender with windows, with screenshots to look at; run by Blender, not by pytest.

    blender --factory-startup --python tests/windowed/check.py -- ZIP PYTHON OUT

ZIP is the built extension, PYTHON an interpreter with the engine's packages, OUT a folder for the screenshots, the
.blend and `report.json`. Under Xvfb, set XVFB_FB to its frame buffer file (option -fbdir): the screen is then read from
that file, because Blender's own screenshots are black with software OpenGL.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.windowed.driver import (
    MODULE,
    TIMEOUT,
    Steps,
    drive,
    install,
    largest_area,
    only_a_clip_editor,
    over,
    screenshot,
    until,
)

ARCHIVE, PYTHON, OUT = (Path(word).absolute() for word in sys.argv[sys.argv.index("--") + 1 :])
CHAIR = Path(__file__).parents[1] / "clips" / "chair"
KEYFRAMES = (0, 20, 45)
PULSE = 0.02  # seconds between two beats of the timer that shows whether Blender answers

report: dict[str, object] = {}


def artist_session() -> Steps:
    """Do what an artist does. Each number yielded is a pause in seconds, for Blender to draw and handle events."""
    yield 1.0
    install(ARCHIVE, PYTHON, OUT)
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
    shot("1 keyframes")

    report["beat_idle"] = yield from beats(lambda: False, seconds=3.0)
    with over(area):
        began = time.monotonic()
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT")
        report["propagate_returns_after"] = time.monotonic() - began
    status = sys.modules[f"{MODULE}.addon.session"].session
    yield from until(lambda: status.status.done >= 8)
    yield from go(3)
    shot("2 running")
    report["beat_running"] = yield from beats(lambda: not status.status.busy, seconds=TIMEOUT)
    report["status"] = status.status.summary
    assert str(status.status.state) == "finished", status.status
    yield from go(33)
    shot("3 finished")

    with over(area):
        bpy.ops.clip.matte_suggest("INVOKE_DEFAULT")
    yield from until(lambda: not status.status.busy)
    assert clip.matting.suggestions, status.status
    clip.matting.active_suggestion = 0
    clip.matting.recipe = "xmem++"
    yield 1.0
    assert area.spaces.active.clip_user.frame_current == bpy.context.scene.frame_current, "the editor shows the frame"
    shot("4 suggested frames and missing weights")
    clip.matting.recipe = "keymatte"

    with over(area):
        began = time.monotonic()
        bpy.ops.clip.matte_to_mask_layers()
        report["seconds_for_mask_layers"] = time.monotonic() - began
    clip.matting.show_overlay = False
    yield from go(28)
    shot("5 mask layers")
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
    shot("6 compositor")

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
    shot("7 opened again")

    clip.display_aspect, clip.frame_start = (2, 1), 11
    with over(area):
        bpy.ops.clip.view_all()
    yield from go(64)
    shot("8 another aspect and start")
    with over(area):
        bpy.ops.clip.matte_update_results()
    yield 1.0
    shot("9 fitted to the clip")


# -- Blender -----------------------------------------------------------------------------------------------------------
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


def go(frame: int) -> Steps:
    """Go to a scene frame as the arrow keys do."""
    with over(largest_area()):
        bpy.ops.screen.frame_offset(delta=frame - bpy.context.scene.frame_current)
    yield 1.0


# -- time --------------------------------------------------------------------------------------------------------------
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
def shot(name: str) -> None:
    screenshot(OUT / f"{name}.png")


drive(artist_session(), OUT, report)
