"""An artist's first shot, from an empty tab to the compositor, on the bundled clip: takes the pictures of the guide.

`python -m tests.windowed.pictures` runs it and finishes the pictures; `driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # Blender does not put the repository on the path

from tests.windowed.driver import (
    MODULE,
    OUT,
    PYTHON,
    Steps,
    go,
    install,
    largest_area,
    on_screen,
    only_a_clip_editor,
    over,
    part,
    report,
    run,
    screenshot,
    show_tab,
    until,
    xdotool,
)
from tests.windowed.guide_pages import PICTURES
from tests.windowed.labels import Box, click_label, find, region_box, scroll_to

CHAIR = ROOT / "tests" / "clips" / "chair"
_GAPS = (  # floor between the legs of the chair on the first frame
    ((68, 286), (70, 280), (100, 277), (119, 269), (116, 284), (113, 292), (113, 310), (68, 310), (68, 286)),
    ((141, 273), (150, 269), (170, 275), (200, 282), (206, 290), (206, 310), (141, 310), (141, 290), (141, 273)),
)
_LINE = 0.19  # part of the clip to the left of the line between before and after, which is on the chair
_LEFT_OUT = 0.22  # part of the window that no picture shows, so that the rest is large
_SIDEBAR, _DIALOG = 520, 720  # pixels of the screen that pictures of them show
_OUTLINE = (  # rough, around the chair on the first frame: pixels of the clip
    *(
        (42, 42),
        (90, 37),
        (146, 40),
        (156, 100),
        (161, 138),
        (200, 150),
        (246, 164),
        (250, 192),
        (225, 206),
        (186, 213),
    ),
    *((161, 222), (163, 240), (200, 252), (232, 268), (233, 298), (140, 313), (110, 309), (40, 299), (40, 272)),
    *((90, 254), (127, 240), (127, 222), (100, 214), (66, 182), (54, 120), (42, 60), (42, 42)),
)


def artist() -> Steps:
    """Work on the clip as the guide says, and take a picture of each step."""
    if bpy.app.version < (5, 0, 0):
        report["skipped"] = "labels are found on the screen only in Blender 5.0 and later"
        return
    yield 1.0
    install()
    preferences = bpy.context.preferences.addons[MODULE].preferences
    preferences.engine_python = preferences.weights_folder = ""
    area = yield from only_a_clip_editor()
    yield from in_preferences(area)
    with over(area):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=_LEFT_OUT)
    yield 0.5
    area = largest_area()
    area.spaces.active.show_region_toolbar = False
    yield from show_tab(area)
    yield 1.5
    yield from take("tab", sidebar(area, 320))
    bpy.context.preferences.system.use_online_access = True  # nothing is downloaded: the dialog is left
    yield 1.5
    yield from click_label("Install Engine", area)
    yield 1.0
    yield from take("install", sidebar(area, 420, _DIALOG), keep_mouse=True)
    xdotool("key", "Escape")
    yield 0.5
    preferences.engine_python = "/old/python"
    yield 2.0
    yield from take("wrong_python", sidebar(area, 300))
    preferences.engine_python = str(PYTHON)
    yield 2.5
    yield from take("open", sidebar(area, 260))

    with over(area):
        frames = [{"name": "frame_000000.jpg"}]
        bpy.ops.clip.open("EXEC_DEFAULT", directory=str(CHAIR / "frames"), files=frames)
        bpy.ops.clip.set_scene_frames()
        bpy.ops.clip.view_all(fit_view=True)
    clip().name = "chair"
    bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "shot.blend"))
    yield from show_tab(area)
    yield 1.5
    yield from take("clip", editor(area))
    yield from first_keyframe(area)
    yield from propagate(area)
    yield from corrections(area)
    yield from results(area)
    assert report["pictures"].keys() == PICTURES.keys(), report["pictures"].keys() ^ PICTURES.keys()


def in_preferences(area: bpy.types.Area) -> Steps:
    """Take a picture of the extension's preferences."""
    xdotool("mousemove", 3, 3)
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "Keymatte"
    bpy.ops.preferences.addon_expand(module=MODULE)
    yield 3.0  # the hardware is looked at
    box = region_box(area, "WINDOW")
    ((_, top, *_), *_) = find("Preferences", box)
    yield from take("preferences", (box[0], top - 12, box[0] + 1000, min(top + 360, box[3])), kind="WINDOW")
    area.type = "CLIP_EDITOR"
    yield 0.5


def first_keyframe(area: bpy.types.Area) -> Steps:
    yield from click_label("Paint", area)
    bpy.context.window_manager.matte_brush.use_snap = True
    yield 0.5
    yield from press("l", area)
    yield from half_drag(area, _OUTLINE)
    yield from take("lasso", around_chair(area), keep_mouse=True)
    xdotool("mouseup", 1)
    yield from until(lambda: len(clip().matting.keyframes) > 0)
    yield 5.0  # the engine snaps beside it
    yield from take("snapped", around_chair(area))
    yield from press("Escape", area)


