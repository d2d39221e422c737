"""Every way in which a clip editor shows a clip: pixels lie where ClipView says; `driver` says how Blender runs this.

It needs Xvfb with XVFB_FB, and xdotool. The clip is black with bright dots. Under
each display, the dots on the screen are compared with `to_region`, discs drawn with `mesh` are too, and Blender's own
place of the mouse in the clip is compared with `to_pixels`. `report.json` holds the largest differences, in pixels.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import bpy
import gpu
import numpy as np
from bpy.types import Area, MovieClip, SpaceClipEditor
from gpu_extras.batch import batch_for_shader

sys.path.insert(0, str(Path(__file__).parents[2]))  # Blender does not put the repository on the path

from tests.dots import found_near, grid_of_dots, picture_of_dots
from tests.png import write_png
from tests.windowed.displays import DISPLAYS, polynomial, reset
from tests.windowed.driver import (
    OUT,
    Steps,
    install,
    only_a_clip_editor,
    over,
    part,
    region_of,
    report,
    run,
    screen,
    screenshot,
    until,
    xdotool,
)

WIDTH, HEIGHT, FRAMES, START = 641, 361, 8, 11  # no proxy has a whole fraction of this size
DOTS = grid_of_dots(WIDTH, HEIGHT)
FRAME = START + 5
MOUSE = np.array([(0.3, 0.35), (0.52, 0.61), (0.7, 0.4), (0.41, 0.72)])  # as parts of the region
REACH = 16  # pixels of the screen around a dot
EXACT = 1.0  # pixels of the screen
CLICK = 1.0  # pixels of the clip: Blender takes the middles of pixels for their corners when it maps the mouse


def session() -> Steps:
    yield 1.0
    install()
    area = yield from only_a_clip_editor()
    clip = open_dots(area)
    yield 1.0
    yield from build_proxies(area, clip)
    for name, prepare in DISPLAYS.items():
        reset(area)
        prepare(area.spaces.active, clip)
        with over(area):
            bpy.ops.clip.view_all()
        if "zoomed" in name:
            yield 0.3
            with over(area):
                bpy.ops.clip.view_zoom_ratio(ratio=2.37)
                bpy.ops.clip.view_pan(offset=(37.4, -21.7))
        yield 1.0
        area.tag_redraw()  # Blender places a picture of another size, such as a proxy's, when it draws it again
        yield 0.5
        yield from measure(name, area)
    failures = {name: values for name, values in report.items() if not passes(values)}
    assert not failures, failures


# -- the clip ----------------------------------------------------------------------------------------------------------
def open_dots(area: Area) -> MovieClip:
    """Open the clip, with tracks that move, turn and grow from frame to frame."""
    folder = OUT / "film"
    folder.mkdir(exist_ok=True)
    for frame in range(1, FRAMES + 1):
        write_png(folder / f"dots_{frame:04d}.png", picture_of_dots(WIDTH, HEIGHT, DOTS))
    clip = bpy.data.movieclips.load(str(folder / "dots_0001.png"))
    clip.frame_start = START
    scene, space = bpy.context.scene, area.spaces.active
    scene.frame_start, scene.frame_end = START, START + FRAMES - 1
    space.clip, space.mode = clip, "TRACKING"
    scene.frame_current = FRAME  # as the arrow keys do: after `frame_set`, the editor would not show the frame
    for number, place in enumerate([(0.3, 0.3), (0.65, 0.35), (0.5, 0.75)]):
        track = clip.tracking.tracks.new(name=f"track {number}", frame=1)
        arm = (np.array(place) - 0.5) * (WIDTH / HEIGHT, 1)
        for frame in range(1, FRAMES + 1):
            angle, growth = np.radians(2.1 * (frame - 1)), 1 + 0.02 * (frame - 1)
            turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))]) * growth
            shift = 0.008 * (frame - 1), -0.006 * (frame - 1)
            track.markers.insert_frame(frame, co=turn @ arm / (WIDTH / HEIGHT, 1) + 0.5 + shift)
        track.select = True
    with over(area):
        bpy.ops.clip.stabilize_2d_add()
        bpy.ops.clip.stabilize_2d_rotation_add()
    stabilization = clip.tracking.stabilization
    stabilization.use_stabilize_rotation = stabilization.use_stabilize_scale = True
    return clip


def build_proxies(area: Area, clip: MovieClip) -> Steps:
    """Build proxies of the clip, those of the undistorted picture for the polynomial lens."""
    sizes = clip.proxy
    sizes.build_25 = sizes.build_50 = sizes.build_75 = sizes.build_100 = sizes.build_undistorted_50 = True
    polynomial(area.spaces.active, clip)
    clip.use_proxy = True
    with over(area):
        bpy.ops.clip.rebuild_proxy("INVOKE_DEFAULT")
    folder = OUT / "film" / "BL_proxy" / "dots_0001.png"
    yield from until(lambda: len(list(folder.rglob("*.jpg"))) >= 5 * FRAMES)
    yield 1.0


# -- measuring ---------------------------------------------------------------------------------------------------------
def passes(values: dict[str, float]) -> bool:
    return values["dots"] >= 6 and values["to_region"] <= EXACT and values["mesh"] <= EXACT and values["mouse"] <= CLICK


def measure(name: str, area: Area) -> Steps:
    """Add the largest differences under the current display to the report."""
    found = report[name] = {}
    view = clip_view(area)
    expected = view.to_region(DOTS)
    np.testing.assert_allclose(view.to_pixels(expected), DOTS, atol=1e-3)
    expected = on_screen(area, expected)
    bright = screenshot(name).max(axis=-1) / 255.0
    inside = away_from_marks(area, expected)
    dots = found_near(np.where(bright > 0.25, bright, 0), expected[inside], reach=REACH)
    off = np.hypot(*(dots - expected[inside]).T)
    found["dots"], found["to_region"] = int(np.isfinite(off).sum()), float(np.nanmax(off))
    with drawn_over(area, discs()):
        area.tag_redraw()
        yield 0.7
        picture = screenshot(f"{name} mesh").astype(float) / 255
    red = (picture[..., 0] - picture[..., 2]).clip(0, 1)
    drawn = found_near(red, expected[inside], reach=REACH)
    off = np.hypot(*(drawn - expected[inside]).T)
    assert np.isfinite(off).sum() >= found["dots"] - 1, "discs are missing"
    found["mesh"] = float(np.nanmax(off))
    yield from measure_mouse(found, area)
    print(name, found, flush=True)


def measure_mouse(found: dict[str, float], area: Area) -> Steps:
    """Compare Blender's place of the mouse in the clip and in masks with that of ClipView."""
    region, space, worst = region_of(area), area.spaces.active, 0.0
    mask_space = part("addon.mask_space").of_clip(space.clip)
    mask = bpy.data.masks.new("clicked")
    mode, space.mask = space.mode, mask
    layer = mask.layers.new(name="clicked")
    for share in MOUSE:
        mouse = np.round(share * (region.width, region.height))
        x, y = region.x + mouse[0], region.y + mouse[1]
        xdotool("mousemove", int(x), int(screen().shape[0] - 1 - y))
        yield 0.2
        space.mode = "MASK"
        with over(area):
            bpy.ops.clip.cursor_set("INVOKE_DEFAULT")
            bpy.ops.mask.add_vertex("INVOKE_DEFAULT")
        space.mode = mode
        pixels = clip_view(area).to_pixels(mouse)
        cursor = np.array(space.cursor_location) * (1, -1) * (WIDTH, HEIGHT) + (0, HEIGHT)
        point = next(point for spline in layer.splines for point in spline.points if point.select)
        masked = (np.array(point.co) - mask_space.from_pixels(pixels)) * mask_space.side
        worst = max(worst, np.hypot(*(pixels - cursor)), np.hypot(*masked))
    found["mouse"] = float(worst)
    space.mask = None
    bpy.data.masks.remove(mask)
    xdotool("mousemove", 2, 2)  # the pointer is part of screenshots


