"""The lane with a real mouse and real keys: clicks and drags go to frames, states are right after runs and changes.

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
from tests.windowed import driver
from tests.windowed.disc_film import box, disc, write_film
from tests.windowed.driver import OUT, PAUSE, Steps, over, part, press, region_of, report, screenshot, until, xdotool

GREEN = (0, 158, 115)  # of mattes that are up to date


def artist() -> Steps:
    """Propagate, look at the lane, go to frames with it, correct, and look again."""
    yield 1.0
    driver.install()
    area = yield from driver.only_a_clip_editor()
    driver.open_clip(area, write_film(OUT / "film"), name="film")
    yield from driver.show_tab(area)
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
    yield from mark(area, 1)
    session = part("addon.session").session
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT")
    yield from until(lambda: not session.status.busy)
    assert str(session.status.state) == "finished", session.status
    yield from until(lambda: lane() is not None and lane().assessed is not None)
    yield from until(lambda: (states() != 0).all() and not (states() == code("STALE")).any())
    yield from shown(area)
    yield from clicks_and_drags(area)
    yield from keyframes_make_stale(area)
    yield from menu(area)
    yield from themes(area)
    yield from painting_beside_the_lane(area)
    yield from switched_off(area)


def mark(area: bpy.types.Area, frame: int) -> Steps:
    """Set keyframes of a disc and a box on a frame."""
    labels = np.where(disc(frame), 1, np.where(box(60, 200, 160, 300), 2, 0)).astype(np.uint8)
    image = write_png(OUT / f"labels {frame}.png", labels, PALETTE)
    bpy.context.scene.frame_current = frame
    with over(area):
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(image), all_objects=True)
    yield 0.5


def shown(area: bpy.types.Area) -> Steps:
    """Look for the colour of mattes that are up to date, and for the room that Blender's own line of frames needs."""
    yield 1.0
    picture = screenshot("1 propagated")
    place = where(area)
    assert place.bottom >= 28 * place.scale, "Blender's frame line and number are below the lane"
    if not picture.size:
        return
    for row, frame in np.argwhere(states() == code("FRESH")).tolist():
        if frame not in (0, 5):  # with a keyframe, and the current one
            x, y = at(area, row, frame)
            assert np.abs(picture[y, x].astype(int) - GREEN).max() < 25, (row, frame, picture[y, x])


def clicks_and_drags(area: bpy.types.Area) -> Steps:
    """Click on frames of both rows, drag over some, and take a drag back with Esc."""
    for row, frame in ((0, 7), (1, 3), (0, 12), (1, 1)):
        yield from press_at(area, row, frame, button=1)
        assert (bpy.context.scene.frame_current, matting().active_object) == (frame, row), (row, frame)
    screenshot("2 the text beside the mouse")
    xdotool("mousemove", *at(area, 0, 2))
    yield PAUSE
    xdotool("mousedown", 1)
    yield PAUSE
    seen = [bpy.context.scene.frame_current]
    for frame in (4, 6, 8, 10):
        xdotool("mousemove", *at(area, 0, frame))
        yield 2 * PAUSE
        seen.append(bpy.context.scene.frame_current)
    xdotool("mouseup", 1)
    yield PAUSE
    assert seen == [3, 5, 7, 9, 11], seen
    xdotool("mousemove", *at(area, 0, 4))
    yield 2 * PAUSE
    assert bpy.context.scene.frame_current == 11, "the button is up"
    xdotool("mousedown", 1)
    yield 2 * PAUSE
    assert bpy.context.scene.frame_current == 5
    yield from press("Escape")
    xdotool("mouseup", 1)
    yield PAUSE
    assert bpy.context.scene.frame_current == 11, "Esc takes the drag back"
    report["dragged"] = seen


def keyframes_make_stale(area: bpy.types.Area) -> Steps:
    """Set keyframes on another frame, and go to what they have made stale; take that back with undo."""
    before = states().copy()
    yield from mark(area, 9)
    expected = np.full_like(before, code("STALE"))
    expected[:, 0] = before[:, 0]
    yield from until(lambda: np.array_equal(states(), expected))
    yield 1.0
    screenshot("3 stale after another keyframe")
    bpy.context.scene.frame_current = 1
    xdotool("mousemove", *driver.on_screen(area, (320, 100)))
    yield PAUSE
    yield from press("alt+shift+Up")
    assert bpy.context.scene.frame_current == 2
    bpy.context.scene.frame_current = 9
    yield from press("alt+shift+Down")
    assert bpy.context.scene.frame_current == 2
    with over(area):
        bpy.ops.ed.undo()
    yield from until(lambda: np.array_equal(states(), before))
    with over(area):
        bpy.ops.ed.redo()
    yield from until(lambda: np.array_equal(states(), expected))
    yield 0.5


