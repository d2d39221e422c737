"""A complete session in a Blender with windows, with screenshots to look at; `driver` says how Blender runs it."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.windowed.driver import (
    OUT,
    TIMEOUT,
    Steps,
    begin,
    go,
    largest_area,
    over,
    part,
    report,
    run,
    screenshot,
    show_tab,
    until,
)

CHAIR = Path(__file__).parents[1] / "clips" / "chair"
KEYFRAMES = (0, 20, 45)
PULSE = 0.02  # seconds between two beats of the timer that shows whether Blender answers


def artist_session() -> Steps:
    """Do what an artist does, from an opened clip to the compositor."""
    area = yield from begin(min((CHAIR / "frames").iterdir()), name="chair")
    clip = area.spaces.active.clip
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
    status, results = part("addon.session").session, part("addon.folders").results
    yield from until(lambda: len(results(clip).numbers) >= 8 or not status.status.busy)
    assert status.status.busy, status.status
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
        bpy.ops.clip.matte_to_mask_layers(wait=True)
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
    yield from beats(lambda: not status.status.busy, seconds=60)
    yield 1.0
    screenshot("9 fitted to the clip")


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


run(artist_session())
