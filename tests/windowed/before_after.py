"""Before and after side by side: a real mouse drags the line, and screenshots of each view show both states.

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
from tests.windowed import displays, driver
from tests.windowed.clip_pixels import SIZE, assert_like, inner, shot, truth, values, write_film
from tests.windowed.driver import OUT, PAUSE, Steps, go, over, part, press, report, until, xdotool
from tests.windowed.wipe_line import (
    FRAME,
    assert_line_at,
    assert_split,
    at_line,
    clip,
    colour,
    column,
    drag,
    keys,
    matte,
    matting,
    names,
    on_disk,
    place,
    right_edge,
    sides,
)

REST = (600, 335)  # where the mouse rests: away from the objects, but over the clip for its keys
VIEWS = ("TINT", "OUTLINE", "ALPHA", "BLACK_WHITE", "CHECKER", "COLOUR")
LINE = 0.33  # through the ring, and through the bar that a correction makes of it


def artist() -> Steps:
    """Compute mattes, correct one, compute them again, and compare."""
    yield 1.0
    driver.install()
    area = yield from driver.only_a_clip_editor()
    driver.open_clip(area, write_film(OUT / "film"), name="film")
    yield from driver.show_tab(area)
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
    yield from mark(area, 1, truth(0))
    yield from driver.move(area, REST)
    yield from nothing_to_compare(area)
    yield from propagate(area)
    yield from go(FRAME)
    yield from driver.move(area, REST)
    yield from first_run(area)
    before = matte(1)
    yield from mark(area, FRAME, np.where(bar(), 1, 0).astype(np.uint8))
    yield from propagate(area)
    yield from go(FRAME)
    yield from driver.move(area, REST)
    kept = on_disk()
    yield from both_sides(area, before)
    yield from drags(area)
    yield from views(area)
    yield from ways_to_look(area)
    yield from painting(area)
    assert on_disk() == kept, "looking has changed nothing on the disk"
    yield from undone(area)
    yield from themes(area)
    yield from two_editors(area)


def mark(area: bpy.types.Area, frame: int, labels: np.ndarray) -> Steps:
    image = write_png(OUT / f"labels {frame}.png", labels, PALETTE)
    bpy.context.scene.frame_current = frame
    with over(area):
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(image), all_objects=True)
    yield 0.5


def propagate(area: bpy.types.Area) -> Steps:
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", recipe="colour")
    session = part("addon.session").session
    yield from until(lambda: not session.status.busy)
    assert str(session.status.state) == "finished", session.status


def nothing_to_compare(area: bpy.types.Area) -> Steps:
    """Press the key before any run: nothing is switched on, and the button says why."""
    yield from press("shift+b")
    assert not matting().show_before
    yield from shot(area, "0 nothing to compare")
    with over(area):
        assert not bpy.ops.clip.matte_before_after.poll()
    assert part("addon.wipe").refusal(clip()) == "No earlier mattes are kept"


def first_run(area: bpy.types.Area) -> Steps:
    """Before the first run there was nothing, which the line says."""
    matting().show_overlay = False
    plain = yield from shot(area, "1 plain")
    matting().show_overlay, matting().wipe = True, LINE
    yield from press("shift+b")
    assert matting().show_before, "the key switches it on"
    picture = yield from shot(area, "1 first run")
    ring = inner(matte(1) == 255)
    left, right = sides(area, ring)
    assert_like(values(area, picture, left), values(area, plain, left))
    assert_like(values(area, picture, right), (values(area, plain, right) + colour()) / 2)
    assert names(area) == ("Before: no mattes", "After")


def both_sides(area: bpy.types.Area, before: np.ndarray) -> Steps:
    """The ring of the first run is on the left of the line, and the bar of the correction on its right."""
    matting().show_overlay = False
    plain = yield from shot(area, "2 plain")
    matting().show_overlay = True
    picture = yield from shot(area, "2 before and after")
    ring, after = inner((before == 255) & ~bar()), inner(bar() & (before == 0))
    assert matte(1)[after].min() == 255 and matte(1)[ring].max() == 0
    for mask, tinted in ((ring, "left"), (after, "right")):
        for side, chosen in zip(("left", "right"), sides(area, mask)):
            below = values(area, plain, chosen)
            assert_like(values(area, picture, chosen), (below + colour()) / 2 if side == tinted else below)
    assert names(area) == ("Before", "After")


def drags(area: bpy.types.Area) -> Steps:
    """Drag the line at its handle and beside it, take a drag back with Esc, and miss it."""
    seen = []
    for share, away in ((0.5, 0), (0.7, 150), (0.4, -100)):
        start = at_line(area, away)
        yield from drag(start, (column(area, share) + start[0] - at_line(area)[0], start[1]))
        seen.append(round(matting().wipe, 2))
        picture = yield from shot(area, f"3 dragged to {share:.0%}")
        assert_line_at(area, picture, share)
    assert seen == [0.5, 0.7, 0.4], seen
    start = at_line(area)
    xdotool("mousemove", *start)
    yield 2 * PAUSE
    over_line = yield from shot(area, "3 the mouse is over the line")
    xdotool("mousedown", 1)
    yield PAUSE
    xdotool("mousemove", column(area, 0.8), start[1])
    yield 2 * PAUSE
    assert matting().wipe > 0.7
    yield from press("Escape")
    xdotool("mouseup", 1)
    yield PAUSE
    assert round(matting().wipe, 2) == 0.4, "Esc takes the drag back"
    yield from drag((start[0] + 40, start[1]), (start[0] + 200, start[1]))
    assert round(matting().wipe, 2) == 0.4, "beside the line, the mouse is Blender's"
    yield from driver.move(area, REST)
    away = yield from shot(area, "3 the mouse is away")
    x, y = at_line(area, 150)
    assert (over_line[y, x - 3 : x + 4] != away[y, x - 3 : x + 4]).any(), "the line shows that it can be dragged"
    report["dragged"] = seen


def views(area: bpy.types.Area) -> Steps:
    """In each view, the left of the line looks as if all were before, and its right as if all were after."""
    matting().active_object = 0
    for view in VIEWS:
        matting().view = view
        yield from assert_split(area, f"4 {view.lower()}")
    matting().view = "KEYFRAMES"
    picture = yield from shot(area, "4 keyframes only")
    matting().show_before = False
    without = yield from shot(area, "4 keyframes only, off")
    middle = slice(at_line(area)[1] - 100, at_line(area)[1] + 100)
    assert (picture[middle, : right_edge(area)] == without[middle, : right_edge(area)]).all(), "nothing is compared"
    matting().show_before, matting().view = True, "TINT"


def ways_to_look(area: bpy.types.Area) -> Steps:
    """Zoomed, panned and undistorted, the line stays at its place in the picture."""
    space = area.spaces.active
    for ratio in (2.0, 0.5):
        with over(area):
            bpy.ops.clip.view_zoom_ratio(ratio=ratio)
        yield from assert_split(area, f"5 zoomed {ratio}")
    with over(area):
        bpy.ops.clip.view_zoom_ratio(ratio=2.0)
        bpy.ops.clip.view_pan(offset=(320.0, 0.0))
    matting().wipe = 0.05
    yield from shot(area, "5 out of sight to the left")
    line = place(area)
    assert line.x == round(16 * line.scale), "it stops at the edge, where it can be grabbed"
    yield from drag(at_line(area), (at_line(area)[0] + 300, at_line(area)[1]))
    assert matting().wipe > 0.3
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
    for name in ("polynomial", "brown"):
        space.show_region_ui = False
        displays.DISPLAYS[name](space, clip())
        yield 1.0
        yield from assert_split(area, f"5 {name}")
        space.clip_user.use_render_undistorted = False
    displays.reset(area)
    yield from driver.show_tab(area)


def painting(area: bpy.types.Area) -> Steps:
    """While painting, the line leaves the mouse to the brush, and its handle does not."""
    matting().wipe = 0.5
    matting().active_object = 0
    bpy.context.window_manager.matte_brush.radius = 10.0
    versions = keys()
    with over(area):
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    yield 0.5
    yield from drag(at_line(area), (column(area, 0.6), at_line(area)[1]))
    assert round(matting().wipe, 2) == 0.6 and keys() == versions
    start = at_line(area, 100)
    yield from drag(start, (start[0] - 60, start[1]))
    assert round(matting().wipe, 2) == 0.6 and keys() != versions, "beside the handle, the brush paints"
    yield from shot(area, "6 painted at the line")
    with over(area):
        bpy.ops.ed.undo()
    yield from driver.move(area, REST)
    yield from press("Escape")
    assert keys() == versions


def undone(area: bpy.types.Area) -> Steps:
    """After Undo Run the left is of the run before; when all are undone, it is what Redo Run brings back."""
    matting().wipe = LINE
    second = matte(1)
    with over(area):
        bpy.ops.clip.matte_undo_run()
    yield from shot(area, "7 one run undone")
    assert names(area) == ("Before: no mattes", "After")
    first = matte(1)
    with over(area):
        bpy.ops.clip.matte_undo_run()
    matting().show_overlay = False
    plain = yield from shot(area, "7 plain")
    matting().show_overlay = True
    picture = yield from shot(area, "7 all runs undone")
    assert names(area) == ("Undone Run", "Now")
    left, _ = sides(area, inner((first == 255) & ~bar()))
    assert_like(values(area, picture, left), (values(area, plain, left) + colour()) / 2)
    for _ in range(2):
        with over(area):
            bpy.ops.clip.matte_redo_run()
    assert np.array_equal(matte(1), second)
    yield from shot(area, "7 redone")
    assert names(area) == ("Before", "After")
    yield from press("shift+b")
    assert not matting().show_before, "the key switches it off"
    yield from press("shift+b")


def themes(area: bpy.types.Area) -> Steps:
    """Show line and panel in a dark and a light theme."""
    folders = [Path(one) for one in bpy.utils.preset_paths("interface_theme")]
    for name in ("Dark", "Light"):
        files = [file for folder in folders for file in folder.glob(f"Blender_{name}.xml")]
        bpy.ops.script.execute_preset(filepath=str(files[0]), menu_idname="USERPREF_MT_interface_theme_presets")
        for view in ("TINT", "BLACK_WHITE"):
            matting().view = view
            yield from shot(area, f"8 {name.lower()} {view.lower()}")
    matting().view = "TINT"
    with over(area):
        bpy.ops.wm.call_menu(name="CLIP_MT_view")
    yield from shot(area, "8 the menu")
    yield from press("Escape")


def two_editors(area: bpy.types.Area) -> Steps:
    """Two editors of the clip show the line at the same place of the picture."""
    area.spaces.active.show_region_ui = False
    with over(area):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.4)
    yield 1.0
    editors = [one for one in bpy.context.window_manager.windows[0].screen.areas if one.type == "CLIP_EDITOR"]
    assert len(editors) == 2
    for one in editors:
        with over(one):
            bpy.ops.clip.view_all(fit_view=True)
    matting().wipe = 0.4
    for number, one in enumerate(editors):
        yield from assert_split(one, f"9 editor {number}")


# -- the clip ----------------------------------------------------------------------------------------------------------
def bar() -> np.ndarray:
    """Return the mask (H, W) bool of the correction, which crosses the ring's lower half."""
    mask = np.zeros((SIZE["height"], SIZE["width"]), bool)
    mask[190:290, 60:560] = True
    return mask


driver.run(artist())
