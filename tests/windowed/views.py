"""Each view, by its key, shows what it must: screenshots of real mattes, keyframes and masks are compared with files.

`driver` says how Blender runs this script.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.blender.studio import PALETTE, ring
from tests.png import write_png
from tests.windowed.clip_pixels import (
    SIZE,
    assert_like,
    capsule,
    edge_share,
    inner,
    is_checker,
    shot,
    truth,
    values,
    write_film,
    yellow_share,
)
from tests.windowed.driver import (
    OUT,
    Steps,
    drag,
    go,
    install,
    move,
    only_a_clip_editor,
    open_clip,
    over,
    part,
    press,
    region_of,
    report,
    run,
    screenshot,
    until,
)

FRAME = 4  # the frame that is looked at, which has computed mattes
REST = (600, 335)  # where the mouse rests: away from the objects, but over the clip for its keys


def artist() -> Steps:
    """Compute mattes, look at them in each view, and correct one."""
    yield 1.0
    install()
    area = yield from only_a_clip_editor()
    open_clip(area, write_film(OUT / "film"), name="film")
    with over(area):
        bpy.ops.clip.view_all(fit_view=True)
        labels = write_png(OUT / "labels.png", truth(0), PALETTE)
        bpy.ops.clip.matte_keyframe_from_image(filepath=str(labels), all_objects=True)
    yield from propagate(area)
    yield from go(FRAME)
    yield from move(area, REST)
    yield from views(area)
    yield from solo_and_hide(area)
    yield from keyframe_over_matte(area)
    yield from masks(area)
    yield from range_without_object(area)
    yield from refused(area)


def propagate(area: bpy.types.Area) -> Steps:
    with over(area):
        bpy.ops.clip.matte_propagate("INVOKE_DEFAULT", recipe="colour")
    session = part("addon.session").session
    yield from until(lambda: not session.status.busy)
    assert str(session.status.state) == "finished", session.status


def views(area: bpy.types.Area) -> Steps:
    """Go through the views with Shift V, and compare each with the plain clip and the mattes."""
    matting().show_overlay = False
    plain = yield from shot(area, "0 plain")
    yield from press("shift+v")
    assert matting().show_overlay and matting().view == "TINT", "the first press brings the mattes back"
    yield from tint(area, plain)
    for view, look in (
        ("OUTLINE", outline),
        ("ALPHA", alpha),
        ("BLACK_WHITE", black_and_white),
        ("CHECKER", checker),
        ("COLOUR", colour),
        ("KEYFRAMES", keyframes_only),
    ):
        yield from press("shift+v")
        assert matting().view == view
        yield from look(area, plain)
    yield from press("shift+v")
    assert matting().view == "TINT"


def tint(area: bpy.types.Area, plain: np.ndarray) -> Steps:
    picture = yield from shot(area, "1 tint")
    for object_id in (1, 2):
        inside = inner(matte(object_id) == 255)
        expected = (values(area, plain, inside) + colour_of(object_id)) / 2
        assert_like(values(area, picture, inside), expected)
    assert_like(values(area, picture, outside()), values(area, plain, outside()))
    assert yellow_share(area, picture, matte(1)) < 0.05, "a computed matte has no yellow edge"


def outline(area: bpy.types.Area, plain: np.ndarray) -> Steps:
    picture = yield from shot(area, "2 outline")
    for object_id in (1, 2):
        inside = inner(matte(object_id) == 255)
        assert_like(values(area, picture, inside), values(area, plain, inside))
        share = edge_share(area, picture, matte(object_id), colour_of(object_id))
        assert share > 0.9, f"the edge of object {object_id} has its colour at {share:.0%}"
    assert_like(values(area, picture, outside()), values(area, plain, outside()))


def alpha(area: bpy.types.Area, plain: np.ndarray) -> Steps:
    for index, object_id in enumerate((1, 2)):
        matting().active_object = index
        picture = yield from shot(area, f"3 alpha of object {object_id}")
        assert_like(values(area, picture, inner(matte(object_id) == 255)), 255)
        assert_like(values(area, picture, inner(matte(object_id) == 0)), 0)
    matting().active_object = 0


def black_and_white(area: bpy.types.Area, plain: np.ndarray) -> Steps:
    picture = yield from shot(area, "4 black and white")
    for object_id in (1, 2):
        assert_like(values(area, picture, inner(matte(object_id) == 255)), 255)
    assert_like(values(area, picture, outside()), 0)


def checker(area: bpy.types.Area, plain: np.ndarray) -> Steps:
    picture = yield from shot(area, "5 checker")
    assert_cut_out(area, picture, plain)
    assert is_checker(values(area, picture, outside()))


def colour(area: bpy.types.Area, plain: np.ndarray) -> Steps:
    picture = yield from shot(area, "6 colour")
    assert_cut_out(area, picture, plain)
    ground = np.array(part("addon.matte_views").on_screen(matting().view_colour)) * 255
    assert_like(values(area, picture, outside()), ground)


def keyframes_only(area: bpy.types.Area, plain: np.ndarray) -> Steps:
    picture = yield from shot(area, "7 keyframes only")
    everywhere = inner(np.ones((SIZE["height"], SIZE["width"]), bool))
    assert_like(values(area, picture, everywhere), values(area, plain, everywhere))
    yield from go(1)
    picture = yield from shot(area, "7 keyframes only, frame 1")
    keyframe = ring(0, **SIZE)
    assert yellow_share(area, picture, keyframe * 255) > 0.9
    yield from go(FRAME)


def solo_and_hide(area: bpy.types.Area) -> Steps:
    """Hide an object, and show one alone, which is stronger."""
    matting().show_overlay = False
    plain = yield from shot(area, "8 plain")
    matting().show_overlay = True
    first, second = matting().objects
    insides = {object_id: inner(matte(object_id) == 255) for object_id in (1, 2)}
    for name, shown in (("hidden", {2}), ("solo", {1}), ("all", {1, 2})):
        first.show, first.solo = name != "hidden", name == "solo"
        assert second.show
        picture = yield from shot(area, f"8 {name}")
        for object_id, inside in insides.items():
            below = values(area, plain, inside)
            expected = (below + colour_of(object_id)) / 2 if object_id in shown else below
            assert_like(values(area, picture, inside), expected)


def keyframe_over_matte(area: bpy.types.Area) -> Steps:
    """Paint on a frame with a computed matte: the keyframe is seen at once, and is that matte and the stroke."""
    before = matte(1)
    brush = bpy.context.window_manager.matte_brush
    brush.radius, brush.hardness = 12.0, 1.0
    with over(area):
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    yield from drag(area, [(300, 300), (400, 300)])
    picture = screenshot("9 stroke")
    with over(area):
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    painted = keyframe_alpha(1)
    share = yellow_share(area, picture, painted)
    report["yellow_edge"] = share
    assert share > 0.9, f"the keyframe has its yellow edge at {share:.0%}, at once"
    stroke = capsule((300, 300), (400, 300), 12.0)
    assert painted[inner(stroke, 2)].min() == 255
    elsewhere = inner(~stroke, 3)
    assert (painted[elsewhere] == before[elsewhere]).all(), "the stroke starts from the computed matte"
    assert ((before > 0) & (before < 255)).any(), "which is soft"
    yield from propagate(area)
    assert ((matte(1) >= 128) == (painted >= 128)).all(), "the new matte has the keyframe's shape"
    screenshot("10 propagated")
    yield from move(area, REST)


def masks(area: bpy.types.Area) -> Steps:
    """See a garbage mask on its keyframe and between, and what it cuts before the next job."""
    top = np.zeros((SIZE["height"], SIZE["width"]), bool)
    top[60:160, 120:320] = True
    with over(area):
        bpy.ops.clip.matte_object_add(role="GARBAGE", name="rig")
    item = matting().objects[len(matting().objects) - 1]
    stored = part("addon.keyframes")
    stored.set_keyframe(bpy.data.movieclips["film"], item.object_id, 2, stored.hard_alpha(top))
    item.show = False
    yield from go(6)
    without = yield from shot(area, "11 without the mask")
    item.show = True
    held = yield from shot(area, "11 held mask")
    changed = np.abs(values(area, held, inner(top)) - values(area, without, inner(top))).max(axis=1)
    assert changed.min() > 1 and changed.max() > 2 * changed.min(), "it is hatched"
    assert_like(values(area, held, inner(~top, 12)), values(area, without, inner(~top, 12)))
    assert yellow_share(area, held, top * 255) < 0.05
    matting().view = "CHECKER"
    cut = yield from shot(area, "12 cut by the mask")
    assert is_checker(values(area, cut, inner(top & (matte(1, 6) == 255))))
    assert matte(1, 6)[top].max() == 255, "although the matte is as it was"
    matting().view = "TINT"
    yield from go(2)
    picture = yield from shot(area, "13 the mask's keyframe")
    assert yellow_share(area, picture, top * 255) > 0.9
    matting().active_object = 0


def range_without_object(area: bpy.types.Area) -> Steps:
    """Mark an object as not visible on a range: its old matte is not drawn on any of its frames."""
    matting().show_overlay = False
    yield from go(7)
    plain = yield from shot(area, "14 plain")
    matting().show_overlay = True
    with over(area):
        bpy.ops.clip.matte_not_visible_range(start=6, end=8)
    picture = yield from shot(area, "14 not visible")
    hidden = inner((matte(1, 7) == 255) & (np.arange(SIZE["height"])[:, None] > 165))
    assert_like(values(area, picture, hidden), values(area, plain, hidden))
    report["hidden_pixels"] = int(hidden.sum())
    assert hidden.sum() > 500


def refused(area: bpy.types.Area) -> Steps:
    """Paint on a locked object: the reason is written over the clip."""
    matting().objects[0].lock = True
    with over(area):
        bpy.ops.clip.matte_paint_mode("INVOKE_DEFAULT")
    yield from drag(area, [(300, 300), (320, 300)])
    picture = screenshot("15 refused")
    assert "locked" in part("addon.notices").text_over(bpy.data.movieclips["film"].session_uid)
    region, height = region_of(area), bpy.context.window_manager.windows[0].height
    top = height - region.y - region.height
    strip = picture[top : top + 120, region.x : region.x + region.width].astype(int)
    assert (np.abs(strip - (255, 102, 77)).max(axis=2) < 12).sum() > 50, "it is written in red"


# -- the extension -----------------------------------------------------------------------------------------------------
def matting() -> bpy.types.PropertyGroup:
    return bpy.data.movieclips["film"].matting


def matte(object_id: int, number: int = FRAME) -> np.ndarray:
    """Return the computed matte (H, W) uint8 of an object as it is on disk."""
    folder = part("addon.folders").existing_folder(bpy.data.movieclips["film"])
    return part("addon.png").read(folder.matte(object_id, number)).values


def outside() -> np.ndarray:
    """Return the pixels (H, W) bool of the background, away from both objects."""
    return inner((matte(1) == 0) & (matte(2) == 0))


def keyframe_alpha(object_id: int) -> np.ndarray:
    clip, keyframes = bpy.data.movieclips["film"], part("addon.keyframes")
    key = keyframes.find_keyframe(clip, object_id, FRAME)
    assert key is not None, "the stroke has made a keyframe"
    return keyframes.keyframe_alpha(clip, key)


def colour_of(object_id: int) -> np.ndarray:
    return np.array(part("addon.matte_views").on_screen(matting().objects[object_id - 1].colour)) * 255


def assert_cut_out(area: bpy.types.Area, picture: np.ndarray, plain: np.ndarray) -> None:
    for object_id in (1, 2):
        inside = inner(matte(object_id) == 255)
        assert_like(values(area, picture, inside), values(area, plain, inside))


run(artist())
