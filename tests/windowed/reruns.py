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
from tests.windowed.clip_pixels import FRAMES, truth, write_film
from tests.windowed.driver import OUT, Steps, begin, go, over, part, report, run, screenshot, until

_BELOW = ("CLIP_PT_matte_view", "CLIP_PT_matte_paint", "CLIP_PT_matte_keyframes")


def artist() -> Steps:
    """Propagate, set one more keyframe, and propagate again."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    clip = area.spaces.active.clip
    for panel in _BELOW:  # so that the panels of runs are in sight
        if hasattr(bpy.types, panel):
            bpy.utils.unregister_class(getattr(bpy.types, panel))
    for frame in (1, 4):
        yield from mark(area, frame)
    yield from go(1)
    yield 2.0
    screenshot("0 before the first run")
    yield from propagate(area)
    yield from until(lambda: told(clip) == (FRAMES, 0, 0))
    yield 1.0
    screenshot("1 up to date")
    before = files(clip)
    yield from mark(area, 6)
    yield from until(lambda: told(clip) == (4, 4, 0))
    yield 1.0
    screenshot("2 one more keyframe")
    yield from propagate(area)
    yield from until(lambda: told(clip) == (FRAMES, 0, 0))
    yield 1.0
    screenshot("3 propagated again")
    after = files(clip)
    changed = sorted({number for (one, number), file in after.items() if file != before[one, number]})
    assert changed == [5, 6, 7, 8], changed
    report["changed"] = changed


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
