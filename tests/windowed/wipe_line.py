"""The clip whose states are compared, and the line between them on the screen: where it is, and what its sides show."""

from __future__ import annotations

from collections.abc import Generator

import bpy
import numpy as np

from tests.windowed.clip_pixels import SIZE, shot
from tests.windowed.driver import PAUSE, Steps, on_screen, part, region_of, report, xdotool

FRAME = 5  # that is looked at
ASIDE = 14  # pixels of the screen that the line and its handle may cover on either side


def clip() -> bpy.types.MovieClip:
    return bpy.data.movieclips["film"]


def matting() -> bpy.types.PropertyGroup:
    return clip().matting


def matte(object_id: int) -> np.ndarray:
    """Return the matte (H, W) uint8 of an object as it is on disk."""
    folder = part("addon.folders").existing_folder(clip())
    return part("addon.png").read(folder.matte(object_id, FRAME)).values


def keys() -> list[str]:
    return sorted(key.version for key in matting().keyframes)


def on_disk() -> dict[str, tuple[int, int]]:
    """Return size and date of every image in the matte folder, those of keyframes left out."""
    root = part("addon.folders").existing_folder(clip()).root
    paths = [path for name in ("mattes", "labels", "versions") for path in (root / name).rglob("*.png")]
    assert paths
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def colour() -> np.ndarray:
    return np.array(part("addon.matte_views").on_screen(matting().objects[0].colour)) * 255


def place(area: bpy.types.Area):
    region = region_of(area)
    view = part("addon.clip_view").ClipView.of(area.spaces.active, region)
    return part("addon.wipe").place_of(clip(), view, area, region)


def names(area: bpy.types.Area) -> tuple[str, str]:
    """Return what is written beside the line."""
    overlay, views = part("ui.overlay"), part("addon.matte_views")
    kept, info = part("addon.wipe").compared(clip())
    view = part("addon.clip_view").ClipView.of(area.spaces.active, region_of(area))
    mesh = part("ui.screen_mesh").ScreenMesh.of(*view.mesh(), (region_of(area).width, region_of(area).height))
    source = overlay._source(clip(), view, mesh)
    layers = views.layers(clip(), [FRAME], source)
    return overlay._side_names(info, overlay._earlier(layers, (kept, info), source)[FRAME])


def at_line(area: bpy.types.Area, above: int = 0) -> tuple[int, int]:
    """Return the place on the X screen of the line's handle, or of the line that far above it."""
    region, (x, y) = region_of(area), place(area).handle
    return region.x + x, bpy.context.window_manager.windows[0].height - 1 - (region.y + y + above)


def column(area: bpy.types.Area, share: float) -> int:
    """Return the column of the X screen that has this share of the picture on its left."""
    return on_screen(area, (share * SIZE["width"], 0))[0]


def sides(area: bpy.types.Area, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of a mask (H, W) left and right of the line, away from it and from the handle."""
    x = np.arange(SIZE["width"])
    middle = matting().wipe * SIZE["width"]
    return mask & (x < middle - 12), mask & (x > middle + 12)


def right_edge(area: bpy.types.Area) -> int:
    """Return the column of the X screen at which the sidebar begins, or the region ends."""
    region = region_of(area)
    return region.x + part("addon.lane_place").free_part(area, region)[2]


def drag(start: tuple[int, int], end: tuple[int, int]) -> Steps:
    """Drag the mouse from one place of the X screen to another."""
    xdotool("mousemove", *start)
    yield 2 * PAUSE
    xdotool("mousedown", 1)
    yield PAUSE
    for share in (0.3, 0.6, 1.0):
        xdotool("mousemove", *(int(a + (b - a) * share) for a, b in zip(start, end)))
        yield PAUSE
    xdotool("mouseup", 1)
    yield 2 * PAUSE


def assert_line_at(area: bpy.types.Area, picture: np.ndarray, share: float) -> None:
    """Assert that the line is seen, white on a dark rim, where this share of the picture is on its left."""
    x, y = column(area, share), at_line(area, 60)[1]
    near = picture[y, x - 3 : x + 4].astype(int).min(axis=1)
    assert near.max() > 240, (share, near)


def assert_split(area: bpy.types.Area, name: str) -> Generator[float, None, np.ndarray]:
    """Assert that each side looks as it does when the line is at the other edge; return the screenshot."""
    was, region = matting().wipe, region_of(area)
    picture = yield from shot(area, name)
    x = at_line(area)[0]
    whole = {}
    for side, wipe in (("left", 1.0), ("right", 0.0)):
        matting().wipe = wipe
        whole[side] = yield from shot(area, f"{name}, all {side}")
    matting().wipe = was
    height = bpy.context.window_manager.windows[0].height
    rows = slice(height - region.y - region.height + 90, height - region.y - place(area).bottom - 40)
    edges = column_range(area)
    report[name] = {}
    for side, columns in (("left", slice(edges[0], x - ASIDE)), ("right", slice(x + ASIDE, edges[1]))):
        other = {"left": "right", "right": "left"}[side]
        same = (picture[rows, columns] == whole[side][rows, columns]).all(axis=2).mean()
        differs = (picture[rows, columns] != whole[other][rows, columns]).any(axis=2).mean()
        report[name][side] = float(same), float(differs)
        assert same > 0.999, f"{name}: {side} of the line, {1 - same:.2%} are not as they should be"
        assert differs > 0.005, f"{name}: {side} of the line, both states look alike"
    return picture


def column_range(area: bpy.types.Area) -> tuple[int, int]:
    """Return the columns of the X screen between which neither bars nor the line at an edge hide the picture."""
    region = region_of(area)
    left, _, right = part("addon.lane_place").free_part(area, region)
    view = part("addon.clip_view").ClipView.of(area.spaces.active, region)
    low, high = max(left + 16, round(view.left)), min(right - 16, round(view.right))
    return region.x + low + ASIDE, region.x + high - ASIDE
