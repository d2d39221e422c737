"""Mask layers edited with a real mouse and real keys: moved points stay, undo and redo, and become a keyframe.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.blender.studio import PALETTE
from tests.png import write_png
from tests.windowed.disc_film import FRAMES, disc, iou, write_film
from tests.windowed.disc_mask import outline, pixel, thin_out
from tests.windowed.driver import (
    OUT,
    Steps,
    begin,
    drag,
    go,
    move,
    on_screen,
    over,
    part,
    press,
    report,
    run,
    screenshot,
    until,
)

_ABOVE = [f"CLIP_PT_matte_{name}" for name in ("view", "paint", "propagate_options", "propagate", "keyframes")]
_CLOSE = 0.004  # of mask space: 2.6 pixels of the film, as the mouse is moved by whole pixels of the screen


def artist() -> Steps:
    """Make mask layers, edit them, take the edit as a keyframe, and write the layers again."""
    area = yield from begin(write_film(OUT / "film"), name="film")
    for panel in _ABOVE:  # so that the results are in sight
        bpy.utils.unregister_class(getattr(bpy.types, panel))
    yield from layers_of_disc(area)
    yield from a_dragged_point_stays(area)
    yield from escape_leaves_nothing(area)
    yield from undo_and_redo(area)
    yield from a_fast_drag_stays(area)
    yield from grab_scale_and_feather(area)
    yield from playback_keys_nothing(area)
    yield from a_cleared_key_is_no_edit(area)
    yield from take_edits(area)
    report["edited"] = edited()
    yield from write_again(area)


def layers_of_disc(area: bpy.types.Area) -> Steps:
    """Propagate a disc, write its mask layer, and thin out its points and keys."""
    with over(area):
        labels = write_png(OUT / "labels.png", disc(1).astype(np.uint8), PALETTE)
        bpy.ops.clip.matte_keyframe_from_image("EXEC_DEFAULT", True, filepath=str(labels), all_objects=True)
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    yield from idle()
    with over(area):
        bpy.ops.clip.matte_to_mask_layers("EXEC_DEFAULT", True)
    yield from idle()
    yield 1.0
    assert area.spaces.active.mask == clip().matting.mask
    screenshot("1 mask layers")
    thin_out(area, layer())
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
        bpy.ops.ed.undo_push(message="thinned out")
    yield from go(6)


def a_dragged_point_stays(area: bpy.types.Area) -> Steps:
    """Drag a point, step away and back; between the keys the edit eases."""
    before = points()
    target = before[0] + (0.06, -0.02)
    yield from drag(area, [pixel(before[0]), pixel(target)])
    screenshot("2 dragged")
    assert np.abs(points()[0] - target).max() < _CLOSE and edited() == [6]
    moved = points()[0] - before[0]
    for key, frame, share in (("Right", 7, 5 / 6), ("Right", 8, 4 / 6), ("Left", 7, 5 / 6), ("Left", 6, 1.0)):
        yield from press(key)
        assert bpy.context.scene.frame_current == frame
        expected = outline(1)[0] + (outline(FRAMES)[0] - outline(1)[0]) * (frame - 1) / (FRAMES - 1)
        assert np.abs(points()[0] - expected - moved * share).max() < 1e-4, frame
    screenshot("3 back again")


def escape_leaves_nothing(area: bpy.types.Area) -> Steps:
    """Grab all points on another frame, move them about, and press Esc."""
    yield from go(9)
    before = points()
    yield from grabbed(area, "g", (0.1, 0.1))
    assert np.abs(points() - before).max() > 0.05 and edited() == [6, 9], "keyed while it is dragged"
    yield from press("Escape")
    assert np.abs(points() - before).max() < 1e-5 and edited() == [6]
    yield from go(6)
    shape = points()
    yield from grabbed(area, "g", (0.1, 0.1))
    yield from press("Escape")
    assert edited() == [6]
    yield from go(7)
    yield from go(6)
    assert np.abs(points() - shape).max() < 1e-5, "the earlier key is as it was"


def grabbed(area: bpy.types.Area, key: str, by: tuple[float, float]) -> Steps:
    """Select all points, press a key that begins to transform them, and move the mouse."""
    yield from select_all(area)
    place = points().mean(axis=0) + 0.05
    yield from move(area, pixel(place))
    yield from press(key)
    for share in (0.5, 1.0):
        yield from move(area, pixel(place + np.multiply(by, share)))
    yield 0.3


def select_all(area: bpy.types.Area) -> Steps:
    with over(area):
        bpy.ops.mask.select_all(action="SELECT")
    yield 0.3


def undo_and_redo(area: bpy.types.Area) -> Steps:
    """Drag on another frame, undo it with its record, and redo both."""
    yield from go(4)
    yield from press("Left")  # which Blender undoes on its own
    before = points()
    yield from drag(area, [pixel(before[3]), pixel(before[3] + (0.0, 0.05))])
    after = points()
    assert np.abs(after - before).max() > 0.03 and edited() == [3, 6]
    yield from press("ctrl+z")
    yield 0.5
    assert np.abs(points() - before).max() < 1e-5 and edited() == [6]
    yield from press("ctrl+shift+z")
    yield 0.5
    assert np.abs(points() - after).max() < 1e-5 and edited() == [3, 6]
    yield from go(4)
    yield from go(3)
    assert np.abs(points() - after).max() < 1e-5
    screenshot("4 redone")


def a_fast_drag_stays(area: bpy.types.Area) -> Steps:
    """Drag so fast that Blender handles all of it at once; undo and redo it."""
    yield from go(9)
    yield from press("Right")
    before = points()
    yield from move(area, pixel(before[6]))
    (x, y), (further, _) = on_screen(area, pixel(before[6])), on_screen(area, pixel(before[6] - (0.05, 0.0)))
    words = ["mousedown", 1, "mousemove", x - 5, y, "mousemove", x - 15, y, "mousemove", further, y, "mouseup", 1]
    subprocess.run(["xdotool", *map(str, words)], check=True)
    yield 1.0
    after = points()
    assert np.abs(after - before).max() > 0.01 and edited() == [3, 6, 10]
    yield from press("ctrl+z")
    yield 0.5
    assert np.abs(points() - before).max() < 1e-5 and edited() == [3, 6]
    yield from press("ctrl+shift+z")
    yield 0.5
    assert np.abs(points() - after).max() < 1e-5 and edited() == [3, 6, 10]
    yield from go(11)
    yield from go(10)
    assert np.abs(points() - after).max() < 1e-5


def grab_scale_and_feather(area: bpy.types.Area) -> Steps:
    """Scale, rotate and feather with keys, and step away and back."""
    yield from go(11)
    for key, by in (("s", (0.05, 0.05)), ("r", (0.1, -0.1)), ("alt+s", (0.08, 0.08))):
        before = numbers()
        yield from grabbed(area, key, by)
        yield from press("Return")
        after = numbers()
        assert np.abs(after - before).max() > 1e-3, key
        yield from go(12)
        yield from go(11)
        assert np.abs(numbers() - after).max() < 1e-5, key
    assert edited() == [3, 6, 10, 11]
    screenshot("5 scaled, rotated and feathered")


def playback_keys_nothing(area: bpy.types.Area) -> Steps:
    """Play the clip for a while, and look at two frames again."""
    before = {}
    for frame in (5, 6):
        yield from go(frame)
        before[frame] = points()
    for _ in range(2):  # starts, and stops
        with over(area):
            bpy.ops.screen.animation_play()
        yield 1.5
    assert edited() == [3, 6, 10, 11]
    for frame, places in before.items():
        yield from go(frame)
        assert np.abs(points() - places).max() < 1e-5


def a_cleared_key_is_no_edit(area: bpy.types.Area) -> Steps:
    """Clear a key with Blender's own keys, and edit the frame again."""
    yield from go(10)
    yield from select_all(area)
    yield from press("alt+i")
    assert edited() == [3, 6, 11]
    yield from grabbed(area, "g", (0.05, 0.05))
    yield from press("Return")
    assert edited() == [3, 6, 10, 11]


