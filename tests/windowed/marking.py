"""Marking with a real mouse and real keys: brush, eraser, lasso, fill, snap, undo, scrubbing, save and reopen.

The pixels of every keyframe are compared with what was drawn; `driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.windowed.disc_film import DISC, box, capsule, disc, iou, write_film
from tests.windowed.driver import (
    OUT,
    Steps,
    begin,
    click,
    drag,
    largest_area,
    move,
    on_screen,
    over,
    part,
    press,
    region_of,
    report,
    run,
    screenshot,
    until,
    xdotool,
)

RADIUS = 20.0  # of the brush, pixels of the clip


def artist() -> Steps:
    """Mark objects by hand, and look at what was stored."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    brush().radius, brush().hardness = RADIUS, 1.0
    yield 1.0

    yield from strokes(area)
    yield from undo_and_redo(area)
    yield from lasso_and_fill(area)
    yield from escape_takes_back_the_tool_first(area)
    yield from frames(area)
    yield from snap(area)
    yield from leave_and_reopen(area)


def strokes(area: bpy.types.Area) -> Steps:
    """Paint, erase, and draw straight."""
    before = screenshot("1 before")
    yield from drag(area, [(100, 100), (200, 100)])
    after = screenshot("2 stroke")
    expected = capsule((100, 100), (200, 100), RADIUS)
    assert iou(mask(1), expected) > 0.95, iou(mask(1), expected)
    x, y = on_screen(area, (150, 100))
    assert len(before) == 0 or (before[y, x] != after[y, x]).any(), "the stroke is on the screen"

    yield from drag(area, [(150, 60), (150, 140)], key="ctrl")
    expected &= ~capsule((150, 60), (150, 140), RADIUS)
    assert iou(mask(1), expected) > 0.93, iou(mask(1), expected)

    yield from drag(area, [(100, 200), (160, 240), (220, 200)], key="shift")
    expected |= capsule((100, 200), (220, 200), RADIUS)
    assert iou(mask(1), expected) > 0.93, "only the end of a straight stroke counts"

    radius = brush().radius
    yield from press("bracketright")
    assert brush().radius > radius
    yield from press("bracketleft")
    assert abs(brush().radius - radius) < 0.01
    screenshot("3 erased, and a straight stroke")


def undo_and_redo(area: bpy.types.Area) -> Steps:
    """Undo two strokes and redo them with Blender's own keys."""
    versions = [version(1)]
    for _ in range(2):
        yield from press("ctrl+z")
        versions.append(version(1))
    assert len(set(versions)) == 3, versions
    assert iou(mask(1), capsule((100, 100), (200, 100), RADIUS)) > 0.95
    screenshot("4 undone")
    for expected in versions[1::-1]:
        yield from press("ctrl+shift+z")
        assert version(1) == expected
    screenshot("5 redone")


def lasso_and_fill(area: bpy.types.Area) -> Steps:
    """Draw an outline, cut a part out of it, and fill the hole."""
    mask_before = mask(1)
    square = [(300, 240), (400, 240), (400, 330), (300, 330), (300, 240)]
    yield from press("l")
    yield from drag(area, square)
    added = mask(1) & ~mask_before
    assert iou(added, box(300, 240, 400, 330)) > 0.95, iou(added, box(300, 240, 400, 330))
    yield from press("l")
    yield from drag(area, [(330, 270), (370, 270), (370, 300), (330, 300), (330, 270)], key="ctrl")
    hole = added & ~mask(1)
    assert iou(hole, box(330, 270, 370, 300)) > 0.9
    screenshot("6 lasso with a hole")
    yield from press("g")
    yield from click(area, (350, 285))
    assert mask(1)[box(331, 271, 369, 299)].all(), "the hole is filled"
    screenshot("7 filled")


def escape_takes_back_the_tool_first(area: bpy.types.Area) -> Steps:
    """Press Esc while the lasso waits to be drawn, which does not leave painting."""
    yield from press("l")
    assert brush().tool == "LASSO"
    yield from press("Escape")
    assert brush().tool == "BRUSH" and brush().use_paint


