"""The list of stretches to fix: what is on the screen is right after each change, without a move of the mouse.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.blender.studio import PALETTE
from tests.png import write_png
from tests.windowed.clip_pixels import FRAMES, truth, write_film
from tests.windowed.driver import (
    OUT,
    Steps,
    begin,
    over,
    part,
    region_of,
    report,
    run,
    screenshot,
    until,
)

_ABOVE = (
    "CLIP_PT_matte_view",
    "CLIP_PT_matte_paint",
    "CLIP_PT_matte_propagate_options",
    "CLIP_PT_matte_propagate",
    "CLIP_PT_matte_keyframes",
)
_seen: list[np.ndarray] = []  # pictures of the sidebar


def artist() -> Steps:
    """Judge mattes, look at the list, correct a stretch, and undo that."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    clip = area.spaces.active.clip
    for panel in _ABOVE:  # so that the list is in sight
        bpy.utils.unregister_class(getattr(bpy.types, panel))
    yield 1.0
    screenshot("0 nothing propagated")
    with over(area):
        labels = write_png(OUT / "labels.png", truth(0), PALETTE)
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(labels), all_objects=True)
    yield 1.0
    judge(clip)
    area.tag_redraw()
    yield from until(lambda: rows() == [(1, 4, 5, 5, False), (2, 8, 8, 8, False)])
    yield from is_up_to_date(area, "1 two stretches")

    bpy.context.window_manager.matte_fixes.active = 0
    yield 1.0
    assert (bpy.context.scene.frame_current, clip.matting.active_object) == (5, 0)
    yield from is_up_to_date(area, "2 at the worst frame of the first")

    with over(area):
        bpy.ops.clip.matte_keyframe_from_mask("EXEC_DEFAULT", True, absent=True)
    yield from until(lambda: rows() == [(1, 4, 5, 5, True), (2, 8, 8, 8, False)])
    yield from is_up_to_date(area, "3 the first is corrected")
    with over(area):
        bpy.ops.ed.undo()
    yield from until(lambda: rows() == [(1, 4, 5, 5, False), (2, 8, 8, 8, False)])
    yield from is_up_to_date(area, "4 undone")
    tick = part("addon.state_watch").tick
    yield from until(lambda: not bpy.app.timers.is_registered(tick))  # nothing is left to do


def judge(clip: bpy.types.MovieClip) -> None:
    """Write mattes of both objects, two stretches of which need a fix."""
    folder = part("addon.folders").existing_folder(clip)
    quality = part("engine.shared.quality").MatteQuality
    bad = {(1, 4): 0.3, (1, 5): 0.1, (2, 8): 0.2}
    files = part("engine.shared.written_files").WrittenFiles(folder)
    for number in range(1, FRAMES + 1):
        image = write_png(OUT / "labels.png", truth(number - 1), PALETTE)
        files.write(folder.labels(number), image.read_bytes())
        for object_id in (1, 2):
            matte = write_png(OUT / "matte.png", ((truth(number - 1) == object_id) * 255).astype(np.uint8))
            value = bad.get((object_id, number), 0.9)
            judged = quality(value, ("", "twin", "drift")[object_id] if value < 0.5 else "", "keymatte", {"warp": 0.5})
            files.write(folder.matte(object_id, number), matte.read_bytes(), judged)
    files.close()


def rows() -> list[tuple[int, int, int, int, bool]]:
    """Return object, frames, worst frame, and whether it is corrected, of each row."""
    found = bpy.context.window_manager.matte_fixes.rows
    return [(row.object_id, row.first, row.last, row.worst, row.corrected) for row in found]


def is_up_to_date(area: bpy.types.Area, name: str) -> Steps:
    """Assert that the sidebar on the screen is what Blender draws if told to draw it again, and not as before."""
    yield 1.0
    before = screenshot(name)
    area.tag_redraw()
    yield 1.0
    after = screenshot(f"{name}, drawn again")
    if before.size == 0:  # there is no picture of the screen
        return
    region, height = region_of(area, "UI"), bpy.context.window_manager.windows[0].height
    place = np.s_[height - region.y - region.height : height - region.y, region.x : region.x + region.width]
    assert np.array_equal(before[place], after[place]), name
    assert not _seen or not np.array_equal(before[place], _seen[-1]), name
    _seen.append(before[place])
    report["pictures"] = len(_seen)


run(artist())
