"""The first run of a newcomer: from an empty profile to the first matte, with the buttons that the tab offers.

The tab is looked at without a clip, without an engine, with a Python that is not there, and at each step after that;
clicks and seconds are counted into the report. `driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.windowed.disc_film import DISC, disc, iou, write_film
from tests.windowed.driver import (
    ARCHIVE,
    MODULE,
    OUT,
    PYTHON,
    Steps,
    drag,
    go,
    largest_area,
    on_screen,
    over,
    part,
    press,
    region_of,
    report,
    run,
    screen,
    screenshot,
    until,
    xdotool,
)

clicks: list[str] = []
LARGE = 24  # pixels: the height that only the button of the next step, and few others, reach


def newcomer() -> Steps:
    """Install the extension, and follow the button of the next step until there are mattes."""
    yield 1.0
    bpy.ops.extensions.package_install_files(
        filepath=str(ARCHIVE), repo="user_default", enable_on_install=True, overwrite=True
    )
    start = time.monotonic()
    bpy.ops.clip.matte_open_editor()
    clicks.append("Open Movie Clip Editor, in the preferences")
    yield from until(lambda: largest_area().type == "CLIP_EDITOR" and tab() == "Keymatte")
    yield from without_engine()
    yield from open_clip()
    yield from mark()
    yield from propagate()
    report["seconds"], report["clicks"] = round(time.monotonic() - start, 1), clicks
    yield from use_mattes()


def without_engine() -> Steps:
    """Look at the tab without an engine, and with a Python that cannot be used."""
    yield 1.0
    screenshot("1 no engine, offline")
    assert step() == "engine offline"
    bpy.context.preferences.system.use_online_access = True  # nothing is downloaded
    yield 2.0
    screenshot("1 no engine")
    assert step() == "engine"
    report["would be installed"] = part("addon.engine_setup").build_text()
    preferences().engine_python = str(OUT / "nowhere" / "python")
    yield 2.0
    screenshot("2 wrong Python")
    assert step() == "engine python"
    preferences().engine_python = str(PYTHON)
    preferences().device = "cpu"
    yield 2.0
    screenshot("3 the engine is ready")


def open_clip() -> Steps:
    """Click Open Clip, and choose the first image in Blender's file browser."""
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"  # a window of its own would hide it
    first, window = write_film(OUT / "film"), bpy.context.window_manager.windows[0]
    assert step() == "open"
    yield from click_next("Open Clip")
    yield 1.5
    browser = next(area for area in window.screen.areas if area.type == "FILE_BROWSER")
    params = browser.spaces.active.params
    params.directory, params.filename = str(first.parent).encode(), first.name
    yield 0.5
    with bpy.context.temp_override(window=window, area=browser, region=region_of(browser)):
        bpy.ops.file.execute("INVOKE_DEFAULT")
    clicks.extend(["the file", "Open"])
    yield from until(lambda: largest_area().type == "CLIP_EDITOR" and clip() is not None)
    yield 1.0
    screenshot("4 a clip is open")
    assert step() == "paint"


def mark() -> Steps:
    """Click Paint, draw a lasso around the disc, and leave painting."""
    area = largest_area()
    yield from click_next("Paint")
    assert part("addon.brush_settings").settings().use_paint
    yield 0.5
    screenshot("5 painting")
    assert step() == "stroke"
    xdotool("mousemove", *on_picture(area, DISC[:2]))
    yield 0.3
    yield from press("l")
    turn = np.linspace(0.0, 2 * np.pi, 33)
    outline = [(DISC[0] + DISC[2] * np.cos(at), DISC[1] + DISC[2] * np.sin(at)) for at in turn]
    yield from drag(area, outline)
    clicks.append("a lasso around the object (L, drag)")
    yield 1.0
    screenshot("6 a keyframe is there")
    assert step() == "propagate"
    yield from press("Escape")
    assert len(large_buttons()) == 3, "the next step, Paint and Propagate are in sight at 900 pixels"