def menu(area: bpy.types.Area) -> Steps:
    """Right-click on a keyframe, and clear it with the menu."""
    yield from press_at(area, 1, 9, button=3)
    yield 1.0
    assert (bpy.context.scene.frame_current, matting().active_object) == (9, 1)
    screenshot("4 the menu")
    yield from press("c")  # the letter of Clear Keyframe
    yield 1.0
    keys = {(key.object_id, key.number) for key in matting().keyframes}
    assert keys == {(1, 1), (2, 1), (1, 9)}, keys
    yield from until(lambda: not (states()[1] == code("STALE")).any())
    assert (states()[0, 1:] == code("STALE")).all()


def themes(area: bpy.types.Area) -> Steps:
    """Show locks and suggestions; then every state and mark, in a dark and a light theme."""
    names = part("addon.lane")
    item = matting().suggestions.add()
    item.number, item.object_id, item.reason = 6, 2, "doubtful"
    lock = matting().locks.add()
    lock.object_id, lock.first, lock.last = 1, 3, 6
    matting().use_range, matting().range_first, matting().range_last = True, 2, 10
    area.tag_redraw()
    yield from until(lambda: (lane().codes[0, 2:6] & names.LOCKED).all())
    assert np.argwhere(lane().codes & names.LOCKED).tolist() == [[0, 2], [0, 3], [0, 4], [0, 5]]
    assert np.argwhere(lane().codes & names.SUGGESTED).tolist() == [[1, 5]]

    watching, kept = part("addon.lane_watch"), lane()
    codes = kept.codes.copy()
    codes[1] = [0, 1, 2, 3, 4, 5, 6, *([1 | names.ABSENT] * 3), 1 | names.KEYFRAME, 6 | names.SUGGESTED]
    every = watching.Lane(kept.rows, kept.first, codes, kept.assessed)
    watch, watching.watch = watching.watch, lambda clip: every
    folders = [Path(one) for one in bpy.utils.preset_paths("interface_theme")]
    pictures = {}
    for name in ("dark", "light"):
        files = [file for folder in folders for file in folder.glob(f"Blender_{name.capitalize()}.xml")]
        bpy.ops.script.execute_preset(filepath=str(files[0]), menu_idname="USERPREF_MT_interface_theme_presets")
        xdotool("mousemove", *at(area, 1, 6))
        yield 1.0
        pictures[name] = screenshot(f"5 all states, {name}")
    watching.watch = watch
    matting().use_range = False
    x, y = at(area, 1, 0)
    if pictures["dark"].size:
        dark, light = (float(pictures[name][y, x].mean()) for name in ("dark", "light"))
        report["ground"] = dark, light
        assert dark + 40 < light, "the ground follows the theme"


def painting_beside_the_lane(area: bpy.types.Area) -> Steps:
    """Click on the lane while painting, which goes to the frame and paints nothing."""
    versions = sorted(key.version for key in matting().keyframes)
    with over(area):
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    yield 0.5
    yield from press_at(area, 0, 4, button=1)
    yield 1.0
    assert bpy.context.scene.frame_current == 4
    assert sorted(key.version for key in matting().keyframes) == versions
    yield from press("Escape")


def switched_off(area: bpy.types.Area) -> Steps:
    """Switch the lane off: it is gone, and a click there is Blender's."""
    place = at(area, 0, 8)
    before = screenshot("6 on")
    matting().show_lane = False
    yield 1.0
    xdotool("mousemove", *place)
    yield PAUSE
    xdotool("click", 1)
    yield 1.0
    assert bpy.context.scene.frame_current == 4
    after = screenshot("7 off")
    assert not before.size or (before[place[1], place[0]] != after[place[1], place[0]]).any()


# -- the lane ----------------------------------------------------------------------------------------------------------
def matting() -> bpy.types.PropertyGroup:
    return bpy.data.movieclips["film"].matting


def lane():
    """Return the lane that is drawn; None if there is none yet."""
    return part("addon.lane_watch").drawn(bpy.data.movieclips["film"])


def states() -> np.ndarray:
    """Return its codes (objects, frames) without marks."""
    return lane().codes & part("addon.lane").STATE


def code(name: str) -> int:
    return int(part("addon.lane").Code[name])


def where(area: bpy.types.Area):
    return part("addon.lane_place").place_of(lane(), bpy.data.movieclips["film"], area, region_of(area))


def at(area: bpy.types.Area, row: int, frame: int) -> tuple[int, int]:
    """Return the place on the X screen of the middle of a frame (from 0) in a row."""
    place, region = where(area), region_of(area)
    y = place.top - (row - place.top_row + 0.5) * place.row_height
    height = bpy.context.window_manager.windows[0].height
    return int(region.x + place.x_of(frame + 0.5)), int(height - 1 - (region.y + y))


def press_at(area: bpy.types.Area, row: int, frame: int, *, button: int) -> Steps:
    """Click on a scene frame in a row."""
    xdotool("mousemove", *at(area, row, frame - 1))
    yield PAUSE
    xdotool("click", button)
    yield 3 * PAUSE


driver.run(artist())
