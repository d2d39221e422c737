"""Two clip editors side by side: each tells of its own clip, runs wait in order, and errors go with their causes.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.blender.studio import PALETTE
from tests.png import write_png
from tests.windowed.clip_pixels import truth, write_film
from tests.windowed.driver import OUT, Steps, begin, move, over, part, press, report, run, screenshot, show_tab, until

LONG, SHORT = 60, 10
_AWAY = ("CLIP_PT_matte_view", "CLIP_PT_matte_paint", "CLIP_PT_matte_keyframes", "CLIP_PT_matte_quality")


def artist() -> Steps:
    """Work on two clips at a time."""
    first = yield from begin(write_film(OUT / "film 1", frames=LONG), name="street")
    for panel in _AWAY:  # so that the panels of runs are in sight
        if hasattr(bpy.types, panel):
            bpy.utils.unregister_class(getattr(bpy.types, panel))
    second = yield from split(first)
    river = second.spaces.active.clip = bpy.data.movieclips.load(str(write_film(OUT / "film 2", frames=SHORT)))
    river.name = "river"
    street = bpy.data.movieclips["street"]
    for area in (first, second):
        yield from show_tab(area)
        yield from mark(area, 1)
    runs, queue, session = part("ui.runs"), part("addon.job_queue"), part("addon.session").session
    yield from propagate(first)
    yield from until(lambda: session.status.done > 3)
    assert runs.others_text(river) == "Running: street" and runs.others_text(street) == ""
    screenshot("1 one clip runs")
    yield from move(second, (400, 180))
    yield from press("Escape")
    assert session.status.busy, "Esc over another clip cancels nothing"
    yield from propagate(second)
    assert queue.waiting() == (river,) and runs.others_text(street) == "Waiting: river"
    yield from mark(first, 40)
    yield from propagate(first)
    assert queue.waiting() == (river, street) and runs.others_text(river) == "Running: street"
    yield 0.5
    screenshot("2 two runs wait")
    with over(second):
        bpy.ops.wm.call_panel("INVOKE_DEFAULT", name="CLIP_PT_matte_queue")
    yield 1.0
    screenshot("3 the queue")
    yield from press("Escape")
    yield from until(lambda: not session.status.busy and not queue.waiting())
    yield 1.0
    screenshot("4 both are done")
    report["ended"] = [told(clip).text for clip in (street, river)]
    assert report["ended"] == ["Done", "Done"], report
    assert part("addon.forecast").refresh(street).fresh == LONG
    yield from error_and_cause(second, street, river)
    yield from missing_footage(first, street, river)


def error_and_cause(area: bpy.types.Area, street: bpy.types.MovieClip, river: bpy.types.MovieClip) -> Steps:
    """Take the keyframes of one clip away, which is told there until it has some again."""
    river.matting.keyframes.clear()
    yield from refused(area)
    assert told(river).problem.code == "no-keyframes" and told(street).text == "Done"
    screenshot("5 an error on one clip")
    yield from mark(area, 1)
    assert told(river) is None
    yield 0.5
    screenshot("6 the error is gone")


def missing_footage(area: bpy.types.Area, street: bpy.types.MovieClip, river: bpy.types.MovieClip) -> Steps:
    """Move the film away, which is told until it is back, without a click."""
    (OUT / "film 1").rename(OUT / "away")
    yield from refused(area)
    assert told(street).problem.code == "clip-not-found"
    yield 1.5
    screenshot("7 footage not found")
    assert told(street) is not None
    (OUT / "away").rename(OUT / "film 1")
    yield from until(lambda: told(street) is None)
    yield 0.5
    screenshot("8 footage is back")


def split(area: bpy.types.Area) -> Steps:
    """Split the editor into two side by side, and return the new one."""
    window = bpy.context.window_manager.windows[0]
    with over(area):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
    yield 1.0
    return next(one for one in window.screen.areas if one != area)


def told(clip: bpy.types.MovieClip):
    """Return how the last operation on a clip ended, as its panel says."""
    return part("addon.outcomes").of_clip(clip)


def mark(area: bpy.types.Area, frame: int) -> Steps:
    """Set keyframes of both objects of the editor's clip on a frame."""
    bpy.context.scene.frame_set(frame)
    labels = write_png(OUT / f"labels {frame}.png", truth(min(frame - 1, 7)), PALETTE)
    with over(area):
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(labels), all_objects=True)
    yield 0.5


def propagate(area: bpy.types.Area) -> Steps:
    """Start Propagate as its button does."""
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    yield 0.3


def refused(area: bpy.types.Area) -> Steps:
    """Click Propagate, which must fail; put away what pops up."""
    try:
        with over(area):
            bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    except RuntimeError as error:
        report.setdefault("refused", []).append(str(error))
    else:
        raise AssertionError("it was not refused")
    yield 0.5


run(artist())
