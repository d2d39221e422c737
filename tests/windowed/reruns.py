"""Another keyframe, and Propagate: what the panel says before, what is on disk afterwards, Esc, Resume and the queue.

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
from tests.windowed.driver import OUT, Steps, begin, go, move, over, part, press, report, run, screenshot, until

FRAMES, SHORT = 40, 8
_BELOW = ("CLIP_PT_matte_view", "CLIP_PT_matte_paint", "CLIP_PT_matte_keyframes")


def artist() -> Steps:
    """Propagate, set one more keyframe, and propagate again."""
    area = yield from begin(write_film(OUT / "film", frames=FRAMES), name="film")
    clip = area.spaces.active.clip
    for panel in _BELOW:  # so that the panels of runs are in sight
        if hasattr(bpy.types, panel):
            bpy.utils.unregister_class(getattr(bpy.types, panel))
    for frame in (1, 20):
        yield from mark(area, frame)
    yield from go(1)
    yield 2.0
    screenshot("0 before the first run")
    yield from propagate(area)
    yield from until(lambda: told(clip) == (FRAMES, 0, 0))
    yield 1.0
    screenshot("1 up to date")
    before = files(clip)
    yield from mark(area, 30)
    yield from until(lambda: told(clip) == (20, 20, 0))
    yield 1.0
    screenshot("2 one more keyframe")
    yield from propagate(area)
    yield from until(lambda: told(clip) == (FRAMES, 0, 0))
    yield 1.0
    screenshot("3 propagated again")
    after = files(clip)
    changed = sorted({number for (one, number), file in after.items() if file != before[one, number]})
    assert changed == [*range(21, FRAMES + 1)], changed
    report["changed"] = changed
    yield from escape(area, clip)
    yield from lock(area)


def lock(area: bpy.types.Area) -> Steps:
    """Lock frames, which one undo takes back."""
    bpy.data.movieclips["film"].matting.active_object = 0
    with over(area):
        bpy.ops.clip.matte_lock("EXEC_DEFAULT", True, first=3, last=5, object_id=1)
    yield 0.5
    assert locks() == [(1, 3, 5)]
    with over(area):
        bpy.ops.ed.undo()
    yield 0.5
    assert locks() == []
    with over(area):
        bpy.ops.ed.redo()
    yield 0.5
    assert locks() == [(1, 3, 5)]
    with over(area):
        bpy.ops.clip.matte_lock("INVOKE_DEFAULT", True, object_id=1, unlock=True)
    yield 1.0
    screenshot("8 frames to unlock")
    yield from press("Escape")


def locks() -> list[tuple[int, int, int]]:
    """Return object and frames of each lock of the film, by file number."""
    return part("addon.locks").locked_ranges(bpy.data.movieclips["film"])


def escape(area: bpy.types.Area, clip: bpy.types.MovieClip) -> Steps:
    """Cancel a run with Esc, but not while painting; pause one, let another clip wait, and resume."""
    session, settings = part("addon.session").session, part("addon.brush_settings").settings()
    yield from start_everything(area)
    settings.use_paint = True
    yield from move(area, (320, 180))
    yield from press("Escape")
    assert session.status.busy and not settings.use_paint, "Esc has left painting only"
    yield from press("Escape")
    yield from until(lambda: not session.status.busy)
    assert str(session.status.state) == "cancelled"
    yield 1.0
    screenshot("4 cancelled with Esc")
    yield from start_everything(area)
    with over(area):
        bpy.ops.clip.matte_pause("INVOKE_DEFAULT")
    yield from until(lambda: not session.status.busy)
    yield 1.0
    screenshot("5 paused")
    with over(area):
        bpy.ops.clip.matte_pause("INVOKE_DEFAULT", resume=True)
    other = bpy.data.movieclips.load(str(write_film(OUT / "other", frames=SHORT)))
    other.name = "other film"
    area.spaces.active.clip = other
    yield from mark(area, 1)
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    yield 0.5
    screenshot("6 another waits")
    queue = part("addon.job_queue")
    report["waited"] = bool(queue.waiting())
    yield from until(lambda: not session.status.busy and not queue.waiting() and told(other) == (SHORT, 0, 0))
    area.spaces.active.clip = clip
    yield from until(lambda: told(clip) == (FRAMES, 0, 0))
    yield 1.0
    screenshot("7 both are done")


def start_everything(area: bpy.types.Area) -> Steps:
    """Start to propagate everything, and wait until mattes come in."""
    session = part("addon.session").session
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True, everything=True)
    yield from until(lambda: session.status.total > 0 or not session.status.busy)
    assert session.status.busy, session.status


def mark(area: bpy.types.Area, frame: int) -> Steps:
    """Set keyframes of both objects on a frame."""
    yield from go(frame)
    labels = write_png(OUT / f"labels {frame}.png", truth(frame - 1), PALETTE)
    with over(area):
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(labels), all_objects=True)
    yield 0.5


def propagate(area: bpy.types.Area, **properties: object) -> Steps:
    """Start Propagate as its button does, and wait until nothing runs."""
    session = part("addon.session").session
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True, **properties)
    yield from until(lambda: not session.status.busy)
    assert session.status.problem is None, session.status.problem


def told(clip: bpy.types.MovieClip) -> tuple[int, int, int] | None:
    """Return how many frames are up to date, to redo and missing, as the panel says; None if it says nothing."""
    found = part("addon.forecast").watch(clip)
    return (found.fresh, found.stale, found.missing) if found else None


def files(clip: bpy.types.MovieClip) -> dict[tuple[int, int], tuple[int, bytes]]:
    """Return date and bytes of each matte, by object and file number."""
    folder = part("addon.folders").existing_folder(clip)
    paths = {(one, number): folder.matte(one, number) for one in (1, 2) for number in range(1, FRAMES + 1)}
    return {key: (path.stat().st_mtime_ns, path.read_bytes()) for key, path in paths.items()}


run(artist())