def propagate(area: bpy.types.Area) -> Steps:
    yield from click_label("Propagate", area)
    yield from until(lambda: len(part("addon.folders").results(clip()).numbers) > 24)
    yield from go(14)
    yield from take("propagating", editor(area))
    yield from idle()
    yield from go(30)
    yield from take("mattes", editor(area))


def corrections(area: bpy.types.Area) -> Steps:
    yield from click_label("Go There", area)
    yield 1.0
    yield from take("to_fix", editor(area))
    yield from go(1)
    yield from click_label("Paint", area, nth=-1)  # in the panel of this name
    assert bpy.context.window_manager.matte_brush.use_paint
    bpy.context.window_manager.matte_brush.use_snap = False
    for gap in _GAPS:
        yield from press("l", area)
        xdotool("keydown", "ctrl")
        yield from half_drag(area, gap)
        if gap == _GAPS[-1]:
            yield from take("cutting", around_chair(area), keep_mouse=True)
        xdotool("mouseup", 1)
        yield 0.3
        xdotool("keyup", "ctrl")
        yield 0.5
    yield from take("cut", around_chair(area))
    yield from press("Escape", area)
    yield from click_label("Propagate", area)
    yield from idle()
    yield from go(30)
    yield from take("corrected", editor(area))
    with over(area):
        bpy.ops.clip.matte_before_after()
    clip().matting.wipe = _LINE
    yield from go(8)
    yield from take("before_after", around_chair(area))
    with over(area):
        bpy.ops.clip.matte_before_after()
    yield 0.5


def results(area: bpy.types.Area) -> Steps:
    clip().matting.objects[0].refinement.use = True
    clip().matting.view = "ALPHA"
    yield from click_label("Refine Edges", area)
    yield 4.0
    yield from scroll_to("Refine Clip", area)
    yield from take("refine", editor(area))
    yield from click_label("Refine Clip", area)
    yield from idle()
    clip().matting.view = "TINT"
    yield from scroll_to("Clear Mattes", area)
    yield from take("results", editor(area))
    yield from click_label("To Mask Layers", area)
    yield from idle()
    clip().matting.show_overlay = False
    yield from go(30)
    yield from take("mask_layers", around_chair(area))
    yield from click_label("Mattes to Compositor", area)
    yield 1.0
    area.type = "NODE_EDITOR"
    area.ui_type = "CompositorNodeTree"
    area.spaces.active.show_region_ui = area.spaces.active.show_region_asset_shelf = False
    yield 1.0
    with over(area):
        bpy.ops.node.view_all()
    yield 1.0
    yield from take("compositor", editor(area))


def idle() -> Steps:
    yield 1.0
    session = part("addon.session").session
    yield from until(lambda: not session.status.busy)
    assert not session.status.problem, session.status
    yield 2.0


def press(key: str, area: bpy.types.Area) -> Steps:
    """Press a key with the mouse over the chair."""
    xdotool("mousemove", *on_screen(area, (200, 20)))
    yield 0.2
    xdotool("key", key)
    yield 0.5


# -- the clip ----------------------------------------------------------------------------------------------------------
def clip() -> bpy.types.MovieClip:
    return bpy.data.movieclips[0]


def half_drag(area: bpy.types.Area, pixels: list[tuple[float, float]]) -> Steps:
    """Drag through pixels of the clip, and hold the button down."""
    xdotool("mousemove", *on_screen(area, pixels[0]))
    yield 0.2
    xdotool("mousedown", 1)
    yield 0.2
    for pixel in pixels[1:]:
        xdotool("mousemove", *on_screen(area, pixel))
        yield 0.03
    yield 0.3


# -- pictures ----------------------------------------------------------------------------------------------------------
def take(name: str, box: Box, *, keep_mouse: bool = False, kind: str = "UI") -> Steps:
    """Take a picture of a box of the screen, and note where its marks belong. Fails if a label is not in sight."""
    if not keep_mouse:
        xdotool("mousemove", 3, 3)
        yield 0.6
    screenshot(name)
    marks = []
    for label in PICTURES[name].marks:
        found = find(label, region_box(largest_area(), kind))
        assert found, f"{label!r} is not in sight on the picture {name!r}"
        marks.append(found[0])
    report.setdefault("pictures", {})[name] = {"box": box, "marks": marks}


def editor(area: bpy.types.Area) -> Box:
    """Return the box of a whole editor."""
    height = bpy.context.window_manager.windows[0].height
    return area.x, height - area.y - area.height, area.x + area.width, height - area.y


def sidebar(area: bpy.types.Area, height: int, width: int = _SIDEBAR) -> Box:
    """Return a box with the upper part of the sidebar, and some of the editor beside it."""
    _, top, right, bottom = region_box(area)
    return right - width, top, right, min(top + height, bottom)


def around_chair(area: bpy.types.Area) -> Box:
    """Return a box of the screen around the chair."""
    return *on_screen(area, (0, 12)), *on_screen(area, (300, 335))


run(artist())