def take_edits(area: bpy.types.Area) -> Steps:
    """Take the edits as keyframes with the button's operator, and propagate what they change."""
    yield from go(6)
    edit = rendered(6)
    with over(area):
        bpy.ops.clip.matte_take_edits("INVOKE_DEFAULT", True)
    yield 1.0
    screenshot("6 keyframes")
    assert [key.number for key in clip().matting.keyframes] == [1, 3, 6, 10, 11]
    assert iou(part("addon.keyframes").keyframe_alpha(clip(), keyframe(6)) >= 128, edit) > 0.99
    before = {number: matte(number) for number in range(1, FRAMES + 1)}
    assert not np.array_equal(before[6], edit)
    session = part("addon.session").session
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", True)
    yield from until(lambda: not session.status.busy)
    assert session.status.problem is None, session.status.problem
    assert np.array_equal(matte(6), edit) and np.array_equal(matte(1), before[1])
    yield 1.0
    screenshot("7 propagated")


def write_again(area: bpy.types.Area) -> Steps:
    """Write the layers again, which show the edit, from mattes that contain it."""
    edit = rendered(6)
    with over(area):
        bpy.ops.clip.matte_to_mask_layers("EXEC_DEFAULT", True)
    yield from idle()
    yield 1.0
    yield from go(6)
    assert iou(rendered(6), edit) > 0.97, iou(rendered(6), edit)
    screenshot("8 written again")


def idle() -> Steps:
    """Wait until nothing runs."""
    session = part("addon.session").session
    yield from until(lambda: not session.status.busy)
    assert session.status.problem is None, session.status.problem


# -- the film and its mask ---------------------------------------------------------------------------------------------
def clip() -> bpy.types.MovieClip:
    return bpy.data.movieclips["film"]


def layer() -> bpy.types.MaskLayer:
    return part("addon.mask_layers").made_layers(clip(), 1)[0]


def points() -> np.ndarray:
    """Return the points (N, 2) of the layer, in mask space."""
    return np.array([point.co for spline in layer().splines for point in spline.points])


def numbers() -> np.ndarray:
    """Return all that shape keys hold of the layer's points."""
    return part("addon.mask_points").points_of(layer())


def edited() -> list[int]:
    return part("addon.edit_records").edited_numbers(clip(), 1)


def keyframe(number: int) -> bpy.types.PropertyGroup:
    return part("addon.keyframes").find_keyframe(clip(), 1, number)


def matte(number: int) -> np.ndarray:
    """Return the pixels inside the disc's matte (H, W) bool."""
    folder = part("addon.folders").existing_folder(clip())
    return part("addon.png").read(folder.matte(1, number)).values >= 128


def rendered(frame: int) -> np.ndarray:
    """Return the pixels (H, W) bool inside the mask as it is on the current frame, which must be `frame`."""
    scene = bpy.context.scene
    assert scene.frame_current == frame
    return part("addon.keyframes").mask_alpha(clip().matting.mask, clip(), scene, 1) >= 128


run(artist())