def frames(area: bpy.types.Area) -> Steps:
    """Step, scrub, zoom and pan while painting, and paint on another frame."""
    first = version(1)
    yield from move(area, (300, 180))
    yield from press("Right")
    assert bpy.context.scene.frame_current == 2
    brush().tool = "BRUSH"
    with over(area):
        bpy.ops.clip.view_zoom_in(location=(0.5, 0.5))
    yield 0.5
    yield from drag(area, [(300, 180), (340, 180)], button=2)  # pans
    yield from drag(area, [(300, 180), (340, 180)])
    assert iou(mask(2), capsule((300, 180), (340, 180), RADIUS)) > 0.95
    assert version(1) == first, "a stroke changes its own frame only"

    region = region_of(area)
    left, bottom = int(region.x + region.width * 0.5), int(bpy.context.window_manager.windows[0].height - region.y - 6)
    xdotool("mousemove", left, bottom)
    yield 0.2
    xdotool("mousedown", 1)
    yield 0.2
    xdotool("mousemove", left + region.width // 4, bottom)
    yield 0.3
    xdotool("mouseup", 1)
    yield 0.5
    assert bpy.context.scene.frame_current > 4, "Blender scrubs at the lower edge"
    assert {key.number for key in matting().keyframes} == {1, 2}, "scrubbing paints nothing"
    with over(area):
        bpy.context.scene.frame_set(1)
        bpy.ops.clip.view_all(fit_view=True)
    yield 0.5


def snap(area: bpy.types.Area) -> Steps:
    """Draw a rough outline around the disc, and let it snap to the edges in the picture."""
    with over(area):
        bpy.ops.clip.matte_object_add(name="disc")
    brush().use_snap = True
    x, y, radius = DISC
    turn = np.linspace(0, 2 * np.pi, 13)
    outline = [(x + (radius + 9) * np.cos(angle), y + (radius + 9) * np.sin(angle)) for angle in turn]
    yield from press("l")
    yield from drag(area, outline)
    began = time.monotonic()
    yield from until(lambda: iou(mask(1), disc(1)) > 0.97)
    report["snap_seconds_with_engine_start"] = time.monotonic() - began
    screenshot("8 snapped")
    yield from press("ctrl+z")
    assert 0.6 < iou(mask(1), disc(1)) < 0.9, "undo gives the rough outline back"
    yield from press("ctrl+shift+z")
    assert iou(mask(1), disc(1)) > 0.97
    brush().use_snap = False


def leave_and_reopen(area: bpy.types.Area) -> Steps:
    """Leave painting, save, and open the file again."""
    yield from move(area, (300, 180))
    yield from press("Escape")
    assert not brush().use_paint
    stored = {key.number * 1000 + key.object_id: alpha(key).copy() for key in matting().keyframes}
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(OUT / "shot.blend"))
    yield 2.0
    again = {key.number * 1000 + key.object_id: alpha(key) for key in matting().keyframes}
    assert stored.keys() == again.keys() and len(stored) == 3
    assert all((stored[key] == again[key]).all() for key in stored)
    area = largest_area()
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
    yield from move(area, (200, 300))
    yield 0.5
    before = screenshot("9 opened again")
    with over(area):
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    brush().radius = RADIUS
    yield from move(area, (201, 300))
    yield from move(area, (200, 300))
    yield 0.5
    after = screenshot("10 painting in the opened file")
    assert len(before) == 0 or ring_of_change(area, before, after) > 0.5, "the brush's circle is there"


def ring_of_change(area: bpy.types.Area, before: np.ndarray, after: np.ndarray) -> float:
    """Return in how many directions from the mouse two screenshots differ at the brush's radius, 0..1."""
    (x, y), (edge, _) = on_screen(area, (200, 300)), on_screen(area, (200 + brush().radius, 300))
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    differs = (before != after).any(axis=-1)
    found = []
    for angle in turn:
        along = np.arange(edge - x - 3, edge - x + 4)
        columns, rows = np.rint(x + along * np.cos(angle)), np.rint(y + along * np.sin(angle))
        found.append(differs[rows.astype(int), columns.astype(int)].any())
    return float(np.mean(found))


# -- the extension -----------------------------------------------------------------------------------------------------
def matting() -> bpy.types.PropertyGroup:
    return bpy.data.movieclips["film"].matting


def brush() -> bpy.types.PropertyGroup:
    return bpy.context.window_manager.matte_brush


def keyframe(number: int) -> bpy.types.PropertyGroup:
    """Return the active object's keyframe on a frame."""
    object_id = matting().objects[matting().active_object].object_id
    key = part("addon.keyframes").find_keyframe(bpy.data.movieclips["film"], object_id, number)
    assert key is not None, f"object {object_id} has no keyframe on frame {number}"
    return key


def version(number: int) -> str:
    return keyframe(number).version


def alpha(key: bpy.types.PropertyGroup) -> np.ndarray:
    return part("addon.keyframes").keyframe_alpha(bpy.data.movieclips["film"], key)


def mask(number: int) -> np.ndarray:
    """Return the mask (H, W) bool of the active object's keyframe on a frame."""
    return alpha(keyframe(number)) >= 128


run(artist())