def clip_view(area: Area):
    return part("addon.clip_view").ClipView.of(area.spaces.active, region_of(area))


def on_screen(area: Area, points: np.ndarray) -> np.ndarray:
    """Convert points of the editor's region to those of the screen, y down."""
    region = region_of(area)
    return np.stack([points[:, 0] + region.x, screen().shape[0] - points[:, 1] - region.y], axis=-1)


def away_from_marks(area: Area, points: np.ndarray) -> np.ndarray:
    """Return which points (N,) of the screen are not near something that the editor draws beside the clip's picture.

    These are its own edges, those of the picture and of the stabilised frame, and markers.
    """
    region, view = region_of(area), clip_view(area)
    bottom = screen().shape[0] - region.y
    box = np.array([(view.left, view.bottom), (view.right, view.top)]).clip(0, (region.width, region.height - 30))
    (left, low), (right, high) = on_screen(area, box)
    inside = (points > (left + REACH, high + REACH)) & (points < (right - REACH, min(low, bottom - 30) - REACH))
    across, down = np.linspace(0, WIDTH, 200), np.linspace(0, HEIGHT, 200)
    edges = [(x, y) for x in across for y in (0, HEIGHT)] + [(x, y) for x in (0, WIDTH) for y in down]
    frame = replace(view, lens=None).to_region(np.array(edges))
    places = [track.markers.find_frame(FRAME - START + 1).co for track in bpy.data.movieclips[0].tracking.tracks]
    markers = view.to_region(np.array([(x * WIDTH, (1 - y) * HEIGHT) for x, y in places]))
    marks = on_screen(area, np.concatenate([frame if view.stable else frame[:0], markers]))
    near = np.hypot(*np.moveaxis(points[:, None] - marks, -1, 0)).min(axis=1) < REACH * 1.5
    return inside.all(axis=1) & ~near


def discs() -> np.ndarray:
    """Return a picture (H, W, 4) float32 of red discs at the dots, rows from the bottom as in textures."""
    shade = picture_of_dots(WIDTH, HEIGHT, DOTS)[::-1, :, 0] / np.float32(255)
    return np.stack([shade, shade * 0, shade * 0, np.sqrt(shade)], axis=-1).astype(np.float32)


@contextmanager
def drawn_over(area: Area, pixels: np.ndarray) -> Iterator[None]:
    """Draw a picture of the clip's size over the clip, with the mesh of its view."""
    data = gpu.types.Buffer("FLOAT", pixels.shape, np.ascontiguousarray(pixels))
    texture = gpu.types.GPUTexture((pixels.shape[1], pixels.shape[0]), format="RGBA32F", data=data)

    def draw() -> None:
        points, coordinates, triangles = clip_view(area).mesh()
        shader = gpu.shader.from_builtin("IMAGE")
        batch = batch_for_shader(shader, "TRIS", {"pos": points, "texCoord": coordinates}, indices=triangles)
        gpu.state.blend_set("ALPHA")
        shader.bind()
        shader.uniform_sampler("image", texture)
        batch.draw(shader)
        gpu.state.blend_set("NONE")

    handle = SpaceClipEditor.draw_handler_add(draw, (), "WINDOW", "POST_PIXEL")
    try:
        yield
    finally:
        SpaceClipEditor.draw_handler_remove(handle, "WINDOW")


run(session())