def propagate() -> Steps:
    """Click Propagate, and wait until the mattes are there."""
    begun = time.monotonic()
    yield from click_next("Propagate")
    session = part("addon.session").session
    yield from until(lambda: session.status.busy or bool(mattes()))
    yield from until(lambda: bool(mattes()))
    report["seconds from Propagate to the first matte"] = round(time.monotonic() - begun, 1)
    yield 0.3
    screenshot("7 the first matte")
    yield from until(lambda: not session.status.busy)
    report["seconds from Propagate to the last matte"] = round(time.monotonic() - begun, 1)
    assert not session.status.problem, session.status
    yield from until(lambda: step() in ("use", "fix", "fix here"))
    yield from go(8)
    report["step after the run"] = step()
    screenshot("8 after the run")
    assert len(large_buttons()) == 2, "Paint and Propagate are in sight below the line of the next step"
    alpha = part("addon.png").read(mattes()[7]).values
    assert iou(alpha > 127, disc(8)) > 0.9


def use_mattes() -> Steps:
    """Accept what is doubtful, turn the mattes into mask layers, and look at the line that is left."""
    area = largest_area()
    for _ in range(5):
        if step() not in ("fix", "fix here"):
            break
        clip().matting.active_object = 0
        with over(area):
            bpy.ops.clip.matte_accept("EXEC_DEFAULT", True, first=1, last=12)
        yield 1.0
    screenshot("9 ready to be used")
    assert step() == "use"
    with over(area):
        bpy.ops.clip.matte_to_mask_layers("INVOKE_DEFAULT", True)
    yield from until(lambda: not part("addon.session").session.status.busy and clip().matting.mask is not None)
    yield 1.0
    screenshot("10 nothing is left to do")
    assert step() == "done"
    bpy.ops.wm.save_as_mainfile(filepath=str(OUT / "shot.blend"))
    yield 1.0
    screenshot("11 saved")


# -- the tab -----------------------------------------------------------------------------------------------------------
def step() -> str:
    """Return the key of the next step that the tab shows."""
    with over(largest_area()):
        return part("addon.next_step").next_step(part("addon.arrival").gather(bpy.context)).key


def tab() -> str:
    return getattr(region_of(largest_area(), "UI"), "active_panel_category", "")


def click_next(name: str) -> Steps:
    """Click the large button of the next step where it is on the screen: the topmost one of the sidebar."""
    xdotool("mousemove", *on_picture(largest_area(), (320, 180)))  # so that no button is lit
    yield 0.5
    x, y = large_buttons()[0]
    xdotool("mousemove", x, y)
    yield 0.3
    xdotool("click", 1)
    clicks.append(name)
    yield 0.5


def large_buttons() -> list[tuple[int, int]]:
    """Return the middles of the wide buttons in sight in the sidebar that are at least LARGE pixels high, from above.

    They are the next step's, Paint while it is off, and Propagate.
    """
    region, window = region_of(largest_area(), "UI"), bpy.context.window_manager.windows[0]
    picture = screen().astype(int)
    top = window.height - (region.y + region.height)
    sidebar = picture[top : window.height - region.y, region.x : region.x + region.width]
    tool = bpy.context.preferences.themes[0].user_interface.wcol_tool.inner
    colour = np.array([round(255 * value) for value in tool[:3]])
    is_button = (abs(sidebar - colour).max(axis=-1) <= 3).mean(axis=1) > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_button, [False]]).astype(int)))
    spans = [(first, last) for first, last in zip(edges[::2], edges[1::2]) if last - first >= LARGE]
    return [(region.x + region.width // 2, int(top + (first + last) // 2)) for first, last in spans]


def on_picture(area: bpy.types.Area, pixel: tuple[float, float]) -> tuple[int, int]:
    """Return the place on the screen of a pixel of the clip, or of the middle of an editor without one."""
    if area.spaces.active.clip is not None:
        return on_screen(area, pixel)
    return area.x + area.width // 3, area.y + area.height // 2


# -- what there is -----------------------------------------------------------------------------------------------------
def clip() -> bpy.types.MovieClip:
    return largest_area().spaces.active.clip


def mattes() -> list[Path]:
    """Return the files of the first object's mattes."""
    folder = part("addon.folders").existing_folder(clip())
    return sorted(folder.matte_sequence(1).glob("*.png")) if folder else []


def preferences() -> bpy.types.AddonPreferences:
    return bpy.context.preferences.addons[MODULE].preferences


run(newcomer())
